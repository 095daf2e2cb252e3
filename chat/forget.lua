-- Forgets old events of a conversation that goes to no archive, and the ids that made them idempotent.
--
-- KEYS  log, ids, meta
-- ARGV  through which number
-- The marks of withdrawn messages stay: their edits may stand beyond what is forgotten.
-- Returns the number through which the conversation is forgotten now.
local fields = redis.call('HMGET', KEYS[3], 'last', 'trimmed')
local through = math.min(tonumber(ARGV[1]), tonumber(fields[1] or 0))
if through > tonumber(fields[2] or 0) then
    redis.call('XTRIM', KEYS[1], 'MINID', '=', (through + 1) .. '-0')
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', through)
    redis.call('HSET', KEYS[3], 'trimmed', through)
    return through
end
return tonumber(fields[2] or 0)
