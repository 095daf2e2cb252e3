-- A message carries these files from now on. KEYS: files, pending. ARGV: ids.
-- Returns 1, or 0 (and changes nothing) when one of them is not there.
for _, id in ipairs(ARGV) do
  if redis.call('HEXISTS', KEYS[1], id) == 0 then return 0 end
end
redis.call('ZREM', KEYS[2], unpack(ARGV))
return 1
