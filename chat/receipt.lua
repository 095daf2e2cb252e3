-- Moves how far somebody has received and read a conversation; it never moves back, nor beyond the last event.
--
-- KEYS  receipts, meta, channel, log
-- ARGV  reader, delivered, read, "1" to tell those who listen
-- Returns {delivered, read} as they stand; {-1, -1} when the conversation does not exist.
-- receipts  hash: reader -> "delivered read"
-- last.lua
local fields = redis.call('HMGET', KEYS[2], 'state', 'trimmed')
if not fields[1] then return {-1, -1} end
local last = last_of(KEYS[4], fields[2])
local before = redis.call('HGET', KEYS[1], ARGV[1]) or '0 0'
local delivered, read = string.match(before, '^(%d+) (%d+)$')
delivered, read = tonumber(delivered), tonumber(read)
local new_read = math.max(read, math.min(tonumber(ARGV[3]), last))
local new_delivered = math.max(delivered, new_read, math.min(tonumber(ARGV[2]), last))
if new_delivered > delivered or new_read > read then
    redis.call('HSET', KEYS[1], ARGV[1], new_delivered .. ' ' .. new_read)
    if ARGV[4] == '1' then
        redis.call('SPUBLISH', KEYS[3], 'R' .. new_delivered .. ' ' .. new_read .. ' ' .. ARGV[1])
    end
end
return {new_delivered, new_read}
