#!/usr/bin/env python3
"""Writes timed-hmac.json, the vectors of timed HMACs (is_timed_hmac_valid_v0 of Cloudflare's rules).

    python3 tests/vectors/make_timed_hmac.py            write tests/vectors/timed-hmac.json
    python3 tests/vectors/make_timed_hmac.py --check    fail if the file is not what would be written

vector_file.py says how vectors are stated.
"""

import base64
import hashlib
import hmac
import pathlib

from vector_file import (
    FORMATS, HOST, KEYS, NOW, allow, b64, deny, malformed, passes, refused, ring, signed, vectors,
    write_or_check,
)

FILE = pathlib.Path(__file__).with_name("timed-hmac.json")

# Secrets are text.
MAIN = KEYS["main"]
KEYS.clear()
KEYS["cf"] = "a development secret of 43 letters and more".encode()
KEYS["short"] = "eight by".encode()
KEYS["word"] = "Schl\u00fcssel f\u00fcr Entwickler".encode()
KEYS["gone"] = "a secret that is not in use any more".encode()
FORMATS.update({kid: "timed-hmac" for kid in KEYS})
KEYS["main"] = MAIN

TTL = 10800
END = NOW + TTL
FILM = "/videos/42/film.mp4"
GATE = {"formats": ["timed-hmac"], "timed_hmac_ttl": TTL}
BOTH = {"formats": ["native", "timed-hmac"], "timed_hmac_ttl": TTL}
URL_SAFE = dict(GATE, timed_hmac_url_safe=True)
BAD = deny("bad_signature")
SIG, IAT = malformed("sig"), malformed("iat")


def mac(message, issued=NOW, kid="cf"):
    text = (message + "%010d" % issued).encode()
    return base64.b64encode(hmac.new(KEYS[kid], text, hashlib.sha256).digest()).decode()


def encoded(tag):
    return tag.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def url_safe(tag):
    return tag.replace("+", "-").replace("/", "_").rstrip("=")


def link(target, message=None, issued=NOW, kid="cf", write=encoded, name="verify"):
    """A link to a target, whose tag covers the message: the target, unless another is given."""
    tag = write(mac(target if message is None else message, issued, kid))
    joint = "&" if "?" in target else "?"
    return "%s%s%s%s=%010d-%s" % (HOST, target, joint, name, issued, tag)


def sign(target, **members):
    return dict({"url": HOST + target, "format": "timed-hmac", "timed_hmac_ttl": TTL}, **members)


def allowed(scope, clean=None, kid="cf", expires=END):
    return allow(scope, scope if clean is None else clean, kid, expires)


def admitted(name, about, url, expect, sign=None, gate=None, **members):
    passes(name, about, expect, url, sign, GATE if gate is None else gate, **members)


# A path whose tag has every character of base64 that a URL may encode.
ODD = next(path for path in ("/odd/%d.ts" % n for n in range(10000))
           if "+" in mac(path) and "/" in mac(path))
ODD_TAG = mac(ODD)


# What is admitted

admitted("query", "The token in the query.", link(FILM), allowed(FILM), sign(FILM))
admitted("first_second", "It is issued in this second.", link(FILM, issued=NOW), allowed(FILM),
         sign(FILM, expires_in=TTL))
admitted("last_second", "It lasts for one more second.", link(FILM), allowed(FILM), now=END - 1)
admitted("backdated", "A link that is to end sooner is issued earlier.",
         link(FILM, issued=NOW + 600 - TTL), allowed(FILM, expires=NOW + 600),
         sign(FILM, expires_in="10m"))
admitted("expires_at", "The expiry is said.", link(FILM, issued=NOW - 100),
         allowed(FILM, expires=END - 100), sign(FILM, expires_at=END - 100))
admitted("other_ttl", "Another gate lets links last for a minute.", link(FILM),
         allowed(FILM, expires=NOW + 60), sign(FILM, timed_hmac_ttl="1m"),
         dict(GATE, timed_hmac_ttl=60))
admitted("ttl_text", "The gate's time is text.", link(FILM), allowed(FILM),
         gate=dict(GATE, timed_hmac_ttl="3h"))
admitted("leeway_end", "The gate's clock may be a minute ahead.", link(FILM), allowed(FILM),
         gate=dict(GATE, leeway=60), now=END + 59)
admitted("leeway_start", "The gate's clock may be a minute behind.", link(FILM, issued=NOW + 60),
         allowed(FILM, expires=END + 60), gate=dict(GATE, leeway=60))
admitted("query_before", "The query before the token is part of the message.",
         link(FILM + "?v=2"), allowed(FILM + "?v=2"), sign(FILM + "?v=2"))
admitted("two_before", "All parameters before the token are.", link(FILM + "?v=2&a="),
         allowed(FILM + "?v=2&a="), sign(FILM + "?v=2&a="))
admitted("empty_before", "So is a parameter without a name.", link(FILM + "?"),
         allowed(FILM + "?"))
admitted("like_name_before", "A name that only starts like the token's is another.",
         link(FILM + "?verified=1&verif=2"), allowed(FILM + "?verified=1&verif=2"),
         sign(FILM + "?verified=1&verif=2"))
admitted("manifest", "A playlist is one address.", link("/videos/42/master.m3u8"),
         allowed("/videos/42/master.m3u8"), sign("/videos/42/master.m3u8"))
admitted("encoded_path", "The path is signed as it is sent.", link("/b%C3%BCcher/film%20a.mp4"),
         allowed("/b%C3%BCcher/film%20a.mp4"), sign("/b%C3%BCcher/film%20a.mp4"))
admitted("spelled_path", "So it is in another spelling than the canonical one.",
         link("/%7efilm.mp4"), allowed("/~film.mp4"))
admitted("signed_canonical", "A signer writes the canonical spelling.", link("/~film.mp4"),
         allowed("/~film.mp4"), sign("/%7efilm.mp4"))
admitted("root", "The shortest path.", link("/"), allowed("/"), sign("/"))
admitted("digits_path", "Digits at the end of the path are none of the time.",
         link("/videos/1767225600"), allowed("/videos/1767225600"), sign("/videos/1767225600"))
admitted("tag_encoded", "All of the tag that may be is percent-encoded.", link(ODD), allowed(ODD),
         sign(ODD))
admitted("tag_lower_hex", "The escapes are in lower case.",
         link(ODD, write=lambda tag: encoded(tag).replace("%2B", "%2b").replace("%2F", "%2f")
              .replace("%3D", "%3d")), allowed(ODD))
admitted("tag_open", "Nothing of the tag is percent-encoded.", link(ODD, write=str), allowed(ODD))
admitted("tag_half_open", "Only the padding is.",
         link(ODD, write=lambda tag: tag.replace("=", "%3D")), allowed(ODD))
admitted("url_safe", "The tag in base64url.", link(ODD, write=url_safe), allowed(ODD),
         sign(ODD, timed_hmac_url_safe=True), URL_SAFE)
admitted("param", "Another name.", link(FILM, name="token"), allowed(FILM),
         sign(FILM, timed_hmac_param="token"), dict(GATE, timed_hmac_param="token"))
admitted("short_key", "A secret of eight bytes.", link(FILM, kid="short"),
         allowed(FILM, kid="short"), sign(FILM, kid="short"))
admitted("word_key", "A secret is its text in UTF-8.", link(FILM, kid="word"),
         allowed(FILM, kid="word"), sign(FILM, kid="word"))
admitted("unbound_key", "A key that is bound to no format serves this one too.",
         link(FILM, kid="main"), allowed(FILM, kid="main"), sign(FILM, kid="main"))
admitted("at_both", "A gate that reads native tokens as well.", link(FILM), allowed(FILM),
         gate=BOTH)
NATIVE = signed(FILM, "pg=1&exp=%d&kid=main" % (NOW + 600), "main")
admitted("native_at_both", "A native token at that gate.", HOST + FILM + "?" + NATIVE,
         allowed(FILM, kid="main", expires=NOW + 600), gate=BOTH)
admitted("most_lifetime", "It lasts no longer than the operator's cap.", link(FILM), allowed(FILM),
         gate=dict(GATE, max_lifetime=TTL))
admitted("bearer_of_others", "A header for others.", link(FILM), allowed(FILM),
         authorization="Bearer abc")


# What is refused: placement

refused("no_token", "query", "There is no token.", deny("missing"), url=HOST + FILM)
TOKEN = link(FILM).partition("?")[2]
refused("in_path", "query", "It is not read in a path.", deny("missing"),
        url=HOST + "/" + TOKEN + FILM)
refused("in_cookie", "query", "Nor in a cookie.", deny("missing"), url=HOST + FILM, cookie=TOKEN)
refused("in_bearer", "query", "Nor in the header Authorization.", deny("missing"), url=HOST + FILM,
        authorization="Bearer " + TOKEN.partition("=")[2])
refused("at_native", "at_both", "The gate reads none.", deny("missing"),
        gate={"formats": ["native"]})
refused("other_name", "query", "It goes by another name.", deny("missing"),
        url=link(FILM, name="verifi"))
refused("twice", "query", "It is there twice.", deny("ambiguous"), url=link(FILM) + "&" + TOKEN)
refused("name_before", "query_before", "A parameter of its name is before it.",
        SIG, url=link(FILM + "?verify=%d" % NOW))
refused("native_before", "at_both", "A native token is in the query as well.",
        deny("ambiguous"), url=link(FILM + "?" + NATIVE))
refused("native_in_path", "at_both", "A native token is in the path as well.", deny("ambiguous"),
        url=HOST + "/" + NATIVE + FILM + "?" + TOKEN)
refused("native_bearer", "at_both", "A native token is in the header as well.", deny("ambiguous"),
        authorization="Bearer " + NATIVE)


# What is refused: grammar

for name, about, base, text, expect in (
    ("empty", "It is empty.", "query", "verify=", IAT),
    ("no_value", "It has no value.", "query", "verify", IAT),
    ("nine_digits", "A digit is missing.", "query", TOKEN.replace("=1", "=", 1), IAT),
    ("eleven_digits", "A digit is too many.", "query", TOKEN.replace("=1", "=11", 1), IAT),
    ("milliseconds", "The time is in milliseconds.", "query",
     TOKEN.replace("%d-" % NOW, "%d000-" % NOW), IAT),
    ("letter", "The time has a letter.", "query", TOKEN.replace("=1", "=l", 1), IAT),
    ("sign", "The time has a sign.", "query", TOKEN.replace("=1", "=+", 1), IAT),
    ("no_dash", "There is no dash.", "query", TOKEN.replace("-", "", 1), IAT),
    ("encoded_dash", "The dash is percent-encoded.", "query", TOKEN.replace("-", "%2D", 1), IAT),
    ("no_tag", "There is no tag.", "query", TOKEN.partition("-")[0], SIG),
    ("empty_tag", "The tag is empty.", "query", TOKEN.partition("-")[0] + "-", SIG),
    ("no_padding", "The padding is missing.", "query", TOKEN.replace("%3D", ""), SIG),
    ("more_padding", "The padding is there twice.", "query", TOKEN + "%3D", SIG),
    ("short_tag", "A character is missing.", "query", TOKEN[:-4] + "%3D"[:0] + "%3D", None),
    ("escape_of_letter", "A letter is percent-encoded.", "query", None, SIG),
    ("space_in_tag", "`+` became a space on the way.", "tag_open", None, SIG),
    ("url_safe_tag", "The tag is in base64url.", "tag_open", None, SIG),
):
    if expect is None:
        continue
    if name == "escape_of_letter":
        head, _, tag = TOKEN.partition("-")
        text = head + "-" + "%%%02X" % ord(tag[0]) + tag[1:]
    target = FILM
    if name == "space_in_tag":
        target, text = ODD, link(ODD, write=lambda t: t.replace("+", "%20")).partition("?")[2]
    if name == "url_safe_tag":
        target, text = ODD, link(ODD, write=url_safe).partition("?")[2]
    refused(name, base, about, expect, url=HOST + target + "?" + text)
refused("clipped_tag", "tag_open", "The last character of the tag is missing.", SIG,
        url=link(ODD, write=lambda tag: tag[:-2] + "="))
refused("stray_bit", "tag_open", "The last character carries a bit beyond the tag.", SIG,
        url=link(ODD, write=lambda tag: tag[:-2] + chr(ord(tag[-2]) + 1) + "="))
refused("standard_at_url_safe", "url_safe", "The tag is in standard base64.", SIG,
        url=link(ODD, write=encoded))
refused("padding_at_url_safe", "url_safe", "The tag has padding.", SIG,
        url=link(ODD, write=lambda tag: url_safe(tag) + "="))
for name, about, more in (
    ("after", "A parameter follows the token.", "&a=b"),
    ("mark_after", "A mark follows it.", "&"),
    ("player_after", "A parameter of a player follows it.", "&CMCD=bl%3D1"),
):
    refused(name, "query", about, deny("unsigned_parameter"), url=link(FILM) + more)
refused("listed_after", "query", "Not even a parameter that exact links may have follows it.",
        deny("unsigned_parameter"), url=link(FILM) + "&utm=a",
        gate=dict(GATE, unsigned_params=["utm"]))
refused("empty_segment", "query", "The path has an empty segment.", deny("path_not_canonical"),
        url=link("/videos//42/film.mp4"))
refused("encoded_slash", "query", "The path has an encoded slash.", deny("path_not_canonical"),
        url=link("/videos/42%2Ffilm.mp4"))


# What is refused: key and tag

refused("key_retired", "query", "The only key has retired.", deny("retired_key"),
        keys=ring(["cf"], {"cf": NOW}))
refused("one_key_retired", "query", "The key has retired, and another serves the format.", BAD,
        url=link(FILM, kid="gone"))
refused("key_of_native", "at_both", "No key serves the format.", deny("unknown_key"),
        keys="native/main:" + b64(MAIN))
refused("other_path", "query", "Another path was signed.", BAD, url=link(FILM, FILM + "x"))
refused("other_case", "query", "The path was signed in another case.", BAD,
        url=link(FILM, FILM.upper()))
refused("without_query", "query_before", "The query was not signed.", BAD,
        url=link(FILM + "?v=2", FILM))
refused("other_query", "query_before", "Another query was signed.", BAD,
        url=link(FILM + "?v=2", FILM + "?v=3"))
refused("query_added", "query", "A parameter was added before the token.", BAD,
        url=link(FILM + "?v=2", FILM))
refused("separator_signed", "query", "The separator was signed.", BAD,
        url=link(FILM, FILM + "?verify="))
refused("host_signed", "query", "Scheme and host were signed.", BAD, url=link(FILM, HOST + FILM))
refused("canonical_signed", "spelled_path", "The canonical path was signed.", BAD,
        url=link("/%7efilm.mp4", "/~film.mp4"))
refused("other_time", "query", "Another time was signed.", BAD,
        url=link(FILM, issued=NOW - 1).replace("%d-" % (NOW - 1), "%d-" % NOW))
refused("digit_moved", "digits_path", "A digit moved from the path into the time.", BAD,
        url=link("/videos/176722560", "/videos/1767225600"))
refused("other_key", "query", "The text of the entry is the key.", BAD, keys="timed-hmac/cf:"
        + b64(b64(KEYS["cf"]).encode()))


# What is refused: times

refused("end", "last_second", "Its time is over.", deny("expired"), now=END)
refused("leeway_over", "leeway_end", "The leeway is over as well.", deny("expired"), now=END + 60)
refused("future", "query", "It is issued in the next second.", deny("not_yet_valid"),
        url=link(FILM, issued=NOW + 1))
refused("future_leeway", "leeway_start", "It is issued after the leeway.", deny("not_yet_valid"),
        url=link(FILM, issued=NOW + 61))
refused("last_time", "query", "It is issued in the last second of ten digits.",
        deny("not_yet_valid"), url=link(FILM, issued=9999999999))
refused("first_time", "query", "It was issued in 1970.", deny("expired"),
        url=link(FILM, issued=0))
refused("long_lifetime", "most_lifetime", "It lasts longer than the operator's cap.",
        deny("lifetime_too_long"), gate=dict(GATE, max_lifetime=TTL - 1))


if __name__ == "__main__":
    write_or_check(
        FILE, "make_timed_hmac.py",
        "Vectors of timed HMACs, written by make_timed_hmac.py. The keys are for development: "
        "everybody knows them.",
        {"gone": NOW},
    )
