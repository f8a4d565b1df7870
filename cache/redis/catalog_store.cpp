#include "cache/redis/catalog_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "cache/redis/entries.hpp"
#include "cache/redis/key_names.hpp"
#include "cache/redis/scripts.hpp"

namespace edgeward::cache::redis {

namespace {

/// Entries of one script, which nobody else's command can come between.
constexpr std::size_t kEntriesAScriptMax = 128;

tl::unexpected<StoreError> catalog_nonsense(std::string_view what, const Client& client) {
  return failed(StoreFault::protocol,
                fmt::format("{} at {} makes no sense", what, client.address().text()));
}

ContentId content_of(const RankedEntry& ranked) {
  return content_id(ranked.entry.key);
}

/// Nothing for a hash without fields, which is none.
Stored<std::optional<RankedEntry>> read_entry(const Reply& reply, const Client& client) {
  if (reply.is_error()) return tl::unexpected(error_of(reply, client.address().text()));
  const auto fields = Fields::of(reply);
  if (!fields) return catalog_nonsense("a catalogue entry", client);
  if (fields->empty()) return std::optional<RankedEntry>();
  auto entry = decode_catalog_entry(*fields);
  if (!entry) return catalog_nonsense("a catalogue entry", client);
  return entry;
}

}  // namespace

RedisCatalogStore::RedisCatalogStore(const Servers& servers, Clock clock, std::uint64_t seed)
    : client_(servers.of_control(), std::move(clock), seed) {}

Stored<Done> RedisCatalogStore::put(std::span<const RankedEntry> entries) {
  std::array<std::vector<const RankedEntry*>, kCatalogShards> shards;
  for (const RankedEntry& ranked : entries) {
    shards[catalog_shard(content_of(ranked))].push_back(&ranked);
  }
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    std::span<const RankedEntry* const> left = shards[shard];
    while (!left.empty()) {
      const std::size_t count = std::min(left.size(), kEntriesAScriptMax);
      if (auto done = put_shard(shard, left.first(count)); !done) return done;
      left = left.subspan(count);
    }
  }
  return Done{};
}

Stored<Done> RedisCatalogStore::put_shard(std::size_t shard,
                                          std::span<const RankedEntry* const> entries) {
  std::vector<std::string> keys{catalog_index_key(shard)};
  for (const RankedEntry* ranked : entries) keys.push_back(catalog_entry_key(content_of(*ranked)));
  Command command = Command::eval(kPutCatalog, keys);
  for (const RankedEntry* ranked : entries) {
    const Fields fields = encode(*ranked);
    command.add(to_hex(content_of(*ranked))).add(std::uint64_t{fields.words()});
    fields.add_to(command);
  }
  const auto reply = client_.run(command);
  if (!reply) return tl::unexpected(reply.error());
  return Done{};
}

Stored<Done> RedisCatalogStore::remove(std::span<const ContentId> contents) {
  for (const ContentId content : contents) {
    const std::array keys{catalog_index_key(catalog_shard(content)), catalog_entry_key(content)};
    const auto reply = client_.run(Command::eval(kRemoveCatalog, keys).add(to_hex(content)));
    if (!reply) return tl::unexpected(reply.error());
  }
  return Done{};
}

Stored<std::optional<RankedEntry>> RedisCatalogStore::get(ContentId content) {
  const auto reply = client_.run(Command{"HGETALL", catalog_entry_key(content)});
  if (!reply) return tl::unexpected(reply.error());
  return read_entry(*reply, client_);
}

Stored<std::vector<RankedEntry>> RedisCatalogStore::most_popular(std::size_t count) {
  std::vector<RankedEntry> result;
  if (count == 0) return result;
  MostPopular best(count);
  const std::string last = std::to_string(count - 1);
  for (std::size_t shard = 0; shard < kCatalogShards; ++shard) {
    const auto reply =
        client_.run(Command{"ZREVRANGE", catalog_index_key(shard), "0", last, "WITHSCORES"});
    if (!reply) return tl::unexpected(reply.error());
    if (!reply->is_array() || reply->elements.size() % 2 != 0) {
      return catalog_nonsense("an index of the catalogue", client_);
    }
    for (std::size_t i = 0; i < reply->elements.size(); i += 2) {
      const auto content = parse_hex(reply->elements[i].text);
      const auto score = parse_score(reply->elements[i + 1].text);
      if (!content || !score) return catalog_nonsense("an index of the catalogue", client_);
      best.offer(*score, *content);
    }
  }
  for (const auto& [score, content] : std::move(best).sorted()) {
    auto ranked = get(content);
    if (!ranked) return tl::unexpected(ranked.error());
    if (*ranked) result.push_back(std::move(**ranked));  // else it was removed meanwhile
  }
  return result;
}

}  // namespace edgeward::cache::redis
