-- Part of the log, and what it is known by.
-- KEYS: identity, log, beat
-- ARGV: the first and the last sequence number, and for how many seconds the beat stays; 0 if no replica has to confirm
local replication = redis.call('INFO', 'replication')
-- A replica may lag behind, and would not say so.
if not replication:find('role:master', 1, true) then
  return redis.error_reply('READONLY this is a replica')
end
-- It may forget what was revoked.
local memory = redis.call('INFO', 'memory')
local evicts = not memory:find('maxmemory:0\r', 1, true) and not memory:find('maxmemory_policy:noeviction', 1, true)
-- Something to confirm: without replicas this server may be cut off, and another one be the primary.
if ARGV[3] ~= '0' then
  -- This one writes also when the memory is full.
  if redis.call('EXPIRE', KEYS[3], ARGV[3]) == 0 then
    redis.call('SET', KEYS[3], '', 'EX', ARGV[3])
  end
end
local run = redis.call('INFO', 'server'):match('run_id:(%x+)') or ''
local history = replication:match('master_replid:(%x+)') or ''
local identity = redis.call('HMGET', KEYS[1], 'version', 'epoch', 'key')
local rows = redis.call('LRANGE', KEYS[2], ARGV[1], ARGV[2])
return {evicts and 1 or 0, run .. history, identity[1], identity[2], identity[3], redis.call('LLEN', KEYS[2]), rows}
