-- Forgets the oldest events of a conversation, and the ids that made them idempotent; at most so many in one call.
--
-- KEYS  log, ids, meta
-- ARGV  through which number, and "archived": never beyond what the archive has; "any": what goes to no archive
-- The marks of withdrawn messages stay: their edits may stand beyond what is trimmed.
-- Returns the number through which the conversation is trimmed now; call again until it does not move.
local AT_ONCE = 1000 -- a few milliseconds, in which the store does nothing else
local fields = redis.call('HMGET', KEYS[3], 'archived', 'trimmed')
local trimmed = tonumber(fields[2] or 0)
local through = math.min(tonumber(ARGV[1]), trimmed + AT_ONCE)
if ARGV[2] == 'archived' then through = math.min(through, tonumber(fields[1] or 0)) end
if through <= trimmed then return trimmed end
local entries = redis.call('XRANGE', KEYS[1], '0-' .. (trimmed + 1), '0-' .. through)
if #entries == 0 then return trimmed end
through = tonumber(string.sub(entries[#entries][1], 3))
for i = 1, #entries do
    local known, event = pcall(cmsgpack.unpack, entries[i][2][8])
    if known and type(event) == 'table' then
        redis.call('SREM', KEYS[2], entries[i][2][4] .. '\0' .. tostring(event[5]))
    end
end
redis.call('XTRIM', KEYS[1], 'MINID', '=', '0-' .. (through + 1))
redis.call('HSET', KEYS[3], 'trimmed', through)
redis.call('HDEL', KEYS[3], 'full')
return through
