-- Somebody was told, or need not be: unless they are to be told later by now. KEYS: later. ARGV: case, now.
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if at and tonumber(at) <= tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0
