-- Reads events of one conversation at one instant.
--
-- KEYS  log, meta, withdrawn
-- ARGV  "after" or "before", a number, how many
-- Returns {last number, trimmed through, state, entries, all numbers of withdrawn messages};
-- last is -1 when the conversation does not exist. "before" gives the newest first.
-- last.lua
local fields = redis.call('HMGET', KEYS[2], 'state', 'trimmed')
if not fields[1] then return {-1, 0, '', {}, {}} end
local entries
if ARGV[1] == 'after' then
    entries = redis.call('XRANGE', KEYS[1], '(0-' .. ARGV[2], '+', 'COUNT', ARGV[3])
else
    entries = redis.call('XREVRANGE', KEYS[1], '(0-' .. ARGV[2], '-', 'COUNT', ARGV[3])
end
local withdrawn = redis.call('SMEMBERS', KEYS[3])
return {last_of(KEYS[1], fields[2]), tonumber(fields[2] or 0), fields[1], entries, withdrawn}
