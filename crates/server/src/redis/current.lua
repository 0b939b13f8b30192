-- The rows that hold for some fields, with their sequence numbers.
-- KEYS: identity, log, current
-- ARGV: the fields
local found = {}
for i, field in ipairs(ARGV) do
  local seq = redis.call('HGET', KEYS[3], field)
  found[i] = seq and {seq, redis.call('LINDEX', KEYS[2], seq)} or false
end
return {redis.call('HGET', KEYS[1], 'epoch'), redis.call('LLEN', KEYS[2]), found}
