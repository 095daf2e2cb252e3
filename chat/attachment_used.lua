-- The files that a message carries or carried. KEYS: files, pending, sizes, taken, draft ids (of the conversation).
-- Returns their records: without those whose message the store does not have.
-- attachment_taken.lua

local waits = taken(KEYS[4])
local found, fields = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local id, is_used = fields[i], not redis.call('ZSCORE', KEYS[2], fields[i])
  if is_used and waits[id] then is_used = is_stored(KEYS[3], KEYS[5], id, waits[id].client_id) end
  if is_used then found[#found + 1] = fields[i + 1] end
end
return found
