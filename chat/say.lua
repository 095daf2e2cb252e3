-- Appends messages, and nothing but messages, to conversations: what append.lua does, in fewer steps.
--
-- KEYS  for each conversation: log, ids, meta, channel
-- ARGV  most events in a log, who writes (read.lua: listener), then for each conversation: how many messages, and for
--       each of them: id (author, NUL, client id), packed, author
-- Returns the time (at_ms), then for each message its number; {status, seq, at_ms} as append.lua where it is no new
-- one, with the status failed (and nothing stored) where a conversation's keys are not what they should be.
local call = redis.call
local time = call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local mark = ' ' .. now .. ' '
local limit, writer = tonumber(ARGV[1]), ARGV[2]
local results, count = {tonumber(now)}, 1
-- find.lua

-- The messages of one conversation: those from ARGV[from] to ARGV[through].
local function say(log, ids, meta, channel, from, through)
    local find
    local standing = call('HMGET', meta, 'state', 'trimmed', 'full', 'listener')
    local refused = (not standing[1] and 'unknown') or (standing[1] ~= 'open' and 'closed') or (standing[3] and 'full')
    for i = from, through, 3 do
        local id = ARGV[i]
        if (refused and call('SISMEMBER', ids, id) == 1) or (not refused and call('SADD', ids, id) == 0) then
            find = find or finder(log)
            local seq, at = find(id)
            results[count + 1] = {'repeat', seq, at}
        elseif refused then
            results[count + 1] = {refused, 0, 0}
        else
            local packed = ARGV[i + 1]
            local added = redis.pcall('XADD', log, '0-*', 't', now, 'a', ARGV[i + 2], 'k', 'message', 'e', packed)
            if added.err then -- nothing of this one stays
                call('SREM', ids, id)
                error(added.err)
            end
            local number = string.sub(added, 3)
            local seq = tonumber(number)
            results[count + 1] = seq
            find = nil -- what it has read lacks this one
            if standing[4] ~= writer then -- whoever alone listens, and writes it, learns of it by this answer
                call('SPUBLISH', channel, 'E' .. number .. mark .. packed)
            end
            if seq >= limit and seq - tonumber(standing[2] or 0) >= limit then
                call('HSET', meta, 'full', '1')
                refused = 'full'
            end
        end
        count = count + 1
    end
end

local at = 3
for key = 1, #KEYS, 4 do
    local through = at + 3 * tonumber(ARGV[at])
    -- One conversation's fault is not the others', nor that of its messages before.
    local upto = count + (through - at) / 3
    pcall(say, KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3], at + 1, through)
    while count < upto do
        count = count + 1
        results[count] = {'failed', 0, 0}
    end
    at = through + 1
end
return results
