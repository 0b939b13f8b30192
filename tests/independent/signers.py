#!/usr/bin/env python3
"""Runs the ten-line signers that origins copy, so that no snippet is shown that does not work.

    python3 tests/independent/signers.py

Every signer in www/signers whose language is installed has to make, byte for byte, the link of
each vector that says how it was signed in no other terms than URL, expiry, key, directory and
place.
Python and Node have to be there; other languages may be skipped. Ends with
`N passed, M failed, K skipped`, which counts languages.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIGNERS = ROOT / "www" / "signers"
VECTORS = ROOT / "tests" / "vectors" / "native.json"
RUN_SECONDS = 20
BUILD_SECONDS = 240  # the first Go build may compile the standard library

NEEDED = ("python", "node")
INTERPRETERS = {"python": sys.executable, "node": "node", "php": "php", "ruby": "ruby"}
FILES = {"python": "sign.py", "node": "sign.mjs", "php": "sign.php", "ruby": "sign.rb"}

OTHER = "other:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
# Rings in which the key of a vector comes first.
RINGS = {
    "two lines": "%s\n" + OTHER + "\n",
    "two entries": " %s , " + OTHER,
    "two lines of Windows": "%s\r\n" + OTHER + "\r\n",
    "a key that retires": "%s@4102444800," + OTHER,
    "a key for native links": "native/%s\n" + OTHER,
    "a key for JWTs before it": "jwt/" + OTHER + ",native/%s@4102444800",
}
# Rings with which nothing may be signed.
BAD_RINGS = {
    "a retired key": "%s@1600000000",
    "a key for JWTs": "jwt/%s",
    "a key with padding": "%s=",
    "a key with padding before another": "%s=," + OTHER,
    "standard base64": "main:AAEC+wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=," + OTHER,
    "standard base64 with a late mark": "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8/AAAA",
    "hex": "main:" + "00010203" * 8,
    "hex with blanks": "main:00 01 02 03",
    "a time in milliseconds": "%s@4102444800000",
    "a date": "%s@2100-01-01",
    "a short key": "main:AAECAwQF",
}


def links():
    """Key, arguments and the expected link, for each suitable vector."""
    document = json.loads(VECTORS.read_text(encoding="utf-8"))
    ring = dict(entry.strip().split(":") for entry in document["keys"].splitlines())
    # A signer has one key: no format before its id, and no time at which it retires.
    keys = {kid.rpartition("/")[2]: text.partition("@")[0] for kid, text in ring.items()}
    for vector in document["vectors"]:
        wanted = {} if "keys" in vector else vector.get("sign", {})
        if not {"url", "expires_at"} <= set(wanted) <= {"url", "expires_at", "dir", "kid", "place"}:
            continue
        # These signers put a directory's token into the path, and any other into the query.
        link = vector["request"]["url"]
        in_path = "?" not in link.partition("&sig=")[0]
        if not in_path == ("dir" in wanted) == ("&dir=" in link):
            continue
        if not isinstance(wanted["expires_at"], int):
            continue
        kid = wanted.get("kid", next(iter(keys)))
        arguments = [wanted["url"], str(wanted["expires_at"])]
        if "dir" in wanted:
            arguments.append(str(wanted["dir"]))
        yield vector["name"], "%s:%s" % (kid, keys[kid]), arguments, vector["request"]["url"]


def command_of(language, scratch):
    """How to run the signer in this language; None if the language is not installed."""
    if language == "go":
        if shutil.which("go") is None:
            return None
        program = os.path.join(scratch, "sign")
        environment = dict(os.environ, GOFLAGS="", GOPROXY="off", GOTOOLCHAIN="local")
        if not ({"GOCACHE", "HOME", "XDG_CACHE_HOME"} & set(environment)):
            environment["GOCACHE"] = os.path.join(scratch, "cache")
        subprocess.run(
            ["go", "build", "-o", program, "sign.go"], cwd=SIGNERS, env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
            timeout=BUILD_SECONDS,
        )
        return [program]
    interpreter = shutil.which(INTERPRETERS[language])
    return None if interpreter is None else [interpreter, str(SIGNERS / FILES[language])]


def faults(command, cases):
    """One line for each wrong link, without keys."""
    for name, key, arguments, link in cases:
        run = run_signer(command, arguments, key)
        if run.returncode != 0:
            yield "%s: exit code %d: %s" % (name, run.returncode, last_line(run.stderr))
        elif run.stdout != link + "\n":
            yield "%s: expected %s, got %s" % (name, link, run.stdout.rstrip("\n"))
    _, key, arguments, link = cases[0]
    for name, ring in RINGS.items():
        run = run_signer(command, arguments, ring % key)
        if (run.returncode, run.stdout) != (0, link + "\n"):
            yield "ring of %s: exit code %d, %s" % (name, run.returncode, run.stdout.rstrip("\n"))
    for name, ring in BAD_RINGS.items():
        run = run_signer(command, arguments, ring.replace("%s", key))
        if run.returncode == 0:
            yield "ring of %s: exit code 0" % name
        if link in run.stdout or "sig=" in run.stdout:
            yield "ring of %s: a link was made" % name


def run_signer(command, arguments, keys):
    return subprocess.run(
        command + arguments, env=dict(os.environ, PLAYGATE_KEYS=keys), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=RUN_SECONDS,
    )


def last_line(text):
    return (text.strip().splitlines() or [""])[-1]


def check(language, cases, scratch):
    """Prints the line for the language and returns its outcome."""
    try:
        command = command_of(language, scratch)
        if command is None and language in NEEDED:
            print("%s: failed, %s is not installed" % (language, language))
            return "failed"
        if command is None:
            print("%s: skipped, %s is not installed" % (language, language))
            return "skipped"
        found = list(faults(command, cases))
    except subprocess.CalledProcessError as error:
        found = ["it does not build: %s" % last_line(error.stderr)]
    except subprocess.TimeoutExpired as error:
        found = ["no answer within %d seconds" % error.timeout]
    for fault in found:
        print("%s: %s" % (language, fault))
    if not found:
        print("%s: %d links equal" % (language, len(cases)))
    return "failed" if found else "passed"


def main():
    cases = list(links())
    if not cases:
        print("no vector says how to sign it")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        languages = ("python", "node", "php", "go", "ruby")
        outcomes = [check(language, cases, scratch) for language in languages]
    counts = [outcomes.count(outcome) for outcome in ("passed", "failed", "skipped")]
    print("%d passed, %d failed, %d skipped" % tuple(counts))
    return 1 if "failed" in outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
