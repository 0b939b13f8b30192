#!/usr/bin/env python3
"""A second implementation of a gate that reads timed HMACs, for the tests.

Like playgate.py, from which it has what formats share, it shares no code with the Rust core, nor with
the maker of the vectors. Python's standard library is all it needs. It reads a link as Cloudflare's
function does, from its end: the last separator, ten digits, a dash, the tag.

    python3 tests/independent/playgate_timed_hmac.py tests/vectors/timed-hmac.json

checks every vector of the file, and ends with `N passed, M failed`.
"""

import base64
import binascii
import hashlib
import hmac
import re
import sys
import urllib.parse

import playgate
from playgate import (
    Placed, Refusal, base64url, canonical_path, name_of, seconds, serves, signing_key, unix_time,
)

FORMAT = "timed-hmac"


def verify(request, gate, keys, now):
    """The verdict on a request, whichever of the gate's formats its token has."""
    try:
        formats, name = gate.get("formats", ["native"]), gate.get("timed_hmac_param", "verify")
        query = Placed(request["url"]).query or ""
        timed = FORMAT in formats and name in [name_of(param) for param in query.split("&")]
        native = native_verdict(request, gate, keys, now) if "native" in formats else None
        if native is not None and timed:
            raise Refusal("ambiguous")
        if native is not None:
            return native
        if not timed:
            raise Refusal("missing")
        return admit(request["url"], gate, keys, now, name)
    except Refusal as refusal:
        return refusal.verdict


def native_verdict(request, gate, keys, now):
    """`None` where there is no native token."""
    verdict = playgate.verify(request, gate, keys, now)
    return None if verdict.get("reason") == "missing" else verdict


def admit(url, gate, keys, now, name):
    # 2. grammar
    placed = Placed(url)
    parameters = placed.query.split("&")
    first = [name_of(parameter) for parameter in parameters].index(name)
    digits, dash, tag = parameters[first].partition("=")[2].partition("-")
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise Refusal("malformed", "iat")
    tag = read_tag(tag, gate.get("timed_hmac_url_safe", False))
    after = parameters[first + 1:]
    if name in [name_of(parameter) for parameter in after]:
        raise Refusal("ambiguous")
    if not re.fullmatch(r"[!-~]*", placed.query) or "#" in placed.query:
        raise Refusal("malformed", "url")
    if after:
        raise Refusal("unsigned_parameter")
    path = canonical_path(placed.path)

    # 3. key
    known = {kid: key for kid, key in keys.items() if serves(key, FORMAT)}
    if not known:
        raise Refusal("unknown_key")
    live = {kid: key[0] for kid, key in known.items() if key[1] is None or now < key[1]}
    if not live:
        raise Refusal("retired_key")

    # 4. tag: all that is before the separator, from the path on, and the digits
    target = url[len(placed.origin):]
    message = target[:re.search(r"[?&]%s=%s-" % (re.escape(name), digits), target).start()]
    fitting = [kid for kid, secret in live.items()
               if hmac.compare_digest(tag, tag_of(secret, message + digits))]
    if not fitting:
        raise Refusal("bad_signature")

    # 5. times
    issued, leeway = int(digits), gate.get("leeway", 0)
    expires = issued + ttl_of(gate["timed_hmac_ttl"])
    if now + leeway < issued:
        raise Refusal("not_yet_valid")
    if now >= expires + leeway:
        raise Refusal("expired")
    if "max_lifetime" in gate and expires - now > gate["max_lifetime"]:
        raise Refusal("lifetime_too_long")

    scope = path + message[len(placed.path):]
    return {
        "verdict": "allow", "kid": fitting[0], "expires": expires, "scope": scope,
        "clean_url": placed.origin + scope,
    }


def read_tag(text, url_safe):
    """A tag has one spelling, but for the escapes of `+`, `/` and `=`."""
    try:
        if url_safe:
            tag = base64url(text)
        else:
            text = re.sub(r"(?i)%(2b|2f|3d)", lambda e: urllib.parse.unquote(e.group(0)), text)
            tag = base64.b64decode(text.encode("ascii"), validate=True)
            if base64.b64encode(tag).decode() != text:
                raise ValueError(text)
        if len(tag) != 32:
            raise ValueError(text)
        return tag
    except (ValueError, binascii.Error):
        raise Refusal("malformed", "sig") from None


def tag_of(secret, message):
    return hmac.new(secret, message.encode("ascii"), hashlib.sha256).digest()


def ttl_of(ttl):
    return ttl if isinstance(ttl, int) else seconds(ttl)


SIGN_MEMBERS = set(
    "url format expires_in expires_at kid timed_hmac_ttl timed_hmac_param timed_hmac_url_safe".split()
)


def sign(request, keys, now):
    """The link for a request to sign."""
    if request.get("format", "native") == "native":
        return playgate.sign(request, keys, now)
    if not set(request) <= SIGN_MEMBERS:
        raise ValueError("unknown members: %s" % sorted(set(request) - SIGN_MEMBERS))
    secret = keys[signing_key(request, keys, FORMAT)][0]
    ttl = ttl_of(request["timed_hmac_ttl"])
    expires = now + ttl
    if "expires_at" in request:
        expires = unix_time(request["expires_at"])
    elif "expires_in" in request:
        expires = now + ttl_of(request["expires_in"])
    if expires > now + ttl:
        raise ValueError("no gate would let it last so long")
    digits = "%010d" % (expires - ttl)
    placed = Placed(request["url"])
    target = canonical_path(placed.path) + ("" if placed.query is None else "?" + placed.query)
    tag = tag_of(secret, target + digits)
    if request.get("timed_hmac_url_safe"):
        text = base64.urlsafe_b64encode(tag).decode().rstrip("=")
    else:
        text = urllib.parse.quote(base64.b64encode(tag).decode(), safe="")
    joint = "?" if placed.query is None else "&"
    name = request.get("timed_hmac_param", "verify")
    return {"link": "%s%s%s%s=%s-%s" % (placed.origin, target, joint, name, digits, text),
            "expires": expires}


if __name__ == "__main__":
    sys.exit(playgate.main(sys.argv[1:], "playgate_timed_hmac.py", verify, sign))
