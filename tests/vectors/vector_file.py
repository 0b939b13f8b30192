"""What the writers of the vector files share: requests, verdicts, and the files themselves.

Every verdict is stated by hand, beside its case; nothing here verifies anything. A refused vector
differs from a passing one by one fault, and where it can be, its tag fits the faulty request, so
that a gate without that very check would let it through.

A vector may have a key ring of its own, in `keys`; the others have that of their file.

The keys are for development: bytes that count upwards. Nobody may use them anywhere else.
"""

import base64
import copy
import hashlib
import hmac
import json
import sys

NOW = 1767225000
EXP = 1767225600
OLD_RETIRES = NOW
KEYS = {  # a file may add its own
    "main": bytes(range(0, 32)),
    "next": bytes(range(32, 64)),
    "old": bytes(range(64, 96)),
    "bound": bytes(range(128, 160)),
    "auth0": bytes(range(160, 192)),
}
FORMATS = {"bound": "native", "auth0": "jwt"}  # keys that serve one format only

HOST = "https://cdn.example.com"

vectors = []


# Making requests and key rings


def ring(kids, retires={}):
    """The text of a key ring. `retires` says when a key retires."""
    return "\n".join(
        "%s%s:%s%s" % (
            FORMATS[kid] + "/" if kid in FORMATS else "", kid, b64(KEYS[kid]),
            "@%d" % retires[kid] if kid in retires else "",
        )
        for kid in kids
    )


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_tag(scope, body, kid="main"):
    # UTF-8, because some of the faults are bytes that no scope can hold.
    return hmac.new(KEYS[kid], (scope + "\n" + body).encode(), hashlib.sha256).digest()


def signed(scope, body, kid="main"):
    """A native token."""
    return body + "&sig=" + b64(raw_tag(scope, body, kid))


def in_query(target, token, host=HOST):
    return host + target + ("&" if "?" in target else "?") + token


def in_path(target, token):
    return HOST + "/" + token + target


# Stating verdicts


def allow(scope, clean, kid="main", expires=EXP, host=HOST):
    return {
        "verdict": "allow", "kid": kid, "expires": expires, "scope": scope,
        "clean_url": host + clean,
    }


def deny(reason, field=None):
    verdict = {"verdict": "deny", "reason": reason, "status": 401 if reason == "missing" else 403}
    if field is not None:
        verdict["field"] = field
    return verdict


def malformed(field):
    return deny("malformed", field)


def passes(name, about, expect, url, sign=None, gate=None, now=NOW, behind=None, keys=None,
           **headers):
    add(name, about, None, dict({"url": url}, **headers), gate, keys, now, sign, expect, behind)


def refused(name, base, about, expect, behind=None, gate=None, now=None, keys=None, sign=None,
            **changes):
    """A vector like the passing one named `base`, with these changes. None removes a member. What a
    signer makes may be refused too: by a gate that keeps no state."""
    origin = next(v for v in vectors if v["name"] == base)
    assert origin["expect"]["verdict"] == "allow", base
    request = dict(copy.deepcopy(origin["request"]), **changes)
    request = {member: text for member, text in request.items() if text is not None}
    gate = origin.get("gate") if gate is None else gate
    now = origin["now"] if now is None else now
    keys = origin.get("keys") if keys is None else keys
    members = [origin.get(member) for member in ("request", "gate", "keys", "now")]
    assert [request, gate, keys, now] != members, name
    add(name, about, base, request, gate, keys, now, sign, expect, behind)


def add(name, about, base, request, gate, keys, now, sign, expect, behind):
    assert all(v["name"] != name for v in vectors), name
    vector = {
        "name": name, "about": about, "differs_from": base, "request": request, "gate": gate,
        "keys": keys, "now": now, "sign": sign, "expect": expect, "behind_url_parser": behind,
    }
    optional = ("gate", "keys", "sign", "behind_url_parser")
    vectors.append({m: v for m, v in vector.items() if m not in optional or v})


def to_sign(target, **members):
    return dict({"url": HOST + target, "expires_at": EXP}, **members)


# The files


def write_or_check(file, maker, about, retires):
    """Ends the program: it writes the file, or with --check fails if the file is another. A vector
    without a key ring of its own has that of the file, which is all keys."""
    text = readable({"about": about, "keys": ring(KEYS, retires), "vectors": vectors})
    if sys.argv[1:] == ["--check"]:
        same = file.is_file() and file.read_text(encoding="ascii") == text
        state = "is up to date" if same else "is stale: run %s" % maker
        print("%s %s" % (file.name, state))
        sys.exit(0 if same else 1)
    file.write_text(text, encoding="ascii")
    print("%d vectors" % len(vectors))


def readable(document):
    """JSON with a member of a vector on each line."""
    def lines(vector):
        return ",\n".join("      %s: %s" % (json.dumps(m), json.dumps(v))
                          for m, v in vector.items())

    return '{\n  "about": %s,\n  "keys": %s,\n  "vectors": [\n%s\n  ]\n}\n' % (
        json.dumps(document["about"]), json.dumps(document["keys"]),
        ",\n".join("    {\n%s\n    }" % lines(v) for v in document["vectors"]),
    )
