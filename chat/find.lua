-- Makes what finds out where a draft stands that was appended before: its number and time; 0 and 0 when it is not among
-- the newest events of a log (whoever repeats something so old knows by now what became of it). Each event is read once,
-- however many repeats there are: after a fault a whole batch may be one. Long messages are looked through only so far:
-- 1000 of the longest would hold up the store for 20 ms, each time that somebody repeats what is long past.
local NEWEST, NEWEST_BYTES, PAGE = 1000, 512 * 1024, 50
local function finder(log)
    local places, from, left, bytes = {}, '+', NEWEST, 0
    return function(id)
        while not places[id] and left > 0 do
            local entries = redis.call('XREVRANGE', log, from, '-', 'COUNT', PAGE)
            for i = 1, #entries do
                local fields = entries[i][2] -- t, at_ms, a, author, k, kind, e, packed
                bytes = bytes + #(fields[8] or '')
                local known, event = pcall(cmsgpack.unpack, fields[8])
                if known and type(event) == 'table' then
                    local place = {tonumber(string.sub(entries[i][1], 3)), tonumber(fields[2])}
                    places[fields[4] .. '\0' .. tostring(event[5])] = place
                end
            end
            left = (#entries < PAGE or bytes > NEWEST_BYTES) and 0 or left - PAGE
            from = #entries > 0 and '(' .. entries[#entries][1]
        end
        local place = places[id] or {0, 0}
        return place[1], place[2]
    end
end
