-- Stores all that follows from a command; or nothing, if what the command was computed from has changed.
-- KEYS: identity, log, current, pending, bodies, due, record
-- ARGV: a list of numbers and texts, in the order in which they are taken here
-- Returns a word, 'done', 'changed', 'full', 'gone', or 'events_full' if all is stored but the events; and how many rows there
-- were before.
local identity, log, current, pending, bodies, due, record = unpack(KEYS)
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function list(size)
  local items = {}
  for i = 1, tonumber(take()) do
    local item = {}
    for j = 1, size do item[j] = take() end
    items[i] = item
  end
  return items
end

local len = redis.call('LLEN', log)
local channel, now = take(), take()
local max_events = tonumber(take())
local key = take() -- of the log that the gate knows, if it knows one
local epoch = take()
local records = list(3) -- the record before, the record after, and for how many milliseconds
local rows = list(5) -- field, sequence number that it replaces, row, whether it takes back, most rows
local postponed = list(1)
local events = list(2) -- id, body

if key ~= '' and redis.call('HGET', identity, 'key') ~= key then
  return {'gone', len}
end
if epoch ~= '' and redis.call('HGET', identity, 'epoch') ~= epoch then
  return {'changed', len}
end
for _, change in ipairs(records) do
  if (redis.call('GET', record) or '') ~= change[1] then
    return {'changed', len}
  end
end
for i, row in ipairs(rows) do
  if (redis.call('HGET', current, row[1]) or '') ~= row[2] then
    return {'changed', len}
  end
  if len + i > tonumber(row[5]) then
    return {'full', len}
  end
end

-- First, since a user who may not do this must change nothing. Others hear of it when all is done.
if #rows > 0 then
  redis.call('PUBLISH', channel, '')
end
for _, change in ipairs(records) do
  if change[2] == '' then
    redis.call('DEL', record)
  else
    redis.call('SET', record, change[2], 'PX', change[3])
  end
end
for i, row in ipairs(rows) do
  redis.call('RPUSH', log, row[3])
  if row[4] == '1' then
    redis.call('HDEL', current, row[1])
  else
    redis.call('HSET', current, row[1], len + i - 1)
  end
end
for _, row in ipairs(postponed) do
  redis.call('RPUSH', pending, row[1])
end
if #events > 0 and redis.call('ZCARD', due) + #events > max_events then
  return {'events_full', len}
end
for _, event in ipairs(events) do
  redis.call('ZADD', due, now, event[1])
  redis.call('HSET', bodies, event[1], '0 ' .. event[2])
end
return {'done', len}
