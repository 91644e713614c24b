-- Whose the database is. Two keys: one lapses, so that a server that is gone keeps nobody out; the
-- other stays, so that a server that was away is known to have been followed (commit.lua).
--
-- ARGV: "take", "renew" or "release"; a token, which names one opening by one server;
--       who that is, as text; milliseconds; the text of one who is known to have ended, or "".
--
-- take answers with who has it and for how many milliseconds, or with nothing: then it is taken.
-- renew answers with who has followed, or with nothing.
--
-- sfu:owner   the lease: who has it, as text; lapses
-- sfu:fence   the token of who had it last

local call = redis.call
local verb, token, owner, milliseconds, ended = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local held = call('GET', 'sfu:owner')

local function have()
  call('SET', 'sfu:fence', token)
  call('SET', 'sfu:owner', owner, 'PX', milliseconds)
  return {}
end

if verb == 'take' then
  if held and held ~= owner and held ~= ended then
    return { held, call('PTTL', 'sfu:owner') }
  end
  return have()
end
-- Where nobody is named the database was emptied: whoever works on it may go on.
local last = call('GET', 'sfu:fence')
if last and last ~= token then
  return { held or '' }
end
if verb == 'renew' then
  return have()
end
call('DEL', 'sfu:owner')
return {}
