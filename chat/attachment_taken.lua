-- Files that a message has taken, of which it is not known yet whether the store has it: id -> when, and which message.
local function taken(key)
  local found, fields = {}, redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local s, client_id = string.match(fields[i + 1], '^(%d+) (.*)$')
    found[fields[i]] = {s = tonumber(s), client_id = client_id}
  end
  return found
end

-- Has the store the message that took a file? Its author is the file's owner.
local function is_stored(sizes, drafts, id, client_id)
  local owner = string.match(redis.call('HGET', sizes, id) or '', ' (.*)')
  return owner ~= nil and redis.call('SISMEMBER', drafts, owner .. '\0' .. client_id) == 1
end
