#!/usr/bin/env python3
"""Writes native.json, the vectors of the native token.

    python3 tests/vectors/make.py            write tests/vectors/native.json
    python3 tests/vectors/make.py --check    fail if the file is not what would be written

vector_file.py says how vectors are stated.
"""

import hashlib
import hmac
import pathlib

from vector_file import (
    EXP, HOST, KEYS, NOW, OLD_RETIRES, allow, b64, deny, in_path, in_query, malformed, passes,
    raw_tag, refused, ring, signed, to_sign, write_or_check,
)

FILE = pathlib.Path(__file__).with_name("native.json")

LONGEST_ID = "the-longest-key-id_32-characters"
KEYS["wide"] = bytes(range(100, 200))  # longer than a block of SHA-256, which HMAC hashes first
KEYS[LONGEST_ID] = bytes(range(200, 232))

FILM = "/videos/42/film.mp4"
LIST = "/videos/42/master.m3u8"
FOLDER = "/videos/42/"
HEAD = "pg=1&exp=1767225600&kid=main"


# Making requests


def film(fields="", head=HEAD, kid="main"):
    """The film, exactly, with these fields in the token."""
    return in_query(FILM, signed(FILM, head + fields, kid))


def film_body(body):
    """The film, exactly, with this whole token before its tag."""
    return in_query(FILM, signed(FILM, body))


def folder(target=LIST, fields="&dir=2", scope=FOLDER):
    """A target with a token in its query, signed for this directory."""
    return in_query(target, signed(scope, HEAD + fields))


def retag(url, change):
    """The same link with a changed tag. The tag must be at the end."""
    head, mark, tag = url.rpartition("&sig=")
    return head + mark + change(tag)


# 1. Placement

ALLOW_FILM = allow(FILM, FILM)
ALLOW_LIST = allow(FOLDER, LIST)
EXACT_TOKEN = signed(FILM, HEAD)
FOLDER_TOKEN = signed(FOLDER, HEAD + "&dir=2")
OLD_TOKEN = signed(FOLDER, "pg=1&exp=1767224000&kid=main&dir=2")

passes("film_query", "One film, the token in the query.", ALLOW_FILM,
       film(), to_sign(FILM))
passes("film_path", "One film, the token in the path.", ALLOW_FILM,
       in_path(FILM, EXACT_TOKEN), to_sign(FILM, place="path"))
passes("film_cookie", "One film, the token in a cookie.", ALLOW_FILM,
       HOST + FILM, cookie=EXACT_TOKEN)
passes("film_bearer", "One film, the token in the Authorization header.", ALLOW_FILM,
       HOST + FILM, authorization="Bearer " + EXACT_TOKEN)
passes("folder_query", "A directory, the token in the query.", ALLOW_LIST,
       folder(), to_sign(LIST, dir=2, place="query"))
passes("folder_path", "A directory, the token in the path.", ALLOW_LIST,
       in_path(LIST, FOLDER_TOKEN), to_sign(LIST, dir=2, place="path"))
passes("folder_cookie", "A directory, the token in a cookie.", ALLOW_LIST,
       HOST + LIST, cookie=FOLDER_TOKEN)
passes("folder_bearer", "A directory, the token in the Authorization header.", ALLOW_LIST,
       HOST + LIST, authorization="Bearer " + FOLDER_TOKEN)

passes("http_scheme", "The scheme is not signed.",
       allow(FILM, FILM, host="http://cdn.example.com"),
       in_query(FILM, EXACT_TOKEN, "http://cdn.example.com"),
       {"url": "http://cdn.example.com" + FILM, "expires_at": EXP})
passes("other_host", "The host is not signed, so one link serves behind every name.",
       allow(FILM, FILM, host="https://media.example.net"),
       in_query(FILM, EXACT_TOKEN, "https://media.example.net"))
passes("other_port", "The port is not signed.",
       allow(FILM, FILM, host="http://127.0.0.1:8787"),
       in_query(FILM, EXACT_TOKEN, "http://127.0.0.1:8787"))
passes("root", "The path may be / alone.", allow("/", "/"),
       in_query("/", signed("/", HEAD)), to_sign("/"))
passes("root_path_token", "The path behind a token in the path may be / alone.", allow("/", "/"),
       in_path("/", signed("/", HEAD)), to_sign("/", place="path"))

passes("bearer_lower_case", "The scheme of Authorization is the same in every case.", ALLOW_FILM,
       HOST + FILM, authorization="bearer " + EXACT_TOKEN)
passes("bearer_upper_case", "The scheme of Authorization is the same in every case.", ALLOW_FILM,
       HOST + FILM, authorization="BEARER " + EXACT_TOKEN)
passes("cookie_among_others", "Other cookies stand around the token.", ALLOW_LIST,
       HOST + LIST, cookie="theme=dark; " + FOLDER_TOKEN + "; lang=pt; xpg=1")
passes("cookie_without_spaces", "The spaces between cookies may be missing.", ALLOW_LIST,
       HOST + LIST, cookie="theme=dark;" + FOLDER_TOKEN + ";lang=pt")
passes("cookie_beside_query", "A cookie does not count where there is a token in the query.",
       ALLOW_FILM, film(), cookie=FOLDER_TOKEN)
passes("old_cookie_beside_query", "An expired cookie does not spoil a new link.",
       ALLOW_FILM, film(), cookie=OLD_TOKEN)
passes("old_cookie_beside_path", "An expired cookie does not spoil a new link.",
       ALLOW_LIST, in_path(LIST, FOLDER_TOKEN), cookie=OLD_TOKEN)
passes("old_cookie_beside_bearer", "An expired cookie does not spoil a new token.",
       ALLOW_LIST, HOST + LIST, cookie=OLD_TOKEN, authorization="Bearer " + FOLDER_TOKEN)
passes("two_cookies_beside_query", "Cookies that do not count are not counted.",
       ALLOW_FILM, film(), cookie=OLD_TOKEN + "; " + FOLDER_TOKEN)
passes("broken_cookie_beside_query", "A cookie that does not count is not read.",
       ALLOW_FILM, film(), cookie="pg=nonsense")
passes("basic_beside_query", "Basic authorization is somebody else's.",
       ALLOW_FILM, film(), authorization="Basic dXNlcjpwYXNz")
passes("other_bearer_beside_query", "A bearer that is no Playgate token is somebody else's.",
       ALLOW_FILM, film(), authorization="Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln")
passes("basic_beside_cookie", "Authorization that does not count leaves the cookie in force.",
       ALLOW_LIST, HOST + LIST, cookie=FOLDER_TOKEN, authorization="Basic dXNlcjpwYXNz")

MISSING = deny("missing")
BAD = deny("bad_signature")
refused("token_missing", "film_query", "There is no token at all.", MISSING, url=HOST + FILM)
refused("query_name_upper_case", "film_query", "PG is not pg.", MISSING,
        url=film_body("PG=1&exp=1767225600&kid=main"))
refused("query_name_percent_encoded", "film_query", "Names are compared without decoding.",
        MISSING, url=film_body("%70g=1&exp=1767225600&kid=main"))
refused("token_in_fragment", "film_query", "What follows # is not part of a request.", MISSING,
        url=HOST + FILM + "#" + EXACT_TOKEN, behind=MISSING)
refused("path_token_in_second_segment", "folder_path",
        "A token in the path is the first segment or none.", MISSING,
        url=HOST + "/videos/" + FOLDER_TOKEN + "/42/master.m3u8")
refused("path_token_after_empty_segment", "folder_path",
        "The first segment is empty, so it is not the token.", MISSING,
        url=HOST + "//" + FOLDER_TOKEN + LIST)
refused("path_name_upper_case", "folder_path", "PG= is not pg=.", MISSING,
        url=in_path(LIST, signed(FOLDER, "PG" + HEAD[2:] + "&dir=2")))
refused("cookie_missing", "cookie_among_others", "None of the cookies is a token.", MISSING,
        cookie="theme=dark; lang=pt; xpg=1")
refused("cookie_name_longer", "folder_cookie", "A cookie named xpg is another cookie.", MISSING,
        cookie="x" + FOLDER_TOKEN)
refused("cookies_parted_by_comma", "cookie_among_others",
        "Cookies are parted by semicolons, so this is one cookie named theme.", MISSING,
        cookie="theme=dark, " + FOLDER_TOKEN)
refused("bearer_two_spaces", "folder_bearer", "One space follows the scheme.", MISSING,
        authorization="Bearer  " + FOLDER_TOKEN)
refused("bearer_without_scheme", "folder_bearer", "Authorization has a scheme.", MISSING,
        authorization=FOLDER_TOKEN)
refused("bearer_under_basic", "folder_bearer", "A token is never under another scheme.", MISSING,
        authorization="Basic " + FOLDER_TOKEN)
refused("bearer_no_playgate_token", "folder_bearer", "Another bearer token is not read.", MISSING,
        authorization="Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln")

AMBIGUOUS = deny("ambiguous")
refused("token_in_path_and_query", "folder_path", "Two tokens, each of them good.", AMBIGUOUS,
        url=in_path(LIST + "?" + FOLDER_TOKEN, FOLDER_TOKEN))
refused("token_in_path_and_bearer", "folder_path", "Two tokens, each of them good.", AMBIGUOUS,
        authorization="Bearer " + FOLDER_TOKEN)
refused("token_in_query_and_bearer", "folder_query", "Two tokens, each of them good.", AMBIGUOUS,
        authorization="Bearer " + FOLDER_TOKEN)
refused("token_in_cookie_path_and_query", "old_cookie_beside_path",
        "The cookie does not count, the two others do.", AMBIGUOUS,
        url=in_path(LIST + "?" + FOLDER_TOKEN, FOLDER_TOKEN))
refused("token_in_cookie_query_and_bearer", "cookie_beside_query",
        "The cookie does not count, the two others do.", AMBIGUOUS,
        authorization="Bearer " + EXACT_TOKEN)
refused("two_tokens_in_query", "folder_query", "Two tokens, each of them good.", AMBIGUOUS,
        url=folder() + "&" + FOLDER_TOKEN)
refused("two_tokens_in_path", "folder_path", "Two tokens, each of them good.", AMBIGUOUS,
        url=in_path("/" + FOLDER_TOKEN + LIST, FOLDER_TOKEN))
refused("pg_after_token", "folder_query", "A second parameter pg may be a second token.",
        AMBIGUOUS, url=folder() + "&pg=2")
refused("cookie_good_query_tag_bad", "cookie_beside_query",
        "A good cookie does not rescue a bad link.", deny("bad_signature"),
        url=film_body("pg=1&exp=1767225601&kid=main").replace("exp=1767225601", "exp=1767225600"))

# 1. Several cookies


def cookies(*tokens):
    return "; ".join(tokens)


NESTED_TOKEN = signed("/videos/42/hd/", HEAD + "&dir=3")
PARENT_TOKEN = signed("/videos/", HEAD + "&dir=1")
TOSSED = FOLDER_TOKEN[:-43] + "A" * 43
# One token that fails at each check, in the order of the checks.
FAILS = (
    ("malformed", "pg=nonsense", malformed("pg")),
    ("unknown_key", signed(FOLDER, "pg=1&exp=1767225600&kid=nobody&dir=2", "main"), deny("unknown_key")),
    ("tossed", TOSSED, deny("bad_signature")),
    ("expired", OLD_TOKEN, deny("expired")),
    ("wrong_audience", signed(FOLDER, "pg=1&exp=1767225600&kid=main&aud=edge.1&dir=2"),
     deny("wrong_audience")),
)
# Others that fail at the same checks.
ALIKE = (
    ("malformed", "outside_scope", NESTED_TOKEN, deny("outside_scope")),
    ("unknown_key", "retired_key", signed(FOLDER, "pg=1&exp=1767225600&kid=old&dir=2", "old"),
     deny("retired_key")),
    ("expired", "not_yet_valid", signed(FOLDER, HEAD + "&dir=2&nbf=1767225001"), deny("not_yet_valid")),
    ("expired", "expires_too_far", signed(FOLDER, "pg=1&exp=1767225600000&kid=main&dir=2"),
     deny("expires_too_far")),
    ("wrong_audience", "wrong_network", signed(FOLDER, HEAD + "&dir=2&ip=cb007100-24"),
     deny("wrong_network")),
    ("wrong_audience", "wrong_purpose", signed(LIST, HEAD + "&gen=1"), deny("wrong_purpose")),
)


def with_cookies(name, about, *tokens, expect=ALLOW_LIST):
    passes(name, about, expect, HOST + LIST, cookie=cookies(*tokens))


with_cookies("two_cookies", "Two tokens, each of them good.", FOLDER_TOKEN, FOLDER_TOKEN)
with_cookies("two_cookies_narrow_first", "Of two that pass, the first counts.",
             FOLDER_TOKEN, PARENT_TOKEN)
with_cookies("two_cookies_wide_first", "Of two that pass, the first counts.",
             PARENT_TOKEN, FOLDER_TOKEN, expect=allow("/videos/", LIST))
with_cookies("cookies_nested", "A browser sends the cookie of a deeper directory first.",
             NESTED_TOKEN, FOLDER_TOKEN, PARENT_TOKEN)
with_cookies("cookies_without_value", "A pair without an equals sign is no cookie.",
             *["pg"] * 8, FOLDER_TOKEN)
passes("two_cookies_exact", "Two tokens for one film.", ALLOW_FILM, HOST + FILM,
       cookie=cookies(signed(FILM, "pg=1&exp=1767224000&kid=main"), EXACT_TOKEN))
STAGES = FAILS + tuple(case[1:] for case in ALIKE)
for name, token, verdict in STAGES:
    with_cookies("cookies_%s_first" % name, "A cookie that fails does not lock out the next.",
                 token, FOLDER_TOKEN)
    with_cookies("cookies_%s_second" % name, "After a cookie that passes none counts.",
                 FOLDER_TOKEN, token)
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
PREVIEW = signed(FOLDER, "pg=1&exp=1767225600&kid=next&dir=2&pre=30", "next")
OTHER_PREVIEW = signed(FOLDER, HEAD + "&dir=2&pre=30")
ALLOW_PREVIEW = allow(FOLDER, LIST, kid="next")
with_cookies("cookies_preview_first", "A preview gives way to a token that opens more.",
             PREVIEW, FOLDER_TOKEN)
with_cookies("cookies_preview_second", "A preview after one that opens more.", FOLDER_TOKEN, PREVIEW)
with_cookies("cookies_preview_and_expired", "A preview counts where no other passes.",
             PREVIEW, OLD_TOKEN, expect=ALLOW_PREVIEW)
with_cookies("cookies_two_previews", "Of two previews the first counts.", PREVIEW, OTHER_PREVIEW,
             expect=ALLOW_PREVIEW)
with_cookies("cookies_two_previews_in_other_order", "Of two previews the first counts.",
             OTHER_PREVIEW, PREVIEW)
with_cookies("cookies_preview_and_ninth", "A ninth token takes nothing from a preview.",
             PREVIEW, *[TOSSED] * 7, FOLDER_TOKEN, expect=ALLOW_PREVIEW)
with_cookies("cookies_eight", "The eighth token is tried.", *[TOSSED] * 7, FOLDER_TOKEN)
with_cookies("cookies_eight_among_others", "Other cookies are not counted.",
             *["theme=dark", TOSSED] * 7, "xpg=1", "PG=1", FOLDER_TOKEN)
refused("cookies_nine", "cookies_eight", "The ninth token is not tried.", BAD,
        cookie=cookies(*[TOSSED] * 8, FOLDER_TOKEN))
refused("cookies_nine_malformed", "cookies_eight", "A broken token is one of the eight.",
        malformed("pg"), cookie=cookies(*["pg=nonsense"] * 8, FOLDER_TOKEN))
refused("cookies_ninth_further", "cookies_eight", "The ninth token gives no reason either.",
        BAD, cookie=cookies(*[TOSSED] * 8, OLD_TOKEN))
refused("cookie_without_value", "folder_cookie", "A pair without an equals sign is no cookie.",
        MISSING, cookie="pg")
refused("cookies_good_query_expired", "cookie_beside_query",
        "A good cookie does not rescue an expired link.", deny("expired"),
        url=film(head="pg=1&exp=1767224000&kid=main"))

# 2. Grammar: the fields that every token has

UNKNOWN_FIELD = deny("unknown_field")
UNSUPPORTED = deny("unsupported_version")


def film_faults(field, *cases):
    """Faults in the token of film_query; the tag matches the faulty token."""
    for name, body, about in cases:
        refused(name, "film_query", about, malformed(field), url=film_body(body))


for name, version in (("version_2", "2"), ("version_0", "0"), ("version_10", "10")):
    refused(name, "film_query", "A version that is not spoken here.", UNSUPPORTED,
            url=film_body("pg=%s&exp=1767225600&kid=main" % version))
refused("version_2_path", "folder_path", "A version that is not spoken here.", UNSUPPORTED,
        url=in_path(LIST, signed(FOLDER, "pg=2&exp=1767225600&kid=main&dir=2")))
film_faults(
    "pg",
    ("pg_empty", "pg=&exp=1767225600&kid=main", "The version is empty."),
    ("pg_without_value", "pg&exp=1767225600&kid=main", "The version has no value."),
    ("pg_leading_zero", "pg=01&exp=1767225600&kid=main", "A number has one spelling."),
    ("pg_plus", "pg=+1&exp=1767225600&kid=main", "A number has no sign."),
    ("pg_minus", "pg=-1&exp=1767225600&kid=main", "A number has no sign."),
    ("pg_letter", "pg=v1&exp=1767225600&kid=main", "The version is a number."),
    ("pg_repeated", "pg=1&pg=1&exp=1767225600&kid=main", "A field stands once."),
)
film_faults(
    "exp",
    ("exp_missing", "pg=1&kid=main", "There is no expiry."),
    ("exp_empty", "pg=1&exp=&kid=main", "The expiry is empty."),
    ("exp_without_value", "pg=1&exp&kid=main", "The expiry has no value."),
    ("exp_leading_zero", "pg=1&exp=01767225600&kid=main", "A number has one spelling."),
    ("exp_plus", "pg=1&exp=+1767225600&kid=main", "A number has no sign."),
    ("exp_minus", "pg=1&exp=-1767225600&kid=main", "A number has no sign."),
    ("exp_fraction", "pg=1&exp=1767225600.0&kid=main", "A number is whole."),
    ("exp_exponent", "pg=1&exp=2e9&kid=main", "A number is written out."),
    ("exp_hex", "pg=1&exp=0x6955b900&kid=main", "A number is decimal."),
    ("exp_date", "pg=1&exp=2026-01-01&kid=main", "A time is unix seconds."),
    ("exp_percent_encoded", "pg=1&exp=%31767225600&kid=main", "A value is never decoded."),
    ("exp_too_large", "pg=1&exp=9007199254740992&kid=main",
     "2^53: JavaScript can no longer tell it from 2^53 + 1."),
    ("exp_beyond_64_bits", "pg=1&exp=18446744075476777216&kid=main",
     "2^64 + 1767225600 would wrap around to a good expiry."),
    ("exp_repeated", "pg=1&exp=1767225600&exp=1767225600&kid=main", "A field stands once."),
    ("exp_after_kid", "pg=1&kid=main&exp=1767225600", "The expiry is the second field."),
)
passes("exp_largest", "2^53 - 1 is the last expiry, and a second from now.",
       allow(FILM, FILM, expires=9007199254740991),
       film_body("pg=1&exp=9007199254740991&kid=main"), now=9007199254740990)
refused("exp_larger", "exp_largest", "2^53 is a second later, and no number here.",
        malformed("exp"), url=film_body("pg=1&exp=9007199254740992&kid=main"))
refused("exp_name_upper_case", "film_query", "EXP is not exp.", UNKNOWN_FIELD,
        url=film_body("pg=1&EXP=1767225600&kid=main"))
film_faults(
    "kid",
    ("kid_missing", "pg=1&exp=1767225600", "There is no key id."),
    ("kid_empty", "pg=1&exp=1767225600&kid=", "The key id is empty."),
    ("kid_without_value", "pg=1&exp=1767225600&kid", "The key id has no value."),
    ("kid_dot", HEAD + ".", "A key id has no dot."),
    ("kid_equals_sign", HEAD + "=", "A value has no equals sign."),
    ("kid_percent_encoded", "pg=1&exp=1767225600&kid=m%61in", "A value is never decoded."),
    ("kid_repeated", HEAD + "&kid=main", "A field stands once."),
    ("dir_before_kid", "pg=1&exp=1767225600&dir=2&kid=main", "The key id is the third field."),
)
passes("kid_longest", "A key id of 32 characters.", allow(FILM, FILM, kid=LONGEST_ID),
       film(head="pg=1&exp=1767225600&kid=" + LONGEST_ID, kid=LONGEST_ID),
       to_sign(FILM, kid=LONGEST_ID))
refused("kid_too_long", "kid_longest", "A key id of 33 characters.", malformed("kid"),
        url=film(head="pg=1&exp=1767225600&kid=" + LONGEST_ID + "x", kid=LONGEST_ID))

# 2. Grammar: the tag as it is written

SPELLED_TAG = raw_tag(FILM, HEAD)
refused("sig_missing", "film_query", "There is no tag.", malformed("sig"),
        url=in_query(FILM, HEAD))
refused("sig_missing_path", "folder_path", "There is no tag.", malformed("sig"),
        url=in_path(LIST, HEAD + "&dir=2"))
refused("sig_empty", "film_query", "The tag is empty.", malformed("sig"),
        url=retag(film(), lambda tag: ""))
refused("sig_without_value", "film_query", "The tag has no value.", malformed("sig"),
        url=in_query(FILM, HEAD + "&sig"))
refused("sig_clipped", "film_query", "The last character of the tag is lost.", malformed("sig"),
        url=retag(film(), lambda tag: tag[:-1]))
refused("sig_clipped_to_half", "film_query", "The first 16 bytes of the tag.", malformed("sig"),
        url=retag(film(), lambda tag: b64(SPELLED_TAG[:16])))
refused("sig_too_long", "film_query", "A byte too many follows the tag.", malformed("sig"),
        url=retag(film(), lambda tag: b64(SPELLED_TAG + b"\0")))
refused("sig_padded", "film_query", "The tag is padded.", malformed("sig"),
        url=film() + "=")
refused("sig_tail_bits", "film_query",
        "The two spare bits of the last character are not zero: the same tag spelled twice.",
        malformed("sig"), url=retag(film(), lambda tag: tag[:-1] + chr(ord(tag[-1]) + 1)))
refused("sig_hex", "film_query", "The tag is in hex.", malformed("sig"),
        url=retag(film(), lambda tag: SPELLED_TAG.hex()))
passes("sig_with_minus_and_underscore", "The tag holds both marks of base64url.", ALLOW_FILM,
       film("&jti=1"), to_sign(FILM, jti="1"))
refused("sig_plus", "sig_with_minus_and_underscore", "The alphabet is not base64url's.",
        malformed("sig"), url=retag(film("&jti=1"), lambda tag: tag.replace("-", "+")))
refused("sig_slash", "sig_with_minus_and_underscore", "The alphabet is not base64url's.",
        malformed("sig"), url=retag(film("&jti=1"), lambda tag: tag.replace("_", "/")))
refused("sig_percent_encoded", "sig_with_minus_and_underscore", "A value is never decoded.",
        malformed("sig"), url=retag(film("&jti=1"), lambda tag: tag.replace("-", "%2D")))
refused("sig_repeated", "folder_path", "A field stands once.", malformed("sig"),
        url=in_path(LIST, FOLDER_TOKEN + FOLDER_TOKEN[FOLDER_TOKEN.index("&sig="):]))
refused("sig_before_kid", "film_query", "The tag is the last field.", malformed("kid"),
        url=in_query(FILM, "pg=1&exp=1767225600" + EXACT_TOKEN[len(HEAD):] + "&kid=main"))
refused("field_after_sig", "folder_path", "The tag is the last field.", malformed("sub"),
        url=in_path(LIST, FOLDER_TOKEN + "&sub=v7"))
refused("field_after_sig_bearer", "folder_bearer", "The tag is the last field.", malformed("sub"),
        authorization="Bearer " + FOLDER_TOKEN + "&sub=v7")
refused("unknown_field_after_sig", "folder_path", "The tag is the last field.", UNKNOWN_FIELD,
        url=in_path(LIST, FOLDER_TOKEN + "&zz=1"))

# 2. Grammar: unknown fields

UNKNOWN_FIELDS = (
    ("unknown_field_first", "&admin=1", "An unknown field may be a restriction."),
    ("unknown_field_last", "&zz=1", "An unknown field may be a restriction."),
    ("unknown_field_empty_name", "&=1", "A field has a name."),
    ("unknown_field_empty_pair", "&", "Nothing stands between two ampersands."),
    ("unknown_field_upper_case", "&JTI=a1", "JTI is not jti."),
    ("unknown_field_longer_name", "&jti2=a1", "A name that begins like a known one."),
)
for name, fields, about in UNKNOWN_FIELDS:
    refused(name, "film_query", about, UNKNOWN_FIELD, url=film(fields))
refused("player_parameter_inside_token", "film_query",
        "A player's parameter stands beside a token, never in it.", UNKNOWN_FIELD,
        url=film("&_HLS_msn=3"))

# 2. Grammar: the optional fields. One passing vector for each value, then its faults.

def optional(name, about, fields, members, **rest):
    passes(name, about, ALLOW_FILM, film(fields), to_sign(FILM, **members), **rest)


def field_faults(field, base, *cases):
    for name, fields, about in cases:
        refused(name, base, about, malformed(field), url=film(fields))


LISBON = {"client_country": "PT"}
OFFICE = {"client_ip": "203.0.113.9"}
OFFICE6 = {"client_ip": "2001:db8:0:1::9"}

optional("aud", "The audience is the gate's.", "&aud=edge.1", {"audience": "edge.1"},
         gate={"audience": "edge.1"})
optional("aud_longest", "An audience of 64 characters.", "&aud=" + "a" * 64,
         {"audience": "a" * 64}, gate={"audience": "a" * 64})
field_faults(
    "aud", "aud",
    ("aud_empty", "&aud=", "The value is empty."),
    ("aud_without_value", "&aud", "The field has no value."),
    ("aud_tilde", "&aud=edge~1", "A tilde is not among the characters of a value."),
    ("aud_percent_encoded", "&aud=edge%2E1", "A value is never decoded."),
    ("aud_repeated", "&aud=edge.1&aud=edge.1", "A field stands once."),
    ("aud_after_jti", "&jti=a1&aud=edge.1", "The fields are in alphabetical order."),
)
refused("aud_too_long", "aud_longest", "An audience of 65 characters.", malformed("aud"),
        url=film("&aud=" + "a" * 65), gate={"audience": "a" * 65})

optional("cc", "The viewer is in the one country.", "&cc=PT", {"country": ["PT"]}, **LISBON)
optional("cc_second", "The viewer is in the second of two countries.", "&cc=ES.PT",
         {"country": ["ES", "PT"]}, **LISBON)
field_faults(
    "cc", "cc",
    ("cc_empty", "&cc=", "The value is empty."),
    ("cc_without_value", "&cc", "The field has no value."),
    ("cc_lower_case", "&cc=pt", "Countries are in upper case."),
    ("cc_three_letters", "&cc=PT.PRT", "Countries have two letters."),
    ("cc_one_letter", "&cc=PT.E", "Countries have two letters."),
    ("cc_digit", "&cc=PT.E5", "Countries have letters alone."),
    ("cc_run_together", "&cc=PTES", "Countries are parted by a dot."),
    ("cc_comma", "&cc=PT,ES", "Countries are parted by a dot."),
    ("cc_minus", "&cc=PT-ES", "Countries are parted by a dot."),
    ("cc_dot_first", "&cc=.PT", "A country stands before a dot."),
    ("cc_dot_last", "&cc=PT.", "A country stands after a dot."),
    ("cc_two_dots", "&cc=PT..ES", "A country stands between two dots."),
    ("cc_repeated", "&cc=PT&cc=PT", "A field stands once."),
    ("cc_after_jti", "&jti=a1&cc=PT", "The fields are in alphabetical order."),
)

# Claims: the JSON is for the origin. A gate looks at its length, its characters and its ends.


def claims(json):
    return "&cl=" + b64(json.encode() if isinstance(json, str) else json)


VIEWER = '{"role":"viewer"}'
MARKS = '{"a":"~~~???"}'
assert {"-", "_"} <= set(claims(MARKS))
LONGEST_CLAIMS = '{"role":"%s"}' % ("viewer" * 70)[:373]
assert len(LONGEST_CLAIMS) == 384
for name, json, about in (
    ("cl", VIEWER, "What the origin says of the viewer."),
    ("cl_nested", '{"role":"viewer","plan":{"name":"hd","screens":[1,2,{}]},"trial":null}',
     "Claims may be nested."),
    ("cl_empty_object", "{}", "An object without claims."),
    ("cl_spaces", '{ "role" : "viewer" }', "Spaces are printable; the bytes are the signer's."),
    ("cl_escaped", '{"name":"Jos\\u00e9"}', "What is beyond ASCII is escaped."),
    ("cl_printable", '{"%s":1}' % "".join(map(chr, range(0x20, 0x7f))).replace('"', "").replace("\\", "\\\\"),
     "Every printable character of ASCII."),
    ("cl_marks", MARKS, "Claims whose base64url has both marks."),
    ("cl_not_json", "{role}", "A gate does not read it: whoever reads it has to."),
    ("cl_braces_within", '{}{"role":"viewer"}', "A gate does not match braces."),
    ("cl_longest", LONGEST_CLAIMS, "An object of 384 bytes."),
):
    passes(name, about, ALLOW_FILM, film(claims(json)))
passes("cl_after_cc", "Its place is after the countries.", ALLOW_FILM,
       film("&cc=PT" + claims(VIEWER)), **LISBON)
passes("cl_folder_path", "Of a directory, in the path; its place is before the depth.", ALLOW_LIST,
       in_path(LIST, signed(FOLDER, HEAD + claims(VIEWER) + "&dir=2")))
field_faults(
    "cl", "cl",
    ("cl_empty", "&cl=", "The value is empty."),
    ("cl_without_value", "&cl", "The field has no value."),
    ("cl_padded", claims(VIEWER) + "=", "base64url has no padding here."),
    ("cl_padding_percent_encoded", claims(VIEWER) + "%3D", "A value is never decoded."),
    ("cl_tail_bits", claims(VIEWER)[:-1] + "1", "The two spare bits of the last character are not zero."),
    ("cl_one_over", claims(VIEWER) + "AA", "One character over is less than a byte."),
    ("cl_dot", claims(VIEWER) + ".", "A dot is not among the characters of base64url."),
    ("cl_twice", claims(VIEWER) + "." + claims("{}")[4:], "There is one object."),
    ("cl_plain", "&cl=role-viewers", "A text that is base64url of other bytes."),
    ("cl_plain_object", "&cl={}", "The object is in base64url."),
    ("cl_line_feed", claims(VIEWER + "\n"), "A line feed could begin a header."),
    ("cl_line_feed_within", claims('{"role":\n"viewer"}'), "A line feed could begin a header."),
    ("cl_carriage_return", claims('{\r"role":"viewer"}'), "A carriage return could end a header."),
    ("cl_tab", claims('{\t"role":"viewer"}'), "It has no control characters."),
    ("cl_nul", claims('{"role":"\0"}'), "It has no control characters."),
    ("cl_last_control", claims('{"role":"\x1f"}'), "It has no control characters."),
    ("cl_del", claims('{"role":"\x7f"}'), "It has no control characters."),
    ("cl_non_ascii", claims('{"name":"Jos\u00e9"}'), "What is beyond ASCII is escaped."),
    ("cl_non_ascii_control", claims('{"role":"\u0085"}'), "What is beyond ASCII is escaped."),
    ("cl_not_utf8", claims(b'{"name":"Jos\xe9"}'), "It is ASCII."),
    ("cl_overlong_utf8", claims(b'{"name":"\xc1\xa1"}'), "A letter in two bytes is not ASCII."),
    ("cl_byte_order_mark", claims('\ufeff{"role":"viewer"}'), "It is ASCII."),
    ("cl_utf16", claims(VIEWER.encode("utf-16-le")), "It is ASCII."),
    ("cl_array", claims('[{"role":"viewer"}]'), "An array is no object."),
    ("cl_text", claims('"viewer"'), "A text is no object."),
    ("cl_number", claims("1"), "A number is no object."),
    ("cl_null", claims("null"), "null is no object."),
    ("cl_members", claims('"role":"viewer"'), "The members alone are no object."),
    ("cl_not_opened", claims('"role":"viewer"}'), "It begins with a brace."),
    ("cl_not_closed", claims('{"role":"viewer"'), "It ends with a brace."),
    ("cl_brace", claims("{"), "One brace does not open and close."),
    ("cl_closing_brace", claims("}"), "One brace does not open and close."),
    ("cl_space_before", claims(" " + VIEWER), "The brace is the first character."),
    ("cl_space_after", claims(VIEWER + " "), "The brace is the last character."),
    ("cl_encoded_twice", "&cl=" + b64(b64(VIEWER.encode()).encode()), "Nothing is decoded twice."),
    ("cl_repeated", claims(VIEWER) * 2, "A field is there once."),
    ("cl_repeated_other", claims(VIEWER) + claims("{}"), "A field is there once."),
    ("cl_after_iat", "&iat=1767225000" + claims(VIEWER), "The fields are in alphabetical order."),
)
field_faults("cl", "cl_marks",
             ("cl_plus", claims(MARKS).replace("-", "+"), "The alphabet is not base64url's."),
             ("cl_slash", claims(MARKS).replace("_", "/"), "The alphabet is not base64url's."))
field_faults("cl", "cl_longest",
             ("cl_too_long", claims(LONGEST_CLAIMS[:-1] + " }"), "An object of 385 bytes."),
             ("cl_longer", claims(LONGEST_CLAIMS[:-1] + "  }"), "An object of 386 bytes."))
field_faults("cc", "cl_after_cc",
             ("cl_before_cc", claims(VIEWER) + "&cc=PT", "The fields are in alphabetical order."))
refused("cl_after_dir", "cl_folder_path", "The fields are in alphabetical order.", malformed("cl"),
        url=in_path(LIST, signed(FOLDER, HEAD + "&dir=2" + claims(VIEWER))))
refused("cl_name_upper_case", "cl", "CL is not cl.", UNKNOWN_FIELD,
        url=film(claims(VIEWER).replace("cl", "CL")))
refused("cl_name_longer", "cl", "A name that begins like it.", UNKNOWN_FIELD,
        url=film(claims(VIEWER).replace("cl", "claims")))

DEEP = "".join("/%d" % n for n in range(1, 65))  # 64 directories and no file yet


def folder_faults(*cases):
    for name, fields, about in cases:
        refused(name, "folder_query", about, malformed("dir"), url=folder(fields=fields))


passes("dir_largest", "64 directories.", allow(DEEP + "/", DEEP + "/a.ts"),
       folder(DEEP + "/a.ts", "&dir=64", DEEP + "/"), to_sign(DEEP + "/a.ts", dir=64))
refused("dir_too_large", "dir_largest", "65 directories.", malformed("dir"),
        url=folder(DEEP + "/65/a.ts", "&dir=65", DEEP + "/65/"))
refused("dir_zero", "folder_query", "No directories at all would be everything.",
        malformed("dir"), url=folder(fields="&dir=0", scope="/"))
folder_faults(
    ("dir_empty", "&dir=", "The value is empty."),
    ("dir_without_value", "&dir", "The field has no value."),
    ("dir_leading_zero", "&dir=02", "A number has one spelling."),
    ("dir_plus", "&dir=+2", "A number has no sign."),
    ("dir_fraction", "&dir=2.0", "A number is whole."),
    ("dir_beyond_8_bits", "&dir=258", "256 + 2 would wrap around to 2."),
    ("dir_beyond_64_bits", "&dir=18446744073709551618", "2^64 + 2 would wrap around to 2."),
    ("dir_repeated", "&dir=2&dir=2", "A field stands once."),
    ("dir_after_jti", "&jti=a1&dir=2", "The fields are in alphabetical order."),
)
refused("dir_minus", "folder_query", "A number has no sign.", malformed("dir"),
        url=folder(fields="&dir=-1"))

LONGEST_NAME = "Sintel, chapter one. " * 12 + "mp4"  # 255 bytes
optional("dl", "A name to save the file under.", "&dl=RmlsbS5tcDQ", {"download": "Film.mp4"})
optional("dl_utf8", "A name beyond ASCII.", "&dl=RsO8w59lLm1wNA",
         {"download": "F\u00fc\u00dfe.mp4"})
optional("dl_marks", "A name whose base64url holds both marks.", "&dl=fn5-Pz8_",
         {"download": "~~~???"})
optional("dl_quotes", "Quotes and slashes are the header's care, not the token's.",
         "&dl=YSJiXC8uLi9jLm1wNA", {"download": 'a"b\\/../c.mp4'})
optional("dl_longest", "A name of 255 bytes.", "&dl=" + b64(LONGEST_NAME.encode()),
         {"download": LONGEST_NAME})
field_faults(
    "dl", "dl",
    ("dl_empty", "&dl=", "The value is empty."),
    ("dl_without_value", "&dl", "The field has no value."),
    ("dl_padded", "&dl=RmlsbS5tcDQ=", "base64url has no padding here."),
    ("dl_tail_bits", "&dl=RmlsbS5tcDR", "The two spare bits of the last character are not zero."),
    ("dl_one_over", "&dl=RmlsbS5tcDQAR", "One character over is less than a byte."),
    ("dl_not_utf8", "&dl=" + b64(b"Film\xff.mp4"), "The name is not UTF-8."),
    ("dl_overlong_utf8", "&dl=" + b64(b"Film\xc0\xae.mp4"), "A dot in two bytes is not UTF-8."),
    ("dl_surrogate", "&dl=" + b64(b"Film\xed\xa0\x80.mp4"), "A surrogate is not UTF-8."),
    ("dl_line_feed", "&dl=" + b64(b"Film\n.mp4"), "A line feed could begin a header."),
    ("dl_nul", "&dl=" + b64(b"Film\x00.mp4"), "A name has no control characters."),
    ("dl_del", "&dl=" + b64(b"Film\x7f.mp4"), "A name has no control characters."),
    ("dl_plain", "&dl=Film.mp4", "The name is not base64url."),
    ("dl_repeated", "&dl=RmlsbS5tcDQ&dl=RmlsbS5tcDQ", "A field stands once."),
    ("dl_after_jti", "&jti=a1&dl=RmlsbS5tcDQ", "The fields are in alphabetical order."),
)
field_faults("dl", "dl_marks",
             ("dl_plus", "&dl=fn5+Pz8_", "The alphabet is not base64url's."),
             ("dl_slash", "&dl=fn5-Pz8/", "The alphabet is not base64url's."))
field_faults("dl", "dl_longest",
             ("dl_too_long", "&dl=" + b64(("x" + LONGEST_NAME).encode()), "A name of 256 bytes."))
optional("dl_inline", "A file to show, with a name for those who save it.",
         "&dl=inline.RmlsbS5tcDQ", {"inline": "Film.mp4"})
optional("dl_inline_utf8", "A name beyond ASCII.", "&dl=inline.RsO8w59lLm1wNA",
         {"inline": "F\u00fc\u00dfe.mp4"})
optional("dl_inline_longest", "A name of 255 bytes.", "&dl=inline." + b64(LONGEST_NAME.encode()),
         {"inline": LONGEST_NAME})
optional("dl_named_inline", "A name that is the word.", "&dl=aW5saW5lLg", {"download": "inline."})
field_faults(
    "dl", "dl_inline",
    ("dl_inline_without_name", "&dl=inline.", "A file to show has a name as well."),
    ("dl_inline_without_dot", "&dl=inlineRmlsbS5tcDQ", "A dot separates the word from the name."),
    ("dl_inline_word", "&dl=inline", "The word without a dot is base64url with bits to spare."),
    ("dl_inline_capital", "&dl=Inline.RmlsbS5tcDQ", "The word has one spelling."),
    ("dl_inline_upper_case", "&dl=INLINE.RmlsbS5tcDQ", "The word has one spelling."),
    ("dl_inline_twice", "&dl=inline.inline.RmlsbS5tcDQ", "The word is there once."),
    ("dl_inline_last", "&dl=RmlsbS5tcDQ.inline", "The word is before the name."),
    ("dl_attachment", "&dl=attachment.RmlsbS5tcDQ", "To be saved is said by nothing."),
    ("dl_other_word", "&dl=inlined.RmlsbS5tcDQ", "A word that begins like the right one."),
    ("dl_dot_first", "&dl=.RmlsbS5tcDQ", "There is no word before the dot."),
    ("dl_inline_dot_last", "&dl=inline.RmlsbS5tcDQ.", "Nothing follows the name."),
    ("dl_inline_minus", "&dl=inline-RmlsbS5tcDQ", "A dot separates the word from the name."),
    ("dl_inline_plain", "&dl=inline.Film", "The name is not base64url in its one spelling."),
    ("dl_inline_padded", "&dl=inline.RmlsbS5tcDQ=", "base64url has no padding here."),
    ("dl_inline_line_feed", "&dl=inline." + b64(b"Film\n.mp4"), "A line feed could begin a header."),
    ("dl_inline_and_dl", "&dl=inline.RmlsbS5tcDQ&dl=RmlsbS5tcDQ", "A field stands once."),
)
field_faults("dl", "dl_inline_longest",
             ("dl_inline_too_long", "&dl=inline." + b64(("x" + LONGEST_NAME).encode()),
              "A name of 256 bytes."))

# The number of a session's token. With a directory it is an access token's.

GENERATION = "&dir=2&gen=1"
for name, number, about in (
    ("gen", 1, "The first access token of a session."),
    ("gen_second", 2, "The access token after a refresh."),
    ("gen_largest", 4294967295, "2^32 - 1."),
):
    passes(name, about, ALLOW_LIST, folder(fields="&dir=2&gen=%d" % number))
ACCESS = "&aud=edge.1" + claims(VIEWER) + "&dir=2&gen=3&iat=1767225000&sid=s1&sub=v7"
passes("gen_path", "An access token with all that a gate writes but a limit.", ALLOW_LIST,
       in_path(LIST, signed(FOLDER, HEAD + ACCESS)), gate={"audience": "edge.1"})
passes("gen_cookie", "An access token in a cookie.", ALLOW_LIST, HOST + LIST,
       cookie=signed(FOLDER, HEAD + GENERATION))
passes("gen_bearer", "An access token in the Authorization header.", ALLOW_LIST, HOST + LIST,
       authorization="Bearer " + signed(FOLDER, HEAD + GENERATION))
passes("gen_after_dl", "Its place is between the name of the file and the time of signing.", ALLOW_LIST,
       folder(fields="&dir=2&dl=RmlsbS5tcDQ&gen=1&iat=1767225000"))
for name, fields, about in (
    ("gen_empty", "&dir=2&gen=", "The value is empty."),
    ("gen_without_value", "&dir=2&gen", "The field has no value."),
    ("gen_zero", "&dir=2&gen=0", "The first has the number 1."),
    ("gen_leading_zero", "&dir=2&gen=01", "A number has one spelling."),
    ("gen_two_zeros", "&dir=2&gen=00", "A number has one spelling."),
    ("gen_plus", "&dir=2&gen=+1", "A number has no sign."),
    ("gen_minus", "&dir=2&gen=-1", "A number has no sign."),
    ("gen_fraction", "&dir=2&gen=1.0", "A number is whole."),
    ("gen_letter", "&dir=2&gen=1x", "A number has only digits."),
    ("gen_letters", "&dir=2&gen=one", "A number has only digits."),
    ("gen_hex", "&dir=2&gen=0x1", "A number is decimal."),
    ("gen_percent_encoded", "&dir=2&gen=%31", "A value is never decoded."),
    ("gen_too_large", "&dir=2&gen=4294967296", "2^32 is one too many."),
    ("gen_beyond_32_bits", "&dir=2&gen=4294967297", "2^32 + 1 would wrap around to 1."),
    ("gen_beyond_64_bits", "&dir=2&gen=18446744073709551617", "2^64 + 1 would wrap around to 1."),
    ("gen_repeated", "&dir=2&gen=1&gen=1", "A field is there once."),
    ("gen_repeated_other", "&dir=2&gen=1&gen=2", "A field is there once."),
    ("gen_after_iat", "&dir=2&iat=1767225000&gen=1", "The fields are in alphabetical order."),
):
    refused(name, "gen", about, malformed("gen"), url=folder(fields=fields))
refused("gen_before_dir", "gen", "The fields are in alphabetical order.", malformed("dir"),
        url=folder(fields="&gen=1&dir=2"))
refused("gen_before_dl", "gen_after_dl", "The fields are in alphabetical order.", malformed("dl"),
        url=folder(fields="&dir=2&gen=1&dl=RmlsbS5tcDQ&iat=1767225000"))
refused("gen_name_upper_case", "gen", "GEN is not gen.", UNKNOWN_FIELD,
        url=folder(fields="&dir=2&GEN=1"))
refused("gen_zero_exact", "film_query", "The grammar comes before the purpose.", malformed("gen"),
        url=film("&gen=0"))

passes("iat", "When the token was signed.", ALLOW_FILM, film("&iat=1767225000"))
passes("iat_zero", "Zero is a number.", ALLOW_FILM, film("&iat=0"))
passes("iat_farthest", "A hundred years of 365 days ahead.", ALLOW_FILM, film("&iat=4920825000"))
for name, iat, about in (
    ("iat_too_far", 4920825001, "A second more."),
    ("iat_in_milliseconds", 1767225000000, "Milliseconds for seconds."),
    ("iat_largest", 9007199254740991, "2^53 - 1 is a number, and far away."),
):
    refused(name, "iat_farthest", about, deny("expires_too_far"), url=film("&iat=%d" % iat))
passes("iat_after_exp", "Nothing depends on it.", ALLOW_FILM, film("&iat=1767225601"))
passes("iat_after_dl", "Its place is after the name of the file.", ALLOW_FILM,
       film("&dl=RmlsbS5tcDQ&iat=1767225000"))
passes("iat_long_ago", "The cap on lifetimes counts from now.", ALLOW_FILM,
       film("&iat=1700000000"), gate={"max_lifetime": 600})
field_faults(
    "iat", "iat",
    ("iat_empty", "&iat=", "The value is empty."),
    ("iat_without_value", "&iat", "The field has no value."),
    ("iat_leading_zero", "&iat=01767225000", "A number has one spelling."),
    ("iat_two_zeros", "&iat=00", "A number has one spelling."),
    ("iat_plus", "&iat=+1767225000", "A number has no sign."),
    ("iat_minus", "&iat=-1", "A number has no sign."),
    ("iat_fraction", "&iat=1767225000.0", "A number is whole."),
    ("iat_date", "&iat=2026-01-01", "A time is unix seconds."),
    ("iat_too_large", "&iat=9007199254740992", "2^53 is one too many."),
    ("iat_beyond_64_bits", "&iat=18446744073709551616", "2^64 would wrap around to 0."),
    ("iat_repeated", "&iat=1767225000&iat=1767225000", "A field stands once."),
    ("iat_after_jti", "&jti=a1&iat=1767225000", "The fields are in alphabetical order."),
)
refused("iat_upper_case", "iat", "IAT is not iat.", UNKNOWN_FIELD, url=film("&IAT=1767225000"))
field_faults("dl", "iat_after_dl",
             ("iat_before_dl", "&iat=1767225000&dl=RmlsbS5tcDQ", "The fields are in alphabetical order."))

optional("ip", "The client is in the network.", "&ip=cb007100-24", {"ip": "203.0.113.0/24"},
         **OFFICE)
optional("ip_one_address", "The client is the address.", "&ip=cb007109-32",
         {"ip": "203.0.113.9/32"}, **OFFICE)
optional("ip_half", "The shortest prefix is 1.", "&ip=80000000-1", {"ip": "128.0.0.0/1"}, **OFFICE)
optional("ip_odd_prefix", "A prefix may end inside an octet.", "&ip=cb007108-29",
         {"ip": "203.0.113.8/29"}, client_ip="203.0.113.15")
optional("ip_mapped", "An IPv4 address mapped into IPv6 is an IPv4 address.", "&ip=cb007100-24",
         {"ip": "203.0.113.0/24"}, client_ip="::ffff:203.0.113.9")
optional("ip_v6", "The client is in the network.", "&ip=20010db8000000010000000000000000-64",
         {"ip": "2001:db8:0:1::/64"}, **OFFICE6)
optional("ip_v6_one_address", "The client is the address.",
         "&ip=20010db8000000010000000000000009-128", {"ip": "2001:db8:0:1::9/128"}, **OFFICE6)
optional("ip_v6_eighth", "A prefix may end inside an octet.",
         "&ip=20000000000000000000000000000000-3", {"ip": "2000::/3"}, **OFFICE6)
field_faults(
    "ip", "ip",
    ("ip_empty", "&ip=", "The value is empty."),
    ("ip_without_value", "&ip", "The field has no value."),
    ("ip_upper_case", "&ip=CB007100-24", "Hex is in lower case."),
    ("ip_host_bits", "&ip=cb007109-24", "A bit behind the prefix is set."),
    ("ip_prefix_0", "&ip=00000000-0", "Everywhere is no network."),
    ("ip_prefix_33", "&ip=cb007100-33", "IPv4 has 32 bits."),
    ("ip_prefix_leading_zero", "&ip=cb007100-024", "A number has one spelling."),
    ("ip_prefix_plus", "&ip=cb007100-+24", "A number has no sign."),
    ("ip_prefix_missing", "&ip=cb007109", "The length of the prefix is not said."),
    ("ip_prefix_empty", "&ip=cb007109-", "The length of the prefix is empty."),
    ("ip_prefix_beyond_8_bits", "&ip=cb007100-280", "256 + 24 would wrap around to 24."),
    ("ip_7_digits", "&ip=cb00710-24", "An IPv4 address has 8 digits."),
    ("ip_9_digits", "&ip=cb0071000-24", "An IPv4 address has 8 digits."),
    ("ip_not_hex", "&ip=cb00710g-24", "A digit is 0-9 or a-f."),
    ("ip_dotted", "&ip=203.0.113.0-24", "The address is in hex."),
    ("ip_slash", "&ip=cb007100/24", "The prefix follows a minus."),
    ("ip_repeated", "&ip=cb007100-24&ip=cb007100-24", "A field stands once."),
    ("ip_after_jti", "&jti=a1&ip=cb007100-24", "The fields are in alphabetical order."),
)
field_faults(
    "ip", "ip_v6",
    ("ip_v6_upper_case", "&ip=20010DB8000000010000000000000000-64", "Hex is in lower case."),
    ("ip_v6_host_bits", "&ip=20010db8000000010000000000000009-64",
     "A bit behind the prefix is set."),
    ("ip_v6_prefix_0", "&ip=00000000000000000000000000000000-0", "Everywhere is no network."),
    ("ip_v6_prefix_129", "&ip=20010db8000000010000000000000009-129", "IPv6 has 128 bits."),
    ("ip_v6_31_digits", "&ip=20010db800000001000000000000000-64",
     "An IPv6 address has 32 digits."),
    ("ip_v6_colons", "&ip=2001:db8:0:1::-64", "The address is in hex without colons."),
)

V6 = "20010db8000000010000000000000000-64"
optional("ip_two", "The client is in the first of two networks.", "&ip=cb007100-24." + V6,
         {"ip": ["203.0.113.0/24", "2001:db8:0:1::/64"]}, **OFFICE)
optional("ip_two_second", "The client is in the second of two networks.", "&ip=cb007100-24." + V6,
         {"ip": "203.0.113.0/24,2001:db8:0:1::/64"}, **OFFICE6)
optional("ip_two_other_order", "The order is the signer's.", "&ip=" + V6 + ".cb007100-24",
         {"ip": ["2001:db8:0:1::/64", "203.0.113.0/24"]}, **OFFICE)
optional("ip_two_of_v4", "Two networks of one family.", "&ip=c6336400-24.cb007100-24",
         {"ip": ["198.51.100.0/24", "203.0.113.0/24"]}, **OFFICE)
optional("ip_two_of_v6", "Two networks of one family.",
         "&ip=20010db8000000020000000000000000-64." + V6,
         {"ip": ["2001:db8:0:2::/64", "2001:db8:0:1::/64"]}, **OFFICE6)
optional("ip_three", "The client is in the last of three.", "&ip=0a000000-8.c6336400-24.cb007100-24",
         {"ip": ["10.0.0.0/8", "198.51.100.0/24", "203.0.113.0/24"]}, **OFFICE)
optional("ip_four", "Four networks are the most; the client is in the last.",
         "&ip=0a000000-8.c6336400-24.c0000200-24.cb007100-24",
         {"ip": ["10.0.0.0/8", "198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24"]}, **OFFICE)
passes("ip_before_jti", "Its place is between iat and jti.", ALLOW_FILM,
       film("&iat=1767225000&ip=cb007100-24." + V6 + "&jti=a1"), **OFFICE)
field_faults(
    "ip", "ip_two",
    ("ip_dot_first", "&ip=.cb007100-24", "A network is before a dot."),
    ("ip_dot_last", "&ip=cb007100-24.", "A network is after a dot."),
    ("ip_dot_alone", "&ip=.", "Networks are on both sides of a dot."),
    ("ip_two_dots", "&ip=cb007100-24.." + V6, "A network is between two dots."),
    ("ip_comma", "&ip=cb007100-24," + V6, "A dot separates networks."),
    ("ip_underscore", "&ip=cb007100-24_" + V6, "A dot separates networks."),
    ("ip_second_upper_case", "&ip=cb007100-24." + V6.upper(), "Hex is in lower case."),
    ("ip_second_host_bits", "&ip=cb007100-24.c6336409-24", "A bit behind the prefix is set."),
    ("ip_second_prefix_0", "&ip=cb007100-24.00000000-0", "Everywhere is no network."),
    ("ip_second_prefix_missing", "&ip=cb007100-24.c6336400", "The length of the prefix is not said."),
    ("ip_second_equal", "&ip=cb007100-24.cb007100-24", "Each network is there once."),
    ("ip_second_repeated", "&ip=cb007100-24&ip=" + V6, "A field stands once."),
)
field_faults("iat", "ip_before_jti",
             ("iat_after_ip", "&ip=cb007100-24." + V6 + "&iat=1767225000&jti=a1",
              "The fields are in alphabetical order."))
FIVE = "0a000000-8.c6336400-24.c0000200-24.cb007100-24.%s"
for name, fifth, about in (
    ("ip_five", FIVE % "ac100000-12", "Five networks are one too many."),
    ("ip_fourth_equal", "0a000000-8.c6336400-24.cb007100-24.c6336400-24",
     "Each network is there once."),
    ("ip_five_empty", FIVE % "", "A dot follows the fourth network."),
):
    refused(name, "ip_four", about, malformed("ip"), url=film("&ip=" + fifth))


def identifier(field, member):
    """`jti`, `sid` and `sub` are alike."""
    optional(field, "An identifier.", "&%s=Ab-9_z" % field, {member: "Ab-9_z", "no_iat": True})
    optional(field + "_longest", "An identifier of 64 characters.", "&%s=" % field + "x" * 64,
             {member: "x" * 64, "no_iat": True})
    field_faults(
        field, field,
        (field + "_empty", "&%s=" % field, "The value is empty."),
        (field + "_without_value", "&%s" % field, "The field has no value."),
        (field + "_dot", "&%s=Ab.9" % field, "An identifier has no dot."),
        (field + "_colon", "&%s=Ab:9" % field, "A colon is not among the characters of a value."),
        (field + "_repeated", "&%s=Ab-9_z&%s=Ab-9_z" % (field, field), "A field stands once."),
    )
    field_faults(field, field + "_longest",
                 (field + "_too_long", "&%s=" % field + "x" * 65, "65 characters."))


identifier("jti", "jti")
identifier("sid", "sid")
identifier("sub", "sub")
field_faults("jti", "jti",
             ("jti_after_sid", "&sid=v7&jti=Ab-9_z", "The fields are in alphabetical order."))
field_faults("sid", "sid",
             ("sid_after_sub", "&sub=v7&sid=Ab-9_z", "The fields are in alphabetical order."))

optional("nbf", "The time has come.", "&nbf=1767224000", {"not_before": 1767224000})
optional("nbf_zero", "Zero is a number.", "&nbf=0", {"not_before": 0})
field_faults(
    "nbf", "nbf",
    ("nbf_empty", "&nbf=", "The value is empty."),
    ("nbf_without_value", "&nbf", "The field has no value."),
    ("nbf_leading_zero", "&nbf=01767224000", "A number has one spelling."),
    ("nbf_two_zeros", "&nbf=00", "A number has one spelling."),
    ("nbf_plus", "&nbf=+1767224000", "A number has no sign."),
    ("nbf_minus", "&nbf=-1", "A number has no sign."),
    ("nbf_too_large", "&nbf=9007199254740992", "2^53 is one too many."),
    ("nbf_beyond_64_bits", "&nbf=18446744073709551616", "2^64 would wrap around to 0."),
    ("nbf_repeated", "&nbf=1767224000&nbf=1767224000", "A field stands once."),
    ("nbf_after_sid", "&sid=v7&nbf=1767224000", "The fields are in alphabetical order."),
)

optional("run", "A playback of four hours.", "&run=14400", {"run": 14400})
optional("run_largest", "2^53 - 1 seconds.", "&run=9007199254740991", {"run": 9007199254740991})
optional("run_smallest", "One second.", "&run=1", {"run": 1})
field_faults(
    "run", "run",
    ("run_empty", "&run=", "The value is empty."),
    ("run_without_value", "&run", "The field has no value."),
    ("run_zero", "&run=0", "A playback of no length is none."),
    ("run_leading_zero", "&run=014400", "A number has one spelling."),
    ("run_plus", "&run=+14400", "A number has no sign."),
    ("run_minus", "&run=-14400", "A number has no sign."),
    ("run_unit", "&run=4h", "The wire has seconds alone."),
    ("run_repeated", "&run=14400&run=14400", "A field stands once."),
    ("run_after_sid", "&sid=v7&run=14400", "The fields are in alphabetical order."),
)
field_faults("run", "run_largest",
             ("run_too_large", "&run=9007199254740992", "2^53 is one too many."))

STATE_REQUIRED = deny("state_required")
for name, reval, about in (
    ("reval", 10, "What is revoked must be known; this gate keeps no state."),
    ("reval_smallest", 1, "One second."),
    ("reval_largest", 9007199254740991, "2^53 - 1 seconds: even then a gate without state cannot tell."),
):
    refused(name, "film_query", about, STATE_REQUIRED, url=film("&reval=%d" % reval),
            sign=to_sign(FILM, reval=reval))
for name, fields, about in (
    ("reval_empty", "&reval=", "The value is empty."),
    ("reval_without_value", "&reval", "The field has no value."),
    ("reval_zero", "&reval=0", "No state is as new as the request."),
    ("reval_leading_zero", "&reval=010", "A number has one spelling."),
    ("reval_unit", "&reval=10s", "The wire has only seconds."),
    ("reval_repeated", "&reval=10&reval=10", "A field is there once."),
    ("reval_after_run", "&run=60&reval=10", "The fields are in alphabetical order."),
    ("reval_before_pre", "&dir=1&reval=10&pre=30", "The fields are in alphabetical order."),
    ("reval_too_large", "&reval=9007199254740992", "2^53 is one too many."),
):
    refused(name, "film_query", about,
            malformed("pre" if "pre=" in fields else "reval"), url=film(fields))

# Of what is counted, a gate without state admits nothing. `max` counts the playbacks of `sub`, and `uses` the clients of
# `jti`.


def counted(field, before, after, base, members):
    """The field between others, each of which is in the passing vector `base`."""
    def body(text, name=field):
        return before + "&" + name + text + after

    def faults(*cases):
        for suffix, fields, about in cases:
            refused(field + suffix, base, about, malformed(field), url=film(fields))

    for suffix, count, about in (
        ("", 3, "Somebody has to count; this gate keeps no state."),
        ("_smallest", 1, "One."),
        ("_largest", 1000, "A thousand."),
    ):
        refused(field + suffix, base, about, STATE_REQUIRED, url=film(body("=%d" % count)),
                sign=to_sign(FILM, **{field: count}, **members))
    faults(
        ("_empty", body("="), "The value is empty."),
        ("_without_value", body(""), "The field has no value."),
        ("_zero", body("=0"), "Nobody could use it."),
        ("_leading_zero", body("=03"), "A number has one spelling."),
        ("_plus", body("=+3"), "A number has no sign."),
        ("_minus", body("=-3"), "A number has no sign."),
        ("_fraction", body("=3.0"), "A number is whole."),
        ("_letter", body("=3x"), "A number has only digits."),
        ("_hex", body("=0x3"), "A number is decimal."),
        ("_percent_encoded", body("=%33"), "A value is never decoded."),
        ("_too_large", body("=1001"), "One more than a thousand."),
        ("_beyond_16_bits", body("=65537"), "2^16 + 1 would wrap around to 1."),
        ("_beyond_64_bits", body("=18446744073709551619"), "2^64 + 3 would wrap around to 3."),
        ("_repeated", body("=3&%s=3" % field), "A field is there once."),
    )
    refused(field + "_name_upper_case", base, "%s is not %s." % (field.upper(), field),
            UNKNOWN_FIELD, url=film(body("=3", field.upper())))
    refused(field + "_added", base, "The field was added after signing.", BAD,
            url=film(before + after).replace(after + "&sig=", "&%s=3%s&sig=" % (field, after)))
    refused(field + "_expired", base, "State is asked last.", deny("expired"),
            url=film(body("=3")), now=EXP)
    return faults


max_faults = counted("max", "", "&sub=Ab-9_z", "sub", {"sub": "Ab-9_z", "no_iat": True})
max_faults(("_after_sub", "&sub=Ab-9_z&max=3", "The fields are in alphabetical order."))
refused("max_before_jti", "jti", "The fields are in alphabetical order.", malformed("jti"),
        url=film("&max=3&jti=Ab-9_z&sub=v7"))
refused("max_after_nbf", "nbf", "The fields are in alphabetical order.", malformed("max"),
        url=film("&nbf=1767224000&max=3&sub=v7"))
refused("max_without_sub", "film_query", "It does not say whose playbacks are counted.",
        malformed("max"), url=film("&max=3"))
refused("max_with_sid_without_sub", "sid", "A playback is no viewer.", malformed("max"),
        url=film("&max=3&sid=Ab-9_z"))
refused("max_with_iat", "sub", "Of a viewer a signer says when it signed.", STATE_REQUIRED,
        url=film("&iat=1767225000&max=3&sub=Ab-9_z"), sign=to_sign(FILM, max=3, sub="Ab-9_z"))
uses_faults = counted("uses", "&jti=Ab-9_z", "", "jti", {"jti": "Ab-9_z"})
refused("uses_before_jti", "jti", "The fields are in alphabetical order.", malformed("jti"),
        url=film("&uses=3&jti=Ab-9_z"))
refused("uses_before_sub", "sub", "The fields are in alphabetical order.", malformed("sub"),
        url=film("&jti=Ab-9_z&uses=3&sub=Ab-9_z"))
refused("uses_after_sub", "sub", "Its place is the last before the tag.", STATE_REQUIRED,
        url=film("&jti=j1&sub=Ab-9_z&uses=3"),
        sign=to_sign(FILM, jti="j1", sub="Ab-9_z", no_iat=True, uses=3))
refused("uses_without_jti", "film_query", "It does not say what is counted.", malformed("uses"),
        url=film("&uses=3"))
refused("uses_with_sub_without_jti", "sub", "A viewer has many tokens.", malformed("uses"),
        url=film("&sub=Ab-9_z&uses=3"))
refused("max_and_uses_folder", "folder_path", "Both, with all that state is asked for.", STATE_REQUIRED,
        url=in_path(LIST, signed(FOLDER, HEAD + "&dir=2&jti=j1&max=2&reval=10&sub=v7&uses=1")),
        sign=to_sign(LIST, jti="j1", max=2, reval="10s", sub="v7", no_iat=True, uses=1))

# What a session link says of its session. It opens no media, so that a well-formed one is refused as well, but later.

WRONG_PURPOSE = deny("wrong_purpose")
LENGTHS = "600.604800.2592000"
SESSION = LENGTHS + "." + b64(FOLDER.encode())
DAY, DAYS_400 = 86400, 34560000
EIGHT = ["/videos/%d/" % n for n in range(1, 9)]
LONGEST_DIRECTORY = "/" + "x" * 638 + "/"  # 640 bytes


def session(value):
    """The fields of a session link."""
    return "&jti=j1&ses=" + value + "&sub=v7"


def opening(*directories, lengths=LENGTHS):
    """A session for these directories, however they are spelled."""
    encoded = (b64(one if isinstance(one, bytes) else one.encode()) for one in directories)
    return ".".join((lengths, *encoded))


optional("jti_and_sub", "The ids that a session link needs, in a token for a film.", "&jti=j1&sub=v7",
         {"jti": "j1", "sub": "v7", "no_iat": True})
for name, value, about in (
    ("ses", SESSION, "A session link for a film: it starts a session, and opens nothing itself."),
    ("ses_shortest", opening(FOLDER, lengths="1.1.1"), "A second each."),
    ("ses_longest", opening(FOLDER, lengths="86400.34560000.34560000"), "A day, and 400 days."),
    ("ses_of_one_length", opening(FOLDER, lengths="600.600.600"), "Three lengths that are equal."),
    ("ses_two_directories", opening(FOLDER, "/audio/"), "Two directories."),
    ("ses_eight_directories", opening(*EIGHT), "Eight directories are the most."),
    ("ses_directory_deepest", opening(DEEP + "/"), "A directory of 64 segments."),
    ("ses_directory_longest", opening(LONGEST_DIRECTORY, lengths="1.1.1"), "A directory of 640 bytes."),
    ("ses_directory_escaped", opening("/v%C3%ADdeos/a%20b/"), "Escapes in upper case."),
    ("ses_directory_marks", opening("/!$&'()*+,=:@[]-._~/"), "Marks that stay as they are."),
    ("ses_directory_named_with_a_dot", opening("/.well-known/"), "A name that begins with a dot."),
    ("ses_directory_like_the_calls", opening("/.playgate2/"), "A name that begins like that of the gate's calls."),
    ("ses_directory_like_the_calls_below", opening("/videos/.playgate/"), "The gate's calls are at the top."),
):
    refused(name, "jti_and_sub", about, WRONG_PURPOSE, url=film(session(value)))


def session_faults(*cases):
    for name, value, about in cases:
        refused("ses_" + name, "jti_and_sub", about, malformed("ses"), url=film(session(value)))


def length_faults(*cases):
    session_faults(*((name, opening(FOLDER, lengths=lengths), about) for name, lengths, about in cases))


def directory_faults(*cases):
    session_faults(*(("directory_" + name, opening(one), about) for name, one, about in cases))


session_faults(
    ("empty", "", "The value is empty."),
    ("only_dots", "...", "Everything is empty."),
    ("only_lengths", LENGTHS, "A session opens a directory."),
    ("only_lengths_and_dot", LENGTHS + ".", "The directory is empty."),
    ("only_directory", b64(FOLDER.encode()), "A session has lengths."),
    ("directory_first", b64(FOLDER.encode()) + "." + LENGTHS, "The directories are after the lengths."),
    ("directory_instead_of_length", opening(FOLDER, FOLDER, lengths="600.604800"), "There are three lengths."),
    ("dot_first", "." + SESSION, "A length is before the first dot."),
    ("dot_last", SESSION + ".", "A directory is after the last dot."),
    ("two_dots", opening(FOLDER, "", "/audio/"), "A directory is between two dots."),
    ("nine_directories", opening(*EIGHT, "/audio/"), "Nine directories are one too many."),
    ("nine_directories_last_empty", opening(*EIGHT) + ".", "A dot follows the eighth directory."),
    ("comma", SESSION.replace(".", ","), "A dot separates the parts."),
    ("minus", SESSION.replace(".", "-"), "A dot separates the parts."),
)
length_faults(
    ("access_zero", "0.604800.2592000", "An access token of no length opens nothing."),
    ("idle_zero", "600.0.2592000", "The session would have ended."),
    ("absolute_zero", "600.604800.0", "The session would have ended."),
    ("lengths_zero", "0.0.0", "Nothing has a length."),
    ("access_over_idle", "601.600.2592000", "The session would end before its access token."),
    ("idle_over_absolute", "600.604800.604799", "It would end before its idle time."),
    ("access_over_absolute", "600.604800.599", "It would end before its access token."),
    ("lengths_backwards", "2592000.604800.600", "The shortest length is the first."),
    ("access_too_long", "%d.604800.2592000" % (DAY + 1), "An access token lasts a day at most."),
    ("idle_too_long", "600.%d.%d" % (DAYS_400 + 1, DAYS_400), "No session lasts so long."),
    ("absolute_too_long", "600.604800.%d" % (DAYS_400 + 1), "A session lasts 400 days at most."),
    ("idle_and_absolute_too_long", "600.%d.%d" % (DAYS_400 + 1, DAYS_400 + 1), "A session lasts 400 days at most."),
    ("absolute_largest", "600.604800.9007199254740991", "A session lasts 400 days at most."),
    ("access_leading_zero", "0600.604800.2592000", "A number has one spelling."),
    ("idle_leading_zero", "600.0604800.2592000", "A number has one spelling."),
    ("absolute_leading_zero", "600.604800.02592000", "A number has one spelling."),
    ("access_empty", ".604800.2592000", "A length is empty."),
    ("idle_empty", "600..2592000", "A length is empty."),
    ("absolute_empty", "600.604800.", "A length is empty."),
    ("two_lengths", "600.604800", "There are three lengths."),
    ("four_lengths", "600.604800.2592000.2592000", "There are three lengths."),
    ("plus", "+600.604800.2592000", "A number has no sign."),
    ("minus_length", "600.604800.-2592000", "A number has no sign."),
    ("unit", "600s.604800.2592000", "The wire has only seconds."),
    ("hex", "0x258.604800.2592000", "A number is decimal."),
    ("length_percent_encoded", "60%30.604800.2592000", "A value is never decoded."),
    ("access_beyond_64_bits", "18446744073709552216.604800.2592000", "2^64 + 600 would wrap around to 600."),
    ("absolute_beyond_64_bits", "600.604800.18446744073712143616",
     "2^64 + 2592000 would wrap around to 2592000."),
)
directory_faults(
    ("root", "/", "Everything is no directory."),
    ("calls", "/.playgate/", "The gate's own calls."),
    ("below_calls", "/.playgate/session/", "The gate's own calls."),
    ("calls_escaped", "/%2Eplaygate/", "A dot that is escaped is not canonical."),
    ("without_last_slash", "/videos/42", "A directory ends in a slash."),
    ("file", FILM, "A film is no directory."),
    ("without_first_slash", "videos/42/", "A path begins with a slash."),
    ("without_slashes", "videos", "A path begins with a slash."),
    ("url", HOST + FOLDER, "A path, without scheme and host."),
    ("escape_lower_case", "/v%c3%addeos/", "Hex is in upper case."),
    ("escape_unreserved", "/videos/%34%32/", "An unreserved character stands for itself."),
    ("escaped_slash", "/videos%2F42/", "%2F may be read as a slash."),
    ("escaped_semicolon_first", "/%3Bx/", "Decoded, it is an empty segment to a Java server."),
    ("two_dots", "/videos/../", "A segment .. leaves the directory."),
    ("two_dots_escaped", "/videos/%2E%2E/", "A segment .. leaves the directory."),
    ("dot", "/videos/./", "A segment . is nothing."),
    ("double_slash", "/videos//42/", "An empty segment."),
    ("double_slash_first", "//videos/", "An empty segment."),
    ("double_slash_last", "/videos//", "An empty segment."),
    ("only_slashes", "//", "An empty segment."),
    ("backslash", "/videos\\42/", "A browser reads a backslash as a slash."),
    ("semicolon", "/videos;x/", "Java servers read a semicolon as the end of a name."),
    ("question_mark", "/videos/?a=/", "A directory has no query."),
    ("number_sign", "/videos/#a/", "A directory has no fragment."),
    ("space", "/a b/", "A space is written %20."),
    ("percent_no_hex", "/100%/", "An escape of no digits."),
    ("star", "/videos/*", "A star stands for nothing, and a directory ends in a slash."),
    ("non_ascii", "/v\u00eddeos/", "What is beyond ASCII is escaped."),
    ("not_utf8", b"/v\xeddeos/", "What is beyond ASCII is escaped."),
    ("line_feed", "/videos/\n", "A path has no control characters."),
    ("nul", "/videos\0/", "A path has no control characters."),
    ("escaped_nul", "/videos%00/", "A path has no control characters."),
    ("too_deep", DEEP + "/65/", "A directory of 65 segments."),
)
session_faults(
    ("directory_too_long", opening("/x" + LONGEST_DIRECTORY[1:], lengths="1.1.1"), "A directory of 641 bytes."),
    ("directory_plain", LENGTHS + "./videos/42/", "The directory is in base64url."),
    ("directory_plain_word", LENGTHS + ".videos", "The directory is in base64url."),
    ("directory_padded", opening("/audio/") + "==", "base64url has no padding here."),
    ("directory_tail_bits", opening("/audio/")[:-1] + "x", "The spare bits of the last character are not zero."),
    ("directory_one_over", SESSION + "A" * 2, "One character over is less than a byte."),
    ("directory_plus", opening("/a~~~/").replace("-", "+"), "The alphabet is not base64url's."),
    ("directory_slash", opening("/a~~~/").replace("-", "/"), "The alphabet is not base64url's."),
    ("directory_percent_encoded", SESSION[:-1] + "%%%02X" % ord(SESSION[-1]), "A value is never decoded."),
    ("second_directory_without_slash", opening(FOLDER, "/audio"), "Every directory ends in a slash."),
    ("second_directory_of_calls", opening(FOLDER, "/.playgate/"), "The gate's own calls."),
    ("second_directory_root", opening(FOLDER, "/"), "Everything is no directory."),
    ("eighth_directory_not_canonical", opening(*EIGHT[:7], "/%61/"), "Every directory is canonical."),
)
for name, base, fields, field, about in (
    ("without_value", "jti_and_sub", "&jti=j1&ses&sub=v7", "ses", "The field has no value."),
    ("repeated", "jti_and_sub", "&jti=j1&ses=%s&ses=%s&sub=v7" % (SESSION, SESSION), "ses",
     "A field is there once."),
    ("before_jti", "jti_and_sub", "&ses=%s&jti=j1&sub=v7" % SESSION, "jti",
     "The fields are in alphabetical order."),
    ("after_sub", "jti_and_sub", "&jti=j1&sub=v7&ses=" + SESSION, "ses",
     "The fields are in alphabetical order."),
    ("after_sid", "jti_and_sub", "&jti=j1&sid=s1&ses=%s&sub=v7" % SESSION, "ses",
     "The fields are in alphabetical order."),
    ("before_run", "jti_and_sub", "&jti=j1&ses=%s&run=60&sub=v7" % SESSION, "run",
     "The fields are in alphabetical order."),
    ("without_sub", "jti", "&jti=j1&ses=" + SESSION, "ses", "It does not say whose session it is."),
    ("without_jti", "sub", "&ses=%s&sub=v7" % SESSION, "ses", "The session has no id."),
    ("without_ids", "film_query", "&ses=" + SESSION, "ses", "Neither whose it is nor its id."),
    ("with_sid_without_jti", "sub", "&ses=%s&sid=s1&sub=v7" % SESSION, "ses",
     "The id of a playback is not that of the session."),
    ("with_sid_without_sub", "jti", "&jti=j1&ses=%s&sid=s1" % SESSION, "ses", "A playback is no viewer."),
    ("and_max_without_sub", "jti", "&jti=j1&max=2&ses=" + SESSION, "max",
     "Both need the viewer; what is counted is named first."),
    ("and_uses_without_jti", "sub", "&ses=%s&sub=v7&uses=1" % SESSION, "uses",
     "Both need the id; what is counted is named first."),
    ("and_pre", "jti_and_sub", "&jti=j1&pre=30&ses=%s&sub=v7" % SESSION, "pre",
     "A preview needs a directory, which no session link has."),
):
    refused("ses_" + name, base, about, malformed(field), url=film(fields))
refused("ses_name_upper_case", "jti_and_sub", "SES is not ses.", UNKNOWN_FIELD,
        url=film(session(SESSION).replace("ses", "SES")))

# A reference stands for a token that only the gate which keeps it has. Without state, its grammar is all that can be
# checked.

REF = "pg=ref." + "Ab-9_z" * 7 + "x"
assert len(REF) == len("pg=ref.") + 43


def references(placement, base, make):
    """A reference, and its faults, in place of the token of a passing vector."""
    refused("ref_" + placement, base, "A reference; this gate keeps no state.", STATE_REQUIRED,
            **make(REF))
    for name, text, about in (
        ("too_short", REF[:-1], "42 characters."),
        ("too_long", REF + "x", "44 characters."),
        ("dot", REF[:-1] + ".", "A dot is not among its characters."),
        ("tilde", REF[:-1] + "~", "A tilde is not among its characters."),
        ("padded", REF + "=", "There is no padding."),
        ("empty", "pg=ref.", "The reference is empty."),
        ("without_dot", "pg=ref", "The word without a reference."),
        ("other_mark", REF.replace(".", "-"), "A dot follows the word."),
        ("upper_case", REF.replace("ref", "REF"), "The word has one spelling."),
        ("word_twice", "pg=ref.ref." + REF[11:], "The word is there once."),
        ("percent_encoded", REF[:-1] + "%78", "A value is never decoded."),
        ("dot_percent_encoded", REF.replace(".", "%2E"), "A value is never decoded."),
        ("version", REF.replace("ref.", "1."), "The version is a number."),
    ):
        refused("ref_%s_%s" % (name, placement), base, about, malformed("pg"), **make(text))


references("query", "film_query", lambda text: {"url": in_query(FILM, text)})
references("path", "film_path", lambda text: {"url": in_path(FILM, text)})
references("cookie", "film_cookie", lambda text: {"cookie": text})
references("bearer", "film_bearer", lambda text: {"authorization": "Bearer " + text})
for name, mark in (("letters", "x"), ("digits", "7"), ("minuses", "-"), ("underscores", "_")):
    refused("ref_of_" + name, "film_query", "A reference has no form but its characters.",
            STATE_REQUIRED, url=in_query(FILM, "pg=ref." + mark * 43))
refused("ref_folder_path", "folder_path", "A reference to the token of a directory.", STATE_REQUIRED,
        url=in_path(LIST, REF))
for name, tail, about in (
    ("ref_and_parameter", "&start=10", "Whether it is free, the token says."),
    ("ref_and_player", "&_HLS_msn=7", "A player adds a parameter."),
    ("ref_and_ampersand", "&", "An ampersand at the end."),
    ("ref_and_fields", "&exp=1767225600&kid=main", "What follows a reference is not part of it."),
):
    refused(name, "film_query", about, STATE_REQUIRED, url=in_query(FILM, REF) + tail)
refused("ref_after_query", "film_query", "A query is before it.", STATE_REQUIRED, url=in_query(FILM + "?quality=hd", REF))
refused("ref_and_token", "film_query", "Two tokens, one of them good.", AMBIGUOUS,
        url=in_query(FILM, REF) + "&" + EXACT_TOKEN)
refused("ref_after_token", "folder_query", "Two tokens, one of them good.", AMBIGUOUS,
        url=folder() + "&" + REF)
refused("ref_twice", "film_query", "Two references.", AMBIGUOUS,
        url=in_query(FILM, REF) + "&" + REF)
refused("ref_and_name", "film_query", "A second parameter pg may be a second token.", AMBIGUOUS,
        url=in_query(FILM, REF) + "&pg")
refused("ref_in_path_and_query", "folder_path", "Two tokens, one of them good.", AMBIGUOUS,
        url=in_path(LIST + "?" + FOLDER_TOKEN, REF))
refused("ref_in_query_and_path", "folder_path", "Two tokens, one of them good.", AMBIGUOUS,
        url=in_path(LIST + "?" + REF, FOLDER_TOKEN))
refused("ref_in_query_and_bearer", "folder_query", "Two tokens, one of them good.", AMBIGUOUS,
        authorization="Bearer " + REF)
refused("ref_twice_in_path", "folder_path", "Two references.", AMBIGUOUS,
        url=in_path("/" + REF + LIST, REF))
for placement, base, make in (
    ("path", "folder_path", lambda text: {"url": in_path(LIST, text)}),
    ("cookie", "folder_cookie", lambda text: {"cookie": text}),
    ("bearer", "folder_bearer", lambda text: {"authorization": "Bearer " + text}),
):
    refused("ref_and_field_" + placement, base, "Outside a query, nothing follows a reference.",
            malformed("dir"), **make(REF + "&dir=2"))
    refused("ref_and_unknown_" + placement, base, "Outside a query, nothing follows a reference.",
            UNKNOWN_FIELD, **make(REF + "&start=10"))
    refused("ref_and_ampersand_" + placement, base, "Outside a query, nothing follows a reference.",
            UNKNOWN_FIELD, **make(REF + "&"))
    refused("ref_and_token_" + placement, base, "Outside a query, nothing follows a reference.",
            malformed("pg"), **make(REF + "&" + FOLDER_TOKEN))
refused("ref_path_not_canonical", "film_query", "The path is read before state is asked.",
        deny("path_not_canonical"), url=in_query("/videos//42/film.mp4", REF))
refused("ref_path_escaped_slash_path", "folder_path", "The path is read before state is asked.",
        deny("path_not_canonical"), url=in_path("/videos/42/%2F/master.m3u8", REF))
refused("ref_path_not_canonical_cookie", "folder_cookie", "The path is read before state is asked.",
        deny("path_not_canonical"), url=HOST + "/videos/42//master.m3u8", cookie=REF)
refused("ref_query_space", "film_query", "A browser writes %20.", malformed("url"),
        url=in_query(FILM + "?quality=h d", REF), behind=STATE_REQUIRED)
refused("ref_query_space_after", "film_query", "A browser writes %20.", malformed("url"),
        url=in_query(FILM, REF) + "&start=1 0", behind=STATE_REQUIRED)
refused("ref_query_space_path", "folder_path", "A browser writes %20.", malformed("url"),
        url=in_path(LIST + "?a=b c", REF), behind=STATE_REQUIRED)
refused("ref_in_fragment", "film_query", "What follows # is not part of a request.", MISSING,
        url=HOST + FILM + "#" + REF, behind=MISSING)
passes("ref_cookie_beside_query", "A cookie does not count where there is a token in the query.",
       ALLOW_FILM, film(), cookie=REF)
with_cookies("cookies_ref_first", "A cookie that fails does not lock out the next.", REF, FOLDER_TOKEN)
with_cookies("cookies_ref_second", "After a cookie that passes none counts.", FOLDER_TOKEN, REF)
refused("cookies_ref_twice", "cookies_ref_first", "Neither passes.", STATE_REQUIRED,
        cookie=cookies(REF, REF))
refused("cookies_ref_and_expired", "cookies_ref_first",
        "The refusal is that of the cookie that came furthest: the reference is refused last.",
        STATE_REQUIRED, cookie=cookies(REF, OLD_TOKEN))
refused("cookies_expired_and_ref", "cookies_expired_first",
        "The refusal is that of the cookie that came furthest: the reference is refused last.",
        STATE_REQUIRED, cookie=cookies(OLD_TOKEN, REF))
refused("cookies_ref_malformed_and_expired", "cookies_expired_second",
        "The refusal is that of the cookie that came furthest: the second.", deny("expired"),
        cookie=cookies(REF[:-1], OLD_TOKEN))

passes("pre", "A preview of thirty seconds.", ALLOW_LIST,
       folder(fields="&dir=2&pre=30"), to_sign(LIST, dir=2, place="query", preview=30))
passes("pre_path", "A preview with its token in the path.", ALLOW_LIST,
       in_path(LIST, signed(FOLDER, HEAD + "&dir=2&pre=30")), to_sign(LIST, dir=2, preview="30s"))
passes("pre_dash", "A preview of a presentation, its extension in upper case.",
       allow(FOLDER, "/videos/42/a.MPD"), folder("/videos/42/a.MPD", "&dir=2&pre=30"))
passes("pre_largest", "2^53 - 1 seconds.", ALLOW_LIST, folder(fields="&dir=2&pre=9007199254740991"))
for name, fields, about in (
    ("pre_empty", "&dir=2&pre=", "The value is empty."),
    ("pre_zero", "&dir=2&pre=0", "A preview of nothing is none."),
    ("pre_leading_zero", "&dir=2&pre=030", "A number has one spelling."),
    ("pre_unit", "&dir=2&pre=30s", "The wire has seconds alone."),
    ("pre_repeated", "&dir=2&pre=30&pre=30", "A field stands once."),
    ("pre_after_run", "&dir=2&run=14400&pre=30", "The fields are in alphabetical order."),
):
    refused(name, "pre", about, malformed("pre"), url=folder(fields=fields))
refused("pre_too_large", "pre_largest", "2^53 is one too many.", malformed("pre"),
        url=folder(fields="&dir=2&pre=9007199254740992"))
refused("pre_without_directory", "film_query",
        "What the manifest lists lies beside it, so a preview needs a directory.",
        malformed("pre"), url=film("&pre=30"))
refused("pre_segment", "pre", "A segment has a link of its own in the manifest of a preview.",
        deny("outside_preview"), url=folder("/videos/42/a.ts", "&dir=2&pre=30"))
refused("pre_segment_path", "pre_path", "The directory's token alone opens no segment.",
        deny("outside_preview"),
        url=in_path("/videos/42/a.m4s", signed(FOLDER, HEAD + "&dir=2&pre=30")))
refused("pre_manifest_inside_a_name", "pre", "What counts is the end of the path.",
        deny("outside_preview"), url=folder("/videos/42/a.m3u8.ts", "&dir=2&pre=30"))
refused("pre_manifest_in_the_query", "pre", "What counts is the path.",
        deny("outside_preview"), url=folder("/videos/42/a.ts?b.m3u8", "&dir=2&pre=30"))
refused("pre_removed", "pre", "Without its limit the token is another.",
        deny("bad_signature"),
        url=folder(fields="&dir=2&pre=30").replace("&pre=30", ""))

passes("manifest_by_default", "A playlist's link opens its directory, with the token in the path.",
       ALLOW_LIST, in_path(LIST, FOLDER_TOKEN), to_sign(LIST))
passes("manifest_in_query", "Told so, the token is in the query.",
       ALLOW_LIST, folder(), to_sign(LIST, place="query"))
passes("manifest_exact", "Told so, the link opens the playlist alone.", allow(LIST, LIST),
       in_query(LIST, signed(LIST, HEAD)), to_sign(LIST, exact=True))
passes("manifest_higher_directory", "Told so, the link opens more.", allow("/videos/", LIST),
       in_path(LIST, signed("/videos/", HEAD + "&dir=1")), to_sign(LIST, dir=1))
passes("manifest_dash_by_default", "A presentation's link opens its directory as well.",
       allow(FOLDER, "/videos/42/a.mpd"),
       in_path("/videos/42/a.mpd?v=2", FOLDER_TOKEN), to_sign("/videos/42/a.mpd?v=2"))
passes("manifest_at_the_root", "There is no directory to open: it has to be asked for by itself.",
       allow("/a.m3u8", "/a.m3u8"), in_query("/a.m3u8", signed("/a.m3u8", HEAD)),
       to_sign("/a.m3u8", exact=True))

optional("sid_with_iat", "Of a playback a signer says when it signed.", "&iat=1767225000&sid=Ab-9_z",
         {"sid": "Ab-9_z"})
optional("sub_with_iat", "Of a viewer a signer says when it signed.", "&iat=1767225000&sub=Ab-9_z",
         {"sub": "Ab-9_z"})
optional("sid_and_sub_with_iat", "It says so once.", "&iat=1767225000&sid=s1&sub=v7",
         {"sid": "s1", "sub": "v7"})
optional("sid_and_sub_without_iat", "Unless told not to.", "&sid=s1&sub=v7",
         {"sid": "s1", "sub": "v7", "no_iat": True})
optional("jti_without_iat", "Where the token names neither, it says nothing.", "&jti=Ab-9_z", {"jti": "Ab-9_z"})
optional("no_iat_alone", "Told so, it says nothing either.", "", {"no_iat": True})

ALL_FIELDS = ("&aud=edge.1&cc=PT.ES&dir=2&dl=RmlsbS5tcDQ&iat=1767225000&ip=cb007100-24&jti=Ab-9_z"
              "&nbf=1767224000&pre=30&run=14400&sid=s1&sub=v7")
ALL_MEMBERS = {
    "dir": 2, "audience": "edge.1", "country": ["PT", "ES"], "download": "Film.mp4",
    "ip": "203.0.113.0/24", "jti": "Ab-9_z", "not_before": 1767224000, "preview": 30,
    "run": 14400, "sid": "s1",
    "sub": "v7",
}
passes("all_fields", "Every field at once.", ALLOW_LIST,
       folder(fields=ALL_FIELDS), to_sign(LIST, place="query", **ALL_MEMBERS),
       gate={"audience": "edge.1"},
       client_ip="203.0.113.9", client_country="ES")
passes("all_fields_path", "Every field at once, in the path.", ALLOW_LIST,
       in_path(LIST, signed(FOLDER, HEAD + ALL_FIELDS)),
       to_sign(LIST, place="path", **ALL_MEMBERS), gate={"audience": "edge.1"},
       client_ip="203.0.113.9", client_country="ES")
refused("all_fields_two_swapped", "all_fields", "The fields are in alphabetical order.",
        malformed("sid"), url=folder(fields=ALL_FIELDS.replace("&sid=s1&sub=v7", "&sub=v7&sid=s1")))

# 2. Limits

# A token of 1,024 bytes needs every field that can be long; `sub` makes up the difference.
MANY = ".".join("%s%s" % (a, b) for a in "ABCDE" for b in "ABCDEFGHIJKLMNOPQRSTUV")
LONG_FIELDS = ("&aud=" + "a" * 64 + "&cc=" + MANY + "&dl=" + b64(LONGEST_NAME.encode())
               + "&jti=" + "j" * 64 + "&sid=" + "s" * 64 + "&sub=")
LONG_FIELDS += "u" * (1024 - len(HEAD + LONG_FIELDS + "&sig=") - 43)
LONG_GATE = {"audience": "a" * 64}
passes("token_longest", "A token of 1,024 bytes.", ALLOW_FILM,
       film(LONG_FIELDS), gate=LONG_GATE, client_country="AA")
refused("token_too_long", "token_longest", "A token of 1,025 bytes.", malformed("token"),
        url=film(LONG_FIELDS + "u"))
passes("token_longest_cookie", "A token of 1,024 bytes.", ALLOW_FILM,
       HOST + FILM, gate=LONG_GATE, client_country="AA", cookie=signed(FILM, HEAD + LONG_FIELDS))
refused("token_too_long_cookie", "token_longest_cookie", "A token of 1,025 bytes.",
        malformed("token"), cookie=signed(FILM, HEAD + LONG_FIELDS + "u"))


def long_query(length):
    """The film with a signed query that makes the link this long."""
    target = FILM + "?q=" + "x" * (length - len(in_query(FILM + "?q=", EXACT_TOKEN)))
    return target, in_query(target, signed(target, HEAD))


LONG_TARGET, LONG_URL = long_query(8192)
passes("url_longest", "A URL of 8,192 bytes.", allow(LONG_TARGET, LONG_TARGET),
       LONG_URL, to_sign(LONG_TARGET))
refused("url_too_long", "url_longest", "A URL of 8,193 bytes.", malformed("url"),
        url=long_query(8193)[1])


# 2. Paths

NOT_CANONICAL = deny("path_not_canonical")


def path_fault(name, about, path, scope=FOLDER, fields="&dir=2", **rest):
    """A path that a directory's token would open, but for its spelling."""
    refused(name, "folder_query", about, NOT_CANONICAL, url=folder(path, fields, scope), **rest)


def spelled(name, about, path, canonical):
    """One film under another spelling of its path, which is fetched by its canonical one."""
    passes(name, about, allow(canonical, canonical), in_query(path, signed(canonical, HEAD)))


spelled("path_lower_case_hex", "An escape is in upper case.",
        "/videos/42/caf%c3%a9.mp4", "/videos/42/caf%C3%A9.mp4")
spelled("path_escaped_tilde", "An unreserved character stands for itself.",
        "/%7euser/film.mp4", "/~user/film.mp4")
spelled("path_escaped_letter", "An unreserved character stands for itself.",
        "/videos/42/%66i%6Cm.mp4", FILM)
spelled("path_escaped_dot", "A dot within a segment stands for itself.",
        "/videos/42/film%2emp4", FILM)
spelled("path_escaped_others", "Of the unreserved ones: minus, underscore, digit.",
        "/videos/%34%32/a%2Db%5f.mp4", "/videos/42/a-b_.mp4")
passes("path_utf8", "Octets beyond ASCII stay escaped.",
       allow("/videos/42/%C3%BC.mp4", "/videos/42/%C3%BC.mp4"),
       in_query("/videos/42/%C3%BC.mp4", signed("/videos/42/%C3%BC.mp4", HEAD)),
       to_sign("/videos/42/%C3%BC.mp4"))
passes("path_not_utf8", "Escaped octets need not be UTF-8.",
       allow("/videos/42/%FF.mp4", "/videos/42/%FF.mp4"),
       in_query("/videos/42/%FF.mp4", signed("/videos/42/%FF.mp4", HEAD)),
       to_sign("/videos/42/%FF.mp4"))
passes("path_escaped_space", "A space is written %20.",
       allow("/videos/42/a%20b.mp4", "/videos/42/a%20b.mp4"),
       in_query("/videos/42/a%20b.mp4", signed("/videos/42/a%20b.mp4", HEAD)),
       to_sign("/videos/42/a%20b.mp4"))
passes("path_escaped_percent", "Nothing is decoded twice.",
       allow("/videos/42/%2541%252e.mp4", "/videos/42/%2541%252e.mp4"),
       in_query("/videos/42/%2541%252e.mp4", signed("/videos/42/%2541%252e.mp4", HEAD)),
       to_sign("/videos/42/%2541%252e.mp4"))
passes("path_marks", "Marks that browsers leave alone stay as they are.",
       allow("/a/!$&'()*+,=:@[]-._~/b", "/a/!$&'()*+,=:@[]-._~/b"),
       in_query("/a/!$&'()*+,=:@[]-._~/b", signed("/a/!$&'()*+,=:@[]-._~/b", HEAD)),
       to_sign("/a/!$&'()*+,=:@[]-._~/b"))
refused("path_marks_and_semicolon", "path_marks", "Java servers read a semicolon as the end of a name.",
        deny("path_not_canonical"),
        url=in_query("/a/!$&'()*+,;=:@[]-._~/b", signed("/a/!$&'()*+,;=:@[]-._~/b", HEAD)))
passes("path_escaped_marks", "Escaped marks are other paths than plain ones, and stay escaped.",
       allow("/a/%21%24%26%3B%3D%3A%40%7C%22%23%3F", "/a/%21%24%26%3B%3D%3A%40%7C%22%23%3F"),
       in_query("/a/%21%24%26%3b%3d%3a%40%7c%22%23%3f",
                signed("/a/%21%24%26%3B%3D%3A%40%7C%22%23%3F", HEAD)))
passes("path_trailing_slash", "A path may end in a slash.", allow(FOLDER, FOLDER),
       in_query(FOLDER, signed(FOLDER, HEAD)), to_sign(FOLDER))
passes("path_three_dots", "Three dots are a name.",
       allow("/videos/.../a..b/.c", "/videos/.../a..b/.c"),
       in_query("/videos/.../a..b/.c", signed("/videos/.../a..b/.c", HEAD)),
       to_sign("/videos/.../a..b/.c"))

refused("path_escape_of_a_mark_decoded", "path_escaped_marks",
        "The tag is over the decoded path, which is another path.", deny("bad_signature"),
        url=in_query("/a/%21%24%26%3b%3d%3a%40%7c%22%23%3f",
                     signed("/a/!$&%3B=:@%7C%22%23%3F", HEAD)))
refused("path_upper_case", "film_query", "Paths are compared with their case.",
        deny("bad_signature"), url=in_query("/videos/42/Film.mp4", EXACT_TOKEN))
refused("path_slash_added", "film_query", "A path with a slash at its end is another path.",
        deny("bad_signature"), url=in_query(FILM + "/", EXACT_TOKEN))
refused("path_slash_removed", "path_trailing_slash",
        "A path without the slash at its end is another path.", deny("bad_signature"),
        url=in_query("/videos/42", signed(FOLDER, HEAD)))
refused("path_escaped_twice", "path_utf8", "The tag is over the path encoded twice.",
        deny("bad_signature"),
        url=in_query("/videos/42/%C3%BC.mp4", signed("/videos/42/%25C3%25BC.mp4", HEAD)))
refused("path_signed_unescaped", "path_utf8", "The tag is over the path not encoded at all.",
        deny("bad_signature"),
        url=in_query("/videos/42/%C3%BC.mp4", signed("/videos/42/\u00fc.mp4", HEAD)))

LIST_BEHIND = allow(FOLDER, LIST)
UNSIGNED = deny("unsigned_parameter")

path_fault("path_two_dots", "A segment .. leaves the directory.",
           "/videos/42/../43/film.mp4", behind=BAD)
path_fault("path_two_dots_inside", "A segment .. that stays in the directory.",
           "/videos/42/a/../master.m3u8", behind=LIST_BEHIND)
path_fault("path_two_dots_last", "A segment .. at the end.", "/videos/42/a/..",
           behind=allow(FOLDER, FOLDER))
path_fault("path_two_dots_first", "A segment .. at the start.", "/../videos/42/master.m3u8",
           scope="/../videos/", behind=BAD)
path_fault("path_two_dots_escaped", "%2e%2e is a segment ...", "/videos/42/%2e%2e/43/film.mp4",
           behind=BAD)
path_fault("path_two_dots_escaped_upper_case", "%2E%2E is a segment ...",
           "/videos/42/%2E%2E/43/film.mp4", behind=BAD)
path_fault("path_two_dots_second_escaped", ".%2E is a segment ...",
           "/videos/42/.%2E/43/film.mp4", behind=BAD)
path_fault("path_two_dots_first_escaped", "%2e. is a segment ...",
           "/videos/42/a/%2e./master.m3u8", behind=LIST_BEHIND)
path_fault("path_dot", "A segment . is nothing.", "/videos/42/./master.m3u8",
           behind=LIST_BEHIND)
path_fault("path_dot_escaped", "%2e is a segment ..", "/videos/42/%2e/master.m3u8",
           behind=LIST_BEHIND)
path_fault("path_dot_escaped_upper_case", "%2E is a segment ..", "/videos/42/%2E/master.m3u8",
           behind=LIST_BEHIND)
path_fault("path_dot_last", "A segment . at the end.", "/videos/42/.",
           behind=allow(FOLDER, FOLDER))
path_fault("path_double_slash", "An empty segment.", "/videos/42//master.m3u8")
path_fault("path_double_slash_last", "An empty segment at the end.", "/videos/42/a//")
path_fault("path_double_slash_first", "An empty segment at the start.",
           "//videos/42/master.m3u8", scope="//videos/")
path_fault("path_escaped_slash", "%2F may be read as a slash.", "/videos/42/..%2F43%2Ffilm.mp4")
path_fault("path_escaped_slash_lower_case", "%2f may be read as a slash.",
           "/videos/42/a%2fmaster.m3u8")
path_fault("path_escaped_backslash", "%5C may be read as a slash.", "/videos/42/a%5Cmaster.m3u8")
path_fault("path_escaped_backslash_lower_case", "%5c may be read as a slash.",
           "/videos/42/a%5cmaster.m3u8")
path_fault("path_backslash", "A browser reads a backslash as a slash.",
           "/videos/42/a\\master.m3u8", behind=allow(FOLDER, "/videos/42/a/master.m3u8"))
path_fault("path_backslash_and_dots", "A browser leaves the directory here.",
           "/videos/42/..\\43\\film.mp4", behind=BAD)
path_fault("path_escaped_nul", "%00 ends a name in C.", "/videos/42/master.m3u8%00.png")
path_fault("path_escaped_line_feed", "A control character.", "/videos/42/master%0A.m3u8")
path_fault("path_escaped_line_feed_lower_case", "A control character.",
           "/videos/42/master%0a.m3u8")
path_fault("path_escaped_tab", "A control character.", "/videos/42/master%09.m3u8")
path_fault("path_escaped_last_control", "A control character.", "/videos/42/master%1F.m3u8")
path_fault("path_escaped_del", "A control character.", "/videos/42/master%7F.m3u8")
path_fault("path_escaped_del_lower_case", "A control character.", "/videos/42/master%7f.m3u8")
path_fault("path_percent_last", "An escape of no digits.", "/videos/42/master%")
path_fault("path_percent_one_digit", "An escape of one digit.", "/videos/42/master%2")
path_fault("path_percent_one_digit_inside", "An escape of one digit.", "/videos/42/%2/a.ts")
path_fault("path_percent_no_hex", "An escape of letters that are no digits.",
           "/videos/42/master%zz.m3u8")
path_fault("path_percent_second_no_hex", "An escape whose second digit is none.",
           "/videos/42/master%4g.m3u8")
path_fault("path_percent_plus", "A sign is no digit, though some number parsers take it.",
           "/videos/42/master%+4.m3u8")
path_fault("path_percent_unicode", "%u00fc is no escape of URLs.",
           "/videos/42/%u00fc.m3u8")
path_fault("path_space", "A browser writes %20.", "/videos/42/a b.m3u8",
           behind=allow(FOLDER, "/videos/42/a%20b.m3u8"))
path_fault("path_non_ascii", "A browser writes %C3%BC.", "/videos/42/\u00fc.m3u8",
           behind=allow(FOLDER, "/videos/42/%C3%BC.m3u8"))
path_fault("path_fullwidth_slash", "U+FF0F looks like a slash, and some programs make it one.",
           "/videos/42/a\uff0fmaster.m3u8",
           behind=allow(FOLDER, "/videos/42/a%EF%BC%8Fmaster.m3u8"))
for mark, name, escape in (
    ('"', "quote", "%22"), ("<", "less", "%3C"), (">", "greater", "%3E"), ("^", "caret", "%5E"),
    ("`", "backtick", "%60"), ("{", "brace_open", "%7B"), ("|", "bar", "%7C"), ("}", "brace_close", "%7D"),
):
    path_fault("path_" + name, "A browser writes %s." % escape, "/videos/42/a%sb.m3u8" % mark,
               behind=allow(FOLDER, "/videos/42/a%sb.m3u8" % escape))
path_fault("path_tab", "A browser removes it.", "/videos/42/mas\tter.m3u8", behind=LIST_BEHIND)
path_fault("path_line_feed", "A browser removes it.", "/videos/42/mas\nter.m3u8",
           behind=LIST_BEHIND)
path_fault("path_carriage_return", "A browser removes it.", "/videos/42/mas\rter.m3u8",
           behind=LIST_BEHIND)
path_fault("path_control", "A browser escapes it, and so it stays refused.",
           "/videos/42/mas\x01ter.m3u8", behind=NOT_CANONICAL)
path_fault("path_del", "A browser escapes it, and so it stays refused.",
           "/videos/42/mas\x7fter.m3u8", behind=NOT_CANONICAL)
refused("path_number_sign", "folder_path", "A browser keeps what follows # to itself.",
        NOT_CANONICAL, url=in_path("/videos/42/master.m3u8#t=10", FOLDER_TOKEN),
        behind=LIST_BEHIND)
refused("path_two_dots_exact", "film_query", "The tag is over the very path that is asked for.",
        NOT_CANONICAL, url=in_query("/videos/42/../42/film.mp4",
                                    signed("/videos/42/../42/film.mp4", HEAD)), behind=BAD)
refused("path_two_dots_escaped_exact", "film_query", "The tag is over the path decoded.",
        NOT_CANONICAL, url=in_query("/videos/42/%2e%2e/42/film.mp4",
                                    signed("/videos/42/../42/film.mp4", HEAD)), behind=BAD)
refused("path_two_dots_collapsed_exact", "film_query",
        "The tag is over the path that the dots lead to; nothing is repaired.",
        NOT_CANONICAL, url=in_query("/videos/42/../42/film.mp4", EXACT_TOKEN), behind=ALLOW_FILM)
refused("path_double_slash_exact", "film_query",
        "The tag is over the very path that is asked for.", NOT_CANONICAL,
        url=in_query("/videos//42/film.mp4", signed("/videos//42/film.mp4", HEAD)))
refused("path_escaped_slash_exact", "film_query",
        "The tag is over the very path that is asked for.", NOT_CANONICAL,
        url=in_query("/videos/42%2Ffilm.mp4", signed("/videos/42%2Ffilm.mp4", HEAD)))
refused("path_space_exact", "film_query", "The tag is over the very path that is asked for.",
        NOT_CANONICAL, url=in_query("/videos/42/my film.mp4",
                                    signed("/videos/42/my film.mp4", HEAD)), behind=BAD)
refused("path_non_ascii_exact", "film_query", "The tag is over the very path that is asked for.",
        NOT_CANONICAL, url=in_query("/videos/42/\u00fc.mp4",
                                    signed("/videos/42/\u00fc.mp4", HEAD)), behind=BAD)
refused("path_two_dots_behind_path_token", "folder_path",
        "Where the dots collapse they swallow the token.", NOT_CANONICAL,
        url=in_path("/.." + LIST, signed("/../videos/", HEAD + "&dir=2")), behind=MISSING)
refused("path_double_slash_behind_path_token", "folder_path", "An empty segment.", NOT_CANONICAL,
        url=in_path("/" + LIST, signed("//videos/", HEAD + "&dir=2")))
refused("path_two_dots_cookie", "folder_cookie", "A segment .. leaves the directory.",
        NOT_CANONICAL, url=HOST + "/videos/42/../43/film.mp4", behind=BAD)
refused("path_empty", "root", "A path begins with a slash.", NOT_CANONICAL,
        url=in_query("", signed("/", HEAD)), behind=allow("/", "/"))
refused("path_empty_behind_path_token", "root_path_token", "A path begins with a slash.",
        NOT_CANONICAL, url=in_path("", signed("/", HEAD)))

# 2. Path parameters: Java servers cut them off, and some decode a path before they do

ESCAPED = "/videos/42/film.mp4%3Bx.ts"
spelled("path_escaped_semicolon", "An escaped semicolon is an escape like any other.",
        "/videos/42/film.mp4%3bx.ts", ESCAPED)
passes("path_escaped_semicolon_signed", "A signer takes it as well.", allow(ESCAPED, ESCAPED),
       in_query(ESCAPED, signed(ESCAPED, HEAD)), to_sign(ESCAPED))
passes("path_escaped_semicolon_path", "In the path.", allow(ESCAPED, ESCAPED),
       in_path(ESCAPED, signed(ESCAPED, HEAD)), to_sign(ESCAPED, place="path"))
passes("path_escaped_semicolon_cookie", "In a cookie.", allow(ESCAPED, ESCAPED),
       HOST + ESCAPED, cookie=signed(ESCAPED, HEAD))
passes("path_escaped_semicolon_bearer", "In the Authorization header.", allow(ESCAPED, ESCAPED),
       HOST + ESCAPED, authorization="Bearer " + signed(ESCAPED, HEAD))
passes("folder_escaped_semicolon", "A directory with one.",
       allow("/videos/a%3Bb/", "/videos/a%3Bb/master.m3u8"),
       folder("/videos/a%3bb/master.m3u8", scope="/videos/a%3Bb/"))
for name, path, about in (
    ("path_escaped_semicolon_last", "/videos/42/a%3B", "A semicolon ends a name."),
    ("path_escaped_semicolon_first", "/videos/42/%3Ba.ts", "A semicolon begins a name."),
    ("path_escaped_semicolon_and_dots", "/videos/42/%3B..", "The dots are the parameter."),
    ("path_name_and_escaped_semicolon", "/videos/42/.a%3B..", "A name that begins with a dot."),
    ("path_three_dots_and_semicolon", "/videos/42/...%3Bx", "Three dots are a name."),
    ("path_name_and_escaped_question_mark", "/videos/42/a..%3Fx", "A name that ends in dots."),
    ("path_name_and_escaped_number_sign", "/videos/42/%23..", "The dots are after it."),
    ("path_directory_number_sign_first", "/videos/42/%231/a.ts",
     "Cut off there, it is a directory; no segment is empty."),
    ("path_directory_question_mark_first", "/videos/42/%3Fa/a.ts",
     "Cut off there, it is a directory; no segment is empty."),
    ("path_directory_name_and_escaped_semicolon", "/videos/42/a%3B/a.ts", "A name before a semicolon."),
    ("path_latin_1", "/videos/42/%E0%F6", "Escaped octets need not be UTF-8."),
    ("path_semicolon_escaped_twice", "/videos/42/..%253Bx", "Nothing is decoded twice."),
):
    spelled(name, about, path, path)
for name, path, about in (
    ("path_semicolon", "/videos/42/a;b.m3u8", "A semicolon inside a name."),
    ("path_semicolon_extension", "/videos/42/film.mp4;x.m4s", "A Java server serves film.mp4."),
    ("path_semicolon_last", "/videos/42/master.m3u8;", "A semicolon at the end."),
    ("path_semicolon_alone", "/videos/42/;/master.m3u8", "A segment that is a semicolon."),
    ("path_semicolon_session", "/videos/42/master.m3u8;jsessionid=1", "A session of a Java server."),
    ("path_semicolon_directory", "/videos/42/hd;v=1/master.m3u8", "A parameter of a directory."),
    ("path_semicolon_two_dots", "/videos/42/..;/43/film.mp4", "A Java server leaves the directory."),
    ("path_semicolon_two_dots_parameter", "/videos/42/..;x=1/43/film.mp4",
     "A Java server leaves the directory."),
    ("path_semicolon_two_dots_last", "/videos/42/hd/..;", "A Java server reads .. at the end."),
    ("path_semicolon_two_dots_escaped", "/videos/42/%2e%2e;/43/film.mp4",
     "A Java server leaves the directory."),
    ("path_semicolon_dot", "/videos/42/.;/master.m3u8", "A Java server reads a segment ."),
    ("path_two_dots_escaped_semicolon", "/videos/42/..%3B/43/film.mp4",
     "Decoded, it is ..; and so .. to a Java server."),
    ("path_two_dots_escaped_semicolon_lower_case", "/videos/42/..%3b/43/film.mp4",
     "Decoded, it is ..; and so .. to a Java server."),
    ("path_two_dots_escaped_semicolon_last", "/videos/42/hd/..%3B", "The same at the end."),
    ("path_two_dots_escaped_parameter", "/videos/42/..%3Bx/43/film.mp4", "A parameter follows."),
    ("path_two_dots_escaped_parameter_of_dots", "/videos/42/..%3B../43/film.mp4",
     "The parameter is dots."),
    ("path_two_dots_two_escaped_semicolons", "/videos/42/..%3B%3B/43/film.mp4",
     "The first semicolon ends the name."),
    ("path_all_escaped_semicolon", "/videos/42/%2e%2E%3B/43/film.mp4", "Dots are escaped as well."),
    ("path_two_dots_escaped_question_mark", "/videos/42/..%3F/43/film.mp4",
     "Decoded, the path ends in .. before a query."),
    ("path_two_dots_escaped_question_mark_lower_case", "/videos/42/%2e%2E%3fx/43/film.mp4",
     "Decoded, the path ends in .. before a query."),
    ("path_two_dots_escaped_number_sign", "/videos/42/..%23/43/film.mp4",
     "Decoded, the path ends in .. before a fragment."),
    ("path_dot_escaped_question_mark", "/videos/42/.%3Fx/master.m3u8", "A segment . before a query."),
    ("path_dot_escaped_number_sign", "/videos/42/.%23/master.m3u8", "A segment . before a fragment."),
    ("path_escaped_semicolon_alone", "/videos/42/%3B/master.m3u8",
     "Decoded, it is an empty segment to a Java server."),
    ("path_escaped_parameter_alone", "/videos/42/%3Bx/master.m3u8",
     "Decoded, it is an empty segment to a Java server."),
    ("path_escaped_parameter_alone_lower_case", "/videos/42/%3bx=1/master.m3u8",
     "Decoded, it is an empty segment to a Java server."),
    ("path_escaped_parameter_of_dots_alone", "/videos/42/%3B../43/film.mp4",
     "An empty name, and dots in the parameter."),
    ("path_escaped_parameter_alone_before_last_slash", "/videos/42/%3Bx/", "The slash follows it."),
    ("path_overlong_dots", "/videos/42/%C0%AE%C0%AE/43/film.mp4", "Dots in two octets each."),
    ("path_overlong_lower_case", "/videos/42/%c0%ae%c0%ae/43/film.mp4", "Dots in two octets each."),
    ("path_overlong_slash", "/videos/42/a%C0%AFmaster.m3u8", "A slash in two octets."),
    ("path_overlong_backslash", "/videos/42/a%C1%9Cmaster.m3u8", "A backslash in two octets."),
    ("path_overlong_first_octet", "/videos/42/a%C0", "An octet that no UTF-8 has."),
    ("path_dot_escaped_semicolon", "/videos/42/.%3Bx/master.m3u8", "A segment . with a parameter."),
    ("path_dot_all_escaped_semicolon", "/videos/42/%2e%3b/master.m3u8",
     "A segment . with a parameter."),
    ("path_dot_escaped_parameter_of_a_dot", "/videos/42/.%3B./master.m3u8",
     "One dot, and a dot in the parameter."),
):
    path_fault(name, about, path)
path_fault("path_semicolon_first_segment", "A parameter of the directory that is signed.",
           "/videos;x/42/master.m3u8", scope="/videos;x/42/")
path_fault("path_two_dots_escaped_semicolon_first", "At the start, where it is signed.",
           "/..%3B/videos/42/master.m3u8", scope="/..%3B/videos/")
path_fault("path_escaped_parameter_alone_first", "At the start, where it is signed.",
           "/%3Bx/videos/42/master.m3u8", scope="/%3Bx/videos/")
for name, path in (
    ("semicolon", "/videos/42/film.mp4;x.ts"),
    ("two_dots_escaped_semicolon", "/videos/42/..%3B/film.mp4"),
    ("escaped_parameter_alone", "/videos/42/%3Bx/film.mp4"),
):
    about = "The tag is over the very path that is asked for."
    refused("path_%s_exact" % name, "film_query", about, NOT_CANONICAL,
            url=in_query(path, signed(path, HEAD)))
    refused("path_%s_exact_path" % name, "film_path", about, NOT_CANONICAL,
            url=in_path(path, signed(path, HEAD)))
    refused("path_%s_exact_cookie" % name, "path_escaped_semicolon_cookie", about, NOT_CANONICAL,
            url=HOST + path, cookie=signed(path, HEAD))
    refused("path_%s_exact_bearer" % name, "path_escaped_semicolon_bearer", about, NOT_CANONICAL,
            url=HOST + path, authorization="Bearer " + signed(path, HEAD))
    about = "The directory's token, but for the path."
    refused("path_%s_after_path_token" % name, "folder_path", about, NOT_CANONICAL,
            url=in_path(path, FOLDER_TOKEN))
    refused("path_%s_cookie" % name, "folder_cookie", about, NOT_CANONICAL, url=HOST + path)
    refused("path_%s_bearer" % name, "folder_bearer", about, NOT_CANONICAL, url=HOST + path)
refused("path_semicolon_decoded", "path_escaped_semicolon_signed",
        "A proxy decoded it: another path, and one that is never right.", NOT_CANONICAL,
        url=in_query("/videos/42/film.mp4;x.ts", signed(ESCAPED, HEAD)))
refused("path_escaped_semicolon_cut_off", "path_escaped_semicolon_signed",
        "Without the parameter it is another path.", BAD,
        url=in_query(FILM, signed(ESCAPED, HEAD)))
refused("path_semicolon_in_token", "folder_path", "A parameter of the token's segment.",
        malformed("sig"), url=in_path(LIST, FOLDER_TOKEN + ";x=1"))
passes("query_semicolon", "In a query a semicolon has no meaning.",
       allow(FILM + "?a=1;b=2", FILM + "?a=1;b=2"),
       in_query(FILM + "?a=1;b=2", signed(FILM + "?a=1;b=2", HEAD)), to_sign(FILM + "?a=1;b=2"))

# 2. The query beside the token

QUERY = FILM + "?quality=hd&lang=pt"
ALLOW_QUERY = allow(QUERY, QUERY)
QUERY_TOKEN = signed(QUERY, HEAD)

passes("query_before", "What stands before the token is signed.", ALLOW_QUERY,
       in_query(QUERY, QUERY_TOKEN), to_sign(QUERY))
passes("query_before_path", "A token in the path signs the whole query.", ALLOW_QUERY,
       in_path(QUERY, QUERY_TOKEN), to_sign(QUERY, place="path"))
passes("query_before_cookie", "A token in a cookie signs the whole query.", ALLOW_QUERY,
       HOST + QUERY, cookie=QUERY_TOKEN)
passes("query_before_bearer", "A bearer token signs the whole query.", ALLOW_QUERY,
       HOST + QUERY, authorization="Bearer " + QUERY_TOKEN)
passes("query_before_empty", "An empty query before the token is a query.",
       allow(FILM + "?", FILM + "?"), in_query(FILM + "?", signed(FILM + "?", HEAD)),
       to_sign(FILM + "?"))
passes("query_before_odd", "Query bytes are signed as they stand, not as a form.",
       allow(FILM + "?a&&=%2f%7e+&a=?/:@[]|%zz", FILM + "?a&&=%2f%7e+&a=?/:@[]|%zz"),
       in_query(FILM + "?a&&=%2f%7e+&a=?/:@[]|%zz",
                signed(FILM + "?a&&=%2f%7e+&a=?/:@[]|%zz", HEAD)),
       to_sign(FILM + "?a&&=%2f%7e+&a=?/:@[]|%zz"))
passes("query_name_begins_like_pg", "pgx and xpg are other names than pg.",
       allow(FILM + "?pgx=1&xpg=1", FILM + "?pgx=1&xpg=1"),
       in_query(FILM + "?pgx=1&xpg=1", signed(FILM + "?pgx=1&xpg=1", HEAD)),
       to_sign(FILM + "?pgx=1&xpg=1"))
passes("query_sig_before", "A parameter sig that stands before the token is no tag.",
       allow(FILM + "?sig=1&exp=2", FILM + "?sig=1&exp=2"),
       in_query(FILM + "?sig=1&exp=2", signed(FILM + "?sig=1&exp=2", HEAD)),
       to_sign(FILM + "?sig=1&exp=2"))
passes("query_player_before", "Before the token a player's parameter is signed like any other.",
       allow(FILM + "?_HLS_msn=3", FILM + "?_HLS_msn=3"),
       in_query(FILM + "?_HLS_msn=3", signed(FILM + "?_HLS_msn=3", HEAD)),
       to_sign(FILM + "?_HLS_msn=3"))

for name, url, about in (
    ("query_changed", in_query(FILM + "?quality=4k&lang=pt", QUERY_TOKEN), "A value is changed."),
    ("query_removed", in_query(FILM, QUERY_TOKEN), "The query is left out."),
    ("query_half_removed", in_query(FILM + "?quality=hd", QUERY_TOKEN), "Half of it is left out."),
    ("query_reordered", in_query(FILM + "?lang=pt&quality=hd", QUERY_TOKEN), "Another order."),
    ("query_reencoded", in_query(FILM + "?quality=%68d&lang=pt", QUERY_TOKEN),
     "Query bytes have no second spelling."),
    ("query_added_before", in_query(QUERY + "&start=10", QUERY_TOKEN), "A parameter is added."),
    ("query_added_first", in_query(FILM + "?a=1&" + QUERY[len(FILM) + 1:], QUERY_TOKEN),
     "A parameter is added."),
    ("query_player_added_before", in_query(QUERY + "&_HLS_msn=3", QUERY_TOKEN),
     "Before the token a player's parameter is signed like any other."),
    ("query_ampersand_added", in_query(QUERY + "&", QUERY_TOKEN), "An ampersand is added."),
):
    # The gate can name the appended parameter: without it, the tag matches.
    appended = name in ("query_added_before", "query_player_added_before", "query_ampersand_added")
    refused(name, "query_before", about, UNSIGNED if appended else BAD, url=url)
refused("query_added_to_none", "film_query", "A query is added where none was signed.", UNSIGNED,
        url=in_query(FILM + "?start=10", EXACT_TOKEN))
refused("query_empty_added_to_none", "film_query", "?&pg= is not ?pg=.", UNSIGNED,
        url=in_query(FILM + "?", EXACT_TOKEN))
refused("query_empty_removed", "query_before_empty", "?pg= is not ?&pg=.", BAD,
        url=in_query(FILM, signed(FILM + "?", HEAD)))
refused("query_added_path", "query_before_path", "A parameter is added.", UNSIGNED,
        url=in_path(QUERY + "&start=10", QUERY_TOKEN))
refused("query_added_to_none_path", "film_path", "A query is added where none was signed.", UNSIGNED,
        url=in_path(FILM + "?start=10", EXACT_TOKEN))
refused("query_added_cookie", "film_cookie", "A query is added where none was signed.", UNSIGNED,
        url=HOST + FILM + "?start=10")
refused("query_added_bearer", "film_bearer", "A query is added where none was signed.", UNSIGNED,
        url=HOST + FILM + "?start=10")

PLAYER = (
    ("_HLS_msn", "7"), ("_HLS_part", "2"), ("_HLS_skip", "YES"), ("_HLS_push", "1"),
    ("_HLS_report", "/live/a.m3u8"), ("CMCD", "bl%3D21300%2Cot%3Dv"),
    ("_HLS_pathway", "CDN-B"), ("_HLS_throughput", "5140000"), ("_HLS_primary_id", "f3c9"),
    ("_HLS_start_offset", "9.5"), ("_DASH_pathway", "beta"), ("_DASH_throughput", "5140000"),
)
for name, value in PLAYER:
    passes("player_" + name.lower().lstrip("_"), "A player adds %s by itself." % name,
           ALLOW_FILM, film() + "&%s=%s" % (name, value))
ALL_PLAYER = "&".join("%s=%s" % pair for pair in PLAYER)
passes("player_all", "A player adds all of its parameters, in its own order.", ALLOW_QUERY,
       in_query(QUERY, QUERY_TOKEN) + "&" + ALL_PLAYER)
passes("player_all_path", "A player adds its parameters to a link with its token in the path.",
       ALLOW_QUERY, in_path(QUERY + "&" + ALL_PLAYER, QUERY_TOKEN))
passes("player_between_path", "A player's parameters may stand among the signed ones.",
       ALLOW_QUERY, in_path(FILM + "?quality=hd&_HLS_msn=7&lang=pt", QUERY_TOKEN))
passes("player_alone_path", "Where a player's parameters are all, nothing is signed.",
       ALLOW_FILM, in_path(FILM + "?" + ALL_PLAYER, EXACT_TOKEN))
passes("player_alone_cookie", "Where a player's parameters are all, nothing is signed.",
       ALLOW_FILM, HOST + FILM + "?_HLS_msn=7&_HLS_part=2", cookie=EXACT_TOKEN)
passes("player_alone_bearer", "Where a player's parameters are all, nothing is signed.",
       ALLOW_FILM, HOST + FILM + "?_HLS_msn=7&_HLS_part=2", authorization="Bearer " + EXACT_TOKEN)
passes("player_without_value", "A name is enough.", ALLOW_FILM, film() + "&_HLS_skip")
passes("player_twice", "What is not signed may stand twice.", ALLOW_FILM,
       film() + "&_HLS_msn=7&_HLS_msn=8")
passes("player_with_equals_signs", "A name ends at its first equals sign.", ALLOW_FILM,
       film() + "&CMCD=a=1,b=2")
UTM = {"unsigned_params": ["utm_source", "fbclid"]}
passes("operator_parameters", "The operator lists parameters that need no tag.", ALLOW_FILM,
       film() + "&utm_source=mail&fbclid=x1", gate=UTM)
passes("operator_parameters_path", "The operator lists parameters that need no tag.",
       ALLOW_QUERY, in_path(QUERY + "&utm_source=mail", QUERY_TOKEN), gate=UTM)
passes("operator_and_player", "The operator's list adds to the players'.", ALLOW_FILM,
       film() + "&_HLS_msn=7&utm_source=mail", gate=UTM)

STAR = {"unsigned_params": ["utm_*", "ref"]}
passes("operator_star", "A star at the end stands for every name that starts so.", ALLOW_FILM,
       film() + "&utm_source=mail&utm_medium=x&ref=1", gate=STAR)
passes("operator_star_for_nothing", "It stands for no character as well.", ALLOW_FILM,
       film() + "&utm_=1", gate=STAR)
passes("operator_star_without_value", "A name is enough.", ALLOW_FILM, film() + "&utm_source",
       gate=STAR)
passes("operator_star_path", "What starts so is not under the tag.", ALLOW_QUERY,
       in_path(FILM + "?utm_a=1&quality=hd&utm_b=2&lang=pt", QUERY_TOKEN), gate=STAR)
passes("operator_star_cookie", "What starts so is not under the tag.", ALLOW_FILM,
       HOST + FILM + "?utm_source=mail", gate=STAR, cookie=EXACT_TOKEN)
passes("operator_star_inside", "A star elsewhere is a character of the name.", ALLOW_FILM,
       film() + "&a*b=1&*c=2", gate={"unsigned_params": ["a*b", "*c"]})
passes("operator_two_stars", "Of two stars at the end the first is a character of the name.",
       ALLOW_FILM, film() + "&a*b=1", gate={"unsigned_params": ["a**"]})
passes("operator_star_after_name", "A star after a whole name.", ALLOW_FILM, film() + "&start=10",
       gate={"unsigned_params": ["start*"]})
passes("operator_star_named", "A name that is a star.", ALLOW_FILM, film() + "&*=1",
       gate={"unsigned_params": ["**"]})
passes("forward_star", "Names to forward are listed in the same way.",
       allow(FOLDER, LIST + "?v1=a&v=b"), folder(LIST + "?v1=a&w=2") + "&v=b",
       gate={"forward_params": ["v*"]})

for name, base, tail, about in (
    ("operator_star_shorter", "operator_star", "&utm=1", "A name that the listed one begins with."),
    ("operator_star_upper_case", "operator_star", "&UTM_source=1", "Names are compared with their case."),
    ("operator_star_not_first", "operator_star", "&xutm_source=1", "The name starts otherwise."),
    ("operator_star_escaped", "operator_star", "&%75tm_source=1", "Names are compared without decoding."),
    ("operator_star_other_name", "operator_star", "&refs=1", "A name without a star is the whole name."),
    ("operator_star_in_value", "operator_star", "&a=utm_source", "What counts is the name."),
    ("operator_star_inside_as_any", "operator_star_inside", "&axb=1",
     "A star inside stands for itself."),
    ("operator_star_first_as_any", "operator_star_inside", "&xc=1", "A star before stands for itself."),
    ("operator_two_stars_as_one", "operator_two_stars", "&ab=1", "The first star stands for itself."),
):
    refused(name, base, about, UNSIGNED, url=film() + tail)
for name, base in (
    ("operator_star_alone", "operator_star_after_name"),
    ("operator_star_alone_as_name", "operator_star_named"),
):
    refused(name, base, "A star by itself names nothing.", UNSIGNED, gate={"unsigned_params": ["*"]})
refused("operator_star_alone_path", "operator_star_path", "A star by itself names nothing.", BAD,
        gate={"unsigned_params": ["*"]})
for name, tail, about in (
    ("parameter_after_token", "&start=10", "A parameter follows the token."),
    ("parameter_after_player", "&_HLS_msn=7&start=10", "A parameter follows a player's."),
    ("parameter_before_player", "&start=10&_HLS_msn=7", "A parameter stands before a player's."),
    ("parameter_player_lower_case", "&_hls_msn=7", "Names are compared with their case."),
    ("parameter_player_longer", "&_HLS_msn2=7", "A name that begins like a player's."),
    ("parameter_player_shorter", "&_HLS_ms=7", "A name that a player's begins with."),
    ("parameter_player_escaped", "&%5FHLS_msn=7", "Names are compared without decoding."),
    ("parameter_empty", "&", "An ampersand at the end parts off a parameter without a name."),
    ("parameter_second_sig", EXACT_TOKEN[len(HEAD):], "The tag stands twice."),
    ("parameter_field_after_sig", "&jti=a1", "A field that the tag does not cover."),
):
    refused(name, "film_query", about, UNSIGNED, url=film() + tail)
refused("parameter_not_listed", "operator_parameters", "utm_medium is not on the list.",
        UNSIGNED, url=film() + "&utm_source=mail&utm_medium=x")
refused("parameter_list_withdrawn", "operator_parameters", "The operator lists none.",
        UNSIGNED, gate={"unsigned_params": []})
refused("parameter_forwarded_not_listed", "operator_parameters",
        "A parameter to forward is still to be signed.", UNSIGNED,
        gate={"forward_params": ["utm_source", "fbclid"]})
refused("parameter_not_listed_path", "operator_parameters_path",
        "In the path's placement what is not listed is to be under the tag.", UNSIGNED,
        gate={"unsigned_params": []})

QUERY_FAULT = malformed("url")
for name, mark, about in (
    ("query_space", " ", "A browser writes %20, which is not what was signed."),
    ("query_non_ascii", "\u00fc", "A browser writes %C3%BC, which is not what was signed."),
    ("query_tab", "\t", "A browser removes it, and so it is not what was signed."),
    ("query_line_feed", "\n", "A line feed would end the scope."),
    ("query_control", "\x01", "A browser writes %01, which is not what was signed."),
    ("query_del", "\x7f", "A browser writes %7F, which is not what was signed."),
):
    target = FILM + "?quality=h%sd&lang=pt" % mark
    refused(name, "query_before", about, QUERY_FAULT,
            url=in_query(target, signed(target, HEAD)), behind=BAD)
refused("query_number_sign", "query_before", "A browser keeps what follows # to itself.",
        QUERY_FAULT, url=in_query(QUERY + "#", signed(QUERY + "#", HEAD)), behind=MISSING)
refused("fragment", "film_query", "A client keeps what follows # to itself.", QUERY_FAULT,
        url=film() + "&_HLS_msn=7#t=10", behind=ALLOW_FILM)
refused("query_space_path", "folder_path", "A browser writes %20.", QUERY_FAULT,
        url=in_path(LIST + "?a=b c", FOLDER_TOKEN), behind=LIST_BEHIND)
passes("query_apostrophe", "A browser writes %27, so only a plain client can use this link.",
       allow(FILM + "?q='a'", FILM + "?q='a'"),
       in_query(FILM + "?q='a'", signed(FILM + "?q='a'", HEAD)), behind=BAD)
passes("query_quotes", "A browser writes %22, so only a plain client can use this link.",
       allow(FILM + '?q="a"', FILM + '?q="a"'),
       in_query(FILM + '?q="a"', signed(FILM + '?q="a"', HEAD)), behind=BAD)

# What is fetched: the clean URL

FORWARD = {"forward_params": ["v", "_HLS_msn"]}
passes("folder_parameters", "With a directory parameters are free, and none is forwarded.",
       ALLOW_LIST, folder() + "&v=2&start=10")
passes("folder_parameters_before", "They may stand on both sides of the token.",
       ALLOW_LIST, folder(LIST + "?v=2") + "&start=10")
passes("folder_parameters_signed", "A signer leaves the query of a directory's link alone.",
       ALLOW_LIST, folder(LIST + "?v=2"), to_sign(LIST + "?v=2", dir=2, place="query"))
passes("folder_parameters_path", "With a directory parameters are free, and none is forwarded.",
       ALLOW_LIST, in_path(LIST + "?v=2&_HLS_msn=7", FOLDER_TOKEN),
       to_sign(LIST + "?v=2&_HLS_msn=7", dir=2, place="path"))
passes("folder_parameters_cookie", "With a directory parameters are free.",
       ALLOW_LIST, HOST + LIST + "?v=2", cookie=FOLDER_TOKEN)
passes("forward_folder", "The parameters to forward, in their order, from both sides.",
       allow(FOLDER, LIST + "?v=2&_HLS_msn=7&v=3"),
       folder(LIST + "?v=2&a=1") + "&_HLS_msn=7&b=1&v=3", gate=FORWARD)
passes("forward_folder_path", "The parameters to forward, in their order.",
       allow(FOLDER, LIST + "?_HLS_msn=7&v=2"),
       in_path(LIST + "?a=1&_HLS_msn=7&v=2", FOLDER_TOKEN), gate=FORWARD)
passes("forward_none_there", "No parameters, no question mark.", ALLOW_LIST,
       folder(LIST + "?a=1"), gate=FORWARD)
passes("forward_names_exactly", "V and v2 are other names than v.", ALLOW_LIST,
       folder() + "&V=1&v2=1&%76=1", gate=FORWARD)
passes("forward_exact_signed", "What is signed is fetched whether it is listed or not.",
       ALLOW_QUERY, in_query(QUERY, QUERY_TOKEN), gate=FORWARD)
passes("forward_exact_player", "An unsigned parameter is fetched where it is listed.",
       allow(QUERY, QUERY + "&_HLS_msn=7"),
       in_query(QUERY, QUERY_TOKEN) + "&_HLS_msn=7&_HLS_part=2", gate=FORWARD)
passes("forward_exact_path", "An unsigned parameter is fetched where it is listed.",
       allow(QUERY, QUERY + "&_HLS_msn=7"),
       in_path(QUERY + "&_HLS_msn=7&_HLS_part=2", QUERY_TOKEN), gate=FORWARD)
passes("forward_exact_alone", "An unsigned parameter alone makes the query.",
       allow(FILM, FILM + "?_HLS_msn=7"), film() + "&_HLS_msn=7", gate=FORWARD)
passes("forward_operator", "A parameter may be on both of the operator's lists.",
       allow(FILM, FILM + "?v=2"), film() + "&v=2&utm_source=mail",
       gate={"unsigned_params": ["v", "utm_source"], "forward_params": ["v"]})

# 2. Directories

OUTSIDE = deny("outside_scope")
passes("folder_itself", "The directory's own path is in it.", allow(FOLDER, FOLDER),
       folder(FOLDER), to_sign(FOLDER, dir=2))
passes("folder_below", "Whatever is below is in the directory.",
       allow(FOLDER, "/videos/42/hd/1/a.ts"), folder("/videos/42/hd/1/a.ts"))
passes("folder_other_spelling", "The directory may be spelled with escapes.",
       ALLOW_LIST, folder("/%76ideos/%34%32/master.m3u8"))
passes("folder_one_segment", "A directory at the top.", allow("/pictures/", "/pictures/a.jpg"),
       folder("/pictures/a.jpg", "&dir=1", "/pictures/"), to_sign("/pictures/a.jpg", dir=1))
passes("folder_escaped", "A directory beyond ASCII.",
       allow("/v%C3%ADdeos/42/", "/v%C3%ADdeos/42/a.ts"),
       folder("/v%c3%addeos/42/a.ts", scope="/v%C3%ADdeos/42/"))
passes("folder_three", "Three segments.", allow("/a/b/c/", "/a/b/c/d.ts"),
       folder("/a/b/c/d.ts", "&dir=3", "/a/b/c/"), to_sign("/a/b/c/d.ts", dir=3))
refused("dir_one_too_many", "folder_query", "The last segment is a file, not a directory.",
        OUTSIDE, url=folder(LIST, "&dir=3", "/videos/42/master.m3u8/"))
refused("dir_two_too_many", "folder_query", "The path ends before the directory does.",
        OUTSIDE, url=folder(LIST, "&dir=4", "/videos/42/master.m3u8/"))
refused("dir_one_too_many_for_folder", "folder_itself", "Nothing follows the last slash.",
        OUTSIDE, url=folder(FOLDER, "&dir=3", "/videos/42//"))
refused("dir_one_too_many_path", "folder_path", "The last segment is a file, not a directory.",
        OUTSIDE, url=in_path(LIST, signed("/videos/42/master.m3u8/", HEAD + "&dir=3")))
refused("dir_one_too_many_cookie", "folder_cookie", "The last segment is a file, not a directory.",
        OUTSIDE, cookie=signed("/videos/42/master.m3u8/", HEAD + "&dir=3"))
refused("dir_of_root", "folder_one_segment", "The root has no directories.", OUTSIDE,
        url=folder("/", "&dir=1", "//"))
refused("folder_without_slash", "folder_query", "/videos/42 is a file in /videos/.", OUTSIDE,
        url=folder("/videos/42"))
refused("folder_parent", "folder_query", "The parent is outside.", OUTSIDE,
        url=folder("/videos/film.mp4", scope="/videos/film.mp4/"))
refused("dir_one_too_few", "folder_query", "The tag is for /videos/42/, the token says 1.", BAD,
        url=folder(fields="&dir=1"))
refused("dir_lowered", "folder_query", "The token said 2 when it was signed.", BAD,
        url=folder().replace("&dir=2", "&dir=1"))
refused("dir_raised", "folder_one_segment", "The token said 1 when it was signed.", BAD,
        url=folder("/pictures/2025/a.jpg", "&dir=1", "/pictures/").replace("&dir=1", "&dir=2"))
refused("dir_removed", "folder_query", "The token was signed for a directory.", BAD,
        url=folder().replace("&dir=2", ""))
refused("dir_added", "film_query", "The token was signed for one film.", BAD,
        url=film().replace("&sig=", "&dir=2&sig="))
refused("folder_sibling", "folder_query", "Another directory beside the one that was signed.", BAD,
        url=in_query("/videos/43/master.m3u8", FOLDER_TOKEN))
refused("folder_longer_name", "folder_one_segment", "/pictures never opens /picturesnew.", BAD,
        url=folder("/picturesnew/a.jpg", "&dir=1", "/pictures/"))
refused("folder_shorter_name", "folder_one_segment", "/pictures never opens /picture.", BAD,
        url=folder("/picture/a.jpg", "&dir=1", "/pictures/"))
refused("folder_upper_case", "folder_query", "Paths are compared with their case.", BAD,
        url=in_query("/Videos/42/master.m3u8", FOLDER_TOKEN))
refused("folder_moved_down", "folder_query", "The directory is the first segments, not any.", BAD,
        url=in_query("/x/videos/42/master.m3u8", FOLDER_TOKEN))
refused("folder_signed_without_slash", "folder_query", "The scope ends in a slash.", BAD,
        url=folder(scope="/videos/42"))
refused("folder_signed_as_path", "folder_query", "The scope is not the whole path.", BAD,
        url=folder(scope=LIST))
refused("folder_signed_with_query", "folder_parameters_signed",
        "With a directory the query is not signed.", BAD,
        url=folder(LIST + "?v=2", scope=FOLDER + "?v=2"))
refused("film_sibling", "film_query", "Another film.", BAD,
        url=in_query("/videos/42/film2.mp4", EXACT_TOKEN))
refused("film_sibling_path", "film_path", "Another film.", BAD,
        url=in_path("/videos/42/film2.mp4", EXACT_TOKEN))
refused("film_sibling_cookie", "film_cookie", "Another film.", BAD,
        url=HOST + "/videos/42/film2.mp4")
refused("film_child", "film_query", "What is below one path is not that path.", BAD,
        url=in_query(FILM + "/a.ts", EXACT_TOKEN))

# 3. Keys

passes("key_second", "Every key of the ring verifies.", allow(FILM, FILM, kid="next"),
       film(head="pg=1&exp=1767225600&kid=next", kid="next"), to_sign(FILM, kid="next"))
passes("key_longer_than_a_block", "A key of 100 bytes.", allow(FILM, FILM, kid="wide"),
       film(head="pg=1&exp=1767225600&kid=wide", kid="wide"), to_sign(FILM, kid="wide"))
passes("key_one_second_before_retirement", "A key serves until it retires.",
       allow(FILM, FILM, kid="old"), film(head="pg=1&exp=1767225600&kid=old", kid="old"),
       now=OLD_RETIRES - 1)
refused("key_retired_now", "key_one_second_before_retirement", "The key retires this second.",
        deny("retired_key"), now=OLD_RETIRES)
refused("key_retired", "key_one_second_before_retirement", "The key has retired.",
        deny("retired_key"), now=OLD_RETIRES + 300)
passes("key_bound", "A key that serves native tokens only.", allow(FILM, FILM, kid="bound"),
       film(head="pg=1&exp=1767225600&kid=bound", kid="bound"), to_sign(FILM, kid="bound"))
UNKNOWN_KEY = deny("unknown_key")
refused("key_bound_to_jwt", "key_bound", "A key that serves JWTs only.", UNKNOWN_KEY,
        url=film(head="pg=1&exp=1767225600&kid=auth0", kid="auth0"))
refused("key_bound_to_jwt_in_this_ring", "key_bound", "The same key, bound to the other format.",
        UNKNOWN_KEY, keys=ring(["main"]) + "\njwt/bound:" + b64(KEYS["bound"]))
refused("key_bound_to_jwt_retired", "key_bound",
        "Of a key for another format nobody learns whether it has retired.", UNKNOWN_KEY,
        keys=ring(["main"]) + "\njwt/bound:%s@%d" % (b64(KEYS["bound"]), NOW))
refused("key_bound_to_jwt_secret", "film_query", "A tag by the key for JWTs under the name of main.",
        BAD, url=in_query(FILM, HEAD + "&sig=" + b64(raw_tag(FILM, HEAD, "auth0"))))
refused("key_bound_kid_with_format", "key_bound", "The format is no part of the id.",
        malformed("kid"), url=film(head="pg=1&exp=1767225600&kid=native/bound", kid="bound"))
passes("key_bound_before_retirement", "A bound key serves until it retires.",
       allow(FILM, FILM, kid="bound"), film(head="pg=1&exp=1767225600&kid=bound", kid="bound"),
       keys=ring(["main", "bound"], {"bound": NOW + 1}))
refused("key_bound_retired", "key_bound_before_retirement", "The key retires this second.",
        deny("retired_key"), now=NOW + 1)
passes("key_retires_late", "The last second of ten digits.", ALLOW_FILM, film(),
       keys=ring(["main"], {"main": 9999999999}))
passes("key_first_of_the_format", "A signer takes the first key that serves the format.", ALLOW_FILM,
       film(), to_sign(FILM), keys=ring(["auth0", "main", "next"]))
passes("key_bound_first", "A bound key may be the first.", allow(FILM, FILM, kid="bound"),
       film(head="pg=1&exp=1767225600&kid=bound", kid="bound"), to_sign(FILM),
       keys=ring(["auth0", "bound", "main"]))
for name, kid, about in (
    ("key_unknown", "nobody", "No key has this id."),
    ("key_upper_case", "Main", "Key ids are compared with their case."),
    ("key_longer_id", "main2", "An id that begins like another."),
    ("key_shorter_id", "mai", "An id that another begins with."),
):
    refused(name, "film_query", about, UNKNOWN_KEY,
            url=film(head="pg=1&exp=1767225600&kid=" + kid))
refused("kid_swapped", "film_query", "The tag is made with main under the name of next.", BAD,
        url=film(head="pg=1&exp=1767225600&kid=next"))
refused("kid_changed", "film_query", "The token said main when it was signed.", BAD,
        url=film().replace("kid=main", "kid=next"))

# 4. The tag


def flipped(bit):
    tag = bytearray(SPELLED_TAG)
    tag[bit // 8] ^= 0x80 >> bit % 8
    return lambda _: b64(tag)


def tag_of_message(message):
    """The film's link with the tag of another message, which is not a valid signing input."""
    tag = hmac.new(KEYS["main"], message, hashlib.sha256).digest()
    return retag(film(), lambda _: b64(tag))


for name, url, about in (
    ("tag_first_bit", retag(film(), flipped(0)), "The first bit is flipped."),
    ("tag_middle_bit", retag(film(), flipped(131)), "A bit in the middle is flipped."),
    ("tag_last_bit", retag(film(), flipped(255)), "The last bit is flipped."),
    ("tag_all_zero", retag(film(), lambda tag: "A" * 43), "All bits are zero."),
    ("tag_all_one", retag(film(), lambda tag: "_" * 42 + "8"), "All bits are one."),
    ("tag_reversed", retag(film(), lambda tag: b64(SPELLED_TAG[::-1])),
     "The bytes are in the other order."),
    ("tag_second_half_zero", retag(film(), lambda tag: b64(SPELLED_TAG[:16] + bytes(16))),
     "Only the first half fits."),
    ("tag_first_half_zero", retag(film(), lambda tag: b64(bytes(16) + SPELLED_TAG[16:])),
     "Only the second half fits."),
    ("tag_upper_case", retag(film(), lambda tag: tag[:-1].upper() + tag[-1]),
     "base64url is not the same in every case."),
    ("tag_by_other_key", retag(film(), lambda tag: b64(raw_tag(FILM, HEAD, "next"))),
     "The tag is made with next under the name of main."),
    ("tag_of_other_token", retag(film(), lambda tag: b64(raw_tag(FILM, HEAD + "&jti=a1"))),
     "The tag of another token for the same film."),
    ("tag_of_sha256", retag(film(), lambda tag: b64(hashlib.sha256(
        KEYS["main"] + (FILM + "\n" + HEAD).encode()).digest())),
     "A hash of key and input is not HMAC."),
    ("tag_of_encoded_key", retag(film(), lambda tag: b64(hmac.new(
        b64(KEYS["main"]).encode(), (FILM + "\n" + HEAD).encode(), hashlib.sha256).digest())),
     "The key was used as it is written, not decoded."),
    ("input_without_scope", tag_of_message(HEAD.encode()), "The scope is left out."),
    ("input_without_token", tag_of_message(FILM.encode()), "The token is left out."),
    ("input_without_line_feed", tag_of_message((FILM + HEAD).encode()),
     "The line feed is left out."),
    ("input_carriage_return", tag_of_message((FILM + "\r\n" + HEAD).encode()),
     "A carriage return stands before the line feed."),
    ("input_line_feed_last", tag_of_message((FILM + "\n" + HEAD + "\n").encode()),
     "A line feed stands at the end."),
    ("input_question_mark", tag_of_message((FILM + "?" + HEAD).encode()),
     "The URL was signed as it stands."),
    ("input_swapped", tag_of_message((HEAD + "\n" + FILM).encode()),
     "The token stands before the scope."),
    ("input_with_sig", tag_of_message((FILM + "\n" + HEAD + "&sig=").encode()),
     "The input ends before &sig=."),
    ("input_with_host", tag_of_message(("cdn.example.com" + FILM + "\n" + HEAD).encode()),
     "The host is not signed."),
    ("input_with_origin", tag_of_message((HOST + FILM + "\n" + HEAD).encode()),
     "Scheme and host are not signed."),
    ("input_without_first_slash", tag_of_message((FILM[1:] + "\n" + HEAD).encode()),
     "A path begins with a slash."),
    ("exp_raised", film().replace("exp=1767225600", "exp=1767229200"),
     "The expiry is an hour later than the one that was signed."),
    ("exp_milliseconds_signed", film(head="pg=1&exp=1767225600000&kid=main").replace(
        "exp=1767225600000", "exp=1767225600"), "Milliseconds were signed."),
):
    refused(name, "film_query", about, BAD, url=url)
refused("jti_changed", "jti", "A field is changed.", BAD,
        url=film("&jti=Ab-9_z").replace("Ab-9_z", "Ab-9_y"))
refused("cl_changed", "cl", "The origin said viewer.", BAD,
        url=film(claims(VIEWER)).replace(claims(VIEWER), claims('{"role":"editor"}')))
refused("cl_added", "film_query", "The origin said nothing.", BAD,
        url=film().replace("&sig=", claims(VIEWER) + "&sig="))
refused("cl_removed", "cl", "The origin said something.", BAD,
        url=film(claims(VIEWER)).replace(claims(VIEWER), ""))
refused("gen_raised", "gen", "The token said 1 when it was signed.", BAD,
        url=folder(fields=GENERATION).replace("gen=1", "gen=2"))
refused("gen_removed", "gen", "The token was one of a session.", BAD,
        url=folder(fields=GENERATION).replace("&gen=1", ""))
refused("gen_added", "film_query", "The token was not one of a session.", BAD,
        url=film().replace("&sig=", "&gen=1&sig="))
refused("gen_exact_dir_added", "gen", "A refresh token does not become an access token.", BAD,
        url=in_query(LIST, signed(LIST, HEAD + "&gen=1").replace("&gen=1", "&dir=2&gen=1")))
refused("ses_added", "jti_and_sub", "The token was not that of a session link.", BAD,
        url=film("&jti=j1&sub=v7").replace("&sub=v7", "&ses=%s&sub=v7" % SESSION))
refused("ses_removed", "jti_and_sub", "The token was that of a session link.", BAD,
        url=film(session(SESSION)).replace("&ses=" + SESSION, ""))
refused("ip_removed", "ip", "A restriction is removed.", BAD,
        url=film("&ip=cb007100-24").replace("&ip=cb007100-24", ""))
refused("dir_lowered_path", "folder_path", "The token said 2 when it was signed.", BAD,
        url=in_path(LIST, FOLDER_TOKEN.replace("&dir=2", "&dir=1")))
refused("tag_bad_cookie", "folder_cookie", "The tag of the directory beside it.", BAD,
        cookie=signed("/videos/43/", HEAD + "&dir=2"))
refused("tag_bad_bearer", "folder_bearer", "The tag of the directory beside it.", BAD,
        authorization="Bearer " + signed("/videos/43/", HEAD + "&dir=2"))

# 5. Times

EXPIRED = deny("expired")
EARLY = deny("not_yet_valid")
passes("exp_next_second", "One second is left.", ALLOW_FILM, film(), now=EXP - 1)
refused("exp_equal_now", "exp_next_second", "The expiry is the first second that is too late.",
        EXPIRED, now=EXP)
refused("exp_last_second", "exp_next_second", "The expiry was a second ago.", EXPIRED,
        now=EXP + 1)
refused("exp_zero", "film_query", "Zero is a number, and long ago.", EXPIRED,
        url=film(head="pg=1&exp=0&kid=main"))
FARTHEST = NOW + 100 * 365 * 86400
TOO_FAR = deny("expires_too_far")


def until(exp):
    return "pg=1&exp=%d&kid=main" % exp


def farthest_folder(exp):
    return signed(FOLDER, until(exp) + "&dir=2")


passes("exp_farthest", "A hundred years of 365 days.", allow(FILM, FILM, expires=FARTHEST),
       film(head=until(FARTHEST)), {"url": HOST + FILM, "expires_at": FARTHEST})
passes("exp_farthest_leeway", "Leeway does not shorten them.", allow(FILM, FILM, expires=FARTHEST),
       film(head=until(FARTHEST)), gate={"leeway": 30})
passes("exp_farthest_cap", "The operator allows as much.", allow(FILM, FILM, expires=FARTHEST),
       film(head=until(FARTHEST)), gate={"max_lifetime": 3153600000})
passes("exp_farthest_nbf", "A token that begins now.", allow(FILM, FILM, expires=FARTHEST),
       film("&nbf=1767225000", until(FARTHEST)))
passes("exp_farthest_path", "In the path.", allow(FOLDER, LIST, expires=FARTHEST),
       in_path(LIST, farthest_folder(FARTHEST)))
passes("exp_farthest_cookie", "In a cookie.", allow(FOLDER, LIST, expires=FARTHEST),
       HOST + LIST, cookie=farthest_folder(FARTHEST))
passes("exp_farthest_bearer", "In the Authorization header.", allow(FOLDER, LIST, expires=FARTHEST),
       HOST + LIST, authorization="Bearer " + farthest_folder(FARTHEST))
for name, base, about, changes in (
    ("exp_too_far", "exp_farthest", "A second more.", {"url": film(head=until(FARTHEST + 1))}),
    ("exp_too_far_a_second_ago", "exp_farthest", "A second ago it was a second more.",
     {"now": NOW - 1}),
    ("exp_too_far_leeway", "exp_farthest_leeway", "Leeway does not lengthen them.",
     {"url": film(head=until(FARTHEST + 1))}),
    ("exp_too_far_cap", "exp_farthest_cap", "It is a fault of its own, which comes before the cap.",
     {"url": film(head=until(FARTHEST + 1))}),
    ("exp_too_far_path", "exp_farthest_path", "A second more.",
     {"url": in_path(LIST, farthest_folder(FARTHEST + 1))}),
    ("exp_too_far_cookie", "exp_farthest_cookie", "A second more.",
     {"cookie": farthest_folder(FARTHEST + 1)}),
    ("exp_too_far_bearer", "exp_farthest_bearer", "A second more.",
     {"authorization": "Bearer " + farthest_folder(FARTHEST + 1)}),
    ("exp_in_milliseconds", "film_query", "Milliseconds for seconds.",
     {"url": film(head=until(EXP * 1000))}),
    ("exp_in_microseconds", "film_query", "Microseconds for seconds.",
     {"url": film(head=until(EXP * 1000000))}),
    ("exp_forever", "film_query", "A token that never ends.",
     {"url": film(head=until(9007199254740991))}),
    ("exp_largest_too_early", "exp_largest", "The last expiry, a hundred years and a second before it.",
     {"now": 9007199254740991 - 3153600001}),
):
    refused(name, base, about, TOO_FAR, **changes)
refused("exp_farthest_early", "exp_farthest_nbf",
        "Neither begun nor within a hundred years: the beginning comes first.", EARLY, now=NOW - 1)
refused("exp_past_largest", "exp_largest", "The clock has reached the last expiry.", EXPIRED,
        now=9007199254740991)
refused("exp_equal_now_path", "folder_path", "The expiry is the first second that is too late.",
        EXPIRED, now=EXP)
refused("exp_equal_now_cookie", "folder_cookie", "A cookie that counts has to be in time.",
        EXPIRED, now=EXP)
refused("exp_equal_now_bearer", "folder_bearer",
        "The expiry is the first second that is too late.", EXPIRED, now=EXP)
passes("leeway_last_second", "The gate's leeway of 30 seconds is nearly used up.", ALLOW_FILM,
       film(), gate={"leeway": 30}, now=EXP + 29)
refused("leeway_used_up", "leeway_last_second", "The leeway ends like the expiry.", EXPIRED,
        now=EXP + 30)
refused("leeway_none", "leeway_last_second", "Without a configuration there is no leeway.",
        EXPIRED, gate={})
passes("nbf_equal_now", "The first second that counts.", ALLOW_FILM, film("&nbf=1767225000"))
refused("nbf_next_second", "nbf_equal_now", "The token begins a second from now.", EARLY,
        now=NOW - 1)
refused("nbf_in_token_later", "nbf_equal_now", "The token begins a second from now.", EARLY,
        url=film("&nbf=1767225001"))
refused("nbf_largest", "nbf", "2^53 - 1 is a number, and far away.", EARLY,
        url=film("&nbf=9007199254740991"))
passes("nbf_leeway", "The gate's leeway counts before the beginning as well.", ALLOW_FILM,
       film("&nbf=1767225030"), gate={"leeway": 30})
refused("nbf_leeway_too_short", "nbf_leeway", "A second more than the leeway.", EARLY,
        now=NOW - 1)
refused("nbf_leeway_none", "nbf_leeway", "Without a configuration there is no leeway.", EARLY,
        gate={})
CAP = {"max_lifetime": 600}
LONG = deny("lifetime_too_long")
passes("lifetime_longest", "Just as long as the operator allows.", ALLOW_FILM, film(), gate=CAP)
refused("lifetime_too_long", "lifetime_longest", "A second longer than the operator allows.",
        LONG, now=NOW - 1)
refused("lifetime_cap_lower", "lifetime_longest", "The operator allows a second less.", LONG,
        gate={"max_lifetime": 599})
refused("lifetime_in_milliseconds", "lifetime_longest",
        "Milliseconds for seconds: a fault of its own, which comes before the cap.", TOO_FAR,
        url=film(head=until(EXP * 1000)))
refused("lifetime_farthest", "lifetime_longest", "A hundred years are longer than the operator allows.",
        LONG, url=film(head=until(FARTHEST)))
passes("lifetime_without_cap", "Without a configuration there is no cap below a hundred years.",
       allow(FILM, FILM, expires=4102444800), film(head=until(4102444800)))
passes("lifetime_begins_now", "The cap counts from now, so an old token may have been longer.",
       ALLOW_FILM, film("&nbf=1767220000"), gate=CAP)
passes("lifetime_with_leeway", "Leeway does not shorten the cap.", ALLOW_FILM, film(),
       gate={"max_lifetime": 600, "leeway": 30})
refused("lifetime_leeway_added", "lifetime_with_leeway", "Leeway does not lengthen the cap.", LONG,
        gate={"max_lifetime": 599, "leeway": 30})

# 6. Bindings

# The tokens that start and refresh sessions open nothing. Their path is that of a call to the gate, but what counts is
# what the token says.
START = "/.playgate/session"
REFRESH = "&gen=3&iat=1767225000&sid=s1&sub=v7"
passes("session_path", "What a token is for, its path does not say: this one is for media.",
       allow(START, START), in_query(START, signed(START, HEAD + "&jti=j1&sub=v7")),
       to_sign(START, jti="j1", sub="v7", no_iat=True))
passes("session_path_folder", "An access token, and a path below its directory.",
       allow("/.playgate/", START), folder(START, "&dir=1&gen=1", "/.playgate/"))
for name, fields, about in (
    ("ses_session_path", session(SESSION), "A session link starts a session, which is another call."),
    ("ses_session_path_with_iat", "&iat=1767225000" + session(SESSION),
     "Its signer says when it signed."),
    ("gen_session_path", REFRESH, "A refresh token is for another call."),
    ("gen_session_path_smallest", "&gen=1", "A refresh token says no more than its number."),
):
    refused(name, "session_path", about, WRONG_PURPOSE, url=in_query(START, signed(START, HEAD + fields)))
for placement, base, make in (
    ("path", "film_path", lambda text: {"url": in_path(FILM, text)}),
    ("cookie", "film_cookie", lambda text: {"cookie": text}),
    ("bearer", "film_bearer", lambda text: {"authorization": "Bearer " + text}),
):
    refused("ses_" + placement, base, "A session link opens nothing, wherever its token is.",
            WRONG_PURPOSE, **make(signed(FILM, HEAD + session(SESSION))))
    refused("gen_exact_" + placement, base, "A refresh token opens nothing, wherever it is.",
            WRONG_PURPOSE, **make(signed(FILM, HEAD + REFRESH)))
for name, base, url, about in (
    ("gen_exact", "film_query", film(REFRESH), "Without a directory it is a refresh token."),
    ("gen_exact_largest", "film_query", film("&gen=4294967295"), "Whatever its number is."),
    ("gen_exact_manifest", "manifest_exact", in_query(LIST, signed(LIST, HEAD + "&gen=1")),
     "Nor does it open a playlist."),
    ("gen_exact_folder", "path_trailing_slash", in_query(FOLDER, signed(FOLDER, HEAD + "&gen=1")),
     "The path of a directory is not a directory's scope."),
    ("ses_and_dir", "folder_query", folder(fields="&dir=2" + session(SESSION)),
     "With a directory it is neither a session link nor an access token."),
    ("ses_and_dir_of_session", "folder_query", folder(fields="&dir=1" + session(opening("/videos/")), scope="/videos/"),
     "What the session would open, its link does not."),
    ("ses_and_gen", "jti_and_sub", film("&gen=1" + session(SESSION)), "It cannot start and refresh a session."),
    ("ses_and_gen_and_dir", "gen", folder(fields="&dir=2&gen=1" + session(SESSION)),
     "An access token starts no session."),
    ("ses_and_uses", "jti_and_sub", film(session(SESSION) + "&uses=1"), "The purpose comes before the state."),
    ("ses_and_max", "jti_and_sub", film("&jti=j1&max=2&ses=%s&sub=v7" % SESSION),
     "The purpose comes before the state."),
    ("gen_exact_and_reval", "film_query", film("&gen=1&reval=10"), "The purpose comes before the state."),
    ("gen_exact_without_audience", "aud", film("&gen=1"), "The purpose comes before the audience."),
):
    refused(name, base, about, WRONG_PURPOSE, url=url)
refused("gen_exact_elsewhere", "ip", "The purpose comes before the network.", WRONG_PURPOSE,
        url=film("&gen=1&ip=cb007100-24"), client_ip="203.0.114.0")
for name, base, about, expect, changes in (
    ("gen_exact_expired", "exp_next_second", "Times come before the purpose.", EXPIRED,
     {"url": film("&gen=1"), "now": EXP}),
    ("gen_exact_early", "nbf_equal_now", "Times come before the purpose.", EARLY,
     {"url": film("&gen=1&nbf=1767225001")}),
    ("gen_exact_lifetime", "lifetime_longest", "Times come before the purpose, and a refresh token is not exempt here.",
     LONG, {"url": film("&gen=1", until(EXP + 1))}),
    ("ses_expired", "jti_and_sub", "Times come before the purpose.", EXPIRED,
     {"url": film(session(SESSION)), "now": EXP}),
    ("ses_outside_scope", "folder_query", "The scope comes before the purpose.", OUTSIDE,
     {"url": folder(fields="&dir=3" + session(SESSION), scope="/videos/42/master.m3u8/")}),
    ("ses_unknown_key", "jti_and_sub", "The key comes before the purpose.", UNKNOWN_KEY,
     {"url": film(session(SESSION), "pg=1&exp=1767225600&kid=nobody")}),
    ("ses_and_parameter", "jti_and_sub", "The query comes before the purpose.", UNSIGNED,
     {"url": film(session(SESSION)) + "&start=10"}),
    ("gen_and_max", "gen_path", "An access token with a limit needs a gate that counts.", STATE_REQUIRED,
     {"url": in_path(LIST, signed(FOLDER, HEAD + ACCESS.replace("&sid=", "&max=2&sid=")))}),
    ("gen_expired", "gen_path", "An access token expires like any other.", EXPIRED, {"now": EXP}),
    ("gen_sibling", "gen_path", "An access token opens its directory.", BAD,
     {"url": in_path("/videos/43/master.m3u8", signed(FOLDER, HEAD + ACCESS))}),
    ("gen_wrong_audience", "gen_path", "An access token is for its deployment.", deny("wrong_audience"),
     {"gate": {"audience": "edge.2"}}),
):
    refused(name, base, about, expect, **changes)

WRONG_AUDIENCE = deny("wrong_audience")
refused("aud_other", "aud", "The token is for another deployment.", WRONG_AUDIENCE,
        url=film("&aud=edge.2"))
refused("aud_upper_case", "aud", "Names are compared with their case.", WRONG_AUDIENCE,
        url=film("&aud=Edge.1"))
refused("aud_shorter", "aud", "A name that another begins with.", WRONG_AUDIENCE,
        url=film("&aud=edge"))
refused("aud_not_in_token", "aud", "The gate's audience has to be in the token.", WRONG_AUDIENCE,
        url=film())
refused("aud_of_other_gate", "aud", "The gate is another deployment.", WRONG_AUDIENCE,
        gate={"audience": "edge.2"})
refused("aud_not_at_gate", "aud", "A gate without a name is not the one that is meant.",
        WRONG_AUDIENCE, gate={})

WRONG_NETWORK = deny("wrong_network")
passes("ip_first_address", "The network's first address.", ALLOW_FILM, film("&ip=cb007100-24"),
       client_ip="203.0.113.0")
passes("ip_last_address", "The network's last address.", ALLOW_FILM, film("&ip=cb007100-24"),
       client_ip="203.0.113.255")
passes("ip_v6_last_address", "The network's last address.", ALLOW_FILM,
       film("&ip=20010db8000000010000000000000000-64"),
       client_ip="2001:db8:0:1:ffff:ffff:ffff:ffff")
passes("ip_v6_other_spelling", "An address in full and in upper case.", ALLOW_FILM,
       film("&ip=20010db8000000010000000000000000-64"),
       client_ip="2001:0DB8:0000:0001:0000:0000:0000:0009")
passes("ip_mapped_hex", "A mapped address may be written in hex.", ALLOW_FILM,
       film("&ip=cb007100-24"), client_ip="::ffff:cb00:7109")
for name, base, client, about in (
    ("ip_one_after", "ip", "203.0.114.0", "The address after the network."),
    ("ip_one_before", "ip", "203.0.112.255", "The address before the network."),
    ("ip_other_address", "ip_one_address", "203.0.113.8", "The address beside the one."),
    ("ip_other_half", "ip_half", "127.255.255.255", "The other half of the addresses."),
    ("ip_odd_prefix_after", "ip_odd_prefix", "203.0.113.16", "The address after the network."),
    ("ip_odd_prefix_before", "ip_odd_prefix", "203.0.113.7", "The address before the network."),
    ("ip_unknown", "ip", None, "The client's address is not known."),
    ("ip_client_empty", "ip", "", "The client's address is not known."),
    ("ip_client_unreadable", "ip", "203.0.113", "The client's address cannot be read."),
    ("ip_client_with_port", "ip", "203.0.113.9:443", "The client's address cannot be read."),
    ("ip_client_list", "ip", "203.0.113.9, 198.51.100.1", "Two addresses are none."),
    ("ip_wrong_family", "ip", "2001:db8:0:1::9", "The client comes by IPv6."),
    ("ip_compatible", "ip", "::203.0.113.9", "An IPv4-compatible address is not a mapped one."),
    ("ip_same_first_bytes", "ip", "cb00:7109::", "IPv6 that begins with the same bytes."),
    ("ip_mapped_outside", "ip_mapped", "::ffff:203.0.114.9", "Outside, mapped or not."),
    ("ip_v6_one_after", "ip_v6", "2001:db8:0:2::", "The address after the network."),
    ("ip_v6_one_before", "ip_v6", "2001:db8::ffff:ffff:ffff:ffff",
     "The address before the network."),
    ("ip_v6_other_address", "ip_v6_one_address", "2001:db8:0:1::8", "The address beside the one."),
    ("ip_v6_other_eighth", "ip_v6_eighth", "4000::", "The address after the network."),
    ("ip_v6_wrong_family", "ip_v6", "203.0.113.9", "The client comes by IPv4."),
    ("ip_v6_unknown", "ip_v6", None, "The client's address is not known."),
):
    refused(name, base, about, WRONG_NETWORK, client_ip=client)
refused("ip_mapped_network", "ip_mapped",
        "A mapped client counts as IPv4, so a network of mapped addresses holds none.",
        WRONG_NETWORK, url=film("&ip=00000000000000000000ffffcb007100-120"))

for name, base, client, about in (
    ("ip_two_neither", "ip_two", "198.51.100.9", "The client is in neither network."),
    ("ip_two_neither_v6", "ip_two_second", "2001:db8:0:2::9", "The client is in neither network."),
    ("ip_two_between", "ip_two_of_v4", "200.0.0.1", "Two networks are no range."),
    ("ip_two_unknown", "ip_two", None, "The client's address is not known."),
    ("ip_four_none", "ip_four", "203.0.114.9", "The client is in none of the four."),
):
    refused(name, base, about, WRONG_NETWORK, client_ip=client)
passes("ip_two_mapped", "An IPv4 address mapped into IPv6 is an IPv4 address.", ALLOW_FILM,
       film("&ip=" + V6 + ".cb007100-24"), client_ip="::ffff:203.0.113.9")
refused("ip_first_removed", "ip_two_second", "A network is taken out after signing.", BAD,
        url=film("&ip=cb007100-24." + V6).replace("cb007100-24.", ""))
refused("ip_added", "ip", "A network is added after signing.", BAD,
        url=film("&ip=cb007100-24").replace("cb007100-24", "cb007100-24.c6336400-24"))

WRONG_COUNTRY = deny("wrong_country")
for name, base, country, about in (
    ("cc_other", "cc", "ES", "The viewer is elsewhere."),
    ("cc_other_of_two", "cc_second", "FR", "The viewer is in neither country."),
    ("cc_unknown", "cc", None, "The viewer's country is not known."),
    ("cc_client_empty", "cc", "", "The viewer's country is not known."),
    ("cc_across_the_dot", "cc_second", "SP", "Letters of two countries make no third."),
):
    refused(name, base, about, WRONG_COUNTRY, client_country=country)

# The members of a request to sign that have more than one spelling

for name, about, members in (
    ("sign_expires_in", "The lifetime in seconds.", {"expires_in": 600}),
    ("sign_expires_in_minutes", "The lifetime with a unit.", {"expires_in": "10m"}),
    ("sign_default_lifetime", "The lifetime is 10 minutes where none is said.", {}),
    ("sign_date", "The expiry as a date and time.", {"expires_at": "2026-01-01T00:00:00Z"}),
    ("sign_date_offset", "The expiry as a date and time with an offset.",
     {"expires_at": "2026-01-01T01:00:00+01:00"}),
    ("sign_place_query", "The placement is said.", {"expires_at": EXP, "place": "query"}),
    ("sign_kid", "The key is said.", {"expires_at": EXP, "kid": "main"}),
):
    passes(name, about, ALLOW_FILM, film(), dict({"url": HOST + FILM}, **members))
for name, about, made, now, fields, members in (
    ("sign_round", "The expiry is rounded up to a multiple.", 1767225900, NOW + 1, "",
     {"expires_in": 600, "round": 300}),
    ("sign_round_unit", "The multiple with a unit.", 1767225900, NOW + 299, "",
     {"expires_in": 600, "round": "5m"}),
    ("sign_round_next_window", "A multiple later, a multiple longer.", 1767226200, NOW + 301, "",
     {"expires_in": 600, "round": 300}),
    ("sign_round_multiple", "A multiple stays what it is.", EXP, NOW, "",
     {"expires_in": 600, "round": 300}),
    ("sign_round_one", "One rounds nothing.", 1767225601, NOW + 1, "",
     {"expires_in": 600, "round": 1}),
    ("sign_round_expires_at", "An expiry that is given is rounded as well.", 1767225900, NOW, "",
     {"expires_at": EXP + 1, "round": 300}),
    ("sign_round_iat", "The time of signing is the first that has the same expiry.", 1767225900, NOW + 299,
     "&iat=1767225001&sub=v7", {"expires_in": 600, "round": 300, "sub": "v7"}),
    ("sign_round_iat_first", "The first link of a window says when it was signed.", 1767225900, NOW + 1,
     "&iat=1767225001&sub=v7", {"expires_in": 600, "round": 300, "sub": "v7"}),
    ("sign_round_iat_last", "The last link of a window is the same.", 1767225900, NOW + 300,
     "&iat=1767225001&sub=v7", {"expires_in": 600, "round": 300, "sub": "v7"}),
    ("sign_round_iat_odd", "The window begins where the expiry changes, not at a multiple.",
     1767225900, NOW + 250, "&iat=1767225190&sub=v7", {"expires_in": 411, "round": 300, "sub": "v7"}),
    ("sign_round_iat_expires_at", "Where the expiry is given, the time of signing is a multiple.",
     1767225900, NOW + 299, "&iat=1767225000&sub=v7",
     {"expires_at": EXP + 1, "round": 300, "sub": "v7"}),
    ("sign_round_no_iat", "The time of signing is left out.", 1767225900, NOW + 299,
     "&sub=v7", {"expires_in": 600, "round": 300, "sub": "v7", "no_iat": True}),
    ("sign_round_nbf", "The beginning is not rounded.", 1767225900, NOW + 299,
     "&nbf=1767225001", {"expires_in": 600, "round": 300, "not_before": 1767225001}),
    ("sign_iat_now", "The time of signing is the signer's clock.", NOW + 900, NOW + 299,
     "&iat=1767225299&sid=s1", {"expires_at": NOW + 900, "sid": "s1"}),
):
    passes(name, about, allow(FILM, FILM, expires=made), film(fields, until(made)),
           dict({"url": HOST + FILM}, **members), now=now)
passes("sign_ip_text", "Networks as text, with a blank after the comma.", ALLOW_FILM,
       film("&ip=cb007100-24." + V6), to_sign(FILM, ip="203.0.113.0/24, 2001:db8:0:1::/64"), **OFFICE)
passes("sign_ip_list_of_one", "A list of one network.", ALLOW_FILM,
       film("&ip=cb007100-24"), to_sign(FILM, ip=["203.0.113.0/24"]), **OFFICE)
passes("sign_run_hours", "A playback with a unit.", ALLOW_FILM,
       film("&run=14400"), to_sign(FILM, run="4h"))
passes("sign_not_before_date", "The beginning as a date and time.", ALLOW_FILM,
       film("&nbf=1767224000"), to_sign(FILM, not_before="2025-12-31T23:33:20Z"))


if __name__ == "__main__":
    write_or_check(
        FILE, "make.py",
        "Vectors of the native token, version 1, written by make.py. The keys are for "
        "development: bytes that count upwards, known to everybody. behind_url_parser is "
        "the verdict on the URL as a URL parser writes it and a client sends it, without "
        "its fragment. It holds where that URL is another one: parsers differ over "
        "^ and |.",
        {"old": OLD_RETIRES},
    )
