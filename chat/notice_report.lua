-- What a gateway says of a notice that it has. KEYS: record. ARGV: state, now, cause. Returns 1 when it was news, 2 when
-- it is said again, and 0 when it is neither.
local state = redis.call('HGET', KEYS[1], 'state')
if state == ARGV[1] then return 2 end
if state ~= 'sent' then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'changed', ARGV[2], 'cause', ARGV[3])
return 1
