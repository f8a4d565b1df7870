// An edge's agent holds no more what was purged, and says when that is so.

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "tests/scenarios/running_agent.hpp"

namespace edgeward::test {

namespace {

using cache::Purge;
using cache::PurgeKind;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// A controller's side of purges, and what it asked for.
class Purges {
 public:
  explicit Purges(const RedisServer& control) : store_(servers_at(control), steady_ms, 7) {}

  /// Its id.
  std::string ask(PurgeKind kind, const std::string& text, std::vector<std::string> edges = {},
                  std::int64_t at_ms = now_ms()) {
    const std::string id = cache::to_hex(cache::ContentId{++last_});
    const std::vector<std::string> awaited =
        edges.empty() ? std::vector<std::string>{"fra1"} : edges;
    const Purge purge{.entry = {},
                      .id = id,
                      .at_ms = at_ms,
                      .kind = kind,
                      .text = text,
                      .edges = std::move(edges)};
    // Its connection may be from before the server was killed.
    eventually("it is asked for", [&] { return store_.ask(purge, awaited, 600'000).has_value(); });
    return id;
  }
  /// Of fra1: nothing while it has not answered.
  std::optional<std::uint64_t> removed(const std::string& id) {
    const auto status = good(store_.status(id));
    if (!status || status->answers.empty()) throw std::runtime_error("no such purge: " + id);
    return status->answers.front().removed;
  }
  std::uint64_t wait(const std::string& id) {
    eventually("the purge is answered", [&] { return removed(id).has_value(); });
    return *removed(id);
  }
  std::uint64_t purge(PurgeKind kind, const std::string& text) { return wait(ask(kind, text)); }

 private:
  cache::redis::RedisPurgeStore store_;
  std::uint64_t last_ = 0;
};

std::string said_of_cache(const HttpAnswer& answer) {
  return answer.field("Cache-Status");
}

bool is_from_cache(const HttpAnswer& answer) {
  return said_of_cache(answer).starts_with("edgeward; hit");
}

void hold(const RunningAgent& agent, const std::string& path) {
  eventually(path + " is held", [&] { return is_from_cache(agent.get(path)); });
}

/// Objects that the store lists.
std::size_t listed(const EdgeWorld& world) {
  std::size_t count = 0;
  const auto controller = world.controller();
  for (std::size_t bucket = 0; bucket < cache::kInventoryBuckets; ++bucket) {
    count += good(controller->inventory("fra1", bucket)).size();
  }
  return count;
}

}  // namespace

TEST_CASE("what is purged by key or by prefix is held no more and all else is") {
  EdgeWorld world;
  for (const char* path : {"/a", "/a?b", "/a/b", "/film/1", "/film/2?q=1", "/filmed"}) {
    world.origin.set(path, {.body = std::string("old ") + path});
  }
  RunningAgent agent(world.config());
  Purges purges(world.redis);
  for (const char* path : {"/a", "/a?b", "/a/b", "/film/1", "/film/2?q=1", "/filmed"}) {
    hold(agent, path);
  }
  world.origin.set("/a", {.body = "new"});
  world.origin.set("/film/1", {.body = "new"});
  CHECK(purges.purge(PurgeKind::key, "/a") == 1);
  CHECK(agent.get("/film/1").body == "old /film/1");
  const HttpAnswer answer = agent.get("/a");
  CHECK_FALSE(is_from_cache(answer));
  CHECK(answer.body == "new");
  CHECK(is_from_cache(agent.get("/a?b")));
  CHECK(is_from_cache(agent.get("/a/b")));
  CHECK(purges.purge(PurgeKind::prefix, "/film/") == 2);
  CHECK(agent.get("/film/1").body == "new");
  CHECK_FALSE(is_from_cache(agent.get("/film/2?q=1")));
  CHECK(is_from_cache(agent.get("/filmed")));
  CHECK(purges.purge(PurgeKind::key, "/nothing") == 0);
  // Of others it does nothing.
  const std::string other = purges.ask(PurgeKind::prefix, "/", {"ams1"});
  hold(agent, "/a");
  CHECK(purges.purge(PurgeKind::key, "/nothing") == 0);
  CHECK_FALSE(purges.removed(other));
  CHECK(is_from_cache(agent.get("/a")));
  CHECK(agent.stop() == 0);
  CHECK(agent.said().find("purges=4") != std::string::npos);
  CHECK(agent.said().find("purged=3") != std::string::npos);
}

TEST_CASE("a purge of many objects removes each of them") {
  constexpr std::size_t kCount = 400;
  EdgeWorld world;
  RunningAgent agent(world.config());
  Purges purges(world.redis);
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::string path = fmt::format("/many/{}", i);
    world.origin.set(path, {.body = "x"});
    CHECK(agent.get(path).status == 200);
  }
  world.origin.set("/one", {.body = "x"});
  hold(agent, "/one");
  eventually("all are held", [&] { return listed(world) == kCount + 1; });
  CHECK(purges.purge(PurgeKind::prefix, "/many/") == kCount);
  CHECK(listed(world) == 1);
}

TEST_CASE("an agent that was away does what was purged before it serves") {
  EdgeWorld world;
  for (const char* path : {"/a", "/b"}) world.origin.set(path, {.body = "old"});
  Purges purges(world.redis);
  std::string seen;
  {
    RunningAgent agent(world.config());
    hold(agent, "/a");
    hold(agent, "/b");
    seen = purges.ask(PurgeKind::key, "/c");
    CHECK(purges.wait(seen) == 0);
    agent.kill();
  }
  const std::string id = purges.ask(PurgeKind::key, "/a");
  world.origin.set("/a", {.body = "new"});
  CHECK_FALSE(purges.removed(id));
  RunningAgent agent(world.config());
  CHECK(agent.get("/a").body == "new");
  CHECK(purges.wait(id) == 1);
  CHECK(is_from_cache(agent.get("/b")));
  // The next start has nothing left to do.
  eventually("it is held", [&] { return is_from_cache(agent.get("/a")); });
  CHECK(agent.stop() == 0);
  RunningAgent again(world.config());
  CHECK(is_from_cache(again.get("/a")));
  CHECK(again.stop() == 0);
  CHECK(again.said().find("purges=0") != std::string::npos);
}

TEST_CASE("what is being fetched when it is purged is not kept") {
  EdgeWorld world;
  const std::string old = body_of(5 * cache::kChunkBytes / 2);
  RunningAgent agent(world.config());
  Purges purges(world.redis);
  std::string got;
  SECTION("of which a part is stored") {
    world.origin.set("/a", {.body = old, .held_at = 3 * cache::kChunkBytes / 2});
    std::thread client([&] { got = agent.get("/a").body; });
    eventually("its first chunk is stored", [&] {
      return world.redis.ask("EXISTS edgeward:{fra1}:object:" + to_hex(cache::content_id("/a")) +
                             ":0") == ":1";
    });
    CHECK(purges.purge(PurgeKind::prefix, "/") == 1);
    // Who asks now gets what the origin has now, while the fetch goes on for who asked before.
    world.origin.set("/a", {.body = "new"});
    CHECK(agent.get("/a").body == "new");
    hold(agent, "/a");
    world.origin.release();
    client.join();
    CHECK(got == old);
  }
  SECTION("of which nothing has come") {
    world.origin.set("/a", {.body = old, .is_silent = true});
    std::thread client([&] { got = agent.get("/a").body; });
    eventually("it is asked for", [&] { return world.origin.requests("/a") == 1; });
    CHECK(purges.purge(PurgeKind::key, "/a") == 0);
    world.origin.release();
    client.join();
    CHECK(got == old);
    CHECK(listed(world) == 0);
    world.origin.set("/a", {.body = "new"});
    CHECK(agent.get("/a").body == "new");
  }
  eventually("the new one is held", [&] { return is_from_cache(agent.get("/a")); });
  CHECK(agent.get("/a").body == "new");
  CHECK(listed(world) == 1);
  CHECK(world.redis.ask("HLEN edgeward:{fra1}:writing") == ":0");
  CHECK(world.redis.ask("EXISTS edgeward:{fra1}:object:" + to_hex(cache::content_id("/a")) +
                        ":1") == ":0");
}

TEST_CASE("what was stored after a purge stays") {
  EdgeWorld world;
  world.origin.set("/a", {.body = "x"});
  RunningAgent agent(world.config());
  Purges purges(world.redis);
  hold(agent, "/a");
  CHECK(purges.wait(purges.ask(PurgeKind::key, "/a", {}, now_ms() - 60'000)) == 0);
  CHECK(is_from_cache(agent.get("/a")));
  CHECK(world.origin.requests("/a") == 1);
}

TEST_CASE("what a parent still has of before a purge is passed on and not kept") {
  EdgeWorld world;
  world.origin.set("/a", {.body = "old", .fields = "Age: 100\r\nCache-Control: max-age=600\r\n"});
  RunningAgent agent(world.config());
  Purges purges(world.redis);
  hold(agent, "/a");
  CHECK(purges.purge(PurgeKind::key, "/a") == 1);
  const HttpAnswer answer = agent.get("/a");
  CHECK(answer.body == "old");
  CHECK(said_of_cache(answer).find("stored") == std::string::npos);
  world.origin.set("/a", {.body = "new"});
  CHECK(agent.get("/a").body == "new");
  eventually("the new one is held", [&] { return is_from_cache(agent.get("/a")); });
}

TEST_CASE("while the control Redis is away an edge serves and it purges when that is back") {
  EdgeWorld world;
  RedisServer control;
  world.origin.set("/a", {.body = "old"});
  std::string config = world.config();
  const std::string_view key = "redis: {";
  config.insert(config.find(key) + key.size(), "control: '" + control.address() + "', ");
  auto agent = std::make_unique<RunningAgent>(config);
  hold(*agent, "/a");
  Purges purges(control);
  const std::string before = purges.ask(PurgeKind::key, "/b");
  CHECK(purges.wait(before) == 0);
  control.kill();
  agent->wait_for("purges cannot be read");
  CHECK(is_from_cache(agent->get("/a")));
  SECTION("and goes on") {}
  SECTION("and starts anew") {
    CHECK(agent->stop() == 0);
    agent = std::make_unique<RunningAgent>(config);
    CHECK(is_from_cache(agent->get("/a")));
  }
  control.start();
  CHECK(purges.purge(PurgeKind::prefix, "/a") == 1);
  world.origin.set("/a", {.body = "new"});
  CHECK(agent->get("/a").body == "new");
}

TEST_CASE("while the edge's Redis is away what is purged is served to nobody") {
  EdgeWorld world;
  RedisServer control;
  world.origin.set("/a", {.body = "old"});
  std::string config = world.config();
  const std::string_view key = "redis: {";
  config.insert(config.find(key) + key.size(), "control: '" + control.address() + "', ");
  RunningAgent agent(config);
  hold(agent, "/a");
  Purges purges(control);
  world.redis.kill();
  const std::string id = purges.ask(PurgeKind::key, "/a");
  world.origin.set("/a", {.body = "new"});
  eventually("the old one is served no more", [&] { return agent.get("/a").body == "new"; });
  CHECK_FALSE(purges.removed(id));
  world.redis.start();
  CHECK(purges.wait(id) == 1);
  eventually("the new one is held", [&] { return is_from_cache(agent.get("/a")); });
  CHECK(agent.get("/a").body == "new");
}

}  // namespace edgeward::test
