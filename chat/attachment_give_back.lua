-- The store refused the message that was to carry these files. KEYS: pending, taken.
-- ARGV: client id of the message, until when they are kept, ids. A file that another message took stays with it.
for i = 3, #ARGV do
  local id = ARGV[i]
  if string.match(redis.call('HGET', KEYS[2], id) or '', '^%d+ (.*)$') == ARGV[1] then
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZADD', KEYS[1], ARGV[2], id)
  end
end
