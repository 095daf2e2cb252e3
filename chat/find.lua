-- Where a draft stands that was appended before: its number and time; 0 and 0 when it is not among the newest events
-- of a log (whoever repeats something so old knows by now what became of it).
local NEWEST, PAGE = 1000, 100
local function find(log, id)
    local author, client_id = string.match(id, '^([^%z]*)%z(.*)$')
    local from = '+'
    for _ = 1, NEWEST / PAGE do
        local entries = redis.call('XREVRANGE', log, from, '-', 'COUNT', PAGE)
        for i = 1, #entries do
            local fields = entries[i][2] -- t, at_ms, a, author, k, kind, e, packed
            if fields[4] == author then
                local known, event = pcall(cmsgpack.unpack, fields[8])
                if known and type(event) == 'table' and event[5] == client_id then
                    return tonumber(string.sub(entries[i][1], 3)), tonumber(fields[2])
                end
            end
        end
        if #entries < PAGE then break end
        from = '(' .. entries[PAGE][1]
    end
    return 0, 0
end
