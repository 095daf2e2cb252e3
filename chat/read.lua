-- Reads events of one conversation at one instant.
--
-- KEYS  log, meta, withdrawn
-- ARGV  "after" or "before", a number, how many, and who listens to the conversation's news from this page on, if
--       somebody does: a front, a colon, and how often it has lost track of what it wrote
-- Returns {last number, trimmed through, state, entries, all numbers of withdrawn messages, whether the listener stands
-- there now (1 or 0)}; last is -1 when the conversation does not exist. "before" gives the newest first.
--
-- The meta hash says who listens: one front, or * once there has been another. What that one front writes itself is not
-- published (say.lua). A front that comes again under a later number has not heard what it wrote under an earlier one.
-- last.lua
local fields = redis.call('HMGET', KEYS[2], 'state', 'trimmed', 'listener')
if not fields[1] then return {-1, 0, '', {}, {}, 0} end
local listener, known, is_known = ARGV[4], fields[3], 1
if listener and known ~= listener and known ~= '*' then
    local front, number = string.match(listener, '^(.*):(%d+)$')
    local stands, before = string.match(known or '', '^(.*):(%d+)$')
    if not known or stands ~= front or tonumber(number) > tonumber(before) then -- a page that was late takes nothing back
        local set = redis.pcall('HSET', KEYS[2], 'listener', (not known or stands == front) and listener or '*')
        if type(set) == 'table' and set.err then
            if not string.find(set.err, 'OOM', 1, true) and not string.find(set.err, 'MISCONF', 1, true) then
                return set
            end
            is_known = 0 -- a store that is full, or whose disk is, can be read all the same
        end
    end
end
local entries
if ARGV[1] == 'after' then
    entries = redis.call('XRANGE', KEYS[1], '(0-' .. ARGV[2], '+', 'COUNT', ARGV[3])
else
    entries = redis.call('XREVRANGE', KEYS[1], '(0-' .. ARGV[2], '-', 'COUNT', ARGV[3])
end
local withdrawn = redis.call('SMEMBERS', KEYS[3])
return {last_of(KEYS[1], fields[2]), tonumber(fields[2] or 0), fields[1], entries, withdrawn, is_known}
