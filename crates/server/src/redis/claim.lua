-- The event that is due first, which no other gate sends for a while, and when the next one is due.
-- KEYS: bodies, due
-- ARGV: now, until when it is claimed
-- Returns its id and its body, if one is due, and the time of the next, if there is one.
local id = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, 1)[1]
local body = id and redis.call('HGET', KEYS[1], id)
if id then
  redis.call('ZADD', KEYS[2], ARGV[2], id)
end
local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
return {id or false, body or false, next or false}
