-- Reserve room for one file. Removes what was never finished or never used in a message.
-- KEYS: files, pending, sizes. ARGV: now, id, owner, size, expires, max_bytes, max_files, max_pending_of_owner.
-- Returns {status, records removed}.
local removed = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])) do
  local record = redis.call('HGET', KEYS[1], id)
  if record then removed[#removed + 1] = record end
  redis.call('HDEL', KEYS[1], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('ZREM', KEYS[2], id)
end
local bytes, files = tonumber(ARGV[4]), 1
for _, size in ipairs(redis.call('HVALS', KEYS[3])) do
  bytes = bytes + tonumber(string.match(size, '^%d+'))
  files = files + 1
end
local own = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local owner = string.match(redis.call('HGET', KEYS[3], id) or '', ' (.*)')
  if owner == ARGV[3] then own = own + 1 end
end
if own >= tonumber(ARGV[8]) then return {'pending', removed} end
if files > tonumber(ARGV[7]) then return {'files', removed} end
if bytes > tonumber(ARGV[6]) then return {'bytes', removed} end
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[4] .. ' ' .. ARGV[3])
return {'ok', removed}
