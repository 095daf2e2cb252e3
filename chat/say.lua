-- Appends messages, and nothing but messages, to one conversation: what append.lua does, in fewer steps.
--
-- KEYS  log, ids, meta, channel (one hash tag: one slot of a cluster)
-- ARGV  most events in the log, then for each message: id (author, NUL, client id), packed, author
-- Returns the time (at_ms), then for each message its number; {status, seq, at_ms} as append.lua where it is no new one.
local log, ids, meta, channel = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call = redis.call
local standing = call('HMGET', meta, 'state', 'last', 'trimmed')
local last = tonumber(standing[2] or 0)
local most = tonumber(standing[3] or 0) + tonumber(ARGV[1])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local refused = (not standing[1] and 'unknown') or (standing[1] ~= 'open' and 'closed') or nil
local results, news, first = {now}, {}, last + 1

for i = 2, #ARGV, 3 do
    local id = ARGV[i]
    local status = refused or (last >= most and 'full') or nil
    if status or call('ZADD', ids, 'NX', last + 1, id) == 0 then
        local before = call('ZSCORE', ids, id)
        if before then
            local found = call('XRANGE', log, before .. '-0', before .. '-0')[1]
            results[#results + 1] = {'repeat', tonumber(before), found and tonumber(found[2][2]) or 0}
        else
            results[#results + 1] = {status, 0, 0}
        end
    else
        local packed = ARGV[i + 1]
        local added = redis.pcall('XADD', log, (last + 1) .. '-0', 't', now, 'a', ARGV[i + 2], 'k', 'message', 'e', packed)
        if type(added) == 'table' and added.err then -- the log is ahead of the number: nothing of this one stays
            call('ZREM', ids, id)
            if last >= first then call('HSET', meta, 'last', last) end
            return added
        end
        last = last + 1
        results[#results + 1] = last
        news[#news + 1] = packed
    end
end
if last >= first then
    call('HSET', meta, 'last', last)
    for i = 1, #news do
        call('SPUBLISH', channel, 'E' .. (first + i - 1) .. ' ' .. now .. ' ' .. news[i])
    end
end
return results
