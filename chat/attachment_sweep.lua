-- Remove what was never finished or never used in a message. KEYS: files, pending, sizes. ARGV: now.
-- Returns {when the next one's time is over, or 0; records removed}.
local removed = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])) do
  local record = redis.call('HGET', KEYS[1], id)
  if record then removed[#removed + 1] = record end
  redis.call('HDEL', KEYS[1], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('ZREM', KEYS[2], id)
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return {tonumber(first[2] or 0), removed}
