// Objects of an edge: payload, inventory, recovery.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cache/redis/agent_store.hpp"
#include "cache/redis/entries.hpp"
#include "cache/redis/scripts.hpp"

namespace edgeward::cache::redis {

namespace {

/// Changes that controllers may be behind; those further behind compare digests.
constexpr std::uint64_t kChangesMax = 100'000;
/// How often an inventory may be found to hold another size than it was said to.
constexpr int kAttemptsMax = 3;
/// Commands sent at once while everything is read.
constexpr std::size_t kPipelined = 64;

Stored<Done> done(const Stored<Reply>& reply) {
  if (!reply) return tl::unexpected(reply.error());
  return Done{};
}

/// An error where one of the answers is one.
Stored<std::vector<Reply>> all_good(Stored<std::vector<Reply>> replies, const Client& client) {
  if (!replies) return replies;
  for (const Reply& reply : *replies) {
    if (reply.is_error()) return tl::unexpected(error_of(reply, client.address().text()));
  }
  return replies;
}

std::uint64_t digest_or_none(ContentId content, std::string_view size) {
  const auto size_bytes = parse_number(size);
  return size_bytes ? digest_of({.content = content, .size_bytes = *size_bytes}) : 0;
}

}  // namespace

Stored<Done> RedisAgentStore::begin_object(ContentId content, std::uint64_t version) {
  const std::string text = std::to_string(version);
  // Noted first: what is not noted is not found after a crash.
  const std::array commands{
      Command{"HSET", keys_.writing(), to_hex(content), text},
      Command{"HSET", keys_.object_meta(content), "state", "writing", "version", text}};
  const auto replies = all_good(client_.run(commands), client_);
  if (!replies) return tl::unexpected(replies.error());
  return Done{};
}

Stored<Done> RedisAgentStore::put_chunk(ContentId content, std::uint64_t n,
                                        std::string_view bytes) {
  return done(client_.run(Command{"SET", keys_.object_chunk(content, n), bytes}));
}

Stored<Done> RedisAgentStore::complete_object(ContentId content, const ObjectMeta& meta) {
  return set_holding(content, &meta, 0);
}

Stored<Done> RedisAgentStore::remove_object(ContentId content, std::uint64_t chunks) {
  return set_holding(content, nullptr, chunks);
}

/// Without a meta it removes. The script is told what is held, since it cannot make a digest of it.
Stored<Done> RedisAgentStore::set_holding(ContentId content, const ObjectMeta* meta,
                                          std::uint64_t chunks) {
  const std::size_t bucket = inventory_bucket(content);
  std::vector<std::string> names{keys_.inventory(bucket), keys_.inventory_digests(),
                                 keys_.inventory_changes(), keys_.writing(),
                                 keys_.object_meta(content)};
  for (std::uint64_t n = 0; n < chunks; ++n) names.push_back(keys_.object_chunk(content, n));
  const std::string size = meta == nullptr ? std::string() : std::to_string(meta->length_bytes);
  std::string held;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const std::uint64_t digest = digest_or_none(content, held) ^ digest_or_none(content, size);
    Command command = Command::eval(kSetHolding, names);
    command.add(to_hex(content)).add(bucket_name(bucket)).add(held).add(size);
    command.add(to_hex(ContentId{digest})).add(kChangesMax);
    if (meta != nullptr) encode(*meta).add_to(command);
    const auto reply = client_.run(command);
    if (!reply) return tl::unexpected(reply.error());
    if (!reply->is_array() || reply->elements.empty()) return nonsense("an answer", client_);
    if (reply->elements[0].integer == 1) return Done{};
    if (reply->elements.size() != 2) return nonsense("an answer", client_);
    held = reply->elements[1].text;
  }
  return failed(StoreFault::busy,
                fmt::format("content {} is being changed by another", to_hex(content)));
}

Stored<bool> RedisAgentStore::update_object(ContentId content, const ObjectMeta& meta) {
  const std::array names{keys_.object_meta(content)};
  Command command = Command::eval(kUpdateMeta, names);
  command.add(meta.version);
  encode(meta).add_to(command);
  const auto reply = client_.run(command);
  if (!reply) return tl::unexpected(reply.error());
  return reply->integer == 1;
}

Stored<std::optional<std::string>> RedisAgentStore::chunk(ContentId content, std::uint64_t version,
                                                          std::uint64_t n) {
  // In this order: what another writer puts in its place is announced by the version before.
  const std::array commands{Command{"GET", keys_.object_chunk(content, n)},
                            Command{"HGET", keys_.object_meta(content), "version"}};
  auto replies = all_good(client_.run(commands), client_);
  if (!replies) return tl::unexpected(replies.error());
  const bool is_there = !replies->front().is_nil() && !replies->back().is_nil() &&
                        parse_number(replies->back().text) == version;
  if (!is_there) return std::optional<std::string>();
  return std::optional(std::move(replies->front().text));
}

Stored<Done> RedisAgentStore::remove_unfinished() {
  const auto reply = client_.run(Command{"HKEYS", keys_.writing()});
  if (!reply) return tl::unexpected(reply.error());
  for (const Reply& element : reply->elements) {
    const auto content = parse_hex(element.text);
    if (!content) return nonsense("what is being written", client_);
    if (auto removed = remove_unfinished(*content); !removed) return removed;
  }
  return Done{};
}

/// How many chunks there are of it nobody knows: they are removed until none is left.
Stored<Done> RedisAgentStore::remove_unfinished(ContentId content) {
  std::int64_t removed = 1;
  for (std::uint64_t n = 0; removed > 0; n += kPipelined) {
    Command command{"UNLINK"};
    for (std::uint64_t i = n; i < n + kPipelined; ++i) command.add(keys_.object_chunk(content, i));
    const auto reply = client_.run(command.keyed_by(1));
    if (!reply) return tl::unexpected(reply.error());
    removed = reply->integer;
  }
  return remove_object(content, 0);
}

Stored<std::vector<Holding>> RedisAgentStore::inventory() {
  std::vector<Holding> holdings;
  for (std::size_t begin = 0; begin < kInventoryBuckets; begin += kPipelined) {
    std::vector<Command> commands;
    for (std::size_t i = begin; i < begin + kPipelined; ++i) {
      commands.push_back(Command{"HGETALL", keys_.inventory(i)});
    }
    const auto replies = all_good(client_.run(commands), client_);
    if (!replies) return tl::unexpected(replies.error());
    for (const Reply& reply : *replies) {
      if (!reply.is_array() || reply.elements.size() % 2 != 0) {
        return nonsense("an inventory", client_);
      }
      for (std::size_t i = 0; i < reply.elements.size(); i += 2) {
        const auto content = parse_hex(reply.elements[i].text);
        const auto size = parse_number(reply.elements[i + 1].text);
        if (!content || !size) return nonsense("an inventory", client_);
        holdings.push_back({.content = *content, .size_bytes = *size});
      }
    }
  }
  return holdings;
}

Stored<std::vector<HeldObject>> RedisAgentStore::recover() {
  if (auto removed = remove_unfinished(); !removed) return tl::unexpected(removed.error());
  const auto holdings = inventory();
  if (!holdings) return tl::unexpected(holdings.error());
  std::vector<HeldObject> objects;
  for (std::size_t begin = 0; begin < holdings->size(); begin += kPipelined) {
    const std::size_t end = std::min(begin + kPipelined, holdings->size());
    std::vector<Command> commands;
    for (std::size_t i = begin; i < end; ++i) {
      commands.push_back(Command{"HGETALL", keys_.object_meta((*holdings)[i].content)});
    }
    const auto replies = all_good(client_.run(commands), client_);
    if (!replies) return tl::unexpected(replies.error());
    for (std::size_t i = begin; i < end; ++i) {
      const Holding& holding = (*holdings)[i];
      const auto fields = Fields::of((*replies)[i - begin]);
      const auto meta = fields ? decode_meta(*fields) : std::nullopt;
      if (meta && meta->length_bytes == holding.size_bytes) {
        objects.push_back({.content = holding.content, .meta = *meta});
        continue;
      }
      // Half of it was lost, with a Redis that was not saved to its end.
      const auto removed = remove_object(holding.content, chunks_of(holding.size_bytes));
      if (!removed) return tl::unexpected(removed.error());
    }
  }
  std::sort(objects.begin(), objects.end(),
            [](const HeldObject& a, const HeldObject& b) { return a.content < b.content; });
  return objects;
}

}  // namespace edgeward::cache::redis
