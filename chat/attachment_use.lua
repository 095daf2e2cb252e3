-- A message is about to carry these files. KEYS: files, pending, hidden, hiding, taken, withdrawn (of the conversation).
-- ARGV: now, client id of the message ("": it carries them for good), ids.
-- Returns 1, or 0 (and changes nothing) when one of them is not there, or was withdrawn with its message.
local ids = {unpack(ARGV, 3)}
for _, id in ipairs(ids) do
  if redis.call('HEXISTS', KEYS[1], id) == 0 or redis.call('SISMEMBER', KEYS[3], id) == 1 then return 0 end
  local target = redis.call('HGET', KEYS[4], id)
  if target and redis.call('SISMEMBER', KEYS[6], target) == 1 then return 0 end
end
for _, id in ipairs(ids) do
  local was_unused = redis.call('ZREM', KEYS[2], id) == 1
  if was_unused and ARGV[2] ~= '' then redis.call('HSET', KEYS[5], id, ARGV[1] .. ' ' .. ARGV[2]) end
end
return 1
