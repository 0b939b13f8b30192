# Signs a Playgate link with Ruby's standard library.
# The path is signed exactly as given: percent-encode it first, with upper-case hex digits.
require "openssl"

# Without dir, the link opens only this URL. With dir = 2, it opens everything below the first two
# directories, and the token is in the path, so that the addresses in a playlist inherit it.
def sign(url, kid, key, exp, dir = 0)
  token = "pg=1&exp=#{exp}&kid=#{kid}" + (dir > 0 ? "&dir=#{dir}" : "")
  base = url.split("/").first(3).join("/") # scheme and host are not signed
  target = url.delete_prefix(base) # path and query are
  path = target.split("?")[0]
  scope = dir > 0 ? path.split("/", -1).first(dir + 1).join("/") + "/" : target
  secret = key.tr("-_", "+/").unpack1("m")
  tag = OpenSSL::HMAC.digest("SHA256", secret, "#{scope}\n#{token}")
  sig = [tag].pack("m0").tr("+/", "-_").delete("=")
  return "#{base}/#{token}&sig=#{sig}#{target}" if dir > 0
  "#{url}#{url.include?("?") ? "&" : "?"}#{token}&sig=#{sig}"
end

# The first key of the ring: `id:key` or `native/id:key`, followed by `@unix` if it retires.
entry = %r{(?:\A|[,\n])\s*(?:native/)?([\w-]+):([^,\n]*)}
found = ENV.fetch("PLAYGATE_KEYS").match(entry) or abort "the ring has no key for native links"
kid, text = found.captures
found = text.match(/\A\s*([\w-]{43,342})\s*(?:@(\d{1,10}))?\s*\z/)
abort "the first key of the ring does not have the form that `playgate keygen` prints" if !found || found[1].match?(/\A\h+\z/)
key, retires = found.captures
abort "the first key of the ring is retired" if retires && retires.to_i <= Time.now.to_i
url, exp, dir = ARGV
puts sign(url, kid, key, Integer(exp), Integer(dir || 0))
