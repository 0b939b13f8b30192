#!/usr/bin/env python3
"""A second implementation of the Playgate format, for the tests.

It was written from the documents alone and shares no code with the Rust core, so that the two
check each other: an answer that only one of them gives is a bug in one of them, or in the words.
Python's standard library is all it needs.

    python3 tests/independent/playgate.py tests/vectors/native.json

checks every vector of the file and ends with `N passed, M failed`.

"The format" below is the definition of the token in docs/format.md.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import ipaddress
import json
import re
import sys

MAX_TOKEN = 1024
MAX_URL = 8192
MAX_NUMBER = 2**53 - 1
MAX_COUNT = 1000
MAX_COOKIES = 8
MAX_NETWORKS = 4
MAX_CLAIMS = 384  # bytes of JSON
MAX_GENERATION = 2**32 - 1
# A session: seconds, directories, segments of one, bytes of one.
MAX_ACCESS = 86400
MAX_SESSION = 400 * 86400
MAX_DIRECTORIES = 8
MAX_DEPTH = 64
MAX_DIRECTORY = 640
OWN_CALLS = "/.playgate/"  # a gate's own paths, which no session opens
FARTHEST = 100 * 365 * 86400  # seconds: whoever means more has written milliseconds

PLAYER_PARAMETERS = {
    "_HLS_msn", "_HLS_part", "_HLS_push", "_HLS_report", "_HLS_skip", "_HLS_pathway",
    "_HLS_throughput", "_HLS_primary_id", "_HLS_start_offset", "_DASH_pathway", "_DASH_throughput",
    "CMCD",
}
REQUIRED = ("pg", "exp", "kid")
OPTIONAL = (
    "aud", "cc", "cl", "dir", "dl", "gen", "iat", "ip", "jti", "max", "nbf", "pre", "reval", "run", "ses",
    "sid", "sub", "uses",
)
COUNTED = {"max": "sub", "uses": "jti"}  # what is counted, and what it is counted for
NEED_STATE = ("max", "reval", "uses")
WIRE_ORDER = REQUIRED + OPTIONAL + ("sig",)

UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]")
# A browser rewrites these in a path, and the rewritten path would no longer match its tag. (No request has a `?` in its
# path, but the directory of a session may.)
REWRITTEN_BY_BROWSERS = set(' "#<>?\\^`{|}')
FORMATS = ("jwt", "native", "timed-hmac")

# The number of the check that gives each reason. All other reasons come from the grammar, which is check 2.
CHECKS = {
    "missing": 1, "ambiguous": 1,
    "unknown_key": 3, "retired_key": 3,
    "bad_signature": 4,
    "not_yet_valid": 5, "expired": 5, "expires_too_far": 5, "lifetime_too_long": 5,
    "wrong_purpose": 6, "wrong_audience": 6, "wrong_issuer": 6, "wrong_network": 6,
    "wrong_country": 6, "outside_preview": 6,
    "state_required": 7,
}


class Refusal(Exception):
    """Why a request is refused: the reason code, and for `malformed` the field. Does not name an
    unknown field, because a response never repeats content of the request."""

    def __init__(self, reason, field=None):
        super().__init__(reason)
        status = 401 if reason == "missing" else 403
        self.check = CHECKS.get(reason, 2)
        self.verdict = {"verdict": "deny", "reason": reason, "status": status}
        if field is not None:
            self.verdict["field"] = field


def verify(request, gate, keys, now):
    """The verdict on a request (the format, section "Checks")."""
    try:
        return admit(request, gate, keys, now)
    except Refusal as refusal:
        return refusal.verdict


def admit(request, gate, keys, now):
    """Runs the checks in the order of the format. Check 1 is placement."""
    return first_that_passes(
        place(request), lambda placed: admit_token(placed, request, gate, keys, now)
    )


def first_that_passes(tokens, decide):
    """The verdict on the first token that passes every check; a preview counts where nothing else
    passes. Where none does, the refusal of the one that came furthest; of several that came as far,
    of the first. `decide` gives the verdict, and whether it is on a preview."""
    furthest = preview = None
    for token in tokens:
        try:
            verdict, is_preview = decide(token)
        except Refusal as refusal:
            if furthest is None or refusal.check > furthest.check:
                furthest = refusal
            continue
        if not is_preview:
            return verdict
        preview = preview or verdict
    if preview is None:
        raise furthest
    return preview


def admit_token(placed, request, gate, keys, now):
    # 2. grammar and limits
    if len(request["url"].encode("utf-8")) > MAX_URL:
        raise Refusal("malformed", "url")
    if not re.fullmatch(r"[!-~]*", placed.query or "") or "#" in (placed.query or ""):
        raise Refusal("malformed", "url")
    if is_reference(placed.token):
        parse_reference(placed.token)
        canonical_path(placed.path)
        raise Refusal("state_required")
    fields, tag = parse_token(placed.token)
    path = canonical_path(placed.path)
    signed, unsigned = split_query(placed, fields, gate.get("unsigned_params", ()))
    scope = scope_of(path, signed, fields.get("dir"))

    # 3. key
    kid = fields["kid"]
    if kid not in keys or not serves(keys[kid], "native"):
        raise Refusal("unknown_key")
    secret, retires, _ = keys[kid]
    if retires is not None and now >= retires:
        raise Refusal("retired_key")

    # 4. tag
    body = placed.token.rpartition("&sig=")[0]
    if not hmac.compare_digest(tag, tag_of(secret, scope, body)):
        for rest in shortened(signed, "dir" in fields):
            if hmac.compare_digest(tag, tag_of(secret, scope_of(path, rest, None), body)):
                raise Refusal("unsigned_parameter")
        raise Refusal("bad_signature")

    # 5. times
    leeway = gate.get("leeway", 0)
    if "nbf" in fields and now + leeway < fields["nbf"]:
        raise Refusal("not_yet_valid")
    if now >= fields["exp"] + leeway:
        raise Refusal("expired")
    if max(fields["exp"], fields.get("iat", 0)) - now > FARTHEST:
        raise Refusal("expires_too_far")
    if "max_lifetime" in gate and fields["exp"] - now > gate["max_lifetime"]:
        raise Refusal("lifetime_too_long")

    # 6. bindings
    if not is_for_media(fields):
        raise Refusal("wrong_purpose")
    if fields.get("aud") != gate.get("audience"):
        raise Refusal("wrong_audience")
    client = request.get("client_ip")
    if "ip" in fields and not any(in_network(client, allowed) for allowed in fields["ip"]):
        raise Refusal("wrong_network")
    if "cc" in fields and request.get("client_country") not in fields["cc"]:
        raise Refusal("wrong_country")
    if "pre" in fields and not is_manifest(path):
        raise Refusal("outside_preview")

    # 7. state, which this gate does not keep
    if any(name in fields for name in NEED_STATE):
        raise Refusal("state_required")

    forwarded = [p for p in unsigned if is_listed(p, gate.get("forward_params", ()))]
    query = ([] if signed is None else [signed]) + forwarded
    verdict = {
        "verdict": "allow",
        "kid": kid,
        "expires": fields["exp"],
        "scope": scope,
        "clean_url": placed.origin + path + ("?" + "&".join(query) if query else ""),
    }
    return verdict, "pre" in fields


def is_for_media(fields):
    """The tokens that start or refresh a session open nothing (the format, section "Sessions"). An
    access token has a generation as a refresh token does, but it has a directory."""
    return "ses" not in fields and ("gen" not in fields or "dir" in fields)


def is_manifest(path):
    return path.lower().endswith((".m3u8", ".mpd"))


# Placement (the format, section "Placement")


class Placed:
    """A token and the parts of the request around it."""

    def __init__(self, url):
        parts = re.fullmatch(
            r"([A-Za-z][A-Za-z0-9+.-]*://[^/?#\\]+)([^?]*)(?:\?(.*))?", url, re.DOTALL
        )
        if parts is None:
            raise Refusal("malformed", "url")
        self.origin, self.path, self.query = parts.groups()
        self.placement = self.token = None
        self.before = None  # the query before a token in the query; None is not the same as ""
        self.beside = [] if self.query is None else self.query.split("&")

    def take(self, placement, token):
        if self.token is not None:
            raise Refusal("ambiguous")
        self.placement, self.token = placement, token


def place(request):
    """Finds the one token. Cookies count only where there is no other, so that an old cookie never
    spoils a new link; then there may be several, because browsers send those of nested directories
    together, and because a sibling host can set one."""
    placed = Placed(request["url"])
    if placed.path.startswith("/pg="):
        token, slash, rest = placed.path[1:].partition("/")
        if rest.startswith("pg="):
            raise Refusal("ambiguous")
        placed.take("path", token)
        placed.path = slash + rest
    take_query_token(placed)
    bearer = re.fullmatch(r"(?i:bearer) (pg=.*)", request.get("authorization") or "", re.DOTALL)
    if bearer:
        placed.take("bearer", bearer.group(1))
    if placed.token is not None:
        return [placed]
    found = [in_cookie(request["url"], pair) for pair in cookies(request, ("pg",))]
    if not found:
        raise Refusal("missing")
    return found


def cookies(request, names):
    """The first cookies of these names, `name=value`. What has no `=` is no cookie (RFC 6265,
    section 4.2.1)."""
    pairs = [pair.strip(" ") for pair in (request.get("cookie") or "").split(";")]
    return [pair for pair in pairs if "=" in pair and name_of(pair) in names][:MAX_COOKIES]


def in_cookie(url, token):
    placed = Placed(url)
    placed.take("cookie", token)
    return placed


def take_query_token(placed):
    """The token in a query runs from the parameter `pg` up to and with `sig`. A reference is only
    the parameter `pg`."""
    names = [name_of(p) for p in placed.beside]
    if "pg" not in names:
        return
    first = names.index("pg")
    if is_reference(placed.beside[first]):
        end = first + 1
    else:
        end = names.index("sig", first) + 1 if "sig" in names[first:] else len(names)
    if "pg" in names[end:]:
        raise Refusal("ambiguous")
    placed.take("query", "&".join(placed.beside[first:end]))
    placed.before = "&".join(placed.beside[:first]) if first > 0 else None
    placed.beside = placed.beside[end:]


def name_of(parameter):
    """A name ends at the first `=` and is compared byte for byte, without decoding."""
    return parameter.partition("=")[0]


def is_listed(parameter, names):
    """Whether an operator's list names the parameter. A `*` at the end of a name matches
    any suffix; a `*` without a name matches nothing."""
    name = name_of(parameter)
    return any(
        len(listed) > 1 and name.startswith(listed[:-1]) if listed.endswith("*") else name == listed
        for listed in names
    )


# Grammar (the format, section "Token")


def is_reference(token):
    return token.startswith("pg=ref.")


def parse_reference(token):
    """A reference, after which outside a query nothing may follow. In a query, it ends at the `&`."""
    reference, ampersand, more = token.partition("&")
    if not re.fullmatch(r"pg=ref\.[A-Za-z0-9\-_]{43}", reference):
        raise Refusal("malformed", "pg")
    if ampersand:
        name = name_of(more.partition("&")[0])
        raise Refusal("malformed", name) if name in WIRE_ORDER else Refusal("unknown_field")


def parse_token(token):
    """Reads a token from left to right, without lookahead: each field either belongs at its
    place or is refused. Returns the fields and the tag."""
    fields, last = {}, -1
    for pair in token.split("&"):
        name, _, text = pair.partition("=")
        if name not in WIRE_ORDER:
            raise Refusal("unknown_field")
        missing = [required for required in REQUIRED if required not in fields]
        if missing and name != missing[0] and name not in fields:
            raise Refusal("malformed", missing[0])
        if WIRE_ORDER.index(name) <= last:
            raise Refusal("malformed", name)
        fields[name], last = parse_value(name, text), WIRE_ORDER.index(name)
    for name in REQUIRED + ("sig",):
        if name not in fields:
            raise Refusal("malformed", name)
    for name, of in COUNTED.items():
        if name in fields and of not in fields:
            raise Refusal("malformed", name)
    if "ses" in fields and not {"sub", "jti"} <= set(fields):
        raise Refusal("malformed", "ses")
    if "pre" in fields and "dir" not in fields:
        raise Refusal("malformed", "pre")
    if len(token) > MAX_TOKEN:
        raise Refusal("malformed", "token")
    return fields, fields.pop("sig")


def parse_value(name, text):
    """The value of a field, or `malformed` with the field's name."""
    if name == "pg" and re.fullmatch(r"0|[1-9][0-9]*", text) and text != "1":
        raise Refusal("unsupported_version")
    try:
        return VALUES[name](text)
    except ValueError:
        raise Refusal("malformed", name) from None


def pattern(expression):
    def parse(text):
        if not re.fullmatch(expression, text):
            raise ValueError(text)
        return text

    return parse


def number(low, high):
    """A canonical decimal number: no sign, no leading zero."""

    def parse(text):
        value = int(pattern(r"0|[1-9][0-9]*")(text))
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def base64url(text):
    """Canonical base64url: no padding, and the unused bits of the last character are zero."""
    pattern(r"[A-Za-z0-9\-_]+")(text)
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError(text) from None
    if to_base64url(decoded) != text:
        raise ValueError(text)
    return decoded


def to_base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def file_name(text):
    raw = base64url(text)
    name = raw.decode("utf-8")
    if len(raw) > 255 or re.search(r"[\x00-\x1f\x7f]", name):
        raise ValueError(text)
    return name


def download(text):
    """A file to save under this name or, after `inline.`, to show."""
    return file_name(re.sub(r"^inline\.", "", text))


def claims(text):
    """A JSON object. A gate does not read it, so what counts is its length, its characters, and that
    it is between braces."""
    raw = base64url(text)
    if not re.fullmatch(rb"\{[ -~]*\}", raw) or len(raw) > MAX_CLAIMS:
        raise ValueError(text)
    return raw.decode("ascii")


def new_session(text):
    """Three lengths in seconds, then the directories, all joined by dots."""
    access, idle, absolute, *directories = text.split(".")
    access = number(1, MAX_ACCESS)(access)
    idle = number(access, MAX_SESSION)(idle)
    absolute = number(idle, MAX_SESSION)(absolute)
    if not 1 <= len(directories) <= MAX_DIRECTORIES:
        raise ValueError(text)
    return access, idle, absolute, [directory(one) for one in directories]


def directory(text):
    """A canonical path that ends in a slash, and is neither the root nor the gate's own."""
    path = base64url(text).decode("ascii")
    try:
        canonical = canonical_path(path)
    except Refusal:
        raise ValueError(text) from None
    segments = path.split("/")[1:-1]
    if path != canonical or not path.endswith("/") or path.startswith(OWN_CALLS):
        raise ValueError(text)
    if not 1 <= len(segments) <= MAX_DEPTH or len(path) > MAX_DIRECTORY:
        raise ValueError(text)
    return path


def networks(text):
    """One to four networks, joined by dots."""
    parts = text.split(".")
    if len(parts) > MAX_NETWORKS or len(set(parts)) < len(parts):
        raise ValueError(text)
    return [network(one) for one in parts]


def network(text):
    """`cb007100-24`: eight or 32 hex digits, then the length of the prefix. Set host bits are an
    error, because it is unclear which network was meant."""
    pattern(r"([0-9a-f]{8}|[0-9a-f]{32})-[1-9][0-9]*")(text)
    digits, _, prefix = text.partition("-")
    return ipaddress.ip_network((bytes.fromhex(digits), int(prefix)))


def in_network(client, allowed):
    """An IPv4-mapped IPv6 address counts as the IPv4 address."""
    try:
        address = ipaddress.ip_address(client or "")
    except ValueError:
        return False
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address in allowed


IDENTIFIER = pattern(r"[A-Za-z0-9_\-]{1,64}")
VALUES = {
    "aud": pattern(r"[A-Za-z0-9\-_.]{1,64}"),
    "cc": lambda text: pattern(r"[A-Z]{2}(\.[A-Z]{2})*")(text).split("."),
    "cl": claims,
    "dir": number(1, MAX_DEPTH),
    "dl": download,
    "exp": number(0, MAX_NUMBER),
    "gen": number(1, MAX_GENERATION),
    "iat": number(0, MAX_NUMBER),
    "ip": networks,
    "jti": IDENTIFIER,
    "kid": pattern(r"[A-Za-z0-9_\-]{1,32}"),
    "max": number(1, MAX_COUNT),
    "nbf": number(0, MAX_NUMBER),
    "pg": number(1, 1),
    "pre": number(1, MAX_NUMBER),
    "reval": number(1, MAX_NUMBER),
    "run": number(1, MAX_NUMBER),
    "ses": new_session,
    "sid": IDENTIFIER,
    "sig": lambda text: base64url(pattern(r".{43}")(text)),
    "sub": IDENTIFIER,
    "uses": number(1, MAX_COUNT),
}


# Scope (the format, sections "Canonical path", "Scope" and "Signing input")


def canonical_path(path):
    """The canonical path. A path that can be read in two ways is refused instead of repaired,
    because a store or a proxy may read it in the other way."""
    refusal = Refusal("path_not_canonical")
    if not path.startswith("/") or re.search(r"%(?![0-9A-Fa-f]{2})", path):
        raise refusal
    if any(c in REWRITTEN_BY_BROWSERS or not "!" <= c <= "~" for c in path):
        raise refusal
    if ";" in path:  # the start of a parameter, which some servers cut off
        raise refusal

    def spell(escape):
        octet = int(escape.group(1), 16)
        # 0xC0 and 0xC1 start overlong forms of ASCII, and never occur in UTF-8.
        if octet < 0x20 or octet in (0x7F, 0xC0, 0xC1) or chr(octet) in "/\\":
            raise refusal
        return chr(octet) if UNRESERVED.fullmatch(chr(octet)) else "%%%02X" % octet

    path = re.sub(r"%(..)", spell, path)
    segments = path.split("/")[1:]
    # Some servers cut off a parameter, a query or a fragment once its first mark is decoded.
    names = [re.split("%3B|%3F|%23", segment)[0] for segment in segments]
    if "." in names or ".." in names:
        raise refusal
    # An empty name before a parameter is an empty segment; before the others, it is the last.
    if any(re.split("%3B", segment)[0] == "" for segment in segments[:-1]):
        raise refusal
    return path


def split_query(placed, fields, unsigned_names):
    """Splits the query around the token into the signed part (None: nothing) and the unsigned part."""
    def is_free(parameter):
        return name_of(parameter) in PLAYER_PARAMETERS or is_listed(parameter, unsigned_names)

    if "dir" in fields:
        before = [] if placed.before is None else placed.before.split("&")
        return None, before + placed.beside
    if placed.placement == "query":
        if not all(is_free(p) for p in placed.beside):
            raise Refusal("unsigned_parameter")
        return placed.before, placed.beside
    signed = "&".join(p for p in placed.beside if not is_free(p))
    return signed or None, [p for p in placed.beside if is_free(p)]


def shortened(signed, is_directory):
    """A signed query without its last parameter, the last two, up to the last eight."""
    parameters = [] if signed is None or is_directory else signed.split("&")
    for more in range(1, min(len(parameters), 8) + 1):
        rest = parameters[:-more]
        yield "&".join(rest) if rest else None


def scope_of(path, signed_query, depth):
    if depth is None:
        return path if signed_query is None else path + "?" + signed_query
    directories = path.split("/")[1:-1]
    if depth > len(directories):
        raise Refusal("outside_scope")
    return "/" + "/".join(directories[:depth]) + "/"


def tag_of(secret, scope, body):
    """Neither part can contain a line feed, so no two requests have the same signing input."""
    return hmac.new(secret, (scope + "\n" + body).encode("ascii"), hashlib.sha256).digest()


# Keys and signing (the format, sections "Keys" and "Signing input")


def parse_keys(text):
    """`[format/]id:base64url[@unix]` entries, separated by commas or newlines, as a dict in
    order: the secret, when it retires (`None`: never), and the format that it serves (`None`: all)."""
    keys = {}
    for entry in re.split(r"[,\n]", text):
        if not entry.strip():
            continue
        kid, _, rest = entry.strip().partition(":")
        only, slash, bound_kid = kid.partition("/")
        if slash and only not in FORMATS:
            raise ValueError("key ring: no such format")
        kid = bound_kid if slash else kid
        encoded, at, retires = rest.partition("@")
        if len(retires) > 10:
            raise ValueError("key ring: a key retires at a time in seconds")
        secret = base64url(encoded)
        # A key that is bound to another format may be a shorter secret from another system.
        least = 8 if slash and only != "native" else 32
        if VALUES["kid"](kid) in keys or not least <= len(secret) <= 256:
            raise ValueError("key ring: a repeated id, or a key of %d bytes" % len(secret))
        retires = number(0, MAX_NUMBER)(retires) if at else None
        keys[kid] = (secret, retires, only if slash else None)
    if not 1 <= len(keys) <= 16:
        raise ValueError("key ring: 1 to 16 keys")
    return keys


def serves(key, form):
    return key[2] in (None, form)


SIGN_MEMBERS = set(
    "url expires_in expires_at dir exact place kid audience country download inline ip jti max"
    " no_iat not_before preview reval round run sid sub uses".split()
)


def sign(request, keys, now):
    """The link for a request to sign (the format, section "Signing input")."""
    if not set(request) <= SIGN_MEMBERS:
        raise ValueError("unknown members: %s" % sorted(set(request) - SIGN_MEMBERS))
    kid = signing_key(request, keys, "native")
    expires, issued = times(request, now)
    values = {
        "aud": request.get("audience"),
        "cc": ".".join(request["country"]) if "country" in request else None,
        "dir": fitting(request),
        "dl": download_text(request),
        "iat": issued,
        "ip": networks_text(request["ip"]) if "ip" in request else None,
        "jti": request.get("jti"),
        "max": request.get("max"),
        "nbf": unix_time(request["not_before"]) if "not_before" in request else None,
        "pre": seconds(request["preview"]) if "preview" in request else None,
        "reval": seconds(request["reval"]) if "reval" in request else None,
        "run": seconds(request["run"]) if "run" in request else None,
        "sid": request.get("sid"),
        "sub": request.get("sub"),
        "uses": request.get("uses"),
    }
    body = "pg=1&exp=%d&kid=%s" % (expires, kid)
    # `cl`, `gen` and `ses` are not among what a request to sign can ask for.
    written = [name for name in OPTIONAL if values.get(name) is not None]
    body += "".join("&%s=%s" % (name, values[name]) for name in written)

    placed = Placed(request["url"])
    path = canonical_path(placed.path)
    in_directory = is_manifest(path) and values["dir"]
    place_in = request.get("place", "path" if in_directory else "query")
    placed.placement = place_in
    if place_in == "query":
        placed.before, placed.beside = placed.query, []
    signed, _ = split_query(placed, values if values["dir"] else {}, ())
    scope = scope_of(path, signed, values["dir"])
    token = body + "&sig=" + to_base64url(tag_of(keys[kid][0], scope, body))
    parse_token(token)  # what no gate would read must not leave the signer

    tail = "" if placed.query is None else "?" + placed.query
    if place_in == "path":
        link = placed.origin + "/" + token + path + tail
    else:
        link = placed.origin + path + (tail + "&" if tail else "?") + token
    return {"link": link, "expires": expires, "scope": scope}


def signing_key(request, keys, form):
    """The requested key id, or that of the first key that serves the format."""
    kid = request.get("kid", next((k for k, key in keys.items() if serves(key, form)), None))
    if kid not in keys or not serves(keys[kid], form):
        raise ValueError("no such key for this format")
    return kid


def times(request, now):
    """The expiry, rounded up, and the time of signing, the same for all links of a window. Only
    links with a viewer or a playback have the latter, unless the request omits it."""
    at, step = request.get("expires_at"), seconds(request.get("round", 1))
    lifetime = seconds(request.get("expires_in", 600))
    expires = -(-(now + lifetime if at is None else unix_time(at)) // step) * step
    if not ("sub" in request or "sid" in request) or request.get("no_iat"):
        return expires, None
    if at is not None:
        return expires, now // step * step
    # The first second at which a link would end at the same time.
    return expires, next(s for s in range(now - step + 1, now + 1) if s + lifetime > expires - step)


def download_text(request):
    name = request.get("download", request.get("inline"))
    if name is None:
        return None
    return ("inline." if "inline" in request else "") + to_base64url(name.encode())


def fitting(request):
    """The depth of the scope: as requested, or for a manifest its directory."""
    path = canonical_path(Placed(request["url"]).path)
    if "dir" in request or request.get("exact") or not is_manifest(path):
        return request.get("dir")
    if path.count("/") == 1:
        raise ValueError("a manifest in no directory")
    return path.count("/") - 1


def seconds(text):
    """600, "600", "10m", "4h": a number of seconds."""
    count, unit = re.fullmatch(r"([0-9]+)([smhd]?)", str(text)).groups()
    return int(count) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


def unix_time(text):
    """Unix seconds, or a date and time as in RFC 3339."""
    if re.fullmatch(r"[0-9]+", str(text)):
        return int(text)
    return int(datetime.datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text)).timestamp())


def networks_text(given):
    """Of a list, or of text with commas."""
    texts = given.split(",") if isinstance(given, str) else given
    allowed = [ipaddress.ip_network(text.strip()) for text in texts]
    return ".".join("%s-%d" % (one.network_address.packed.hex(), one.prefixlen) for one in allowed)


# Vectors

VECTOR_MEMBERS = set(
    "name about differs_from request gate keys now sign expect behind_url_parser".split()
)


def faults(vector, passing, keys, verify, sign):
    """What is wrong with one vector, one line for each fault."""
    if not set(vector) <= VECTOR_MEMBERS:
        yield "unknown members %s" % sorted(set(vector) - VECTOR_MEMBERS)
    gate, now = vector.get("gate", {}), vector["now"]
    if "keys" in vector:
        keys = parse_keys(vector["keys"])
    verdict = verify(vector["request"], gate, keys, now)
    if verdict != vector["expect"]:
        yield "expected %s, got %s" % (json.dumps(vector["expect"]), json.dumps(verdict))

    if "sign" in vector:
        try:
            made = sign(vector["sign"], keys, now)
        except (Refusal, ValueError) as error:
            yield "the signer refuses: %s" % error
        else:
            if made["link"] != vector["request"]["url"]:
                yield "the signer's link is another: %s" % made["link"]
            # A link that only a gate with state admits has the scope and expiry of the passing one.
            wanted = passing.get(vector["differs_from"], vector)["expect"]
            if any(made[m] != wanted.get(m) for m in ("scope", "expires") if m in made):
                yield "the signer's scope or expiry is not the verdict's"

    origin = passing.get(vector["differs_from"])
    if vector["differs_from"] is not None and origin is None:
        yield "differs_from names no passing vector: %s" % vector["differs_from"]
    elif vector["expect"]["verdict"] == "deny":
        if origin is None:
            yield "a refused vector has to say which passing one it differs from"
        elif all(vector.get(m) == origin.get(m) for m in ("request", "gate", "keys", "now")):
            yield "it does not differ from %s" % vector["differs_from"]


def main(arguments, program="playgate.py", verify=verify, sign=sign):
    if len(arguments) != 1:
        print("usage: %s VECTORS.json" % program, file=sys.stderr)
        return 2
    with open(arguments[0], encoding="utf-8") as file:
        document = json.load(file)
    keys, vectors = parse_keys(document["keys"]), document["vectors"]
    passing = {v["name"]: v for v in vectors if v["expect"]["verdict"] == "allow"}
    failed, names = 0, set()
    for vector in vectors:
        found = list(faults(vector, passing, keys, verify, sign))
        if vector["name"] in names:
            found.append("the name is taken")
        names.add(vector["name"])
        for fault in found:
            print("%s: %s" % (vector["name"], fault))
        failed += bool(found)
    print("%d passed, %d failed" % (len(vectors) - failed, failed))
    return 1 if failed or not vectors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
