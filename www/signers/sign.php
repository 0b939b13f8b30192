<?php
// Signs a Playgate link with PHP's standard library.
// The path is signed exactly as given: percent-encode it first, with upper-case hex digits.

// Without dir, the link opens only this URL. With dir = 2, it opens everything below the first two
// directories, and the token is in the path, so that the addresses in a playlist inherit it.
function sign(string $url, string $kid, string $key, int $exp, int $dir = 0): string
{
    $token = "pg=1&exp=$exp&kid=$kid" . ($dir ? "&dir=$dir" : "");
    $base = implode("/", array_slice(explode("/", $url), 0, 3)); // scheme and host are not signed
    $target = substr($url, strlen($base)); // path and query are
    $path = explode("?", $target)[0];
    $scope = $dir ? implode("/", array_slice(explode("/", $path), 0, $dir + 1)) . "/" : $target;
    $secret = base64_decode(strtr($key, "-_", "+/"));
    $tag = hash_hmac("sha256", "$scope\n$token", $secret, true);
    $sig = rtrim(strtr(base64_encode($tag), "+/", "-_"), "=");
    if ($dir) return "$base/$token&sig=$sig$target";
    return $url . (str_contains($url, "?") ? "&" : "?") . "$token&sig=$sig";
}

// The first key of the ring: `id:key` or `native/id:key`, followed by `@unix` if it retires.
$fail = function (string $why) { fwrite(STDERR, "$why\n"); exit(1); };
$entry = '~(?:^|[,\n])\s*(?:native/)?([\w-]+):([^,\n]*)~';
preg_match($entry, getenv("PLAYGATE_KEYS"), $found) || $fail("the ring has no key for native links");
[, $kid, $text] = $found;
$fits = preg_match('~^\s*([\w-]{43,342})\s*(?:@(\d{1,10}))?\s*$~D', $text, $found);
if (!$fits || ctype_xdigit($found[1])) $fail("the first key of the ring does not have the form that `playgate keygen` prints");
$key = $found[1];
if (isset($found[2]) && $found[2] <= time()) $fail("the first key of the ring is retired");
[, $url, $exp] = $argv;
echo sign($url, $kid, $key, (int) $exp, (int) ($argv[3] ?? 0)), "\n";
