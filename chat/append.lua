-- Appends drafts to one conversation: each once, numbered without a hole, and tells who listens.
--
-- KEYS  log, ids, meta, withdrawn, channel (one hash tag: one slot of a cluster)
-- ARGV  most events in the log, then for each draft: id (author, NUL, client id), packed, kind, author,
--       target, edit window in ms
-- Returns for each draft {status, seq, at_ms}; status: ok repeat unknown closed full target author late withdrawn.
-- Of a repeat that is not among the newest events (find.lua) number and time are 0.
--
-- log        stream; the event's number is its id's second half (0-1, 0-2...): the store itself counts; fields t (at_ms),
--            a (author), k (kind), e (packed)
-- ids        set of draft ids: what makes an append idempotent
-- withdrawn  set of the numbers of messages that were withdrawn
local log, ids, meta, withdrawn, channel = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local limit = tonumber(ARGV[1])
local state = redis.call('HGET', meta, 'state')
local size = redis.call('XLEN', log)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local results = {}
local find
-- find.lua

-- Why an edit or a withdrawal is refused; nil when it is not.
local function refusal(author, target, window)
    local found = redis.call('XRANGE', log, '0-' .. target, '0-' .. target)[1]
    if not found then return 'target' end
    local event = {}
    for i = 1, #found[2], 2 do event[found[2][i]] = found[2][i + 1] end
    if event.k ~= 'message' then return 'target' end
    if event.a ~= author then return 'author' end
    if redis.call('SISMEMBER', withdrawn, target) == 1 then return 'withdrawn' end
    if window > 0 and now - tonumber(event.t) > window then return 'late' end
    return nil
end

for i = 2, #ARGV, 6 do
    local id, packed, kind, author, target = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
    local status
    if redis.call('SISMEMBER', ids, id) == 1 then
        find = find or finder(log)
        local seq, at = find(id)
        results[#results + 1] = {'repeat', seq, at}
    else
        if not state then
            status = 'unknown'
        elseif state ~= 'open' and kind ~= 'system' then
            status = 'closed'
        elseif size >= limit and kind ~= 'system' then
            status = 'full'
        elseif kind == 'edit' or kind == 'withdrawal' then
            status = refusal(author, target, tonumber(ARGV[i + 5]))
        end
        if status then
            results[#results + 1] = {status, 0, 0}
        else
            local number = string.sub(redis.call('XADD', log, '0-*', 't', now, 'a', author, 'k', kind, 'e', packed), 3)
            redis.call('SADD', ids, id)
            find = nil -- what it has read lacks this one
            if kind == 'withdrawal' then redis.call('SADD', withdrawn, target) end
            redis.call('SPUBLISH', channel, 'E' .. number .. ' ' .. now .. ' ' .. packed)
            size = size + 1
            results[#results + 1] = {'ok', tonumber(number), now}
        end
    end
end
return results
