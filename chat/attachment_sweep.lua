-- Remove what was never finished or never used in a message.
-- KEYS: files, pending, sizes, taken, draft ids (of the conversation).
-- ARGV: now, how old what was taken is when its message will not come any more, until when it is kept then.
-- Returns {when the next one's time is over, or 0; records removed}.
-- attachment_taken.lua

local removed = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])) do
  local record = redis.call('HGET', KEYS[1], id)
  if record then removed[#removed + 1] = record end
  redis.call('HDEL', KEYS[1], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('ZREM', KEYS[2], id)
end
-- Whoever took these died before it was known whether the store has their message, or did not hear from it.
local next_s = 0
for id, since in pairs(taken(KEYS[4])) do
  if is_stored(KEYS[3], KEYS[5], id, since.client_id) then
    redis.call('HDEL', KEYS[4], id)
  elseif since.s + tonumber(ARGV[2]) <= tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[4], id)
    redis.call('ZADD', KEYS[2], ARGV[3], id)
  else
    local again = since.s + tonumber(ARGV[2])
    if next_s == 0 or again < next_s then next_s = again end
  end
end
local first = tonumber(redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or 0)
if first ~= 0 and (next_s == 0 or first < next_s) then next_s = first end
return {next_s, removed}
