-- Appends messages, and nothing but messages, to conversations: what append.lua does, in fewer steps.
--
-- KEYS  for each conversation: log, ids, meta, channel
-- ARGV  most events in a log, then for each conversation: how many messages, and for each of them: id (author, NUL,
--       client id), packed, author
-- Returns the time (at_ms), then for each message its number; {status, seq, at_ms} as append.lua where it is no new
-- one, with the status failed (and nothing stored) where a conversation's keys are not what they should be.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit = tonumber(ARGV[1])
local mark = ' ' .. now .. ' '
local results, count = {now}, 1

-- The messages of one conversation: those from ARGV[from] to ARGV[through].
local function say(log, ids, meta, channel, from, through)
    local standing = call('HMGET', meta, 'state', 'last', 'trimmed')
    local last = tonumber(standing[2] or 0)
    local most = tonumber(standing[3] or 0) + limit
    local refused = (not standing[1] and 'unknown') or (standing[1] ~= 'open' and 'closed') or nil
    local first, said = last + 1, {}
    for i = from, through, 3 do
        local id = ARGV[i]
        local status = refused or (last >= most and 'full') or nil
        if status or call('ZADD', ids, 'NX', last + 1, id) == 0 then
            local before = call('ZSCORE', ids, id)
            if before then
                local found = call('XRANGE', log, before .. '-0', before .. '-0')[1]
                results[count + 1] = {'repeat', tonumber(before), found and tonumber(found[2][2]) or 0}
            else
                results[count + 1] = {status, 0, 0}
            end
        else
            local packed = ARGV[i + 1]
            local added = redis.pcall(
                'XADD', log, (last + 1) .. '-0', 't', now, 'a', ARGV[i + 2], 'k', 'message', 'e', packed
            )
            if type(added) == 'table' and added.err then -- the log is ahead of the number: nothing of this one stays
                call('ZREM', ids, id)
                break
            end
            last = last + 1
            results[count + 1] = last
            said[#said + 1] = packed
        end
        count = count + 1
    end
    if last >= first then
        call('HSET', meta, 'last', last)
        for i = 1, #said do
            call('SPUBLISH', channel, 'E' .. (first + i - 1) .. mark .. said[i])
        end
    end
end

local at = 2
for key = 1, #KEYS, 4 do
    local through = at + 3 * tonumber(ARGV[at])
    -- One conversation's fault is not the others'.
    local before, upto = count, count + (through - at) / 3
    if not pcall(say, KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3], at + 1, through) then count = before end
    while count < upto do
        count = count + 1
        results[count] = {'failed', 0, 0}
    end
    at = through + 1
end
return results
