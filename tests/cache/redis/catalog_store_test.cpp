#include "cache/redis/catalog_store.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <set>

#include "cache/redis/entries.hpp"
#include "cache/redis/key_names.hpp"
#include "cache/redis/slots.hpp"
#include "tests/cache/store/stores.hpp"

namespace edgeward::cache::redis {

namespace {

using test::good;
using test::RedisServer;

RankedEntry ranked(const std::string& key, double popularity) {
  return {.entry = {.key = key,
                    .size_bytes = 5'000'000'000,
                    .duration_min = 92.5,
                    .type = "video/mp4",
                    .created_at_ms = 1'600'000'000'123,
                    .last_viewed_at_ms = 1'700'000'000'456,
                    .views = 17,
                    .rating = 8.1},
          .popularity = popularity};
}

/// Entries of which several are as popular as each other.
std::vector<RankedEntry> many(int count) {
  std::vector<RankedEntry> entries;
  for (int i = 0; i < count; ++i) {
    entries.push_back(ranked(fmt::format("/{}", i), 1 + (i * 7 % 50) / 10.0));
  }
  return entries;
}

std::vector<RankedEntry> best_of(std::vector<RankedEntry> entries, std::size_t count) {
  std::sort(entries.begin(), entries.end(), [](const RankedEntry& a, const RankedEntry& b) {
    if (a.popularity != b.popularity) return a.popularity > b.popularity;
    return to_hex(content_id(a.entry.key)) > to_hex(content_id(b.entry.key));
  });
  entries.resize(std::min(entries.size(), count));
  return entries;
}

Reply asked(const RedisServer& server, const Command& command) {
  Client client(test::servers_at(server).options, test::steady_ms, 9);
  return good(client.run(command));
}

}  // namespace

TEST_CASE("a content has its entry and its index in one of 64 shards") {
  CHECK(catalog_entry_key(ContentId{0x0123456789abcd45}) ==
        "edgeward:{catalog:05}:0123456789abcd45");
  CHECK(catalog_entry_key(ContentId{63}) == "edgeward:{catalog:63}:000000000000003f");
  CHECK(catalog_index_key(5) == "edgeward:{catalog:05}:index");
  std::set<std::size_t> shards;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const ContentId content = content_id(fmt::format("/{}", i));
    shards.insert(catalog_shard(content));
    CHECK(slot_of(catalog_entry_key(content)) ==
          slot_of(catalog_index_key(catalog_shard(content))));
  }
  CHECK(shards.size() == kCatalogShards);
}

TEST_CASE("a catalogue entry is read back, and one that makes no sense is refused") {
  RankedEntry entry = ranked("/a", 3.0625);
  CHECK(decode_catalog_entry(encode(entry)) == entry);
  entry.entry.last_viewed_at_ms.reset();
  entry.entry.type.clear();
  CHECK(decode_catalog_entry(encode(entry)) == entry);
  const auto with = [&](std::string_view name, std::string_view value) {
    Fields fields;
    fields.put(name, value);  // the first of a name counts
    for (const auto* other : {"key", "size_bytes", "duration_min", "type", "created_at", "views",
                              "rating", "popularity"}) {
      fields.put(other, *encode(entry).text(other));
    }
    return decode_catalog_entry(fields);
  };
  CHECK(with("more", "x"));
  CHECK_FALSE(with("key", ""));
  CHECK_FALSE(with("key", "/a\nb"));
  CHECK_FALSE(with("key", std::string(5000, 'a')));
  CHECK_FALSE(with("size_bytes", "-1"));
  CHECK_FALSE(with("created_at", "yesterday"));
  CHECK_FALSE(with("last_viewed_at", "x"));
  CHECK_FALSE(with("views", "1.5"));
  CHECK_FALSE(with("rating", "nan"));
  CHECK_FALSE(with("popularity", "inf"));
  CHECK_FALSE(decode_catalog_entry(Fields()));
}

TEST_CASE("what is put into the catalogue is got, listed and removed") {
  const RedisServer server;
  RedisCatalogStore store(test::servers_at(server), test::steady_ms, 1);
  CHECK_FALSE(good(store.get(content_id("/0"))));
  CHECK(good(store.most_popular(5)).empty());

  std::vector<RankedEntry> entries = many(700);
  good(store.put(entries));
  good(store.put(entries));
  CHECK(good(store.get(content_id("/0"))) == entries[0]);
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{40}}) {
    CHECK(good(store.most_popular(count)) == best_of(entries, count));
  }
  CHECK(good(store.most_popular(1000)) == best_of(entries, 1000));

  // What others see: the contract's keys.
  const ContentId content = content_id("/3");
  CHECK(asked(server, {"TYPE", catalog_entry_key(content)}).text == "hash");
  CHECK(asked(server, {"HGET", catalog_entry_key(content), "size_bytes"}).text == "5000000000");
  CHECK(asked(server, {"HGET", catalog_entry_key(content), "created_at"}).text == "1600000000.123");
  const std::string index = catalog_index_key(catalog_shard(content));
  CHECK(asked(server, {"TYPE", index}).text == "zset");
  CHECK(std::stod(asked(server, {"ZSCORE", index, to_hex(content)}).text) == entries[3].popularity);

  // Less known than before, and more popular.
  entries[3].popularity = 9;
  entries[3].entry.last_viewed_at_ms.reset();
  good(store.put({&entries[3], 1}));
  CHECK(good(store.get(content)) == entries[3]);
  CHECK(good(store.most_popular(1)).at(0) == entries[3]);

  const std::vector<ContentId> gone{content, content_id("/nothing")};
  good(store.remove(gone));
  good(store.remove(gone));
  entries.erase(entries.begin() + 3);
  CHECK_FALSE(good(store.get(content)));
  CHECK(good(store.most_popular(1000)) == best_of(entries, 1000));
}

TEST_CASE("an index that names what is gone, and one that is none, do no harm") {
  const RedisServer server;
  RedisCatalogStore store(test::servers_at(server), test::steady_ms, 1);
  const std::vector<RankedEntry> entries = many(3);
  good(store.put(entries));
  (void)asked(server, {"DEL", catalog_entry_key(content_id("/1"))});
  CHECK(good(store.most_popular(10)).size() == 2);
  (void)asked(server, {"ZADD", catalog_index_key(0), "1", "no content"});
  CHECK(store.most_popular(10).error().fault == StoreFault::protocol);
  (void)asked(server, {"HSET", catalog_entry_key(content_id("/2")), "views", "many"});
  CHECK(store.get(content_id("/2")).error().fault == StoreFault::protocol);
}

TEST_CASE("a Redis that is away is an error at once, and is used again when it is back") {
  RedisServer server;
  RedisCatalogStore store(test::servers_at(server), test::steady_ms, 1);
  const std::vector<RankedEntry> entries = many(3);
  server.kill();
  CHECK(is_passing(store.put(entries).error().fault));
  server.start();
  const std::int64_t end_ms = test::steady_ms() + 30'000;
  while (!store.put(entries) && test::steady_ms() < end_ms) {
  }
  CHECK(good(store.most_popular(1)) == best_of(entries, 1));
}

}  // namespace edgeward::cache::redis
