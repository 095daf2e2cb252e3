-- Take a notice on. KEYS: record. ARGV: now. Returns nothing when it needs no sending, else
-- {packed, attempts with this one, 1 when somebody had taken it on and did not say how it ended}.
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'queued' and state ~= 'sending' then return {} end
local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSET', KEYS[1], 'state', 'sending', 'changed', ARGV[1])
return {redis.call('HGET', KEYS[1], 'notice'), attempts, state == 'sending' and 1 or 0}
