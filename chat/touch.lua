-- Notes that somebody types, or is there, for a while; or that they no longer are. Tells those who listen of changes.
--
-- KEYS  sorted set of people by when they expire (at_ms), channel
-- ARGV  mark ("T" typing, "P" presence), person, for how long in ms (0: no longer)
-- Returns the people for whom it holds now.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('ZSCORE', KEYS[1], ARGV[2])
local held = (before and tonumber(before) > now) or false
local length = tonumber(ARGV[3])
if length > 0 then
    redis.call('ZADD', KEYS[1], now + length, ARGV[2])
else
    redis.call('ZREM', KEYS[1], ARGV[2])
end
local expired = redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if newest[2] then redis.call('PEXPIREAT', KEYS[1], math.ceil(tonumber(newest[2]))) end
local people = redis.call('ZRANGE', KEYS[1], 0, -1)
-- Typing is told each time, because those who listen let it lapse by themselves; presence when it changes, as a whole.
if ARGV[1] == 'T' then
    redis.call('SPUBLISH', KEYS[2], 'T' .. length .. ' ' .. ARGV[2])
elseif (length > 0) ~= held or expired > 0 then
    redis.call('SPUBLISH', KEYS[2], 'P' .. table.concat(people, '\n'))
end
return people
