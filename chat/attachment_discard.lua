-- A file goes before a message carries it. KEYS: files, pending, sizes. ARGV: id, owner, "1": only if it has not arrived.
-- Returns {1, records removed}, or {0, {}} when it is not theirs, used, or not there.
local owner = string.match(redis.call('HGET', KEYS[3], ARGV[1]) or '', ' (.*)')
if owner ~= ARGV[2] or not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0, {}} end
local record = redis.call('HGET', KEYS[1], ARGV[1])
if record and ARGV[3] == '1' then return {0, {}} end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return {1, record and {record} or {}}
