-- Keep a case unless somebody else changed it. KEYS: case. ARGV: expected version (0: must not exist), packed, version.
local version = redis.call('HGET', KEYS[1], 'version') or '0'
if version ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'case', ARGV[2], 'version', ARGV[3])
return 1
