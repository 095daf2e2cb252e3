-- A reserved file has arrived. KEYS: files, pending, sizes. ARGV: id, owner, size, record, keep_until.
-- Returns 'ok', 'done' (it had arrived before), or 'gone' (the reservation is over).
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 'done' end
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 'gone' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3] .. ' ' .. ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
return 'ok'
