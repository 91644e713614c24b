-- Carries out a batch of commits on Redis, each operation as sfu/store/tables.py
-- does on SQLite. Redis runs a script as a whole and writes its effects to the
-- append-only file as one transaction.
--
-- Answers with a JSON object: by number, from 1, what is wrong for good with a commit. What stood
-- before that in the same commit is done: Redis takes nothing back.
--
-- Or with "lost": another server has the database, and nothing is done (sfu/store/lease.lua).
--
-- ARGV: a token that names the batch, so that one sent twice is done once;
--       the commits, as a JSON list of lists of operations, which are lists of strings;
--       what is kept how long: usage and webhooks in milliseconds, their counts;
--       then the event logs, in milliseconds and entries of a room;
--       the token of the server that commits.
--
-- sfu:rooms                     hash    tenant/room -> version:document
-- sfu:bans:<tenant>/<room>      hash    identity -> at
-- sfu:identities:<tenant>/<room> hash   identity -> what was decided about them
-- sfu:revoked                   zset    tenant/jti by end
-- sfu:idempotency               hash    tenant/key -> [digest, response]
-- sfu:idempotency:expires       zset    tenant/key by end
-- sfu:stays                     hash    id -> [tenant, event, body]
-- sfu:stays:seen                hash    id -> [at, bytes sent, bytes received, quality,
--                                   seconds scored]
-- sfu:events                    set     id
-- sfu:event:<id>                hash    tenant, body, present, peak, stays, times by role
-- sfu:event:<id>:people         set     identity
-- sfu:usage:<tenant>            stream  of records, by time
-- sfu:usage:<tenant>:ids        zset    id by time
-- sfu:outbox:<tenant>/<room>    stream  of webhooks, by time
-- sfu:lanes:<tenant>            zset    room by the time of its next attempt
-- sfu:lanes:<tenant>:attempts   hash    room -> attempts
-- sfu:log:<tenant>/<room>       stream  of entries of the event log, by time
-- sfu:logs                      set     tenant/room with such a log
-- sfu:tenants                   set     tenants with usage or webhooks
-- sfu:position                  counter
-- sfu:commit:<token>            what a batch was answered with, for a minute
-- sfu:fence                     string  token of the server that has the database

local call = redis.call
local kept = {
  usage = tonumber(ARGV[3]), webhooks = tonumber(ARGV[4]),
  usage_per_tenant = tonumber(ARGV[5]), webhooks_per_room = tonumber(ARGV[6]),
  events = tonumber(ARGV[7]), events_per_room = tonumber(ARGV[8]),
}
local roles = { 'organizer', 'presenter', 'attendee', 'viewer' }

local function given(value)
  return value ~= nil and value ~= cjson.null
end

-- The next entry's id of a stream: never back in time, and never used before.
local function place(stream, at)
  local position = call('INCR', 'sfu:position')
  at = tonumber(at)
  if call('EXISTS', stream) == 1 then
    local info = call('XINFO', 'STREAM', stream)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then
        at = math.max(at, tonumber(string.match(info[i + 1], '^%d+')))
      end
    end
  end
  return string.format('%.0f-%.0f', at, position)
end

local function joined(document, further)
  return string.sub(document, 1, -2) .. ',' .. string.sub(further, 2)
end

local carry_out = {}

function carry_out.save_room(tenant, id, version, document)
  call('HSET', 'sfu:rooms', tenant .. '/' .. id, version .. ':' .. document)
end

function carry_out.remove_room(tenant, id)
  call('HDEL', 'sfu:rooms', tenant .. '/' .. id)
  call('DEL', 'sfu:bans:' .. tenant .. '/' .. id, 'sfu:identities:' .. tenant .. '/' .. id)
end

function carry_out.save_ban(tenant, room, identity, at)
  call('HSET', 'sfu:bans:' .. tenant .. '/' .. room, identity, at)
end

function carry_out.remove_ban(tenant, room, identity)
  call('HDEL', 'sfu:bans:' .. tenant .. '/' .. room, identity)
end

function carry_out.save_identity(tenant, room, identity, document)
  call('HSET', 'sfu:identities:' .. tenant .. '/' .. room, identity, document)
end

function carry_out.remove_identity(tenant, room, identity)
  local key = 'sfu:identities:' .. tenant .. '/' .. room
  if given(identity) then
    call('HDEL', key, identity)
  else
    call('DEL', key)
  end
end

function carry_out.revoke_token(tenant, jti, expires_at)
  call('ZADD', 'sfu:revoked', expires_at, tenant .. '/' .. jti)
end

function carry_out.save_idempotency(tenant, key, digest, response, expires_at)
  local name = tenant .. '/' .. key
  call('HSET', 'sfu:idempotency', name, cjson.encode({ digest, response }))
  call('ZADD', 'sfu:idempotency:expires', expires_at, name)
end

-- Usage and webhooks

function carry_out.enqueue(tenant, room, id, name, at, body)
  local lane = 'sfu:outbox:' .. tenant .. '/' .. room
  call('XADD', lane, place(lane, at), 'id', id, 'name', name, 'at', at, 'body', body)
  call('ZADD', 'sfu:lanes:' .. tenant, 'NX', 0, room)
  call('SADD', 'sfu:tenants', tenant)
end

function carry_out.add_usage(tenant, room, id, record, recorded_at, hook)
  local stream = 'sfu:usage:' .. tenant
  if call('ZSCORE', stream .. ':ids', id) then
    return
  end
  local position = place(stream, recorded_at)
  call('XADD', stream, position, 'record', record)
  call('ZADD', stream .. ':ids', string.match(position, '^%d+'), id)
  call('SADD', 'sfu:tenants', tenant)
  if given(hook) then
    local body = joined(hook, '{"usage":' .. record .. '}')
    carry_out.enqueue(tenant, room, 'usage-' .. id, 'usage', recorded_at, body)
  end
end

local function drop_lane_if_empty(tenant, room)
  local lane = 'sfu:outbox:' .. tenant .. '/' .. room
  if call('XLEN', lane) == 0 then
    call('DEL', lane)
    call('ZREM', 'sfu:lanes:' .. tenant, room)
    call('HDEL', 'sfu:lanes:' .. tenant .. ':attempts', room)
  end
end

function carry_out.delivered(tenant, room, position)
  if call('XDEL', 'sfu:outbox:' .. tenant .. '/' .. room, position) == 1 then
    call('ZADD', 'sfu:lanes:' .. tenant, 'XX', 0, room)
    call('HDEL', 'sfu:lanes:' .. tenant .. ':attempts', room)
    drop_lane_if_empty(tenant, room)
  end
end

function carry_out.retry(tenant, room, next_at, attempts)
  if call('ZSCORE', 'sfu:lanes:' .. tenant, room) then
    call('ZADD', 'sfu:lanes:' .. tenant, next_at, room)
    call('HSET', 'sfu:lanes:' .. tenant .. ':attempts', room, attempts)
  end
end

function carry_out.log_event(tenant, room, at, entry)
  local name = tenant .. '/' .. room
  local stream = 'sfu:log:' .. name
  call('XADD', stream, 'MAXLEN', kept.events_per_room, place(stream, at), 'entry', entry)
  call('SADD', 'sfu:logs', name)
end

-- Stays and events

local function drop_event(id)
  call('SREM', 'sfu:events', id)
  call('DEL', 'sfu:event:' .. id, 'sfu:event:' .. id .. ':people')
end

carry_out.drop_event = drop_event

function carry_out.open_stay(id, tenant, event, identity, record, body, seen_at)
  local stay = cjson.encode({ tenant, event, body })
  if call('HEXISTS', 'sfu:stays', id) == 1 then
    local before, totals = string.match(call('HGET', 'sfu:stays:seen', id), '^%[([^,]+),(.*)%]$')
    if tonumber(before) > tonumber(seen_at) then
      seen_at = before
    end
    call('HSET', 'sfu:stays', id, stay)
    call('HSET', 'sfu:stays:seen', id, '[' .. seen_at .. ',' .. totals .. ']')
    return
  end
  if call('ZSCORE', 'sfu:usage:' .. tenant .. ':ids', record) then
    return
  end
  call('HSET', 'sfu:stays', id, stay)
  call('HSET', 'sfu:stays:seen', id, '[' .. seen_at .. ',0,0,null,0]')
  local key = 'sfu:event:' .. event
  call('SADD', 'sfu:events', event)
  call('HSET', key, 'tenant', tenant)
  call('HINCRBY', key, 'stays', 1)
  local present = call('HINCRBY', key, 'present', 1)
  if present > tonumber(call('HGET', key, 'peak') or 0) then
    call('HSET', key, 'peak', present)
  end
  call('SADD', key .. ':people', identity)
end

function carry_out.touch_stay(id, at, sent, received, quality, ...)
  if call('HEXISTS', 'sfu:stays', id) == 1 then
    quality = given(quality) and quality or 'null'
    local totals = table.concat({ sent, received, quality, ... }, ',')
    call('HSET', 'sfu:stays:seen', id, '[' .. at .. ',' .. totals .. ']')
  end
end

function carry_out.close_stay(id, tenant, event, organizer, presenter, attendee, viewer, room,
                              record, body, recorded_at, hook)
  if call('HDEL', 'sfu:stays', id) == 0 then
    return
  end
  call('HDEL', 'sfu:stays:seen', id)
  local key = 'sfu:event:' .. event
  if call('EXISTS', key) == 1 then
    call('HINCRBY', key, 'present', -1)
    for i, time in ipairs({ organizer, presenter, attendee, viewer }) do
      call('HINCRBY', key, roles[i], time)
    end
  end
  carry_out.add_usage(tenant, room, record, body, recorded_at, hook)
end

function carry_out.open_event(id, tenant, body)
  call('SADD', 'sfu:events', id)
  call('HSET', 'sfu:event:' .. id, 'tenant', tenant, 'body', body)
end

function carry_out.close_event(id, tenant, room, record, body, recorded_at, hook)
  local key = 'sfu:event:' .. id
  if call('EXISTS', key) == 0 then
    return
  end
  local function count(field)
    return tonumber(call('HGET', key, field) or 0)
  end
  local times = {}
  for i, role in ipairs(roles) do
    times[i] = string.format('"%s":%.3f', role, count(role) / 1000)
  end
  local counted = string.format(
    '{"peak_attendance":%d,"participants":%d,"stays":%d,"seconds_by_role":{%s}}',
    count('peak'), call('SCARD', key .. ':people'), count('stays'), table.concat(times, ','))
  drop_event(id)
  carry_out.add_usage(tenant, room, record, joined(body, counted), recorded_at, hook)
end

-- What has been kept long enough

local function prune_tenant(tenant, now)
  for _, room in ipairs(call('ZRANGE', 'sfu:lanes:' .. tenant, 0, -1)) do
    local lane = 'sfu:outbox:' .. tenant .. '/' .. room
    call('XTRIM', lane, 'MINID', string.format('%.0f', now - kept.webhooks + 1))
    call('XTRIM', lane, 'MAXLEN', kept.webhooks_per_room)
    drop_lane_if_empty(tenant, room)
  end
  local stream = 'sfu:usage:' .. tenant
  call('XTRIM', stream, 'MINID', string.format('%.0f', now - kept.usage + 1))
  call('XTRIM', stream, 'MAXLEN', kept.usage_per_tenant)
  local first = call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first then
    local before = '(' .. string.match(first[1], '^%d+')
    call('ZREMRANGEBYSCORE', stream .. ':ids', '-inf', before)
  else
    call('DEL', stream, stream .. ':ids')
  end
end

function carry_out.prune(now)
  call('ZREMRANGEBYSCORE', 'sfu:revoked', '-inf', now)
  for _, name in ipairs(call('ZRANGEBYSCORE', 'sfu:idempotency:expires', '-inf', now)) do
    call('HDEL', 'sfu:idempotency', name)
    call('ZREM', 'sfu:idempotency:expires', name)
  end
  local milliseconds = math.floor(tonumber(now) * 1000 + 0.5)
  for _, name in ipairs(call('SMEMBERS', 'sfu:logs')) do
    local stream = 'sfu:log:' .. name
    call('XTRIM', stream, 'MINID', string.format('%.0f', milliseconds - kept.events + 1))
    if call('XLEN', stream) == 0 then
      call('DEL', stream)
      call('SREM', 'sfu:logs', name)
    end
  end
  for _, tenant in ipairs(call('SMEMBERS', 'sfu:tenants')) do
    prune_tenant(tenant, milliseconds)
  end
end

local function carry_out_commit(operations)
  for _, operation in ipairs(operations) do
    carry_out[operation[1]](unpack(operation, 2))
  end
end

local batch = 'sfu:commit:' .. ARGV[1]
local answer = call('GET', batch)
if answer then
  return answer
end
local owner = call('GET', 'sfu:fence')
if owner and owner ~= ARGV[9] then
  return 'lost'
end
-- The first write: a server that takes none at present says so here, before anything is done.
call('SET', batch, '{}', 'EX', 60)
local failed = {}
for number, operations in ipairs(cjson.decode(ARGV[2])) do
  local done, fault = pcall(carry_out_commit, operations)
  if not done then
    failed[tostring(number)] = type(fault) == 'table' and fault.err or tostring(fault)
  end
end
answer = next(failed) and cjson.encode(failed) or '{}'
call('SET', batch, answer, 'EX', 60)
return answer
