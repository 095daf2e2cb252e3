-- Keep a notice and queue it, once for each key. KEYS: key, record, queue. ARGV: id, packed, now, keep seconds.
-- Returns the id of the first notice with this key, and 1 when that is this one.
local first = redis.call('GET', KEYS[1])
if first then return {first, 0} end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
redis.call('HSET', KEYS[2], 'notice', ARGV[2], 'state', 'queued', 'attempts', 0, 'changed', ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('XADD', KEYS[3], '*', 'id', ARGV[1])
return {ARGV[1], 1}
