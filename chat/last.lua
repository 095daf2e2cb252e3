-- The number of a conversation's last event. Whatever was trimmed lies before the first that is still there.
local function last_of(log, trimmed)
    local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
    return newest and tonumber(string.sub(newest[1], 3)) or tonumber(trimmed or 0)
end
