#!/usr/bin/env python3
"""Writes jwt.json, the vectors of JSON Web Tokens (RFC 7515 and RFC 7519, only HS256).

    python3 tests/vectors/make_jwt.py            write tests/vectors/jwt.json
    python3 tests/vectors/make_jwt.py --check    fail if the file is not what would be written

vector_file.py says how vectors are stated. Headers and payloads are written out as text, because
most of what can be wrong with them is in their spelling.
"""

import base64
import hashlib
import hmac
import pathlib

from vector_file import (
    EXP, HOST, KEYS, NOW, OLD_RETIRES, allow, b64, deny, in_path, in_query, malformed, passes,
    refused, ring, signed, to_sign, vectors, write_or_check,
)

FILE = pathlib.Path(__file__).with_name("jwt.json")

KEYS["main-2"] = bytes(range(100, 132))  # an id that begins like another's

# RFC 7515, appendix A.1: a key that the RFC publishes.
RFC_KID = "rfc7515-a1"
KEYS[RFC_KID] = base64.urlsafe_b64decode(
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow==")
RFC_HEADER = '{"typ":"JWT",\r\n "alg":"HS256"}'
RFC_PAYLOAD = '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
RFC_TOKEN = ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz"
             "ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
             ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

# One key retires early. All keys that serve JWTs retire at the start of 2100.
ALL_RETIRED = 4102444800
RETIRES = {kid: ALL_RETIRED for kid in KEYS if kid != "bound"}
RETIRES["old"] = OLD_RETIRES

FILM = "/videos/42/a.ts"
LIST = "/videos/42/master.m3u8"
FOLDER = "/videos/42/"
HEADER = '{"alg":"HS256","typ":"JWT","kid":"main"}'
NO_KID = '{"alg":"HS256","typ":"JWT"}'
PAYLOAD = '{"vid":"42","exp":1767225600}'

GATE = {"formats": ["jwt"], "jwt_path": "/videos/{vid}/"}
BOTH = {"formats": ["native", "jwt"], "jwt_path": "/videos/{vid}/"}


# Making tokens


def sealed(body, kid="main"):
    """What is before the second dot, and its tag."""
    return body + "." + b64(hmac.new(KEYS[kid], body.encode(), hashlib.sha256).digest())


def part(content):
    return b64(content if isinstance(content, bytes) else content.encode())


def jwt(payload=PAYLOAD, header=HEADER, kid="main"):
    return sealed(part(header) + "." + part(payload), kid)


def more(members, payload=PAYLOAD):
    """The payload with these members, as text, after its own."""
    return payload[:-1] + "," + members + "}"


def between(members):
    """The payload with these members where the signer puts most of them."""
    return '{"vid":"42",%s,"exp":1767225600}' % members


def vid(text):
    """The payload with this, written out, for the claim of the template."""
    return '{"vid":%s,"exp":1767225600}' % text


def exp(text):
    return '{"vid":"42","exp":%s}' % text


def query(token, target=FILM, name="token"):
    return in_query(target, name + "=" + token)


def path(token, target=FILM, name="token"):
    return in_path(target, name + "=" + token)


def retag(token, change):
    body, dot, tag = token.rpartition(".")
    return body + dot + change(tag)


# Stating verdicts


def gate(**members):
    return dict(GATE, **members)


def admitted(name, about, token, expect=None, sign=None, behind=None, **rest):
    """The film, with its token in the query."""
    passes(name, about, expect or ALLOW, query(token), sign, rest.pop("gate", GATE),
           behind=behind, **rest)


def payload_faults(base, expect, *cases):
    """Faults in the payload; the tag fits the faulty token. A case may say how a signer makes it."""
    for name, payload, about, *sign in cases:
        refused(name, base, about, expect, url=query(jwt(payload)), sign=sign[0] if sign else None)


def header_faults(base, expect, *cases):
    for name, header, about in cases:
        refused(name, base, about, expect, url=query(jwt(header=header)))


def token_faults(base, expect, *cases, **rest):
    for name, token, about in cases:
        refused(name, base, about, expect, url=query(token), **rest)


def sign_jwt(target=FILM, claims=None, **members):
    return to_sign(target, format="jwt", claims={"vid": "42"} if claims is None else claims,
                   **members)


ALLOW = allow(FOLDER, FILM)
ALLOW_LIST = allow(FOLDER, LIST)
MISSING = deny("missing")
AMBIGUOUS = deny("ambiguous")
BAD = deny("bad_signature")
OUTSIDE = deny("outside_scope")
NOT_CANONICAL = deny("path_not_canonical")
UNSUPPORTED = deny("unsupported_algorithm")
TOKEN = jwt()
OLD_TOKEN = jwt(exp("1767224000"))
NATIVE = signed(FOLDER, "pg=1&exp=1767225600&kid=main&dir=2")
OLD_NATIVE = signed(FOLDER, "pg=1&exp=1767224000&kid=main&dir=2")

# 1. Placement

passes("query", "The token in the query.", ALLOW, query(TOKEN), sign_jwt(), GATE)
passes("query_first", "Other parameters follow the token.", ALLOW,
       query(TOKEN) + "&v=2&start=10", gate=GATE)
passes("query_middle", "The token stands between other parameters.", ALLOW,
       query(TOKEN, FILM + "?v=2") + "&start=10", gate=GATE)
passes("query_last", "Other parameters stand before the token.", ALLOW,
       query(TOKEN, FILM + "?v=2&start=10"), sign_jwt(FILM + "?v=2&start=10"), GATE)
passes("path", "The token in the path.", ALLOW, path(TOKEN), sign_jwt(place="path"), GATE)
passes("cookie", "The token in a cookie.", ALLOW, HOST + FILM, gate=GATE,
       cookie="token=" + TOKEN)
passes("bearer", "The token in the Authorization header.", ALLOW, HOST + FILM, gate=GATE,
       authorization="Bearer " + TOKEN)
passes("list_path", "A playlist has the token in its path, where its entries inherit it.",
       ALLOW_LIST, path(TOKEN, LIST), sign_jwt(LIST), GATE)
passes("list_query", "Told so, a playlist has the token in the query.", ALLOW_LIST,
       query(TOKEN, LIST), sign_jwt(LIST, place="query"), GATE)
passes("dash_path", "A presentation has the token in its path as well.",
       allow(FOLDER, "/videos/42/a.mpd"), path(TOKEN, "/videos/42/a.mpd?v=2"),
       sign_jwt("/videos/42/a.mpd?v=2"), GATE)
passes("other_host", "The host is not signed.",
       allow(FOLDER, FILM, host="http://127.0.0.1:8787"),
       in_query(FILM, "token=" + TOKEN, "http://127.0.0.1:8787"), gate=GATE)
passes("bearer_lower_case", "The scheme of Authorization is the same in every case.", ALLOW,
       HOST + FILM, gate=GATE, authorization="bearer " + TOKEN)
passes("bearer_header_in_lines", "A header that begins with a line feed begins with ew.", ALLOW,
       HOST + FILM, gate=GATE,
       authorization="Bearer " + jwt(header='{\n  "alg": "HS256",\n  "kid": "main"\n}'))
passes("cookie_among_others", "Other cookies stand around the token.", ALLOW, HOST + FILM,
       gate=GATE, cookie="theme=dark; token=%s; lang=pt; xtoken=1; token2=2" % TOKEN)
passes("cookie_without_spaces", "The spaces between cookies may be missing.", ALLOW, HOST + FILM,
       gate=GATE, cookie="theme=dark;token=%s;lang=pt" % TOKEN)

passes("name_query", "The operator names the parameter.", ALLOW, query(TOKEN, name="access_jwt"),
       sign_jwt(jwt_name="access_jwt"), gate(jwt_name="access_jwt"))
passes("name_path", "The operator names the segment.", ALLOW_LIST,
       path(TOKEN, LIST, name="access_jwt"), sign_jwt(LIST, jwt_name="access_jwt"),
       gate(jwt_name="access_jwt"))
passes("name_cookie", "The operator names the cookie.", ALLOW, HOST + FILM,
       gate=gate(jwt_name="access_jwt"), cookie="access_jwt=" + TOKEN)
passes("name_other_parameter", "Under another name token is a parameter like any other.", ALLOW,
       query(TOKEN, FILM + "?token=abc", name="access_jwt"), gate=gate(jwt_name="access_jwt"))
refused("name_default_query", "name_query", "The operator chose another name.", MISSING,
        url=query(TOKEN))
refused("name_default_path", "name_path", "The operator chose another name.", MISSING,
        url=path(TOKEN, LIST))
refused("name_default_cookie", "name_cookie", "The operator chose another name.", MISSING,
        cookie="token=" + TOKEN)
refused("name_not_at_gate", "name_query", "The gate knows the token by another name.", MISSING,
        gate=GATE)

refused("token_missing", "query", "There is no token at all.", MISSING, url=HOST + FILM)
refused("query_name_upper_case", "query", "TOKEN is not token.", MISSING,
        url=query(TOKEN, name="TOKEN"))
refused("query_name_longer", "query", "A parameter named tokens is another parameter.", MISSING,
        url=query(TOKEN, name="tokens"))
refused("query_name_percent_encoded", "query", "Names are compared without decoding.", MISSING,
        url=query(TOKEN, name="%74oken"))
refused("token_in_fragment", "query", "What follows # is not part of a request.", MISSING,
        url=HOST + FILM + "#token=" + TOKEN, behind=MISSING)
refused("path_token_in_second_segment", "path",
        "A token in the path is the first segment or none.", MISSING,
        url=HOST + "/videos/token=" + TOKEN + "/42/a.ts")
refused("path_name_upper_case", "path", "TOKEN= is not token=.", MISSING,
        url=path(TOKEN, name="TOKEN"))
refused("path_name_missing", "path", "The segment is the token without its name.", MISSING,
        url=in_path(FILM, TOKEN))
refused("cookie_missing", "cookie_among_others", "None of the cookies is a token.", MISSING,
        cookie="theme=dark; lang=pt; xtoken=1; token2=2")
refused("cookie_name_upper_case", "cookie", "Cookies are compared with their case.", MISSING,
        cookie="Token=" + TOKEN)
refused("bearer_two_spaces", "bearer", "One space follows the scheme.", MISSING,
        authorization="Bearer  " + TOKEN)
refused("bearer_under_basic", "bearer", "A token is never under another scheme.", MISSING,
        authorization="Basic " + TOKEN)
refused("bearer_without_scheme", "bearer", "Authorization has a scheme.", MISSING,
        authorization=TOKEN)
refused("bearer_with_name", "bearer", "A bearer token has no name.", MISSING,
        authorization="Bearer token=" + TOKEN)
refused("bearer_no_json", "bearer", "What is no JSON object is somebody else's.", MISSING,
        authorization="Bearer abc.def.ghi")
refused("bearer_header_after_blank", "bearer",
        "A bearer is ours where it begins with a brace; this one begins with a blank.", MISSING,
        authorization="Bearer " + jwt(header=" " + HEADER))
refused("bearer_header_without_members", "bearer", "e30 is an object, and so the token is ours.",
        UNSUPPORTED, authorization="Bearer " + jwt(header="{}"))
refused("bearer_clipped", "bearer", "Two letters are enough to be ours.", malformed("header"),
        authorization="Bearer ey")

# 1. Two tokens, of one format or of two

passes("native_query_at_both", "A gate for both formats admits a native token.", ALLOW,
       in_query(FILM, NATIVE), gate=BOTH)
passes("native_path_at_both", "A gate for both formats admits a native token.", ALLOW,
       in_path(FILM, NATIVE), gate=BOTH)
passes("native_cookie_at_both", "A gate for both formats admits a native token.", ALLOW,
       HOST + FILM, gate=BOTH, cookie=NATIVE)
passes("native_bearer_at_both", "A gate for both formats admits a native token.", ALLOW,
       HOST + FILM, gate=BOTH, authorization="Bearer " + NATIVE)
passes("native_exact_at_both", "A native token for one film stays one, beside the template.",
       allow(FILM, FILM), in_query(FILM, signed(FILM, "pg=1&exp=1767225600&kid=main")), gate=BOTH)
passes("native_elsewhere_at_both", "The template binds no native token.",
       allow("/pictures/", "/pictures/a.jpg"),
       in_query("/pictures/a.jpg", signed("/pictures/", "pg=1&exp=1767225600&kid=main&dir=1")),
       gate=BOTH)
passes("native_at_both_with_issuer", "A native token has no issuer, and needs none.", ALLOW,
       in_query(FILM, NATIVE), gate=dict(BOTH, issuer="https://id.example.com"))
passes("jwt_query_at_both", "A gate for both formats admits a JWT.", ALLOW, query(TOKEN), gate=BOTH)
passes("jwt_path_at_both", "A gate for both formats admits a JWT.", ALLOW, path(TOKEN), gate=BOTH)
passes("jwt_cookie_at_both", "A gate for both formats admits a JWT.", ALLOW, HOST + FILM,
       gate=BOTH, cookie="token=" + TOKEN)
passes("jwt_bearer_at_both", "A gate for both formats admits a JWT.", ALLOW, HOST + FILM,
       gate=BOTH, authorization="Bearer " + TOKEN)

refused("native_query_at_jwt", "native_query_at_both", "Where native tokens are not read, pg is "
        "a parameter like any other.", MISSING, gate=GATE)
refused("native_path_at_jwt", "native_path_at_both", "Where native tokens are not read, pg= is a "
        "segment like any other.", MISSING, gate=GATE)
refused("native_cookie_at_jwt", "native_cookie_at_both", "The gate reads no native tokens.",
        MISSING, gate=GATE)
refused("native_bearer_at_jwt", "native_bearer_at_both", "The gate reads no native tokens.",
        MISSING, gate=GATE)
refused("jwt_query_at_native", "jwt_query_at_both", "The gate reads no JWT.", MISSING,
        gate={"formats": ["native"]})
refused("jwt_query_at_default", "jwt_query_at_both", "Told nothing, a gate reads no JWT.", MISSING,
        gate={})
refused("jwt_path_at_native", "jwt_path_at_both", "The gate reads no JWT.", MISSING,
        gate={"formats": ["native"]})
refused("jwt_cookie_at_native", "jwt_cookie_at_both", "The gate reads no JWT.", MISSING,
        gate={"formats": ["native"]})
refused("jwt_bearer_at_native", "jwt_bearer_at_both", "The gate reads no JWT.", MISSING,
        gate={"formats": ["native"]})
passes("jwt_beside_native_at_native", "Where JWT is not read, token is a parameter like any other.",
       ALLOW, query(TOKEN, FILM + "?" + NATIVE), gate={"formats": ["native"]},
       authorization="Bearer " + TOKEN)
passes("native_beside_jwt_at_jwt", "Where native tokens are not read, pg is a parameter like any "
       "other.", ALLOW, query(TOKEN, FILM + "?" + NATIVE), gate=GATE,
       authorization="Bearer " + NATIVE)

for name, base in (("two_in_query", "query"), ("two_in_query_at_both", "jwt_query_at_both")):
    refused(name, base, "Two tokens, each of them good.", AMBIGUOUS,
            url=query(TOKEN, FILM + "?token=" + TOKEN))
refused("two_in_query_apart", "query_middle", "Two tokens, each of them good.", AMBIGUOUS,
        url=query(TOKEN, FILM + "?token=" + TOKEN + "&v=2") + "&start=10")
refused("two_in_query_second_empty", "query", "A second parameter may be a second token.",
        AMBIGUOUS, url=query(TOKEN) + "&token=")
refused("two_in_query_second_without_value", "query", "A second parameter may be a second token.",
        AMBIGUOUS, url=query(TOKEN) + "&token")
refused("two_in_path", "path", "Two tokens, each of them good.", AMBIGUOUS,
        url=path(TOKEN, "/token=" + TOKEN + FILM))
refused("path_and_query", "path", "Two tokens, each of them good.", AMBIGUOUS,
        url=path(TOKEN, FILM + "?token=" + TOKEN))
refused("path_and_bearer", "path", "Two tokens, each of them good.", AMBIGUOUS,
        authorization="Bearer " + TOKEN)
refused("query_and_bearer", "query", "Two tokens, each of them good.", AMBIGUOUS,
        authorization="Bearer " + TOKEN)
refused("path_query_and_bearer", "path", "Three tokens, each of them good.", AMBIGUOUS,
        url=path(TOKEN, FILM + "?token=" + TOKEN), authorization="Bearer " + TOKEN)

for name, base, changes in (
    ("jwt_query_native_query", "jwt_query_at_both", {"url": query(TOKEN) + "&" + NATIVE}),
    ("native_query_jwt_query", "native_query_at_both",
     {"url": in_query(FILM, NATIVE) + "&token=" + TOKEN}),
    ("jwt_query_native_path", "jwt_query_at_both",
     {"url": in_path(FILM + "?token=" + TOKEN, NATIVE)}),
    ("jwt_query_native_bearer", "jwt_query_at_both", {"authorization": "Bearer " + NATIVE}),
    ("jwt_path_native_query", "jwt_path_at_both", {"url": path(TOKEN, FILM + "?" + NATIVE)}),
    ("jwt_path_native_path", "jwt_path_at_both", {"url": path(TOKEN, "/" + NATIVE + FILM)}),
    ("native_path_jwt_path", "native_path_at_both",
     {"url": in_path("/token=" + TOKEN + FILM, NATIVE)}),
    ("jwt_path_native_bearer", "jwt_path_at_both", {"authorization": "Bearer " + NATIVE}),
    ("jwt_bearer_native_query", "jwt_bearer_at_both", {"url": in_query(FILM, NATIVE)}),
    ("jwt_bearer_native_path", "jwt_bearer_at_both", {"url": in_path(FILM, NATIVE)}),
):
    refused(name, base, "Two tokens of two formats, each of them good.", AMBIGUOUS, **changes)

passes("cookie_beside_query", "A cookie does not count where there is a token in the query.",
       ALLOW, query(TOKEN), gate=GATE, cookie="token=" + TOKEN)
passes("old_cookie_beside_query", "An expired cookie does not spoil a new link.", ALLOW,
       query(TOKEN), gate=GATE, cookie="token=" + OLD_TOKEN)
passes("old_cookie_beside_path", "An expired cookie does not spoil a new link.", ALLOW,
       path(TOKEN), gate=GATE, cookie="token=" + OLD_TOKEN)
passes("old_cookie_beside_bearer", "An expired cookie does not spoil a new token.", ALLOW,
       HOST + FILM, gate=GATE, cookie="token=" + OLD_TOKEN, authorization="Bearer " + TOKEN)
passes("two_cookies_beside_query", "Cookies that do not count are not counted.", ALLOW,
       query(TOKEN), gate=GATE, cookie="token=%s; token=%s" % (OLD_TOKEN, TOKEN))
passes("broken_cookie_beside_query", "A cookie that does not count is not read.", ALLOW,
       query(TOKEN), gate=GATE, cookie="token=nonsense")
passes("old_native_cookie_beside_jwt", "A cookie of the other format does not count either.",
       ALLOW, query(TOKEN), gate=BOTH, cookie=OLD_NATIVE)
passes("old_jwt_cookie_beside_native", "A cookie of the other format does not count either.",
       ALLOW, in_query(FILM, NATIVE), gate=BOTH, cookie="token=" + OLD_TOKEN)
passes("basic_beside_query", "Basic authorization is somebody else's.", ALLOW, query(TOKEN),
       gate=GATE, authorization="Basic dXNlcjpwYXNz")
passes("other_bearer_beside_query", "A bearer that is no JSON object is somebody else's.", ALLOW,
       query(TOKEN), gate=GATE, authorization="Bearer abc.def.ghi")
passes("other_bearer_beside_cookie", "Authorization that does not count leaves the cookie in force.",
       ALLOW, HOST + FILM, gate=GATE, cookie="token=" + TOKEN, authorization="Bearer e4c1.def.ghi")
refused("cookie_good_query_tag_bad", "cookie_beside_query",
        "A good cookie does not rescue a bad link.", BAD,
        url=query(retag(TOKEN, lambda tag: "A" * 43)))

# 1. Several cookies


def cookies(*tokens):
    """JWTs and native tokens, each under its name."""
    return "; ".join(token if token.startswith("pg=") else "token=" + token for token in tokens)


def with_cookies(name, about, *tokens, expect=ALLOW, at=GATE):
    passes(name, about, expect, HOST + FILM, gate=at, cookie=cookies(*tokens))


NEXT_TOKEN = jwt(header='{"alg":"HS256","typ":"JWT","kid":"next"}', kid="next")
ALLOW_NEXT = allow(FOLDER, FILM, kid="next")
TOSSED = retag(TOKEN, lambda tag: "A" * 43)
TOSSED_NATIVE = NATIVE[:-43] + "A" * 43
# One token that fails at each check, in the order of the checks.
FAILS = (
    ("malformed", "nonsense", malformed("header")),
    ("unknown_key", jwt(header='{"alg":"HS256","typ":"JWT","kid":"nobody"}'), deny("unknown_key")),
    ("tossed", TOSSED, BAD),
    ("expired", OLD_TOKEN, deny("expired")),
    ("wrong_audience", jwt(between('"aud":"edge.1"')), deny("wrong_audience")),
)
# Others that fail at the same checks.
ALIKE = (
    ("malformed", "outside_scope", jwt(vid('"43"')), OUTSIDE),
    ("unknown_key", "retired_key", jwt(header='{"alg":"HS256","typ":"JWT","kid":"old"}', kid="old"),
     deny("retired_key")),
    ("expired", "not_yet_valid", jwt(more('"nbf":1767225001')), deny("not_yet_valid")),
    ("expired", "expires_too_far", jwt(exp("1767225600000")), deny("expires_too_far")),
)
with_cookies("two_cookies", "Two tokens, each of them good.", TOKEN, TOKEN)
with_cookies("two_cookies_of_two_keys", "Of two that pass, the first counts.", TOKEN, NEXT_TOKEN)
with_cookies("two_cookies_in_other_order", "Of two that pass, the first counts.", NEXT_TOKEN, TOKEN,
             expect=ALLOW_NEXT)
for name, token, verdict in FAILS + tuple(case[1:] for case in ALIKE):
    with_cookies("cookies_%s_first" % name, "A cookie that fails does not lock out the next.",
                 token, TOKEN)
    refused("cookies_%s_twice" % name, "cookies_%s_first" % name, "Neither passes.", verdict,
            cookie=cookies(token, token))
for (early, early_token, _), (late, late_token, verdict) in zip(FAILS, FAILS[1:]):
    refused("cookies_%s_and_%s" % (early, late), "cookies_%s_first" % early,
            "The refusal is that of the cookie that came furthest: the second.", verdict,
            cookie=cookies(early_token, late_token))
    refused("cookies_%s_and_%s" % (late, early), "cookies_%s_first" % late,
            "The refusal is that of the cookie that came furthest: the first.", verdict,
            cookie=cookies(late_token, early_token))
for one, other, token, verdict in ALIKE:
    first = next(stage for stage in FAILS if stage[0] == one)
    refused("cookies_%s_and_%s" % (one, other), "cookies_%s_first" % one,
            "Both came as far, so the refusal is that of the first.", first[2],
            cookie=cookies(first[1], token))
    refused("cookies_%s_and_%s" % (other, one), "cookies_%s_first" % other,
            "Both came as far, so the refusal is that of the first.", verdict,
            cookie=cookies(token, first[1]))
with_cookies("cookies_eight", "The eighth token is tried.", *[TOSSED] * 7, TOKEN)
refused("cookies_nine", "cookies_eight", "The ninth token is not tried.", BAD,
        cookie=cookies(*[TOSSED] * 8, TOKEN))
refused("cookie_without_value", "cookie", "A pair without an equals sign is no cookie.", MISSING,
        cookie="token")
with_cookies("cookie_empty_first", "A cookie that is empty is one, and fails.", "", TOKEN)
refused("cookie_empty", "cookie", "A cookie that is empty is one, and fails.", malformed("header"),
        cookie="token=")

PREVIEW = signed(FOLDER, "pg=1&exp=1767225600&kid=next&dir=2&pre=30", "next")
passes("preview_cookie_jwt_cookie", "A preview gives way to a token that opens more.", ALLOW_LIST,
       HOST + LIST, gate=BOTH, cookie=cookies(PREVIEW, TOKEN))
passes("preview_cookie_old_jwt_cookie", "A preview counts where no other passes.",
       allow(FOLDER, LIST, kid="next"), HOST + LIST, gate=BOTH, cookie=cookies(PREVIEW, OLD_TOKEN))
with_cookies("jwt_cookie_native_cookie", "Of two formats, the first cookie counts.",
             NEXT_TOKEN, NATIVE, expect=ALLOW_NEXT, at=BOTH)
with_cookies("native_cookie_jwt_cookie", "Of two formats, the first cookie counts.",
             NATIVE, NEXT_TOKEN, at=BOTH)
with_cookies("old_jwt_cookie_native_cookie", "One that fails does not lock out the other format's.",
             OLD_TOKEN, NATIVE, at=BOTH)
with_cookies("old_native_cookie_jwt_cookie", "One that fails does not lock out the other format's.",
             OLD_NATIVE, TOKEN, at=BOTH)
with_cookies("tossed_cookies_native_cookie", "The eighth token, of whichever format.",
             *[TOSSED, TOSSED_NATIVE] * 3, TOSSED, NATIVE, at=BOTH)
with_cookies("tossed_cookies_jwt_cookie", "The eighth token, of whichever format.",
             *[TOSSED_NATIVE, TOSSED] * 3, TOSSED_NATIVE, TOKEN, at=BOTH)
refused("nine_cookies_native_last", "tossed_cookies_native_cookie", "The ninth token is not tried.",
        BAD, cookie=cookies(*[TOSSED, TOSSED_NATIVE] * 4, NATIVE))
refused("nine_cookies_jwt_last", "tossed_cookies_jwt_cookie", "The ninth token is not tried.",
        BAD, cookie=cookies(*[TOSSED, TOSSED_NATIVE] * 4, TOKEN))
with_cookies("native_cookies_at_jwt", "Cookies of a format that is not read are not counted.",
             *[NATIVE] * 8, TOKEN)
passes("jwt_cookies_at_native", "Cookies of a format that is not read are not counted.", ALLOW,
       HOST + FILM, gate={"formats": ["native"]}, cookie=cookies(*[TOKEN] * 8, NATIVE))
for name, base, tokens, verdict in (
    ("tossed_jwt_and_old_native", "old_jwt_cookie_native_cookie", (TOSSED, OLD_NATIVE), deny("expired")),
    ("old_jwt_and_tossed_native", "old_jwt_cookie_native_cookie", (OLD_TOKEN, TOSSED_NATIVE), deny("expired")),
    ("tossed_native_and_old_jwt", "old_native_cookie_jwt_cookie", (TOSSED_NATIVE, OLD_TOKEN), deny("expired")),
    ("old_native_and_tossed_jwt", "old_native_cookie_jwt_cookie", (OLD_NATIVE, TOSSED), deny("expired")),
):
    refused(name, base, "The refusal is that of the cookie that came furthest, of whichever format.",
            verdict, cookie=cookies(*tokens))
refused("broken_native_and_broken_jwt", "old_native_cookie_jwt_cookie",
        "Both came as far, so the refusal is that of the first.", malformed("pg"),
        cookie=cookies("pg=nonsense", "nonsense"))
refused("broken_jwt_and_broken_native", "old_jwt_cookie_native_cookie",
        "Both came as far, so the refusal is that of the first.", malformed("header"),
        cookie=cookies("nonsense", "pg=nonsense"))

# 2. Limits


def of_length(length):
    """A token of so many bytes, by an ignored claim."""
    header = '{"alg":"HS256"}'  # 20 characters, so that both lengths can be reached
    blank = more('"pad":""')
    size = (length - len(header) // 3 * 4 - 45) * 3 // 4
    token = jwt(blank.replace('""', '"%s"' % ("x" * (size - len(blank)))), header)
    assert len(token) == length
    return token


admitted("token_longest", "A token of 4,096 bytes.", of_length(4096))
refused("token_too_long", "token_longest", "A token of 4,097 bytes.", malformed("token"),
        url=query(of_length(4097)))
passes("token_longest_cookie", "A token of 4,096 bytes.", ALLOW, HOST + FILM, gate=GATE,
       cookie="token=" + of_length(4096))
refused("token_too_long_cookie", "token_longest_cookie", "A token of 4,097 bytes.",
        malformed("token"), cookie="token=" + of_length(4097))


def of_url_length(length):
    url = query(TOKEN) + "&q="
    return url + "x" * (length - len(url))


passes("url_longest", "A URL of 8,192 bytes.", ALLOW, of_url_length(8192), gate=GATE)
refused("url_too_long", "url_longest", "A URL of 8,193 bytes.", malformed("url"),
        url=of_url_length(8193))

# 2. Grammar: the three parts

HEADER_PART, PAYLOAD_PART, TAG_PART = TOKEN.split(".")
token_faults(
    "query", malformed("header"),
    ("token_empty", "", "The parameter is there, and nothing is in it."),
    ("token_word", "abc", "A word is no token."),
    ("dots_lost", HEADER_PART + PAYLOAD_PART + TAG_PART, "The three parts run together."),
    ("dot_first", "." + TOKEN, "Nothing stands before the first dot."),
)
refused("token_without_value", "query", "The parameter is there, and has no value.",
        malformed("header"), url=HOST + FILM + "?token")
token_faults(
    "query", malformed("payload"),
    ("no_dot", HEADER_PART, "The header alone."),
    ("two_dots_together", sealed(HEADER_PART + "."), "Nothing stands between the dots."),
)
token_faults(
    "query", malformed("sig"),
    ("one_dot", HEADER_PART + "." + PAYLOAD_PART, "Header and payload alone."),
    ("three_dots", TOKEN + ".", "A dot follows the tag."),
    ("four_parts", TOKEN + "." + TAG_PART, "The tag stands twice."),
)


def spelled(field, body, text):
    """One part of a token, in ways that a lenient decoder would take for the same. `body` makes
    what is signed out of the part's text; the tag fits the faulty token."""
    base = field + "_marks"
    for name, changed, about in (
        (field + "_padded", text + "=", "base64url has no padding here."),
        (field + "_tail_bits", text[:-1] + chr(ord(text[-1]) + 1),
         "The spare bits of the last character are not zero."),
        (field + "_one_over", text + "A" * (1 + -len(text) % 4),
         "One character over is less than a byte."),
        (field + "_plus", text.replace("-", "+"), "The alphabet is not base64url's."),
        (field + "_slash", text.replace("_", "/"), "The alphabet is not base64url's."),
        (field + "_percent_encoded", text.replace("-", "%2D"), "A value is never decoded."),
        (field + "_blank", text.replace("-", " -"), "A blank is not among the characters."),
        (field + "_tilde", text.replace("-", "~"), "A tilde is not among the characters."),
    ):
        assert changed != text, name
        refused(name, base, about, malformed(field), url=query(sealed(body(changed))))
    refused(field + "_line_feed", base, "A browser removes a line feed; a gate does not.",
            malformed(field), url=query(sealed(body(text)).replace(text, text[:9] + "\n" + text[9:])),
            behind=ALLOW)


# Both marks of base64url, and a length that leaves bits to spare.
MARKED_HEADER = '{"alg":"HS256","kid":"main","x":"\u07ff\u00bf~~?>~"}'
MARKED_PAYLOAD = more('"name":"\u07ff\u00bf~~?~"')
for marked in (MARKED_HEADER, MARKED_PAYLOAD):
    assert {"-", "_"} <= set(part(marked)) and len(part(marked)) % 4 == 3, part(marked)
admitted("header_marks", "A header whose base64url holds both marks.", jwt(header=MARKED_HEADER))
admitted("payload_marks", "A payload whose base64url holds both marks.", jwt(MARKED_PAYLOAD))
spelled("header", lambda text: text + "." + PAYLOAD_PART, part(MARKED_HEADER))
spelled("payload", lambda text: HEADER_PART + "." + text, part(MARKED_PAYLOAD))
refused("dot_percent_encoded", "query", "A value is never decoded.", malformed("header"),
        url=query(TOKEN.replace(".", "%2E")))


def json_faults(field, build, good):
    """Texts that are not a JSON object, or not for every reader. `good` is an object in its shortest form."""
    members = good[1:-1]
    first = members.partition(",")[0]
    for name, content, about in (
        ("not_utf8", good[:-1].encode() + b',"x":"\xff"}', "A byte that is not UTF-8."),
        ("overlong_utf8", good[:-1].encode() + b',"x":"\xc0\xae"}', "A dot in two bytes is not UTF-8."),
        ("surrogate_utf8", good[:-1].encode() + b',"x":"\xed\xa0\x80"}', "A surrogate is not UTF-8."),
        ("utf16", good.encode("utf-16-le"), "JSON in two bytes a character."),
        ("byte_order_mark", b"\xef\xbb\xbf" + good.encode(), "A byte order mark is not JSON."),
        ("not_json", members, "There are no braces."),
        ("text", '"%s"' % "abc", "Text is no object."),
        ("number", "42", "A number is no object."),
        ("null", "null", "Null is no object."),
        ("array", "[%s]" % good, "An array is no object."),
        ("array_of_pairs", '[["alg","HS256"],["vid","42"],["exp",1767225600]]',
         "An array of pairs is no object."),
        ("blank_alone", " ", "A blank is no object."),
        ("trailing_bytes", good + "x", "A character follows the object."),
        ("trailing_nul", good + "\0", "A NUL follows the object."),
        ("second_object", good + good, "A second object follows the first."),
        ("unfinished", good[:-1], "The object does not end."),
        ("trailing_comma", good[:-1] + ",}", "A comma before the brace is not JSON."),
        ("comment", good[:-1] + "/**/}", "A comment is not JSON."),
        ("single_quotes", good.replace('"', "'"), "Single quotes are not JSON."),
        ("name_without_quotes", good[:-1] + ",x:1}", "A name is in quotes."),
        ("vertical_tab", good[:-1] + "\v}", "A vertical tab is no blank of JSON."),
        ("no_break_space", good[:-1] + "\u00a0}", "A no-break space is no blank of JSON."),
        ("no_break_space_first", "\u00a0" + good, "A no-break space is no blank of JSON."),
        ("no_break_space_last", good + "\u00a0", "A no-break space is no blank of JSON."),
        ("vertical_tab_last", good + "\v", "A vertical tab is no blank of JSON."),
        ("line_feed_in_text", good[:-1] + ',"x":"\n"}', "A control character in text is escaped."),
        ("unknown_escape", good[:-1] + ',"x":"\\x41"}', "JSON has no escape \\x."),
        ("nan", good[:-1] + ',"x":NaN}', "NaN is not JSON."),
        ("infinity", good[:-1] + ',"x":Infinity}', "Infinity is not JSON."),
        ("minus_infinity", good[:-1] + ',"x":-Infinity}', "Infinity is not JSON."),
        ("leading_zero", good[:-1] + ',"x":01}', "A number has no leading zero."),
        ("number_plus", good[:-1] + ',"x":+1}', "A number has no plus sign."),
        ("number_dot_last", good[:-1] + ',"x":1.}', "Digits follow a dot."),
        ("number_dot_first", good[:-1] + ',"x":.5}', "A digit stands before a dot."),
        ("true_upper_case", good[:-1] + ',"x":True}', "true is in lower case."),
        ("duplicate_known", good[:-1] + "," + first + "}", "A member stands once."),
        ("duplicate_unknown", good[:-1] + ',"x":1,"x":1}', "A member stands once, known or not."),
        ("duplicate_escaped", good[:-1] + ',"\\u%04x%s}' % (ord(first[1]), first[2:]),
         "An escape spells the same name a second time."),
        ("duplicate_unknown_escaped", good[:-1] + ',"x":1,"\\u0078":1}',
         "An escape spells the same name a second time."),
        ("deep_array", good[:-1] + ',"x":%s}' % ("[" * 200 + "]" * 200), "Arrays 200 levels deep."),
        ("deep_object", good[:-1] + ',"x":%s}' % ('{"x":' * 200 + "1" + "}" * 200),
         "Objects 200 levels deep."),
        ("name_half_surrogate", good[:-1] + ',"\\ud800":1}', "Half of a pair is no character."),
    ):
        refused("%s_%s" % (field, name), "query", about, malformed(field), url=query(build(content)))


json_faults("header", lambda content: jwt(header=content), HEADER)
json_faults("payload", jwt, PAYLOAD)
refused("sub_half_surrogate", "query", "Half of a pair is no character.", malformed("payload"),
        url=query(jwt(more('"sub":"\\udc00"'))))

DEEP = "[" * 20 + "]" * 20
admitted("header_deep", "20 levels are deep enough for anybody.",
         jwt(header=HEADER[:-1] + ',"x":%s}' % DEEP))
admitted("payload_deep", "20 levels are deep enough for anybody.", jwt(more('"x":%s' % DEEP)))
admitted("payload_brackets_in_text", "Brackets in text are no levels.",
         jwt(more('"x":"\\"%s"' % ("[{" * 100))))
admitted("json_blanks", "Blanks and line feeds may stand wherever JSON has them.",
         jwt('\r\n\t { "vid" : "42" ,\n "exp" : 1767225600 } \n',
             ' { "alg" : "HS256" ,\t"kid" : "main" }\r\n'))
admitted("members_in_other_order", "Members are in any order.",
         jwt('{"exp":1767225600,"vid":"42"}', '{"kid":"main","alg":"HS256"}'))
admitted("header_escapes", "An escape is another spelling of the same text.",
         jwt(header='{"\\u0061lg":"HS\\u003256","k\\u0069d":"m\\u0061in"}'))
admitted("payload_escapes", "An escape is another spelling of the same text.",
         jwt('{"\\u0076id":"4\\u0032","e\\u0078p":1767225600}'))
admitted("payload_ignored_members", "Claims that nobody here knows are ignored.",
         jwt(more('"auth_time":"yesterday","name":"J\u00f6rg \\ud83d\\ude00","admin":true,"none":null,'
                  '"rate":-1.5e-3,"list":[1,{"exp":0}],"object":{"vid":"43","exp":"x"},"":0')))
admitted("header_ignored_members", "Header members that nobody here knows are ignored.",
         jwt(header=HEADER[:-1] + ',"jku":"https://example.com/keys","x5c":[],"jwk":{"k":"AA"},"b64":false,"enc":1}'))
refused("claim_in_ignored_object", "payload_ignored_members", "The claim is inside another one.",
        deny("missing_claim", "claim"),
        url=query(jwt('{"exp":1767225600,"object":{"vid":"42"}}')))
refused("exp_in_ignored_object", "payload_ignored_members", "The expiry is inside another claim.",
        deny("missing_claim", "exp"), url=query(jwt('{"vid":"42","object":{"exp":1767225600}}')))

# 2. Grammar: the header


def alg(text):
    return '{"alg":%s,"typ":"JWT","kid":"main"}' % text


header_faults(
    "query", UNSUPPORTED,
    ("alg_none", alg('"none"'), "The token says that it is not signed."),
    ("alg_none_capital", alg('"None"'), "The token says that it is not signed."),
    ("alg_none_upper_case", alg('"NONE"'), "The token says that it is not signed."),
    ("alg_none_mixed_case", alg('"nOnE"'), "The token says that it is not signed."),
    ("alg_lower_case", alg('"hs256"'), "The name is compared with its case."),
    ("alg_hs384", alg('"HS384"'), "Another hash."),
    ("alg_hs512", alg('"HS512"'), "Another hash."),
    ("alg_rs256", alg('"RS256"'), "A signature by RSA, so that a public key would be the secret."),
    ("alg_es256", alg('"ES256"'), "A signature by an elliptic curve."),
    ("alg_eddsa", alg('"EdDSA"'), "A signature by an elliptic curve."),
    ("alg_dir", alg('"dir"'), "An encryption."),
    ("alg_longer", alg('"HS2567"'), "A name that begins with the right one."),
    ("alg_blank", alg('"HS256 "'), "A name with a blank behind it."),
    ("alg_nul", alg('"HS256\\u0000"'), "A name with a NUL behind it."),
    ("alg_long_s", alg('"H\u017f256"'), "A long s, which is an S in upper case."),
    ("alg_empty", alg('""'), "The name is empty."),
    ("alg_missing", '{"typ":"JWT","kid":"main"}', "There is no algorithm."),
    ("alg_name_upper_case", '{"ALG":"HS256","typ":"JWT","kid":"main"}', "ALG is not alg."),
    ("alg_null", alg("null"), "Null is no algorithm."),
    ("alg_number", alg("256"), "A number is no algorithm."),
    ("alg_true", alg("true"), "A truth value is no algorithm."),
    ("alg_list", alg('["HS256"]'), "A list is no algorithm."),
    ("alg_object", alg('{"name":"HS256"}'), "An object is no algorithm."),
    ("header_without_members", "{}", "There is no algorithm."),
)
refused("alg_none_without_tag", "query", "An unsecured token: no algorithm, no tag.", UNSUPPORTED,
        url=query(part(alg('"none"')) + "." + PAYLOAD_PART + "."))
refused("jwe", "query", "An encrypted token of five parts.", UNSUPPORTED,
        url=query(".".join([part('{"alg":"A128KW","enc":"A128CBC-HS256"}'), b64(bytes(40)),
                            b64(bytes(16)), b64(bytes(48)), b64(bytes(16))])))
refused("jwe_bearer", "bearer", "An encrypted token of five parts.", UNSUPPORTED,
        authorization="Bearer " + ".".join([part('{"alg":"dir","enc":"A128GCM"}'), "",
                                            b64(bytes(12)), b64(bytes(48)), b64(bytes(16))]))


def header(members):
    return HEADER[:-1] + "," + members + "}"


UNKNOWN_FIELD = deny("unknown_field")
header_faults(
    "query", UNKNOWN_FIELD,
    ("crit", header('"crit":["x"],"x":1'), "What is critical is not known here."),
    ("crit_b64", header('"crit":["b64"],"b64":false'), "A payload that is not base64url (RFC 7797)."),
    ("crit_known", header('"crit":["alg"]'), "RFC 7515 lets nobody list what it defines itself."),
    ("crit_empty", header('"crit":[]'), "An empty list is not allowed, and known to nobody."),
    ("crit_text", header('"crit":"x"'), "Whatever it is, it is there."),
    ("crit_null", header('"crit":null'), "Whatever it is, it is there."),
)
admitted("cty_other", "The payload's type is nobody's business unless it is a JWT.",
         jwt(header=header('"cty":"json"')))
header_faults(
    "cty_other", malformed("header"),
    ("cty_nested", header('"cty":"JWT"'), "A token inside a token."),
    ("cty_nested_lower_case", header('"cty":"jwt"'), "A token inside a token."),
    ("cty_nested_mixed_case", header('"cty":"Jwt"'), "A token inside a token."),
)
admitted("typ_other", "The token's own type is nobody's business.",
         jwt(header='{"alg":"HS256","typ":"at+jwt","kid":"main"}'))
admitted("typ_missing", "A header needs no type.", jwt(header='{"alg":"HS256","kid":"main"}'))
admitted("typ_number", "The type is not read at all.",
         jwt(header='{"alg":"HS256","typ":1,"kid":"main"}'))


def kid(text):
    return '{"alg":"HS256","typ":"JWT","kid":%s}' % text


header_faults(
    "query", malformed("kid"),
    ("kid_null", kid("null"), "Null is not absence."),
    ("kid_number", kid("1"), "A key id is text."),
    ("kid_true", kid("true"), "A key id is text."),
    ("kid_list", kid('["main"]'), "A key id is text."),
    ("kid_object", kid('{"id":"main"}'), "A key id is text."),
)

# 2. Grammar: the times in the payload


def nbf(text):
    return more('"nbf":' + text)


def time_faults(field, base, payload, good):
    payload_faults(
        base, malformed(field),
        (field + "_text", payload('"%s"' % good), "A time is a number, never text."),
        (field + "_date", payload('"2026-01-01T00:00:00Z"'), "A time is a number, never text."),
        (field + "_null", payload("null"), "Null is not absence."),
        (field + "_true", payload("true"), "A time is a number."),
        (field + "_list", payload("[%s]" % good), "A time is a number."),
        (field + "_object", payload('{"time":%s}' % good), "A time is a number."),
        (field + "_negative", payload("-%s" % good), "A time is not negative."),
        (field + "_negative_fraction", payload("-0.5"), "A time is not negative."),
        (field + "_too_large", payload("9007199254740992"),
         "2^53: JavaScript can no longer tell it from 2^53 + 1."),
        (field + "_too_large_exponent", payload("1e16"), "Far beyond 2^53."),
        (field + "_beyond_64_bits", payload(str(2**64 + int(good))), "2^64 more would wrap around."),
    )
    payload_faults(
        base, malformed("payload"),
        (field + "_beyond_a_double", payload("1e400"), "No number that readers of JSON agree on."),
    )


admitted("nbf", "The time has come.", jwt(nbf("1767224000")),
         sign=sign_jwt(not_before=1767224000))
time_faults("exp", "query", exp, "1767225600")
time_faults("nbf", "nbf", nbf, "1767224000")
payload_faults(
    "query", deny("missing_claim", "exp"),
    ("exp_missing", '{"vid":"42"}', "There is no expiry."),
    ("exp_name_upper_case", '{"vid":"42","EXP":1767225600}', "EXP is not exp."),
    ("payload_without_members", "{}", "There is no expiry."),
)
admitted("exp_largest", "2^53 - 1 is the last expiry, and a second from now.",
         jwt(exp("9007199254740991")), allow(FOLDER, FILM, expires=9007199254740991),
         keys=ring(["main"]), now=9007199254740990)
refused("exp_larger", "exp_largest", "2^53 is a second later, and no number here.",
        malformed("exp"), url=query(jwt(exp("9007199254740992"))))
refused("exp_largest_reached", "exp_largest", "The clock has reached the last expiry.",
        deny("expired"), now=9007199254740991)


def iat(text):
    return more('"iat":' + text)


admitted("iat", "When the token was signed.", jwt(iat("1767224000")))
admitted("iat_zero", "Zero is a number.", jwt(iat("0")))
admitted("iat_farthest", "A hundred years of 365 days ahead.", jwt(iat("4920825000")))
payload_faults(
    "iat_farthest", deny("expires_too_far"),
    ("iat_too_far", iat("4920825001"), "A second more."),
    ("iat_in_milliseconds", iat("1767225000000"), "Milliseconds for seconds."),
    ("iat_largest", iat("9007199254740991"), "2^53 - 1 is a number, and far away."),
)
admitted("iat_after_exp", "Nothing depends on it.", jwt(iat("1767225601")))
admitted("iat_fraction", "A number has other spellings in JSON.", jwt(iat("1767224000.5")))
admitted("iat_exponent", "A number has other spellings in JSON.", jwt(iat("1.767e9")))
time_faults("iat", "iat", iat, "1767224000")
admitted("iat_name_upper_case", "IAT is another claim.", jwt(more('"IAT":"yesterday"')))
admitted("exp_exponent", "A number has other spellings in JSON.", jwt(exp("1.7672256e9")))
admitted("exp_exponent_plus", "A number has other spellings in JSON.", jwt(exp("17672256E+2")))
admitted("exp_exponent_minus", "A number has other spellings in JSON.", jwt(exp("17672256000e-1")))
admitted("exp_fraction_zero", "A fraction of nothing.", jwt(exp("1767225600.000")))
admitted("exp_fraction", "A fraction ends a little earlier.", jwt(exp("1767225600.75")))
admitted("nbf_zero", "Zero is a number.", jwt(nbf("0")))
admitted("nbf_exponent", "A number has other spellings in JSON.", jwt(nbf("1.767e9")))

# 2. Grammar: the claims on audience, issuer and ids

AUDIENCE = gate(audience="edge.1")


def aud(text):
    return between('"aud":' + text)


admitted("aud", "The audience is the gate's.", jwt(aud('"edge.1"')), gate=AUDIENCE,
         sign=sign_jwt(audience="edge.1"))
admitted("aud_list", "The gate's name is the last of the list.", jwt(aud('["edge.0","edge.1"]')),
         gate=AUDIENCE)
admitted("aud_list_first", "The gate's name is the first of the list.",
         jwt(aud('["edge.1","edge.0"]')), gate=AUDIENCE)
admitted("aud_list_middle", "The gate's name is in the middle of the list.",
         jwt(aud('["edge.0","edge.1","edge.2"]')), gate=AUDIENCE)
admitted("aud_list_of_one", "The gate's name is the list.", jwt(aud('["edge.1"]')), gate=AUDIENCE)
payload_faults(
    "aud", malformed("aud"),
    ("aud_number", aud("1"), "An audience is text."),
    ("aud_null", aud("null"), "Null is not absence."),
    ("aud_true", aud("true"), "An audience is text."),
    ("aud_object", aud('{"edge.1":1}'), "An audience is text."),
)
payload_faults(
    "aud_list", malformed("aud"),
    ("aud_list_number", aud('["edge.1",1]'), "A list of audiences is of texts."),
    ("aud_list_null", aud('[null,"edge.1"]'), "A list of audiences is of texts."),
    ("aud_list_in_list", aud('[["edge.1"]]'), "A list of audiences is of texts."),
)

ISSUER = gate(issuer="https://id.example.com")


def iss(text):
    return between('"iss":' + text)


admitted("iss", "The issuer is the gate's.", jwt(iss('"https://id.example.com"')), gate=ISSUER,
         sign=sign_jwt(issuer="https://id.example.com"))
admitted("iss_without_gate", "Where the operator names no issuer, any will do.",
         jwt(iss('"anybody"')))
payload_faults(
    "iss", malformed("iss"),
    ("iss_number", iss("1"), "An issuer is text."),
    ("iss_null", iss("null"), "Null is not absence."),
    ("iss_list", iss('["https://id.example.com"]'), "An issuer is text."),
)
payload_faults("iss_without_gate", malformed("iss"),
               ("iss_number_without_gate", iss("1"), "An issuer is text, wanted or not."),
               ("iss_null_without_gate", iss("null"), "Null is not absence."))


def identifier(field, member):
    """`sub`, `jti` and `sid` are alike."""
    def payload(text):
        return (between if field == "sub" else more)('"%s":%s' % (field, text))

    admitted(field, "An identifier.", jwt(payload('"Ab-9_z"')),
             sign=sign_jwt(no_iat=True, **{member: "Ab-9_z"}))
    admitted(field + "_any_text", "An identifier may be any text.",
             jwt(payload('"auth0|J\u00f6rg M\u00fcller <j@example.com>"')))
    admitted(field + "_number", "A whole number counts as its digits.", jwt(payload("1234567")))
    admitted(field + "_number_zero", "Zero is a number.", jwt(payload("0")))
    admitted(field + "_number_largest", "2^53 - 1.", jwt(payload("9007199254740991")))
    payload_faults(
        field, malformed(field),
        (field + "_empty", payload('""'), "The text is empty."),
        (field + "_null", payload("null"), "Null is not absence."),
        (field + "_true", payload("true"), "An identifier is text or a number."),
        (field + "_list", payload('["Ab-9_z"]'), "An identifier is text or a number."),
        (field + "_object", payload('{"id":"Ab-9_z"}'), "An identifier is text or a number."),
    )
    payload_faults(
        field + "_number", malformed(field),
        (field + "_fraction", payload("1234567.5"), "An identifier is a whole number."),
        (field + "_fraction_zero", payload("1234567.0"), "The digits have to be sure."),
        (field + "_exponent", payload("1e6"), "The digits have to be sure."),
        (field + "_negative", payload("-1"), "A number here has no sign."),
        (field + "_negative_zero", payload("-0"), "A number here has no sign."),
    )
    payload_faults(field + "_number_largest", malformed(field),
                   (field + "_number_too_large", payload("9007199254740992"), "2^53."))


identifier("sub", "sub")
identifier("jti", "jti")
identifier("sid", "sid")


def run(text):
    return more('"run":' + text)


admitted("run", "A playback of four hours.", jwt(run("14400")), sign=sign_jwt(run=14400))
admitted("run_smallest", "One second.", jwt(run("1")))
admitted("run_largest", "2^53 - 1 seconds.", jwt(run("9007199254740991")))
payload_faults(
    "run", malformed("run"),
    ("run_zero", run("0"), "A playback of no length is none."),
    ("run_text", run('"14400"'), "A length is a number."),
    ("run_fraction", run("14400.5"), "A length is a whole number."),
    ("run_negative", run("-14400"), "A length is not negative."),
    ("run_null", run("null"), "Null is not absence."),
    ("run_true", run("true"), "A length is a number."),
)
payload_faults("run_largest", malformed("run"),
               ("run_too_large", run("9007199254740992"), "2^53 is one too many."))


def reval(text):
    return more('"reval":' + text)


STATE_REQUIRED = deny("state_required")
payload_faults(
    "run", STATE_REQUIRED,
    ("reval", reval("10"), "What is revoked must be known; this gate keeps no state.", sign_jwt(reval=10)),
    ("reval_largest", reval("9007199254740991"), "Even then a gate without state cannot tell.",
     sign_jwt(reval=9007199254740991)),
)
payload_faults(
    "run", malformed("reval"),
    ("reval_zero", reval("0"), "No state is as new as the request."),
    ("reval_text", reval('"10"'), "A length is a number."),
    ("reval_fraction", reval("10.5"), "A length is a whole number."),
    ("reval_null", reval("null"), "Null is not absence."),
    ("reval_too_large", reval("9007199254740992"), "2^53 is one too many."),
)

# Of what is counted, a gate without state admits nothing. `max` counts the playbacks of `sub`, and `uses` the clients of
# `jti`.


def counted(field, base, payload, name):
    """The claim in a payload, beside the claim that the passing vector `base` has."""
    def said(text):
        return more('"%s":%s' % (field, text), payload)

    def asked(count):
        return sign_jwt(no_iat=True, **{name: "Ab-9_z", field: count})

    payload_faults(
        base, STATE_REQUIRED,
        (field, said("3"), "Somebody has to count; this gate keeps no state.", asked(3)),
        (field + "_smallest", said("1"), "One.", asked(1)),
        (field + "_largest", said("1000"), "A thousand.", asked(1000)),
    )
    payload_faults(
        base, malformed(field),
        (field + "_zero", said("0"), "Nobody could use it."),
        (field + "_negative", said("-3"), "A number is not negative."),
        (field + "_negative_zero", said("-0"), "A number here has no sign."),
        (field + "_fraction", said("3.5"), "A number here is whole."),
        (field + "_fraction_zero", said("3.0"), "The digits have to be sure."),
        (field + "_exponent", said("3e0"), "The digits have to be sure."),
        (field + "_text", said('"3"'), "A number is no text."),
        (field + "_empty", said('""'), "A number is no text."),
        (field + "_null", said("null"), "Null is not absence."),
        (field + "_true", said("true"), "A number is no truth."),
        (field + "_list", said("[3]"), "A number is no list."),
        (field + "_object", said('{"%s":3}' % field), "A number is no object."),
        (field + "_too_large", said("1001"), "One more than a thousand."),
        (field + "_beyond_16_bits", said("65537"), "2^16 + 1 would wrap around to 1."),
        (field + "_beyond_53_bits", said("9007199254740992"), "2^53 is no number here."),
        (field + "_beyond_64_bits", said("18446744073709551619"), "2^64 + 3 would wrap around to 3."),
    )
    payload_faults(
        base, malformed("payload"),
        (field + "_repeated", said('3,"%s":3' % field), "A claim is there once."),
        (field + "_leading_zero", said("03"), "JSON has no leading zeros."),
        (field + "_plus", said("+3"), "JSON has no plus sign."),
    )
    payload_faults(
        "query", malformed(field),
        ("%s_without_%s" % (field, name), more('"%s":3' % field), "It does not say what is counted."),
        ("%s_with_other_%s" % (field, name), more('"%s":"Ab-9_z","%s":3' % (name.upper(), field)),
         "A claim has one name."),
    )
    admitted(field + "_name_upper_case", "%s is another claim." % field.upper(),
             jwt(more('"%s":3' % field.upper())))


SUB_PAYLOAD = between('"sub":"Ab-9_z"')
counted("max", "sub", SUB_PAYLOAD, "sub")
counted("uses", "jti", more('"jti":"Ab-9_z"'), "jti")
payload_faults(
    "sub", STATE_REQUIRED,
    ("max_before_sub", '{"max":3,"vid":"42","sub":"Ab-9_z","exp":1767225600}', "Claims have no order."),
    ("max_of_number", '{"vid":"42","sub":7,"exp":1767225600,"max":3}', "A viewer may be a number."),
    ("max_uses_reval_and_run",
     '{"vid":"42","sub":"v7","exp":1767225600,"jti":"j1","max":2,"uses":1,"reval":10,"run":60}',
     "All that state is asked for.",
     sign_jwt(no_iat=True, sub="v7", jti="j1", max=2, uses=1, reval=10, run=60)),
)
payload_faults(
    "sub", malformed("max"),
    ("max_with_jti_without_sub", more('"jti":"Ab-9_z","max":3'), "A token is no viewer."),
)
payload_faults(
    "sub", malformed("sub"),
    ("max_with_line_feed_in_sub", '{"vid":"42","sub":"a\\nb","exp":1767225600,"max":3}',
     "A playback that is displaced is revoked by its id, which has no control characters."),
)
payload_faults(
    "sub", malformed("sid"),
    ("max_with_delete_in_sid", '{"vid":"42","sub":"ab","sid":"a\\u007fb","exp":1767225600,"max":3}',
     "Nor has that of the playback."),
)
payload_faults(
    "jti", malformed("uses"),
    ("uses_with_sub_without_jti", more('"uses":3', SUB_PAYLOAD), "A viewer has many tokens."),
)
refused("max_added", "sub", "The claim was added after signing.", BAD, url=query(
    retag(jwt(more('"max":3', SUB_PAYLOAD)), lambda _: jwt(SUB_PAYLOAD).rpartition(".")[2])))
refused("max_expired", "sub", "State is asked last.", deny("expired"),
        url=query(jwt(more('"max":3', SUB_PAYLOAD))), now=EXP)

# References are native tokens.

REF = "pg=ref." + "Ab-9_z" * 7 + "x"
for place, changes in (
    ("query", {"url": in_query(FILM, REF)}),
    ("path", {"url": in_path(FILM, REF)}),
    ("cookie", {"cookie": REF}),
    ("bearer", {"authorization": "Bearer " + REF}),
):
    base = "native_%s_at_both" % place
    refused("ref_%s_at_both" % place, base, "A reference; this gate keeps no state.", STATE_REQUIRED,
            **changes)
    refused("ref_%s_at_jwt" % place, base, "Where native tokens are not read, a reference is none.",
            MISSING, gate=GATE, **changes)
refused("ref_in_jwt_parameter", "query", "A reference is no JWT.", malformed("header"),
        url=query(REF[len("pg="):]))
refused("jwt_query_ref_query", "jwt_query_at_both", "Two tokens of two formats.", AMBIGUOUS,
        url=query(TOKEN) + "&" + REF)
refused("ref_query_jwt_query", "native_query_at_both", "Two tokens of two formats.", AMBIGUOUS,
        url=in_query(FILM, REF) + "&token=" + TOKEN)
refused("jwt_path_ref_path", "jwt_path_at_both", "Two tokens of two formats.", AMBIGUOUS,
        url=path(TOKEN, "/" + REF + FILM))
refused("jwt_path_ref_bearer", "jwt_path_at_both", "Two tokens of two formats.", AMBIGUOUS,
        authorization="Bearer " + REF)
passes("ref_and_jwt_cookies", "A cookie that fails does not lock out the next.", ALLOW, HOST + FILM,
       gate=BOTH, cookie=REF + "; token=" + TOKEN)
refused("ref_and_old_jwt_cookies", "ref_and_jwt_cookies",
        "The refusal is that of the cookie that came furthest: the reference is refused last.",
        STATE_REQUIRED, cookie=REF + "; token=" + OLD_TOKEN)

# 2. Grammar: the claim of the template

MISSING_CLAIM = deny("missing_claim", "claim")
payload_faults(
    "query", MISSING_CLAIM,
    ("claim_missing", '{"exp":1767225600}', "The token says nothing of a directory."),
    ("claim_name_upper_case", '{"VID":"42","exp":1767225600}', "VID is not vid."),
    ("claim_name_longer", '{"vid2":"42","exp":1767225600}', "A name that begins like the claim's."),
)
admitted("claim_number", "A whole number counts as its digits.", jwt(vid("42")),
         sign=sign_jwt(claims={"vid": 42}))
payload_faults(
    "query", malformed("claim"),
    ("claim_null", vid("null"), "Null is not absence."),
    ("claim_true", vid("true"), "A claim is text or a number."),
    ("claim_list", vid('["42"]'), "A claim is text or a number."),
    ("claim_object", vid('{"id":"42"}'), "A claim is text or a number."),
    ("claim_empty", vid('""'), "The directory has to have a name."),
    ("claim_dot", vid('"."'), "A segment . is nothing."),
    ("claim_two_dots", vid('".."'), "A segment .. leaves the directory."),
    ("claim_with_dot", vid('"a.b"'), "A claim has no dot at all."),
    ("claim_slash", vid('"4/2"'), "A claim is one segment."),
    ("claim_slash_first", vid('"/42"'), "A claim is one segment."),
    ("claim_slash_last", vid('"42/"'), "A claim is one segment."),
    ("claim_backslash", vid('"4\\\\2"'), "Some stores read a backslash as a slash."),
    ("claim_escaped_dots", vid('"%2e%2e"'), "A claim is never decoded."),
    ("claim_escaped_slash", vid('"a%2fb"'), "A claim is never decoded."),
    ("claim_dots_and_escaped_slash", vid('"..%2f"'), "A claim is never decoded."),
    ("claim_percent", vid('"%34%32"'), "A claim is never decoded."),
    ("claim_fullwidth_digits", vid('"\uff14\uff12"'), "Digits of another script are none."),
    ("claim_arabic_digits", vid('"\u0664\u0662"'), "Digits of another script are none."),
    ("claim_not_ascii", vid('"\u00fc"'), "A claim is ASCII."),
    ("claim_blank", vid('"42 "'), "A claim has no blank."),
    ("claim_line_feed", vid('"42\\n"'), "A claim has no line feed, at its end neither."),
    ("claim_nul", vid('"42\\u0000"'), "A claim has no NUL."),
    ("claim_tilde", vid('"~42"'), "A tilde is not among the characters of a claim."),
    ("claim_question_mark", vid('"42?"'), "A question mark ends a path."),
    ("claim_star", vid('"*"'), "A claim is no pattern."),
    ("claim_brace", vid('"{vid}"'), "A claim is no template."),
)
payload_faults(
    "claim_number", malformed("claim"),
    ("claim_fraction", vid("42.5"), "A number here is whole."),
    ("claim_fraction_zero", vid("42.0"), "The digits have to be sure."),
    ("claim_exponent", vid("42e0"), "The digits have to be sure."),
    ("claim_negative", vid("-42"), "A number here has no sign."),
    ("claim_number_too_large", vid("9007199254740992"), "2^53 is one too many."),
)
LONGEST = "Ab-9_z" + "x" * 122
passes("claim_longest", "A claim of 128 characters.",
       allow("/videos/%s/" % LONGEST, "/videos/%s/a.ts" % LONGEST),
       query(jwt(vid('"%s"' % LONGEST)), "/videos/%s/a.ts" % LONGEST),
       sign_jwt("/videos/%s/a.ts" % LONGEST, {"vid": LONGEST}), GATE)
refused("claim_too_long", "claim_longest", "A claim of 129 characters.", malformed("claim"),
        url=query(jwt(vid('"%sx"' % LONGEST)), "/videos/%sx/a.ts" % LONGEST))
passes("claim_number_largest", "2^53 - 1, digit for digit.",
       allow("/videos/9007199254740991/", "/videos/9007199254740991/a.ts"),
       query(jwt(vid("9007199254740991")), "/videos/9007199254740991/a.ts"), gate=GATE)
passes("claim_number_zero", "Zero is a number.", allow("/videos/0/", "/videos/0/a.ts"),
       query(jwt(vid("0")), "/videos/0/a.ts"), gate=GATE)

# 2. Grammar: the tag as it is written

token_faults(
    "query", malformed("sig"),
    ("sig_empty", retag(TOKEN, lambda tag: ""), "The tag is empty."),
    ("sig_clipped", retag(TOKEN, lambda tag: tag[:-1]), "The last character of the tag is lost."),
    ("sig_clipped_to_half", retag(TOKEN, lambda tag: b64(base64.urlsafe_b64decode(tag + "=")[:16])),
     "The first 16 bytes of the tag."),
    ("sig_too_long", retag(TOKEN, lambda tag: b64(base64.urlsafe_b64decode(tag + "=") + b"\0")),
     "A byte too many follows the tag."),
    ("sig_padded", TOKEN + "=", "The tag is padded."),
    ("sig_tail_bits", retag(TOKEN, lambda tag: tag[:-1] + chr(ord(tag[-1]) + 1)),
     "The two spare bits of the last character are not zero."),
    ("sig_hex", retag(TOKEN, lambda tag: base64.urlsafe_b64decode(tag + "=").hex()),
     "The tag is in hex."),
    ("sig_blank", TOKEN + "%20", "Nothing follows the tag."),
    ("sig_of_sha512", retag(TOKEN, lambda tag: b64(hmac.new(
        KEYS["main"], TOKEN.rpartition(".")[0].encode(), hashlib.sha512).digest())),
     "A tag of 64 bytes, by another hash."),
)
MARKED_TAG = jwt(more('"jti":"10"'))
assert {"-", "_"} <= set(MARKED_TAG.rpartition(".")[2])
admitted("sig_marks", "The tag holds both marks of base64url.", MARKED_TAG)
token_faults(
    "sig_marks", malformed("sig"),
    ("sig_plus", retag(MARKED_TAG, lambda tag: tag.replace("-", "+")),
     "The alphabet is not base64url's."),
    ("sig_slash", retag(MARKED_TAG, lambda tag: tag.replace("_", "/")),
     "The alphabet is not base64url's."),
    ("sig_percent_encoded", retag(MARKED_TAG, lambda tag: tag.replace("-", "%2D")),
     "A value is never decoded."),
)

# 2. The URL around the token

refused("query_space", "query_first", "A browser writes %20.", malformed("url"),
        url=query(TOKEN) + "&v=2&start=1 0", behind=ALLOW)
refused("query_not_ascii", "query_last", "A browser writes %C3%BC.", malformed("url"),
        url=query(TOKEN, FILM + "?v=2&start=\u00fc"), behind=ALLOW)
refused("query_number_sign", "query_first", "A client keeps what follows # to itself.",
        malformed("url"), url=query(TOKEN) + "&v=2#t=10", behind=ALLOW)
refused("query_control", "query_first", "A browser writes %01.", malformed("url"),
        url=query(TOKEN) + "&v=\x01", behind=ALLOW)
refused("query_space_path", "path", "A browser writes %20.", malformed("url"),
        url=path(TOKEN, FILM + "?v=2 3"), behind=ALLOW)
refused("query_space_cookie", "cookie", "A browser writes %20.", malformed("url"),
        url=HOST + FILM + "?v=2 3", behind=ALLOW)
refused("query_space_bearer", "bearer", "A browser writes %20.", malformed("url"),
        url=HOST + FILM + "?v=2 3", behind=ALLOW)


def path_fault(name, about, target, base="query", behind=None):
    refused(name, base, about, NOT_CANONICAL, url=query(TOKEN, target), behind=behind)


path_fault("path_two_dots", "A segment .. leaves the directory.", "/videos/42/../43/a.ts",
           behind=OUTSIDE)
path_fault("path_two_dots_inside", "A segment .. that stays in the directory.",
           "/videos/42/x/../a.ts", behind=ALLOW)
path_fault("path_two_dots_into", "A segment .. that leads into the directory.",
           "/videos/43/../42/a.ts", behind=ALLOW)
path_fault("path_two_dots_escaped", "%2e%2e is a segment ...", "/videos/42/%2e%2e/43/a.ts",
           behind=OUTSIDE)
path_fault("path_dot", "A segment . is nothing.", "/videos/42/./a.ts", behind=ALLOW)
path_fault("path_double_slash", "An empty segment.", "/videos/42//a.ts")
path_fault("path_double_slash_first", "An empty segment at the start.", "//videos/42/a.ts")
path_fault("path_escaped_slash", "%2f may be read as a slash.", "/videos/4%32%2fa.ts")
path_fault("path_escaped_slash_and_dots", "%2F may be read as a slash.",
           "/videos/42/..%2F43%2Fa.ts")
path_fault("path_escaped_backslash", "%5C may be read as a slash.", "/videos/42/x%5Ca.ts")
path_fault("path_backslash", "A browser reads a backslash as a slash.", "/videos/42\\a.ts",
           behind=ALLOW)
path_fault("path_escaped_nul", "%00 ends a name in C.", "/videos/42/a.ts%00.png")
path_fault("path_percent_last", "An escape of no digits.", "/videos/42/a%")
path_fault("path_space", "A browser writes %20.", "/videos/42/a b.ts",
           behind=allow(FOLDER, "/videos/42/a%20b.ts"))
path_fault("path_double_slash_outside", "What is not canonical is not compared.",
           "/videos//43/a.ts")
refused("path_two_dots_path", "path", "Where the dots collapse they swallow the token.",
        NOT_CANONICAL, url=path(TOKEN, "/.." + FILM), behind=MISSING)
refused("path_double_slash_path", "path", "An empty segment behind the token.", NOT_CANONICAL,
        url=path(TOKEN, "/" + FILM))
refused("path_empty_path", "path", "A path begins with a slash.", NOT_CANONICAL,
        url=path(TOKEN, ""))
refused("path_two_dots_cookie", "cookie", "A segment .. leaves the directory.", NOT_CANONICAL,
        url=HOST + "/videos/42/../43/a.ts", behind=OUTSIDE)

for name, target, about in (
    ("semicolon", "/videos/42/a.mp4;x.ts", "A Java server serves a.mp4."),
    ("semicolon_two_dots", "/videos/42/..;/43/a.ts", "A Java server leaves the directory."),
    ("semicolon_last", "/videos/42/a.ts;", "A semicolon at the end."),
    ("semicolon_claim", "/videos/42;x/a.ts", "A parameter of the directory."),
    ("two_dots_escaped_semicolon", "/videos/42/..%3B/43/a.ts",
     "Decoded, it is ..; and so .. to a Java server."),
    ("two_dots_escaped_parameter", "/videos/42/..%3bx/43/a.ts",
     "Decoded, it is ..; and so .. to a Java server."),
    ("dot_escaped_semicolon", "/videos/42/%2e.%3B/a.ts", "All of it is escaped."),
    ("two_dots_escaped_question_mark", "/videos/42/..%3F/43/a.ts",
     "Decoded, the path ends in .. before a query."),
    ("two_dots_escaped_number_sign", "/videos/42/..%23/43/a.ts",
     "Decoded, the path ends in .. before a fragment."),
    ("escaped_parameter_alone", "/videos/42/%3Bx/43/a.ts",
     "Decoded, it is an empty segment to a Java server."),
    ("overlong_dots", "/videos/42/%C0%AE%C0%AE/43/a.ts", "Dots in two octets each."),
):
    path_fault("path_" + name, about, target)
    refused("path_%s_path" % name, "path", about, NOT_CANONICAL, url=path(TOKEN, target))
    refused("path_%s_cookie" % name, "cookie", about, NOT_CANONICAL, url=HOST + target)
    refused("path_%s_bearer" % name, "bearer", about, NOT_CANONICAL, url=HOST + target)
SEMICOLON = allow(FOLDER, "/videos/42/a%3Bb.ts")
passes("path_escaped_semicolon", "An escaped semicolon is an escape like any other.", SEMICOLON,
       query(TOKEN, "/videos/42/a%3bb.ts"), gate=GATE)
passes("path_escaped_semicolon_path", "In the path.", SEMICOLON, path(TOKEN, "/videos/42/a%3bb.ts"),
       gate=GATE)
passes("path_escaped_semicolon_cookie", "In a cookie.", SEMICOLON, HOST + "/videos/42/a%3bb.ts",
       gate=GATE, cookie="token=" + TOKEN)
passes("path_escaped_semicolon_bearer", "In the Authorization header.", SEMICOLON,
       HOST + "/videos/42/a%3Bb.ts", gate=GATE, authorization="Bearer " + TOKEN)
passes("path_escaped_semicolon_signed", "A signer takes it.", SEMICOLON,
       query(TOKEN, "/videos/42/a%3Bb.ts"), sign_jwt("/videos/42/a%3bb.ts"), GATE)
refused("folder_escaped_parameter", "query", "A name that begins like the directory's.", OUTSIDE,
        url=query(TOKEN, "/videos/42%3Bx/a.ts"))
refused("path_semicolon_in_token", "path", "A parameter of the token's segment.", malformed("sig"),
        url=path(TOKEN + ";x=1"))

passes("path_other_spelling", "The directory may be spelled with escapes.", ALLOW,
       query(TOKEN, "/videos/%34%32/a.ts"), gate=GATE)
passes("path_other_spelling_path", "The directory may be spelled with escapes.", ALLOW,
       path(TOKEN, "/%76ideos/4%32/a.ts"), gate=GATE)
passes("path_escapes", "Octets beyond ASCII stay escaped, in upper case.",
       allow(FOLDER, "/videos/42/caf%C3%A9.ts"), query(TOKEN, "/videos/42/caf%c3%a9.ts"), gate=GATE)

# 2. The directory

passes("folder_itself", "The directory's own path is in it.", allow(FOLDER, FOLDER),
       query(TOKEN, FOLDER), sign_jwt(FOLDER), GATE)
passes("folder_below", "Whatever is below is in the directory.",
       allow(FOLDER, "/videos/42/hd/1/a.ts"), query(TOKEN, "/videos/42/hd/1/a.ts"), gate=GATE)
for name, target, about in (
    ("folder_other", "/videos/43/a.ts", "Another directory."),
    ("folder_longer_name", "/videos/421/a.ts", "/videos/42 never opens /videos/421."),
    ("folder_shorter_name", "/videos/4/a.ts", "A name that the claim begins with."),
    ("folder_longer_by_escape", "/videos/42%31/a.ts", "/videos/42 never opens /videos/421."),
    ("folder_longer_by_dot", "/videos/42./a.ts", "/videos/42 never opens /videos/42."),
    ("folder_without_slash", "/videos/42", "/videos/42 is a file in /videos/."),
    ("folder_parent", "/videos/", "The parent is outside."),
    ("folder_parent_without_slash", "/videos", "The path is shorter than the template."),
    ("folder_root", "/", "The path is shorter than the template."),
    ("folder_upper_case", "/Videos/42/a.ts", "Paths are compared with their case."),
    ("folder_other_literal", "/pictures/42/a.ts", "The template says /videos/."),
    ("folder_moved_down", "/x/videos/42/a.ts", "The directory is the first segments, not any."),
    ("folder_literal_lost", "/42/a.ts", "The template says /videos/."),
    ("folder_swapped", "/42/videos/a.ts", "The claim is the second segment."),
    ("folder_escaped_twice", "/videos/%2534%2532/a.ts", "Nothing is decoded twice."),
    ("folder_template", "/videos/{vid}/a.ts".replace("{", "%7B").replace("}", "%7D"),
     "The template is filled in before it is compared."),
):
    refused(name, "query", about, OUTSIDE, url=query(TOKEN, target))
refused("folder_other_path", "path", "Another directory.", OUTSIDE,
        url=path(TOKEN, "/videos/43/a.ts"))
refused("folder_other_cookie", "cookie", "Another directory.", OUTSIDE,
        url=HOST + "/videos/43/a.ts")
refused("folder_other_bearer", "bearer", "Another directory.", OUTSIDE,
        url=HOST + "/videos/43/a.ts")
payload_faults(
    "query", OUTSIDE,
    ("claim_other", vid('"43"'), "The token is for another directory."),
    ("claim_number_other", vid("43"), "The token is for another directory."),
    ("claim_leading_zero", vid('"042"'), "A claim is compared as text."),
    ("claim_of_parent", vid('"videos"'), "The claim is the template's second segment."),
)
passes("claim_with_letters", "Claims are text.", allow("/videos/aB/", "/videos/aB/a.ts"),
       query(jwt(vid('"aB"')), "/videos/aB/a.ts"), sign_jwt("/videos/aB/a.ts", {"vid": "aB"}), GATE)
refused("claim_other_case", "claim_with_letters", "Claims are compared with their case.", OUTSIDE,
        url=query(jwt(vid('"ab"')), "/videos/aB/a.ts"))


def template(name, about, text, claims, scope, target):
    passes(name, about, allow(scope, target), query(jwt('{%s,"exp":1767225600}' % claims), target),
           gate=gate(jwt_path=text))


template("template_alone", "The claim is the whole directory.", "/{vid}/", '"vid":"42"',
         "/42/", "/42/a.ts")
template("template_first", "The claim is the first segment.", "/{vid}/videos/hd/", '"vid":"42"',
         "/42/videos/hd/", "/42/videos/hd/a.ts")
template("template_middle", "The claim is between other segments.", "/a/{vid}/b/", '"vid":"42"',
         "/a/42/b/", "/a/42/b/c.ts")
template("template_last", "The claim is the last of several segments.", "/media/v1/{vid}/",
         '"vid":"42"', "/media/v1/42/", "/media/v1/42/a.ts")
template("template_escaped", "A segment of the template beyond ASCII.", "/v%C3%ADdeos/{vid}/",
         '"vid":"42"', "/v%C3%ADdeos/42/", "/v%C3%ADdeos/42/a.ts")
template("template_sub", "The claim is the subject.", "/users/{sub}/", '"sub":"Ab-9_z"',
         "/users/Ab-9_z/", "/users/Ab-9_z/a.ts")
template("template_sub_number", "The claim is the subject, a number.", "/users/{sub}/", '"sub":7',
         "/users/7/", "/users/7/a.ts")
template("template_jti", "The claim is the token's id.", "/once/{jti}/", '"jti":"j1"',
         "/once/j1/", "/once/j1/a.ts")
template("template_name_marks", "Minus, underscore and dot in the name of a claim.",
         "/videos/{x.video-id_1}/", '"x.video-id_1":"42"', "/videos/42/", FILM)
template("template_name_by_issuer", "A claim that is read in one template is ignored in another.",
         "/series/{series}/", '"vid":null,"series":"s1"', "/series/s1/", "/series/s1/a.ts")
for name, base, target, about in (
    ("template_alone_other", "template_alone", "/43/a.ts", "Another directory."),
    ("template_first_literal_other", "template_first", "/42/videos/sd/a.ts",
     "A segment behind the claim is another."),
    ("template_first_too_short", "template_first", "/42/videos/a.ts",
     "A segment behind the claim is missing."),
    ("template_middle_literal_other", "template_middle", "/a/42/bb/c.ts",
     "A segment that begins like the template's."),
    ("template_middle_claim_other", "template_middle", "/a/43/b/c.ts", "Another directory."),
    ("template_last_literal_other", "template_last", "/media/v2/42/a.ts",
     "A segment before the claim is another."),
    ("template_sub_other", "template_sub", "/users/Ab-9_y/a.ts", "Another viewer's directory."),
):
    claims = {"template_sub": '"sub":"Ab-9_z"'}.get(base, '"vid":"42"')
    refused(name, base, about, OUTSIDE,
            url=query(jwt('{%s,"exp":1767225600}' % claims), target))
refused("template_sub_missing", "template_sub", "The token has no subject.", MISSING_CLAIM,
        url=query(jwt('{"vid":"Ab-9_z","exp":1767225600}'), "/users/Ab-9_z/a.ts"))
refused("template_sub_with_dot", "template_sub",
        "As a subject it would do, as a directory it does not.", malformed("claim"),
        url=query(jwt('{"sub":"a.b","exp":1767225600}'), "/users/a.b/a.ts"))
refused("template_other", "query", "The operator's template asks for another claim.",
        MISSING_CLAIM, gate=gate(jwt_path="/videos/{id}/"))
refused("template_deeper", "query", "The operator's template is deeper than the path.", OUTSIDE,
        gate=gate(jwt_path="/videos/{vid}/hd/"))

# What is fetched: the clean URL

FORWARD = gate(forward_params=["v", "_HLS_msn"])
passes("forward", "The parameters to forward, in their order, from both sides.",
       allow(FOLDER, FILM + "?v=2&_HLS_msn=7&v=3"),
       query(TOKEN, FILM + "?v=2&a=1") + "&_HLS_msn=7&b=1&v=3", gate=FORWARD)
passes("forward_path", "The parameters to forward, in their order.",
       allow(FOLDER, FILM + "?_HLS_msn=7&v=2"),
       path(TOKEN, FILM + "?a=1&_HLS_msn=7&v=2"), gate=FORWARD)
passes("forward_cookie", "The parameters to forward.", allow(FOLDER, FILM + "?v=2"),
       HOST + FILM + "?v=2&a=1", gate=FORWARD, cookie="token=" + TOKEN)
passes("forward_bearer", "The parameters to forward.", allow(FOLDER, FILM + "?v=2"),
       HOST + FILM + "?v=2&a=1", gate=FORWARD, authorization="Bearer " + TOKEN)
passes("forward_none_there", "No parameters, no question mark.", ALLOW,
       query(TOKEN, FILM + "?a=1"), gate=FORWARD)
passes("forward_names_exactly", "V, v2 and %76 are other names than v.", ALLOW,
       query(TOKEN) + "&V=1&v2=1&%76=1", gate=FORWARD)
passes("forward_star", "A star at the end stands for every name that starts so.",
       allow(FOLDER, FILM + "?v=2&v1=3"), query(TOKEN, FILM + "?v=2&w=1") + "&v1=3&V=4",
       gate=gate(forward_params=["v*"]))
passes("forward_star_alone", "A star by itself names nothing.", ALLOW,
       query(TOKEN, FILM + "?v=2"), gate=gate(forward_params=["*"]))
passes("parameters_player", "What players add is not forwarded unless it is listed.", ALLOW,
       query(TOKEN) + "&_HLS_msn=7&CMCD=bl%3D21300", gate=GATE)
passes("parameters_odd", "Other parameters are not read.", ALLOW,
       query(TOKEN, FILM + "?a&&=%2f&a=?/:@") + "&exp=0&vid=43&sig=x&alg=none", gate=GATE)
passes("parameters_unsigned_listed", "With a directory every parameter is free, listed or not.",
       ALLOW, query(TOKEN) + "&utm_source=mail&fbclid=1", gate=gate(unsigned_params=["utm_source"]))

# 3. Keys


def named(kid_text):
    return '{"alg":"HS256","typ":"JWT","kid":"%s"}' % kid_text


admitted("key_second", "Every key of the ring verifies.", jwt(header=named("next"), kid="next"),
         allow(FOLDER, FILM, kid="next"), sign_jwt(kid="next"))
admitted("key_64_bytes", "A key of 64 bytes.", jwt(header=named(RFC_KID), kid=RFC_KID),
         allow(FOLDER, FILM, kid=RFC_KID), sign_jwt(kid=RFC_KID))
admitted("key_one_second_before_retirement", "A key serves until it retires.",
         jwt(header=named("old"), kid="old"), allow(FOLDER, FILM, kid="old"), now=OLD_RETIRES - 1)
refused("key_retired_now", "key_one_second_before_retirement", "The key retires this second.",
        deny("retired_key"), now=OLD_RETIRES)
refused("key_retired", "key_one_second_before_retirement", "The key has retired.",
        deny("retired_key"), now=OLD_RETIRES + 300)
header_faults(
    "query", deny("unknown_key"),
    ("kid_unknown", named("nobody"), "No key has this id."),
    ("kid_empty", named(""), "An empty id is an id that no key has."),
    ("kid_upper_case", named("Main"), "Key ids are compared with their case."),
    ("kid_longer", named("main-"), "An id that begins like another."),
    ("kid_shorter", named("mai"), "An id that another begins with."),
    ("kid_blank", named("main "), "Nothing is trimmed."),
    ("kid_path", named("../../dev/null"), "A key id is no file."),
    ("kid_too_long", named("m" * 40), "Longer than any id of a ring."),
)
header_faults("query", BAD,
              ("kid_of_other_key", named("next"), "The tag is made with main under the name of next."))
refused("kid_of_longer_id", "query", "The tag is made with main-2 under the name of main.", BAD,
        url=query(jwt(kid="main-2")))

admitted("key_bound", "A key that serves JWTs only.", jwt(header=named("auth0"), kid="auth0"),
         allow(FOLDER, FILM, kid="auth0"), sign_jwt(kid="auth0"))
UNKNOWN_KEY = deny("unknown_key")
refused("key_bound_to_native", "key_bound", "A key that serves native tokens only.", UNKNOWN_KEY,
        url=query(jwt(header=named("bound"), kid="bound")))
refused("key_bound_to_native_in_this_ring", "key_bound", "The same key, bound to the other format.",
        UNKNOWN_KEY, keys=ring(["main"]) + "\nnative/auth0:" + b64(KEYS["auth0"]))
refused("key_bound_to_native_retired", "key_bound",
        "Of a key for another format nobody learns whether it has retired.", UNKNOWN_KEY,
        keys=ring(["main"]) + "\nnative/auth0:%s@%d" % (b64(KEYS["auth0"]), NOW))
refused("key_bound_kid_with_format", "key_bound", "The format is no part of the id.", UNKNOWN_KEY,
        url=query(jwt(header=named("jwt/auth0"), kid="auth0")))
passes("key_bound_at_both", "The same where native tokens are read as well.",
       allow(FOLDER, FILM, kid="auth0"), query(jwt(header=named("auth0"), kid="auth0")), gate=BOTH)
refused("key_bound_to_native_at_both", "key_bound_at_both", "A key that serves native tokens only.",
        UNKNOWN_KEY, url=query(jwt(header=named("bound"), kid="bound")))


def native(kid):
    return signed(FOLDER, "pg=1&exp=1767225600&kid=%s&dir=2" % kid, kid)


passes("native_key_bound_at_both", "A key that serves native tokens only.",
       allow(FOLDER, FILM, kid="bound"), in_query(FILM, native("bound")), gate=BOTH)
refused("native_key_bound_to_jwt", "native_key_bound_at_both",
        "Who knows the key of the JWTs cannot make native links.", UNKNOWN_KEY,
        url=in_query(FILM, native("auth0")))
passes("key_bound_before_retirement", "A bound key serves until it retires.",
       allow(FOLDER, FILM, kid="auth0"), query(jwt(header=named("auth0"), kid="auth0")), gate=GATE,
       keys=ring(["main", "auth0"], {"auth0": NOW + 1}))
refused("key_bound_retired", "key_bound_before_retirement", "The key retires this second.",
        deny("retired_key"), now=NOW + 1)
admitted("key_first_of_the_format", "A signer takes the first key that serves the format.", TOKEN,
         sign=sign_jwt(), keys=ring(["bound", "main", "next"]))
admitted("key_bound_first", "A bound key may be the first.", jwt(header=named("auth0"), kid="auth0"),
         allow(FOLDER, FILM, kid="auth0"), sign_jwt(), keys=ring(["bound", "auth0", "main"]))

admitted("no_kid_bound", "Without an id every key for JWTs is tried.", jwt(header=NO_KID, kid="auth0"),
         allow(FOLDER, FILM, kid="auth0"))
refused("no_kid_bound_to_native", "no_kid_bound", "A key for native tokens is not tried.", BAD,
        url=query(jwt(header=NO_KID, kid="bound")))
admitted("no_kid_bound_before_retirement", "The only key for JWTs.", jwt(header=NO_KID, kid="auth0"),
         allow(FOLDER, FILM, kid="auth0"), keys=ring(["bound", "auth0"], {"auth0": NOW + 1}))
refused("no_kid_bound_retired", "no_kid_bound_before_retirement",
        "All keys for JWTs have retired; a key for native tokens is there.", deny("retired_key"),
        now=NOW + 1)
refused("no_kid_no_key", "no_kid_bound_before_retirement", "There is no key for JWTs.", UNKNOWN_KEY,
        keys=ring(["bound"]))
refused("no_kid_no_key_at_all", "no_kid_bound_before_retirement",
        "There is no key for JWTs, and the other has retired.", UNKNOWN_KEY,
        keys=ring(["bound"], {"bound": NOW}))

admitted("no_kid_first", "Without an id every key is tried: the first.", jwt(header=NO_KID))
admitted("no_kid_second", "Without an id every key is tried: the second.",
         jwt(header=NO_KID, kid="next"), allow(FOLDER, FILM, kid="next"))
admitted("no_kid_behind_retired", "Without an id every key is tried: the one behind a retired one.",
         jwt(header=NO_KID, kid="main-2"), allow(FOLDER, FILM, kid="main-2"))
admitted("no_kid_last", "Without an id every key is tried: the last.",
         jwt(header=NO_KID, kid=RFC_KID), allow(FOLDER, FILM, kid=RFC_KID))
admitted("no_kid_before_retirement", "Without an id every key is tried, until it retires.",
         jwt(header=NO_KID, kid="old"), allow(FOLDER, FILM, kid="old"), now=OLD_RETIRES - 1)
refused("no_kid_retired_now", "no_kid_before_retirement", "A retired key is not tried.", BAD,
        now=OLD_RETIRES)
FOREIGN = part(NO_KID) + "." + PAYLOAD_PART
refused("no_kid_foreign_key", "no_kid_first", "No key of the ring fits.", BAD,
        url=query(FOREIGN + "." + b64(hmac.new(bytes(32), FOREIGN.encode(), hashlib.sha256).digest())))
refused("no_kid_empty_key", "no_kid_first", "An empty key is in no ring.", BAD,
        url=query(FOREIGN + "." + b64(hmac.new(b"", FOREIGN.encode(), hashlib.sha256).digest())))
passes("no_kid_last_second", "The last second of every key of the ring.",
       allow(FOLDER, FILM, expires=ALL_RETIRED + 600),
       query(jwt(exp(ALL_RETIRED + 600), NO_KID)), gate=GATE, now=ALL_RETIRED - 1)
refused("no_kid_all_retired", "no_kid_last_second", "No key of the ring is left to try.",
        deny("retired_key"), now=ALL_RETIRED)

# 4. The tag


def flipped(bit):
    def change(tag):
        data = bytearray(base64.urlsafe_b64decode(tag + "="))
        data[bit // 8] ^= 0x80 >> bit % 8
        return b64(data)

    return change


def tag_over(message, key="main"):
    """The token with the tag of another message, which is not a valid signing input."""
    data = hmac.new(KEYS[key], message, hashlib.sha256).digest()
    return retag(TOKEN, lambda _: b64(data))


BODY = TOKEN.rpartition(".")[0]
token_faults(
    "query", BAD,
    ("tag_first_bit", retag(TOKEN, flipped(0)), "The first bit is flipped."),
    ("tag_middle_bit", retag(TOKEN, flipped(131)), "A bit in the middle is flipped."),
    ("tag_last_bit", retag(TOKEN, flipped(255)), "The last bit is flipped."),
    ("tag_all_zero", retag(TOKEN, lambda tag: "A" * 43), "All bits are zero."),
    ("tag_by_other_key", tag_over(BODY.encode(), "next"),
     "The tag is made with next under the name of main."),
    ("tag_by_encoded_key", retag(TOKEN, lambda _: b64(hmac.new(
        b64(KEYS["main"]).encode(), BODY.encode(), hashlib.sha256).digest())),
     "The key was used as it is written, not decoded."),
    ("tag_of_sha256", retag(TOKEN, lambda _: b64(hashlib.sha256(
        KEYS["main"] + BODY.encode()).digest())), "A hash of key and input is not HMAC."),
    ("tag_of_payload", tag_over(PAYLOAD_PART.encode()), "The header is left out."),
    ("tag_of_header", tag_over(HEADER_PART.encode()), "The payload is left out."),
    ("tag_of_decoded", tag_over((HEADER + "." + PAYLOAD).encode()),
     "The parts were signed before they were encoded."),
    ("tag_without_dot", tag_over((HEADER_PART + PAYLOAD_PART).encode()), "The dot is left out."),
    ("tag_with_second_dot", tag_over((BODY + ".").encode()), "The input ends before the second dot."),
    ("tag_with_scope", tag_over((FOLDER + "\n" + BODY).encode()),
     "The directory is signed in a native token alone."),
    ("tag_of_other_token", retag(TOKEN, lambda _: OLD_TOKEN.rpartition(".")[2]),
     "The tag of another token."),
    ("payload_changed", ".".join([HEADER_PART, part(exp("1767229200")), TAG_PART]),
     "The expiry is an hour later than the one that was signed."),
    ("payload_added", ".".join([HEADER_PART, part(more('"sub":"admin"')), TAG_PART]),
     "A claim is added."),
    ("payload_respelled", ".".join([HEADER_PART, part(PAYLOAD + " "), TAG_PART]),
     "What is signed is the text, not what it means."),
    ("header_changed", ".".join([part('{"alg":"HS256","kid":"main"}'), PAYLOAD_PART, TAG_PART]),
     "A member is removed from the header."),
)
refused("claim_changed", "query", "The claim and the path are changed together.", BAD,
        url=query(".".join([HEADER_PART, part(vid('"43"')), TAG_PART]), "/videos/43/a.ts"))
NO_KID_TOKEN = jwt(header=NO_KID)
refused("header_kid_added", "no_kid_first", "An id is added after signing.", BAD,
        url=query(".".join([HEADER_PART] + NO_KID_TOKEN.split(".")[1:])))
refused("header_kid_removed", "query", "The id is removed after signing.", BAD,
        url=query(".".join([part(NO_KID), PAYLOAD_PART, TAG_PART])))
refused("tag_bad_path", "path", "A bit is flipped.", BAD, url=path(retag(TOKEN, flipped(0))))
refused("tag_bad_cookie", "cookie", "A bit is flipped.", BAD,
        cookie="token=" + retag(TOKEN, flipped(0)))
refused("tag_bad_bearer", "bearer", "A bit is flipped.", BAD,
        authorization="Bearer " + retag(TOKEN, flipped(0)))

# 5. Times

EXPIRED = deny("expired")
EARLY = deny("not_yet_valid")
admitted("exp_next_second", "One second is left.", TOKEN, now=EXP - 1)
refused("exp_equal_now", "exp_next_second", "The expiry is the first second that is too late.",
        EXPIRED, now=EXP)
refused("exp_last_second", "exp_next_second", "The expiry was a second ago.", EXPIRED, now=EXP + 1)
refused("exp_equal_now_path", "path", "The expiry is the first second that is too late.",
        EXPIRED, now=EXP)
refused("exp_equal_now_cookie", "cookie", "A cookie that counts has to be in time.", EXPIRED,
        now=EXP)
refused("exp_equal_now_bearer", "bearer", "The expiry is the first second that is too late.",
        EXPIRED, now=EXP)
payload_faults(
    "query", EXPIRED,
    ("exp_zero", exp("0"), "Zero is a number, and long ago."),
    ("exp_exponent_long_ago", exp("1e9"), "In 2001."),
    ("exp_tiny", exp("1e-7"), "A part of the first second."),
)
admitted("exp_fraction_after", "The expiry is a little more than a second from now.",
         jwt(exp("1767225001.5")), allow(FOLDER, FILM, expires=NOW + 1))
payload_faults(
    "exp_fraction_after", EXPIRED,
    ("exp_fraction_within", exp("1767225000.5"), "Half a second is left, and rounded down."),
    ("exp_fraction_before", exp("1767224999.5"), "The expiry was half a second ago."),
)
refused("exp_fraction_equal_now", "exp_fraction", "Three quarters of a second are left.", EXPIRED,
        now=EXP)
admitted("nbf_equal_now", "The first second that counts.", jwt(nbf("1767225000")))
admitted("nbf_fraction_before", "A little less than a second ago, and rounded up to now.",
         jwt(nbf("1767224999.5")))
payload_faults(
    "nbf_equal_now", EARLY,
    ("nbf_next_second", nbf("1767225001"), "The token begins a second from now."),
    ("nbf_fraction_within", nbf("1767225000.5"), "The token begins within this second."),
    ("nbf_largest", nbf("9007199254740991"), "2^53 - 1 is a number, and far away."),
    ("nbf_exponent_later", nbf("2e9"), "In 2033."),
)
refused("nbf_fraction_second_before", "nbf_fraction_before", "The beginning is rounded up.", EARLY,
        now=NOW - 1)
admitted("leeway_last_second", "The gate's leeway of 30 seconds is nearly used up.", TOKEN,
         gate=gate(leeway=30), now=EXP + 29)
refused("leeway_used_up", "leeway_last_second", "The leeway ends like the expiry.", EXPIRED,
        now=EXP + 30)
refused("leeway_none", "leeway_last_second", "Without a configuration there is no leeway.",
        EXPIRED, gate=GATE)
admitted("leeway_before", "The gate's leeway counts before the beginning as well.",
         jwt(nbf("1767225030")), gate=gate(leeway=30))
refused("leeway_before_too_short", "leeway_before", "A second more than the leeway.", EARLY,
        now=NOW - 1)
refused("leeway_before_none", "leeway_before", "Without a configuration there is no leeway.",
        EARLY, gate=GATE)
FARTHEST = NOW + 100 * 365 * 86400
TOO_FAR = deny("expires_too_far")
admitted("exp_farthest", "A hundred years of 365 days.", jwt(exp(FARTHEST)),
         allow(FOLDER, FILM, expires=FARTHEST),
         {"url": HOST + FILM, "expires_at": FARTHEST, "format": "jwt", "claims": {"vid": "42"}})
admitted("exp_farthest_fraction", "The expiry is rounded down before it is compared.",
         jwt(exp("%d.5" % FARTHEST)), allow(FOLDER, FILM, expires=FARTHEST))
admitted("exp_farthest_leeway", "Leeway does not shorten them.", jwt(exp(FARTHEST)),
         allow(FOLDER, FILM, expires=FARTHEST), gate=gate(leeway=30))
admitted("exp_farthest_nbf", "A token that begins now.",
         jwt('{"vid":"42","exp":%d,"nbf":%d}' % (FARTHEST, NOW)), allow(FOLDER, FILM, expires=FARTHEST))
payload_faults(
    "exp_farthest", TOO_FAR,
    ("exp_too_far", exp(FARTHEST + 1), "A second more."),
    ("exp_in_milliseconds", exp(EXP * 1000), "Milliseconds for seconds."),
    ("exp_in_microseconds", exp(EXP * 1000000), "Microseconds for seconds."),
    ("exp_forever", exp(9007199254740991), "A token that never ends."),
    ("exp_too_far_exponent", exp("1e13"), "Another spelling of a number too large."),
)
refused("exp_too_far_a_second_ago", "exp_farthest", "A second ago it was a second more.", TOO_FAR,
        now=NOW - 1)
refused("exp_too_far_leeway", "exp_farthest_leeway", "Leeway does not lengthen them.", TOO_FAR,
        url=query(jwt(exp(FARTHEST + 1))))
refused("exp_too_far_path", "path", "A second more.", TOO_FAR, url=path(jwt(exp(FARTHEST + 1))))
refused("exp_too_far_cookie", "cookie", "A second more.", TOO_FAR,
        cookie="token=" + jwt(exp(FARTHEST + 1)))
refused("exp_too_far_bearer", "bearer", "A second more.", TOO_FAR,
        authorization="Bearer " + jwt(exp(FARTHEST + 1)))
refused("exp_farthest_early", "exp_farthest_nbf",
        "Neither begun nor within a hundred years: the beginning comes first.", EARLY, now=NOW - 1)
CAP = gate(max_lifetime=600)
LONG = deny("lifetime_too_long")
admitted("lifetime_longest", "Just as long as the operator allows.", TOKEN, gate=CAP)
admitted("lifetime_fraction", "The expiry is rounded down before it is compared.",
         jwt(exp("1767225600.5")), gate=CAP)
refused("lifetime_too_long", "lifetime_longest", "A second longer than the operator allows.",
        LONG, now=NOW - 1)
refused("lifetime_cap_lower", "lifetime_longest", "The operator allows a second less.", LONG,
        gate=gate(max_lifetime=599))
refused("lifetime_milliseconds", "lifetime_longest",
        "Milliseconds for seconds: a fault of its own, which comes before the cap.", TOO_FAR,
        url=query(jwt(exp("1767225600000"))))
refused("lifetime_farthest", "lifetime_longest", "A hundred years are longer than the operator allows.",
        LONG, url=query(jwt(exp(FARTHEST))))
admitted("lifetime_with_leeway", "Leeway does not shorten the cap.", TOKEN,
         gate=gate(max_lifetime=600, leeway=30))
refused("lifetime_leeway_added", "lifetime_with_leeway", "Leeway does not lengthen the cap.", LONG,
        gate=gate(max_lifetime=599, leeway=30))
admitted("lifetime_iat_ignored", "The cap counts from now, whatever the token says of its birth.",
         jwt(more('"iat":1700000000')), gate=CAP)

# 6. Bindings

WRONG_AUDIENCE = deny("wrong_audience")
payload_faults(
    "aud", WRONG_AUDIENCE,
    ("aud_missing", PAYLOAD, "The gate's name has to be in the token."),
    ("aud_other", aud('"edge.2"'), "The token is for another deployment."),
    ("aud_upper_case", aud('"Edge.1"'), "Names are compared with their case."),
    ("aud_longer", aud('"edge.10"'), "A name that begins like the gate's."),
    ("aud_shorter", aud('"edge"'), "A name that the gate's begins with."),
    ("aud_of_two_words", aud('"edge.0 edge.1"'), "One text is one name."),
    ("aud_empty", aud('""'), "An empty name is another name."),
)
payload_faults(
    "aud_list", WRONG_AUDIENCE,
    ("aud_list_without", aud('["edge.0","edge.2"]'), "The gate's name is not in the list."),
    ("aud_list_empty", aud("[]"), "The list is empty."),
    ("aud_list_longer", aud('["edge.0","edge.10"]'), "A name that begins like the gate's."),
)
refused("aud_of_other_gate", "aud", "The gate is another deployment.", WRONG_AUDIENCE,
        gate=gate(audience="edge.2"))
refused("aud_not_at_gate", "aud", "A gate without a name is not the one that is meant.",
        WRONG_AUDIENCE, gate=GATE)
refused("aud_list_not_at_gate", "aud_list", "A gate without a name is not the one that is meant.",
        WRONG_AUDIENCE, gate=GATE)
refused("aud_list_empty_not_at_gate", "query", "A token for nobody is not for this gate.",
        WRONG_AUDIENCE, url=query(jwt(aud("[]"))))
refused("aud_empty_not_at_gate", "query", "An empty name is a name, which the gate has not.",
        WRONG_AUDIENCE, url=query(jwt(aud('""'))))

WRONG_ISSUER = deny("wrong_issuer")
payload_faults(
    "iss", WRONG_ISSUER,
    ("iss_missing", PAYLOAD, "The gate's issuer has to be in the token."),
    ("iss_other", iss('"https://id.example.net"'), "Somebody else made the token."),
    ("iss_upper_case", iss('"https://ID.example.com"'), "Names are compared byte for byte."),
    ("iss_slash_added", iss('"https://id.example.com/"'), "Names are compared byte for byte."),
    ("iss_shorter", iss('"https://id.example"'), "A name that the gate's begins with."),
    ("iss_empty", iss('""'), "An empty name is another name."),
)
refused("iss_of_other_gate", "iss", "The gate wants another issuer.", WRONG_ISSUER,
        gate=gate(issuer="https://id.example.net"))

admitted("aud_and_iss", "Audience and issuer are the gate's.",
         jwt(more('"iss":"joe","aud":"edge.1"')), gate=gate(audience="edge.1", issuer="joe"))
refused("aud_and_iss_of_other_gate", "aud_and_iss",
        "The gate is another operator's; the audience comes first.",
        WRONG_AUDIENCE, gate=gate(audience="edge.2", issuer="jane"))

# RFC 7515, appendix A.1

RFC_BEFORE = 1300819379
passes("rfc7515_a1_with_claim", "The example of RFC 7515, appendix A.1, and a claim for the template.",
       allow(FOLDER, FILM, kid=RFC_KID, expires=1300819380),
       query(jwt(RFC_PAYLOAD[:-1] + ',\r\n "vid":"42"}', RFC_HEADER, RFC_KID)), gate=GATE,
       now=RFC_BEFORE)
assert jwt(RFC_PAYLOAD, RFC_HEADER, RFC_KID) == RFC_TOKEN
refused("rfc7515_a1", "rfc7515_a1_with_claim",
        "The example of RFC 7515, appendix A.1, as it is published: it names no directory.",
        MISSING_CLAIM, url=query(RFC_TOKEN))
refused("rfc7515_a1_expired", "rfc7515_a1_with_claim", "It was made for 2011.", EXPIRED,
        now=1300819380)

# The members of a request to sign

ALL = ('{"vid":"42","iss":"https://id.example.com","sub":"v7","aud":"edge.1","exp":1767225600,'
       '"iat":1767225000,"nbf":1767224000,"jti":"Ab-9_z","sid":"s1","run":14400}')
ALL_MEMBERS = {
    "issuer": "https://id.example.com", "sub": "v7", "audience": "edge.1",
    "not_before": 1767224000, "jti": "Ab-9_z", "sid": "s1", "run": 14400,
}
ALL_GATE = gate(audience="edge.1", issuer="https://id.example.com")
admitted("all_claims", "Every claim at once.", jwt(ALL), gate=ALL_GATE,
         sign=sign_jwt(**ALL_MEMBERS))
passes("all_claims_path", "Every claim at once, in the path.", ALLOW, path(jwt(ALL)),
       sign_jwt(place="path", kid="main", **ALL_MEMBERS), ALL_GATE)
admitted("all_claims_at_both", "Every claim at once, where native tokens are read as well.",
         jwt(ALL), gate=dict(BOTH, audience="edge.1", issuer="https://id.example.com"))

for name, about, members in (
    ("sign_expires_in", "The lifetime in seconds.", {"expires_in": 600}),
    ("sign_expires_in_minutes", "The lifetime with a unit.", {"expires_in": "10m"}),
    ("sign_default_lifetime", "The lifetime is 10 minutes where none is said.", {}),
    ("sign_date", "The expiry as a date and time.", {"expires_at": "2026-01-01T00:00:00Z"}),
    ("sign_place_query", "The placement is said.", {"expires_at": EXP, "place": "query"}),
    ("sign_kid", "The key is said.", {"expires_at": EXP, "kid": "main"}),
    ("sign_name", "The name is said.", {"expires_at": EXP, "jwt_name": "token"}),
):
    passes(name, about, ALLOW, query(TOKEN),
           dict({"url": HOST + FILM, "format": "jwt", "claims": {"vid": "42"}}, **members), GATE)
for name, about, payload, now, made, members in (
    ("sign_sub", "Of a viewer a signer says when it signed.",
     '{"vid":"42","sub":"v7","exp":1767225600,"iat":1767225000}', NOW, EXP,
     {"expires_at": EXP, "sub": "v7"}),
    ("sign_sid", "Of a playback a signer says when it signed.",
     '{"vid":"42","exp":1767225600,"iat":1767225000,"sid":"s1"}', NOW, EXP,
     {"expires_at": EXP, "sid": "s1"}),
    ("sign_sid_and_sub_without_iat", "Unless told not to.",
     '{"vid":"42","sub":"v7","exp":1767225600,"sid":"s1"}', NOW, EXP,
     {"expires_at": EXP, "sid": "s1", "sub": "v7", "no_iat": True}),
    ("sign_iat_now", "The time of signing is the signer's clock.",
     '{"vid":"42","sub":"v7","exp":1767225600,"iat":1767225299}', NOW + 299, EXP,
     {"expires_at": EXP, "sub": "v7"}),
    ("sign_round", "The expiry is rounded up to a multiple.",
     '{"vid":"42","exp":1767225900}', NOW + 1, NOW + 900, {"expires_in": 600, "round": 300}),
    ("sign_round_multiple", "A multiple stays what it is.",
     '{"vid":"42","exp":1767225600}', NOW, EXP, {"expires_in": 600, "round": "5m"}),
    ("sign_round_iat", "The time of signing is the first that has the same expiry.",
     '{"vid":"42","sub":"v7","exp":1767225900,"iat":1767225001}', NOW + 299, NOW + 900,
     {"expires_in": 600, "round": "5m", "sub": "v7"}),
):
    admitted(name, about, jwt(payload), allow(FOLDER, FILM, expires=made),
             {"url": HOST + FILM, "format": "jwt", "claims": {"vid": "42"}, **members}, now=now)
admitted("sign_run_hours", "A playback with a unit.", jwt(run("14400")), sign=sign_jwt(run="4h"))
admitted("sign_not_before_date", "The beginning as a date and time.", jwt(nbf("1767224000")),
         sign=sign_jwt(not_before="2025-12-31T23:33:20Z"))
admitted("sign_claims_in_their_order", "Claims stand in the order in which they are given.",
         jwt('{"vid":"42","plan":"gold","app":7,"exp":1767225600}'),
         sign=sign_jwt(claims={"vid": "42", "plan": "gold", "app": 7}))
admitted("sign_claim_text", "Text is escaped no more than it has to be.",
         jwt('{"name":"J\u00f6rg \\"/\\\\\\n","vid":"42","exp":1767225600}'),
         sign=sign_jwt(claims={"name": 'J\u00f6rg "/\\\n', "vid": "42"}))
passes("sign_path_query", "A query stays behind a token in the path.", ALLOW,
       path(TOKEN, FILM + "?v=2"), sign_jwt(FILM + "?v=2", place="path"), GATE)
passes("sign_other_spelling", "A link has the canonical spelling of its path.", ALLOW,
       query(TOKEN), sign_jwt("/videos/%34%32/a.ts"), GATE)


if __name__ == "__main__":
    assert len(vectors) >= 100
    write_or_check(
        FILE, "make_jwt.py",
        "Vectors of JSON Web Tokens, written by make_jwt.py. The keys are for development: bytes "
        "that count upwards, and rfc7515-a1, the key that RFC 7515 publishes in appendix A.1. "
        "Everybody knows them. behind_url_parser is the verdict on the URL as a URL parser writes "
        "it and a client sends it, without its fragment. It holds where that URL is another one.",
        RETIRES,
    )
