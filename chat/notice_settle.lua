-- How an attempt ended. KEYS: record, queue, later, reference. ARGV: group, entry, id, attempt, state, now, cause,
-- reference, when to try again, keep seconds. Returns 1, or 0 when another attempt has begun meanwhile: then the entry
-- is that one's, so that it is found again should that one's front die too.
local state = redis.call('HGET', KEYS[1], 'state')
local is_ours = redis.call('HGET', KEYS[1], 'attempts') == ARGV[4]
if state == 'sending' and not is_ours then return 0 end
redis.call('XACK', KEYS[2], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[2], ARGV[2])
if state ~= 'sending' then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[5], 'changed', ARGV[6], 'cause', ARGV[7])
if ARGV[5] == 'queued' then redis.call('ZADD', KEYS[3], ARGV[9], ARGV[3]) end
if ARGV[8] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[10]) end
return 1
