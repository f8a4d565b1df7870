// A copy of an inventory is what the edge holds, in memory and in a real Redis, whatever was lost
// between.

#include "cache/store/inventory_copy.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "cache/random.hpp"
#include "tests/cache/store/stores.hpp"

namespace edgeward::cache {

namespace {

using test::good;

constexpr std::uint64_t kContents = 300;

ContentId content_of(std::uint64_t n) {
  return ContentId{n * 0x9E37'79B9'7F4A'7C15};
}

/// An edge whose holdings are known from outside.
struct KnownEdge {
  std::unique_ptr<AgentStore> agent;
  std::map<std::uint64_t, std::uint64_t> held;
  std::uint64_t version = 0;

  void put(std::uint64_t n, std::uint64_t size_bytes) {
    good(agent->begin_object(content_of(n), ++version));
    good(agent->put_chunk(content_of(n), 0, std::string(size_bytes, 'x')));
    good(agent->complete_object(content_of(n),
                                {.key = "/a", .length_bytes = size_bytes, .version = version}));
    held[n] = size_bytes;
  }
  void drop(std::uint64_t n) {
    good(agent->remove_object(content_of(n), 1));
    held.erase(n);
  }
};

void check_same(const InventoryCopy& copy, const KnownEdge& edge) {
  std::uint64_t bytes = 0;
  for (std::uint64_t n = 1; n <= kContents; ++n) {
    const auto found = edge.held.find(n);
    CAPTURE(n);
    if (found == edge.held.end()) {
      CHECK_FALSE(copy.find(content_of(n)));
    } else {
      CHECK(copy.find(content_of(n)) == found->second);
      bytes += found->second;
    }
  }
  CHECK(copy.size() == edge.held.size());
  CHECK(copy.used_bytes() == bytes);
}

}  // namespace

TEMPLATE_TEST_CASE("a copy of an inventory follows what the edge holds", "", test::MemoryStores,
                   test::RedisStores) {
  TestType stores;
  const auto controller = stores.controller();
  KnownEdge edge{.agent = stores.agent("fra1"), .held = {}};
  InventoryCopy copy;
  Random random(1);
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t n = 1 + random.next() % kContents;
      if (random.next() % 3 == 0 && edge.held.contains(n)) {
        edge.drop(n);
      } else {
        edge.put(n, 1 + random.next() % 500);
      }
    }
    good(copy.follow(*controller, "fra1"));
    check_same(copy, edge);
  }
  // One that comes late reads it all.
  InventoryCopy late;
  good(late.compare(*controller, "fra1"));
  check_same(late, edge);
  edge.drop(edge.held.begin()->first);
  good(late.follow(*controller, "fra1"));
  check_same(late, edge);
  // Nothing to do is nothing done.
  const std::uint64_t seq = late.seq();
  good(late.compare(*controller, "fra1"));
  CHECK(late.seq() == seq);
  check_same(late, edge);
}

TEST_CASE("a copy of an inventory whose changes were lost compares what is left") {
  test::RedisServer server;
  const auto servers = test::servers_at(server);
  redis::RedisEdgeStore controller(servers, test::steady_ms, 1);
  KnownEdge edge{
      .agent = std::make_unique<redis::RedisAgentStore>("fra1", servers, test::steady_ms, 2),
      .held = {}};
  for (std::uint64_t n = 1; n <= 50; ++n) edge.put(n, n);
  InventoryCopy copy;
  good(copy.follow(controller, "fra1"));
  for (std::uint64_t n = 1; n <= 20; ++n) edge.drop(n);
  for (std::uint64_t n = 60; n <= 70; ++n) edge.put(n, n);
  CHECK(server.ask("XTRIM edgeward:{fra1}:inventory_changes MAXLEN 3") != "");
  good(copy.follow(controller, "fra1"));
  check_same(copy, edge);

  // A store that has lost everything it acknowledged, as after a failover.
  CHECK(server.ask("FLUSHALL") == "+OK");
  edge.held.clear();
  good(copy.compare(controller, "fra1"));
  check_same(copy, edge);
}

}  // namespace edgeward::cache
