-- Puts a new log in the place of the old one, unless that has changed, or the new one is not whole.
-- KEYS: identity, log, current, the new log, the new current
-- ARGV: the epoch of the old log, how many of its rows were considered, the new epoch, the channel, how many rows the new
-- log has
-- Returns how many rows there are now, or -1 if it is another log.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return -1
end
local len = redis.call('LLEN', KEYS[2])
if len ~= tonumber(ARGV[2]) then
  return len
end
-- Redis forgets a new log that is not finished within its time.
if redis.call('LLEN', KEYS[4]) ~= tonumber(ARGV[5]) then
  return -1
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[3])
for i = 2, 3 do
  redis.call('DEL', KEYS[i])
  if redis.call('EXISTS', KEYS[i + 2]) == 1 then
    redis.call('RENAME', KEYS[i + 2], KEYS[i])
    redis.call('PERSIST', KEYS[i])
  end
end
redis.call('PUBLISH', ARGV[4], '')
return len
