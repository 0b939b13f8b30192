# Signs a Playgate link with Ruby's standard library.
# The path is signed as it is written: percent-encode it first, with upper-case hex.
require "openssl"

# Without dir the link opens this URL alone, with dir = 2 all below its first two directories.
def sign(url, kid, key, exp, dir = 0)
  token = "pg=1&exp=#{exp}&kid=#{kid}" + (dir > 0 ? "&dir=#{dir}" : "")
  target = "/" + url.split("/", 4)[3] # path and query; scheme and host are not signed
  path = target.split("?")[0]
  scope = dir > 0 ? path.split("/", -1).first(dir + 1).join("/") + "/" : target
  secret = key.tr("-_", "+/").unpack1("m")
  tag = OpenSSL::HMAC.digest("SHA256", secret, "#{scope}\n#{token}")
  sig = [tag].pack("m0").tr("+/", "-_").delete("=")
  "#{url}#{url.include?("?") ? "&" : "?"}#{token}&sig=#{sig}"
end

kid, key = ENV.fetch("PLAYGATE_KEYS").split(",").first.split(":")
url, exp, dir = ARGV
puts sign(url, kid, key, Integer(exp), Integer(dir || 0))
