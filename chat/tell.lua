-- Tells those who listen to a conversation something that is kept nowhere.
--
-- KEYS  channel
-- ARGV  what
return redis.call('SPUBLISH', KEYS[1], ARGV[1])
