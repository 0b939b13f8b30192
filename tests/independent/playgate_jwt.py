#!/usr/bin/env python3
"""A second implementation of a gate that reads JSON Web Tokens, for the tests.

Like playgate.py, from which it has what both formats share, it shares no code with the Rust core.
Python's standard library is all it needs.

    python3 tests/independent/playgate_jwt.py tests/vectors/jwt.json

checks every vector of the file, and the published example of RFC 7515, and ends with
`N passed, M failed`.
"""

import hashlib
import hmac
import json
import math
import re
import sys
import unicodedata
from decimal import Decimal

import playgate
from playgate import (
    COUNTED, FARTHEST, MAX_COUNT, MAX_NUMBER, MAX_URL, NEED_STATE, Placed, Refusal, base64url,
    canonical_path, cookies, first_that_passes, in_cookie, is_listed, is_manifest, name_of, seconds,
    serves, signing_key, times, to_base64url, unix_time,
)

MAX_JWT = 4096
MAX_DEPTH = 128


def verify(request, gate, keys, now):
    """The verdict on a request, whichever of the gate's formats its token has."""
    def decide(token):
        native, placed = token
        if native:
            return playgate.admit_token(placed, request, gate, keys, now)
        return admit(placed, request["url"], gate, keys, now), False

    try:
        return first_that_passes(place(request, gate), decide)
    except Refusal as refusal:
        return refusal.verdict


def admit(placed, url, gate, keys, now):
    """Runs the checks after placement, in order, on a JWT."""
    # 2. grammar and limits
    if len(url.encode("utf-8")) > MAX_URL:
        raise Refusal("malformed", "url")
    kid, claims, tag = parse_jwt(placed.token, claim_name(gate))
    if not re.fullmatch(r"[!-~]*", "&".join(placed.beside)) or "#" in "&".join(placed.beside):
        raise Refusal("malformed", "url")
    path = canonical_path(placed.path)
    scope = canonical_path(re.sub(r"\{.*\}", claims["claim"], gate["jwt_path"]))
    if not path.startswith(scope):
        raise Refusal("outside_scope")

    # 3. key
    known = {
        name: key for name, key in keys.items() if kid in (None, name) and serves(key, "jwt")
    }
    if not known:
        raise Refusal("unknown_key")
    candidates = {
        name: secret for name, (secret, retires, _) in known.items()
        if retires is None or now < retires
    }
    if not candidates:
        raise Refusal("retired_key")

    # 4. tag
    body = placed.token.rpartition(".")[0]
    fitting = [n for n, s in candidates.items() if hmac.compare_digest(tag, tag_of(s, body))]
    if not fitting:
        raise Refusal("bad_signature")

    # 5. times
    leeway = gate.get("leeway", 0)
    if "nbf" in claims and now + leeway < claims["nbf"]:
        raise Refusal("not_yet_valid")
    if now >= claims["exp"] + leeway:
        raise Refusal("expired")
    if max(claims["exp"], claims.get("iat", 0)) - now > FARTHEST:
        raise Refusal("expires_too_far")
    if "max_lifetime" in gate and claims["exp"] - now > gate["max_lifetime"]:
        raise Refusal("lifetime_too_long")

    # 6. bindings
    if "audience" in gate and gate["audience"] not in claims.get("aud", []):
        raise Refusal("wrong_audience")
    if "audience" not in gate and "aud" in claims:
        raise Refusal("wrong_audience")
    if "issuer" in gate and gate["issuer"] != claims.get("iss"):
        raise Refusal("wrong_issuer")

    # 7. state, which this gate does not keep
    if any(name in claims for name in NEED_STATE):
        raise Refusal("state_required")

    query = [p for p in placed.beside if is_listed(p, gate.get("forward_params", ()))]
    return {
        "verdict": "allow",
        "kid": fitting[0],
        "expires": claims["exp"],
        "scope": scope,
        "clean_url": placed.origin + path + ("?" + "&".join(query) if query else ""),
    }


# Placement


def place(request, gate):
    """Finds the one token, or those in cookies of both formats, and tells for each whether it is a
    native one. Cookies count only where there is no other token, so that an old cookie never spoils
    a new link."""
    formats, jwt_name = gate.get("formats", ["native"]), gate.get("jwt_name", "token")
    names = [{"native": "pg", "jwt": jwt_name}[f] for f in formats]
    placed, found = Placed(request["url"]), []

    first, slash, rest = placed.path[1:].partition("/")
    if "=" in first and name_of(first) in names:
        found.append(named_token(first))
        placed.path = slash + rest
        second = rest.partition("/")[0]
        if "=" in second and name_of(second) in names:
            raise Refusal("ambiguous")
    if "native" in formats:
        native = Placed(request["url"])
        playgate.take_query_token(native)
        found += [(True, native.token)] if native.token is not None else []
    if "jwt" in formats:
        found += [named_token(p) for p in placed.beside if name_of(p) == jwt_name]
        placed.beside = [p for p in placed.beside if name_of(p) != jwt_name]
    found += bearer(request.get("authorization") or "", formats)
    if len(found) > 1:
        raise Refusal("ambiguous")
    if not found:
        tokens = [named_token(pair) for pair in cookies(request, names)]
        found = [(native, in_cookie(request["url"], token)) for native, token in tokens]
        if not found:
            raise Refusal("missing")
        return found
    native, placed.token = found[0]
    return [(native, playgate.place(request)[0] if native else placed)]


def named_token(pair):
    """Whether a token is a native one, and its text. A native one begins with its name, a JWT
    follows it."""
    name, _, text = pair.partition("=")
    return (True, pair) if name == "pg" else (False, text)


def bearer(header, formats):
    """A bearer token is a JWT where it begins like the base64url of a JSON object: a brace, and
    then a quote, a blank, a line's end or a brace."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer":
        return []
    if "native" in formats and text.startswith("pg="):
        return [(True, text)]
    if "jwt" in formats and re.match(r"e[wy3]", text):
        return [(False, text)]
    return []


# Grammar


def claim_name(gate):
    return re.fullmatch(r"/(?:.*/)?\{([A-Za-z0-9\-_.]{1,64})\}/(?:.*/)?", gate["jwt_path"]).group(1)


def parse_jwt(token, claim=None):
    """Reads a token from left to right. Answers with the key's id or None, the claims that count,
    and the tag. The value of the template's claim is called `claim`; a signer knows no template."""
    if len(token.encode("utf-8")) > MAX_JWT:
        raise Refusal("malformed", "token")
    header, _, rest = token.partition(".")
    payload, _, tag = rest.partition(".")
    kid = parse_header(json_object("header", header))
    claims = parse_claims(json_object("payload", payload), claim)
    try:
        if len(tag) != 43:
            raise ValueError(tag)
        return kid, claims, base64url(tag)
    except ValueError:
        raise Refusal("malformed", "sig") from None


def parse_header(members):
    """The algorithm belongs to the key; a token that names another one is not for this gate."""
    if members.get("alg") != "HS256":
        raise Refusal("unsupported_algorithm")
    if "crit" in members:
        raise Refusal("unknown_field")
    if is_text(members.get("cty")) and members["cty"].upper() == "JWT":
        raise Refusal("malformed", "header")
    if "kid" in members and not is_text(members["kid"]):
        raise Refusal("malformed", "kid")
    return members.get("kid")


def parse_claims(members, claim):
    """The claims that are known here. Null is a value of the wrong type, not absence."""
    claims = {}
    if "exp" not in members:
        raise Refusal("missing_claim", "exp")
    for name in ("exp", "iat", "nbf", "aud", "iss", "sub", "jti", "sid"):
        if name in members:
            claims[name] = value_of(name, CLAIMS[name], members[name])
    if claim is not None and claim not in members:
        raise Refusal("missing_claim", "claim")
    if claim is not None:
        claims["claim"] = value_of("claim", directory, members[claim])
    for name in ("reval", "run"):
        if name in members:
            claims[name] = value_of(name, length, members[name])
    for name, of in COUNTED.items():
        if name in members:
            claims[name] = value_of(name, count, members[name])
            if of not in claims:
                raise Refusal("malformed", name)
            for named in ("sid", "sub") if name == "max" else ():
                if any(unicodedata.category(char) == "Cc" for char in str(claims.get(named, ""))):
                    raise Refusal("malformed", named)
    return claims


def value_of(name, read, value):
    try:
        return read(value)
    except ValueError:
        raise Refusal("malformed", name) from None


def time(round_to):
    """Whole seconds, by rounding that never makes a token last longer."""
    def read(value):
        if not is_number(value) or not 0 <= Decimal(value) <= MAX_NUMBER:
            raise ValueError(value)
        return round_to(Decimal(value))

    return read


def text(value):
    if not is_text(value):
        raise ValueError(value)
    return value


def texts(value):
    return [text(v) for v in value] if type(value) is list else [text(value)]


def identifier(value):
    """A string, or the digits of an integer."""
    if is_number(value):
        return str(whole(value))
    if text(value) == "":
        raise ValueError(value)
    return value


def whole(value):
    if not is_number(value) or not re.fullmatch(r"[0-9]+", value) or int(value) > MAX_NUMBER:
        raise ValueError(value)
    return int(value)


def length(value):
    if whole(value) < 1:
        raise ValueError(value)
    return whole(value)


def count(value):
    if not 1 <= whole(value) <= MAX_COUNT:
        raise ValueError(value)
    return whole(value)


def directory(value):
    """A segment with only one spelling."""
    if not re.fullmatch(r"[A-Za-z0-9\-_]{1,128}", identifier(value)):
        raise ValueError(value)
    return identifier(value)


CLAIMS = {
    "aud": texts,
    "exp": time(math.floor),
    "iat": time(math.floor),
    "iss": text,
    "jti": identifier,
    "nbf": time(math.ceil),
    "sid": identifier,
    "sub": identifier,
}


# JSON (RFC 8259), stricter than Python's module reads it


class Number(str):
    """A number as written."""


def fraction(written):
    """A number with a fraction or an exponent. One beyond every double is no number that readers of JSON
    agree on (RFC 8259, section 6)."""
    if math.isinf(float(written)):
        raise ValueError("beyond a double")
    return Number(written)


def is_number(value):
    return type(value) is Number


def is_text(value):
    return type(value) is str


def json_object(field, encoded):
    """The members of the JSON object in a part of a token."""
    try:
        written = base64url(encoded).decode("utf-8")
        if depth(written) > MAX_DEPTH:
            raise ValueError("too deep")
        tree = json.loads(
            written, object_pairs_hook=Members, parse_constant=no_constant, parse_float=fraction,
            parse_int=Number,
        )
        if not isinstance(tree, Members) or tree.repeated:
            raise ValueError("no object, or a member that stands twice")
        json.dumps(tree, ensure_ascii=False).encode("utf-8")  # fails on half of a surrogate pair
    except (ValueError, RecursionError):
        raise Refusal("malformed", field) from None
    return tree


class Members(dict):
    def __init__(self, pairs):
        super().__init__(pairs)
        self.repeated = len(self) < len(pairs)


def no_constant(name):
    raise ValueError(name + " is not JSON")


def depth(written):
    """The maximum nesting depth. Brackets in strings do not count."""
    deepest = level = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', written, re.DOTALL):
        level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
        deepest = max(deepest, level)
    return deepest


# Signing


def tag_of(secret, body):
    return hmac.new(secret, body.encode("ascii"), hashlib.sha256).digest()


SIGN_MEMBERS = set(
    "url format claims jwt_name issuer expires_in expires_at place kid audience jti max no_iat"
    " not_before reval round run sid sub uses".split()
)


def sign(request, keys, now):
    """The link for a request to sign, of either format."""
    if request.get("format", "native") == "native":
        return playgate.sign(request, keys, now)
    if not set(request) <= SIGN_MEMBERS:
        raise ValueError("unknown members: %s" % sorted(set(request) - SIGN_MEMBERS))
    kid = signing_key(request, keys, "jwt")
    expires, issued = times(request, now)
    members = {
        "iss": request.get("issuer"),
        "sub": request.get("sub"),
        "aud": request.get("audience"),
        "exp": expires,
        "iat": issued,
        "nbf": unix_time(request["not_before"]) if "not_before" in request else None,
        "jti": request.get("jti"),
        "sid": request.get("sid"),
        "max": request.get("max"),
        "uses": request.get("uses"),
        "reval": seconds(request["reval"]) if "reval" in request else None,
        "run": seconds(request["run"]) if "run" in request else None,
    }
    payload = dict(request["claims"])
    payload.update((name, value) for name, value in members.items() if value is not None)
    body = encoded({"alg": "HS256", "typ": "JWT", "kid": kid}) + "." + encoded(payload)
    token = body + "." + to_base64url(tag_of(keys[kid][0], body))
    parse_jwt(token)  # what no gate would read must not leave the signer

    placed = Placed(request["url"])
    path = canonical_path(placed.path)
    pair = request.get("jwt_name", "token") + "=" + token
    tail = "" if placed.query is None else "?" + placed.query
    if request.get("place", "path" if is_manifest(path) else "query") == "path":
        link = placed.origin + "/" + pair + path + tail
    else:
        link = placed.origin + path + (tail + "&" if tail else "?") + pair
    return {"link": link, "expires": expires}


def encoded(members):
    written = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    return to_base64url(written.encode("utf-8"))


# RFC 7515, appendix A.1: a header, a payload, a key and their tag, as they are published there.

RFC_HEADER = b'{"typ":"JWT",\r\n "alg":"HS256"}'
RFC_PAYLOAD = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
RFC_KEY = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
RFC_TAG = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def published_example_fits():
    body = to_base64url(RFC_HEADER) + "." + to_base64url(RFC_PAYLOAD)
    claims = json_object("payload", to_base64url(RFC_PAYLOAD))
    return (
        to_base64url(tag_of(base64url(RFC_KEY), body)) == RFC_TAG
        and parse_header(json_object("header", to_base64url(RFC_HEADER))) is None
        and (claims["iss"], CLAIMS["exp"](claims["exp"])) == ("joe", 1300819380)
    )


if __name__ == "__main__":
    if not published_example_fits():
        print("RFC 7515, appendix A.1: the published signature does not fit")
        sys.exit(1)
    sys.exit(playgate.main(sys.argv[1:], "playgate_jwt.py", verify, sign))
