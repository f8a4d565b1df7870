// `edgeward purge` against a running service, with real agents and a real redis-server.

#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenarios/running_agent.hpp"

namespace edgeward::test {

namespace {

namespace json = boost::json;

bool is_a_hit(const HttpAnswer& answer) {
  return answer.field("Cache-Status").starts_with("edgeward; hit");
}

/// Two edges, their Redis, their origin and the service that routes to them.
class PurgeWorld {
 public:
  PurgeWorld() : serving_({"--config", write_config().string()}) {}

  [[nodiscard]] std::string config() const {
    return fmt::format(
        "fleet:\n"
        "  origin: {{lat: 38.9, lon: -77.5}}\n"
        "  edges: {{fra1: {{lat: 50.03, lon: 8.57, storage: 64MiB}},\n"
        "          ams1: {{lat: 52.31, lon: 4.76, storage: 64MiB}}}}\n"
        "redis: {{server: '{}', command_timeout: 1s, connect_timeout: 1s}}\n"
        "agent: {{origin: 'http://127.0.0.1:{}', report_interval: 50ms, purge_interval: 10ms,\n"
        "         plans: {{retry_first: 10ms, retry_max: 50ms}}}}\n",
        redis.address(), origin.port());
  }
  [[nodiscard]] std::unique_ptr<RunningAgent> agent(const std::string& edge) const {
    return std::make_unique<RunningAgent>(config(), edge);
  }
  /// `edgeward purge`.
  [[nodiscard]] Outcome purge(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "purge");
    arguments.insert(arguments.end(),
                     {"--admin", fmt::format("127.0.0.1:{}", serving_.admin_port())});
    return run(EDGEWARD_BINARY, arguments);
  }
  [[nodiscard]] HttpAnswer ask(const std::string& target) const {
    return HttpConnection(serving_.admin_port()).get(target);
  }
  [[nodiscard]] HttpAnswer post(const std::string& body) const {
    return HttpConnection(serving_.admin_port()).post("/v1/purge", body);
  }
  [[nodiscard]] json::object status(const std::string& id) const {
    return json::parse(ask("/v1/purges/" + id).body).as_object();
  }

  RedisServer redis;
  TestOrigin origin;

 private:
  [[nodiscard]] std::filesystem::path write_config() const {
    return folder_.write("edgeward.yaml", config());
  }

  TemporaryFolder folder_;

 public:
  Serving serving_;
};

void hold_at(const RunningAgent& agent, const std::string& path) {
  eventually(path + " is held", [&] { return is_a_hit(agent.get(path)); });
}

json::object object_of(const std::string& text) {
  INFO(text);
  return json::parse(text).as_object();
}

}  // namespace

TEST_CASE("edgeward purge ends when every edge has done it") {
  PurgeWorld world;
  for (const char* path : {"/a", "/film/1", "/film/2", "/b"})
    world.origin.set(path, {.body = "old"});
  const auto fra1 = world.agent("fra1");
  const auto ams1 = world.agent("ams1");
  for (const char* path : {"/a", "/film/1", "/film/2", "/b"}) hold_at(*fra1, path);
  hold_at(*ams1, "/film/1");
  hold_at(*ams1, "/b");
  for (const char* path : {"/a", "/film/1", "/film/2", "/b"})
    world.origin.set(path, {.body = "new"});

  const Outcome key = world.purge({"https://www.cdn.example/a"});
  CHECK(key.exit_code == 0);
  CHECK(key.out ==
        "edge             status      removed\n"
        "ams1             done              0\n"
        "fra1             done              1\n");
  CHECK(key.err.find("key /a, removed 1: 2 of 2 edges") != std::string::npos);
  CHECK(fra1->get("/a").body == "new");
  CHECK(fra1->get("/film/1").body == "old");

  const Outcome prefix = world.purge({"/film/*", "--json"});
  CHECK(prefix.exit_code == 0);
  const json::object purge = object_of(prefix.out);
  CHECK(purge.at("kind") == "prefix");
  CHECK(purge.at("text") == "/film/");
  CHECK(purge.at("status") == "done");
  CHECK(purge.at("removed") == 3);
  CHECK(purge.at("pending") == 0);
  CHECK(fra1->get("/film/2").body == "new");
  CHECK(ams1->get("/film/1").body == "new");
  CHECK(fra1->get("/b").body == "old");

  const Outcome named = world.purge({"/b", "--edge", "ams1", "--json"});
  CHECK(named.exit_code == 0);
  CHECK(object_of(named.out).at("edges").as_array().size() == 1);
  CHECK(ams1->get("/b").body == "new");
  CHECK(fra1->get("/b").body == "old");

  const Outcome all = world.purge({"*", "--all", "--json"});
  CHECK(all.exit_code == 0);
  CHECK(object_of(all.out).at("text") == "/");
  CHECK(fra1->get("/b").body == "new");
  const json::object list = object_of(world.ask("/v1/purges").body);
  REQUIRE(list.at("purges").as_array().size() == 4);
  CHECK(list.at("purges").as_array()[0].as_object().at("text") == "/");
}

TEST_CASE("an edge that is away is pending and answers when it is back") {
  PurgeWorld world;
  world.origin.set("/a", {.body = "old"});
  const auto fra1 = world.agent("fra1");
  auto ams1 = world.agent("ams1");
  hold_at(*fra1, "/a");
  hold_at(*ams1, "/a");
  ams1->kill();
  world.origin.set("/a", {.body = "new"});
  const Outcome purge = world.purge({"/a", "--timeout", "500ms", "--json"});
  CHECK(purge.exit_code == 1);
  const json::object pending = object_of(purge.out);
  CHECK(pending.at("status") == "under_way");
  CHECK(pending.at("pending") == 1);
  CHECK(pending.at("edges").as_array()[0].as_object().at("edge") == "ams1");
  CHECK(pending.at("edges").as_array()[0].as_object().at("status") == "pending");
  CHECK(pending.at("edges").as_array()[1].as_object().at("removed") == 1);
  CHECK(purge.err.find("1 of 2 edges; waits for ams1") != std::string::npos);
  CHECK(fra1->get("/a").body == "new");
  const std::string id(pending.at("id").as_string());
  SECTION("to the service that was asked") {}
  SECTION("to another that knows of it through Redis") {
    CHECK(world.serving_.stop() == 0);
  }
  ams1 = world.agent("ams1");
  CHECK(ams1->get("/a").body == "new");
  cache::redis::RedisPurgeStore store(servers_at(world.redis), steady_ms, 5);
  eventually("it is done", [&] { return good(store.status(id))->pending() == 0; });
  std::unique_ptr<Serving> other;
  std::uint16_t port = world.serving_.admin_port();
  TemporaryFolder folder;
  if (world.serving_.said().find("stopped") != std::string::npos) {
    const auto file = folder.write("edgeward.yaml", world.config());
    other = std::make_unique<Serving>(std::vector<std::string>{"--config", file.string()});
    port = other->admin_port();
  }
  eventually("the service knows", [&] {
    const HttpAnswer answer = HttpConnection(port).get("/v1/purges/" + id);
    return answer.status == 200 && object_of(answer.body).at("status") == "done";
  });
}

TEST_CASE("a purge while Redis is away is taken and done when that is back") {
  PurgeWorld world;
  world.origin.set("/a", {.body = "old"});
  const auto fra1 = world.agent("fra1");
  const auto ams1 = world.agent("ams1");
  hold_at(*fra1, "/a");
  world.redis.kill();
  const Outcome purge = world.purge({"/a", "--timeout", "300ms", "--json"});
  CHECK(purge.exit_code == 75);
  CHECK(purge.err.find("0 of 2 edges; waits for Redis: ") != std::string::npos);
  const json::object waiting = object_of(purge.out);
  CHECK(waiting.at("status") == "waiting");
  CHECK(waiting.at("pending") == 2);
  // The service decides all the while.
  CHECK(HttpConnection(world.serving_.port()).get("/v1/route?content=/a").status != 500);
  world.serving_.wait_for("Redis takes no purges");
  world.redis.start();
  const std::string id(waiting.at("id").as_string());
  eventually("it is done", [&] { return world.status(id).at("status") == "done"; });
  world.serving_.wait_for("Redis takes purges again");
  CHECK(world.status(id).at("store_error").is_null());
  world.origin.set("/a", {.body = "new"});
  CHECK(fra1->get("/a").body == "new");
}

TEST_CASE("what is being fetched while edgeward purge runs is not kept") {
  PurgeWorld world;
  const std::string old = body_of(2'000'000);
  world.origin.set("/a", {.body = old, .held_at = 1'500'000});
  const auto fra1 = world.agent("fra1");
  std::string got;
  std::thread client([&] { got = fra1->get("/a").body; });
  eventually("it is asked for", [&] { return world.origin.requests("/a") == 1; });
  const Outcome purge = world.purge({"/a", "--edge", "fra1"});
  CHECK(purge.exit_code == 0);
  world.origin.set("/a", {.body = "new"});
  world.origin.release();
  client.join();
  CHECK(got == old);
  CHECK(fra1->get("/a").body == "new");
  hold_at(*fra1, "/a");
  CHECK(fra1->get("/a").body == "new");
}

TEST_CASE("edgeward purge says what is wrong") {
  PurgeWorld world;
  const auto refused = [&](const std::vector<std::string>& arguments, std::string_view words) {
    const Outcome outcome = world.purge(arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.find(words) != std::string::npos);
  };
  refused({"*"}, "--all");
  refused({"/*", "--edge", "fra1"}, "this is everything");
  refused({"/a*b"}, "stands at the end");
  refused({"/a*b*"}, "stands at the end");
  refused({""}, "expected a path");
  refused({"/a", "--all"}, "goes with the prefix");
  refused({"/a", "--edge", "nowhere"}, "no edge is named");
  refused({"/a", "--timeout", "soon"}, "--timeout");
  refused({"/" + std::string(3000, 'k')}, "3001 bytes");
  refused({}, "PATTERN");
  eventually("the list is read", [&] { return world.ask("/v1/purges").status == 200; });
  CHECK(world.ask("/v1/purges").body.find("\"id\"") == std::string::npos);
  CHECK(world.post("{\"key\":").status == 400);
  // A star that is meant.
  const Outcome exact = world.purge({"/a*", "--exact", "--no-wait", "--json"});
  CHECK(exact.exit_code == 0);
  CHECK(object_of(exact.out).at("text") == "/a*");
  CHECK(object_of(exact.out).at("kind") == "key");
  // Nobody there, and nobody to tell edges through.
  const std::string nobody = fmt::format("127.0.0.1:{}", free_port());
  CHECK(run(EDGEWARD_BINARY, {"purge", "/a", "--admin", nobody}).exit_code == 75);
  Serving without(std::vector<std::string>{});
  const Outcome refusal = run(EDGEWARD_BINARY, {"purge", "/a", "--admin",
                                                fmt::format("127.0.0.1:{}", without.admin_port())});
  CHECK(refusal.exit_code == 2);
  CHECK(refusal.err.find("no redis") != std::string::npos);
}

}  // namespace edgeward::test
