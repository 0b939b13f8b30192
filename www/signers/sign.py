# Signs a Playgate link with Python's standard library.
# The path is signed exactly as given: percent-encode it first, with upper-case hex digits.
import base64, hmac, os, re, sys, time


def sign(url, kid, key, exp, dir=0):
    """Without dir, the link opens only this URL. With dir=2, it opens everything below the first
    two directories, and the token is in the path, so that the addresses in a playlist inherit it."""
    token = f"pg=1&exp={exp}&kid={kid}" + (f"&dir={dir}" if dir else "")
    base = "/".join(url.split("/")[:3])  # scheme and host are not signed
    target = url[len(base) :]  # path and query are
    path = target.split("?")[0]
    scope = "/".join(path.split("/")[: dir + 1]) + "/" if dir else target
    secret = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    tag = hmac.new(secret, f"{scope}\n{token}".encode(), "sha256").digest()
    sig = base64.urlsafe_b64encode(tag).decode().rstrip("=")
    if dir:
        return f"{base}/{token}&sig={sig}{target}"
    return f"{url}{'&' if '?' in url else '?'}{token}&sig={sig}"


# The first key of the ring: `id:key` or `native/id:key`, followed by `@unix` if it retires.
entry = r"(?:^|[,\n])\s*(?:native/)?([\w-]+):([^,\n]*)"
found = re.search(entry, os.environ["PLAYGATE_KEYS"]) or sys.exit("the ring has no key for native links")
kid, text = found.groups()
found = re.fullmatch(r"\s*([A-Za-z0-9_-]{43,342})\s*(?:@([0-9]{1,10}))?\s*", text)
if not found or re.fullmatch("[0-9A-Fa-f]+", found[1]):
    sys.exit("the first key of the ring does not have the form that `playgate keygen` prints")
key, retires = found.groups()
if retires and int(retires) <= time.time():
    sys.exit("the first key of the ring is retired")
url, exp, *dir = sys.argv[1:]
print(sign(url, kid, key, int(exp), *map(int, dir)))
