#pragma once

#include <string_view>

namespace edgeward::cache::redis {

// Lua, each of one hash tag and safe to run twice. A script that ran into a full Redis
// (maxmemory, noeviction) fails at its first write that needs memory; once it has written, Redis
// lets it come to its end (Redis 7.0, "Scripting with Lua": OOM). So what frees memory comes first.

/// KEYS plan, actions · ARGV id, epoch, n of the batch, limit of the stream, fields of a plan's
/// head (their number, then they), then a list of fields an action, each with its number before it.
/// Returns ok, again, complete, stale or gap, and the epoch or number of batches that is there.
inline constexpr std::string_view kPublishBatch = R"lua(
local id, epoch, n = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local plan = redis.call('HMGET', KEYS[1], 'id', 'epoch', 'status', 'batches')
local known = tonumber(plan[2] or '0')
if epoch < known then return {'stale', known} end
if plan[1] ~= id then
  if n ~= 0 then return {'gap', 0} end
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'status', 'writing', 'batches', 0, 'done', 0, 'failed', 0,
             unpack(ARGV, 6, 5 + tonumber(ARGV[5])))
  plan[3], plan[4] = 'writing', '0'
elseif epoch > known then
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
if plan[3] == 'complete' then return {'complete', known} end
local have = tonumber(plan[4])
if n < have then return {'again', have} end
if n > have then return {'gap', have} end
local at = 6 + tonumber(ARGV[5])
while at <= #ARGV do
  local fields = tonumber(ARGV[at])
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', unpack(ARGV, at + 1, at + fields))
  at = at + fields + 1
end
redis.call('HSET', KEYS[1], 'batches', n + 1)
return {'ok', n + 1}
)lua";

/// KEYS plan · ARGV id, epoch, number of batches. Returns as kPublishBatch does.
inline constexpr std::string_view kPublishEnd = R"lua(
local plan = redis.call('HMGET', KEYS[1], 'id', 'epoch', 'status', 'batches')
local known = tonumber(plan[2] or '0')
if tonumber(ARGV[2]) < known then return {'stale', known} end
if plan[1] ~= ARGV[1] then return {'gap', 0} end
if plan[3] == 'complete' then return {'complete', known} end
if plan[4] ~= ARGV[3] then return {'gap', tonumber(plan[4])} end
redis.call('HSET', KEYS[1], 'status', 'complete')
return {'ok', known}
)lua";

/// KEYS actions, plan, dead · ARGV group, entry, plan, field to count in, limit of dead letters,
/// fields of a dead letter (none: it was done). Returns 1, or 0 where it was finished before.
inline constexpr std::string_view kFinish = R"lua(
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[2])
if redis.call('HGET', KEYS[2], 'id') == ARGV[3] then
  redis.call('HINCRBY', KEYS[2], ARGV[4], 1)
end
if #ARGV > 5 then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', unpack(ARGV, 6))
end
return 1
)lua";

/// KEYS bucket of the inventory, digests, changes, writing, meta, chunks … · ARGV content, bucket,
/// size that is thought to be held (empty: none), size to hold (empty: none), exclusive or of both
/// digests, limit of the changes, fields of the meta. Sets or removes an object: its bytes, its
/// place in the inventory, its change, at once. Returns {1}, or {0, size} where another is held.
inline constexpr std::string_view kSetHolding = R"lua(
local held = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if held ~= ARGV[3] then return {0, held} end
local removes = ARGV[4] == ''
if removes then
  for i = 5, #KEYS do redis.call('UNLINK', KEYS[i]) end
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[5], unpack(ARGV, 7))
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
end
redis.call('HDEL', KEYS[4], ARGV[1])
if held == ARGV[4] then return {1} end
local old = redis.call('HGET', KEYS[2], ARGV[2]) or '0000000000000000'
local digest = ''
for at = 1, 9, 8 do
  local a = tonumber(string.sub(old, at, at + 7), 16)
  local b = tonumber(string.sub(ARGV[5], at, at + 7), 16)
  digest = digest .. bit.tohex(bit.bxor(a, b))
end
redis.call('HSET', KEYS[2], ARGV[2], digest)
local seq = redis.call('HINCRBY', KEYS[2], 'seq', 1)
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], seq .. '-0', 'change', removes and '-' or '+',
           'content', ARGV[1], 'size_bytes', removes and held or ARGV[4])
return {1}
)lua";

/// KEYS meta · ARGV version, fields. Returns whether an object of that version is there.
inline constexpr std::string_view kUpdateMeta = R"lua(
local meta = redis.call('HMGET', KEYS[1], 'version', 'state')
if meta[1] ~= ARGV[1] or meta[2] ~= 'complete' then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
)lua";

/// KEYS state · ARGV milliseconds to live, fields.
inline constexpr std::string_view kReport = R"lua(
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
)lua";

/// KEYS requests · ARGV group. Makes the group where there is none. Returns how many entries were
/// trimmed that it had not read, and counts them as read.
inline constexpr std::string_view kLostEntries = R"lua(
local function fields(list)
  local map = {}
  for i = 1, #list, 2 do map[list[i]] = list[i + 1] end
  return map
end
redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
local stream = fields(redis.call('XINFO', 'STREAM', KEYS[1]))
local trimmed = stream['entries-added'] - stream['length']
for _, list in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = fields(list)
  local read = group['entries-read']
  if group['name'] == ARGV[1] and (read or 0) < trimmed then
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], stream['max-deleted-entry-id'], 'ENTRIESREAD',
               trimmed)
    return trimmed - (read or 0)
  end
end
return 0
)lua";

/// KEYS leader, epoch · ARGV owner, milliseconds. Returns the epoch, or nil where it is another's.
inline constexpr std::string_view kAcquireLease = R"lua(
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return redis.call('INCRBY', KEYS[2], 0)
end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
return redis.call('INCR', KEYS[2])
)lua";

/// KEYS leader · ARGV owner, milliseconds (0: gives it back).
inline constexpr std::string_view kKeepLease = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
)lua";

/// KEYS purge, answers · ARGV limit of the stream, milliseconds that answers are kept, number of
/// fields, they, edges that are waited for. Returns 0 where it was asked for before. An entry says
/// after which it came, so that who reads it knows whether some are missing.
inline constexpr std::string_view kAskPurge = R"lua(
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local last = '0-0'
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = info[i + 1] end
end
local fields = tonumber(ARGV[3])
redis.call('HSET', KEYS[2], unpack(ARGV, 4, 3 + fields))
for i = 4 + fields, #ARGV do redis.call('HSET', KEYS[2], 'edge:' .. ARGV[i], '') end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'after', last, unpack(ARGV, 4, 3 + fields))
return 1
)lua";

/// KEYS answers · ARGV edge, objects. The first answer of an edge that is waited for counts.
inline constexpr std::string_view kAnswerPurge = R"lua(
if redis.call('HGET', KEYS[1], 'edge:' .. ARGV[1]) ~= '' then return 0 end
redis.call('HSET', KEYS[1], 'edge:' .. ARGV[1], ARGV[2])
return 1
)lua";

/// KEYS index, then the entries, all of one shard of the catalogue · ARGV for each entry CONTENT,
/// the number of its fields, and they; `popularity` is the last of them.
inline constexpr std::string_view kPutCatalog = R"lua(
local at = 1
for i = 2, #KEYS do
  local content, fields = ARGV[at], tonumber(ARGV[at + 1])
  redis.call('DEL', KEYS[i])
  redis.call('HSET', KEYS[i], unpack(ARGV, at + 2, at + 1 + fields))
  redis.call('ZADD', KEYS[1], ARGV[at + 1 + fields], content)
  at = at + 2 + fields
end
return #KEYS - 1
)lua";

/// KEYS index, entry · ARGV CONTENT.
inline constexpr std::string_view kRemoveCatalog = R"lua(
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('DEL', KEYS[2])
)lua";

}  // namespace edgeward::cache::redis
