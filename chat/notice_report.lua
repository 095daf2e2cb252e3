-- What a gateway says of a notice that it has. KEYS: record. ARGV: state, now, cause. Returns 1 when it was news.
if redis.call('HGET', KEYS[1], 'state') ~= 'sent' then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'changed', ARGV[2], 'cause', ARGV[3])
return 1
