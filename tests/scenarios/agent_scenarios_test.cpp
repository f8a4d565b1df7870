// An edge's agent: what clients get of it, with a real redis-server and an origin in the test.

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "tests/scenarios/running_agent.hpp"

namespace edgeward::test {

namespace {

constexpr std::size_t kLarge = 5 * cache::kChunkBytes / 2;

std::string cache_status(const HttpAnswer& answer) {
  return answer.field("Cache-Status");
}

bool is_hit(const HttpAnswer& answer) {
  return cache_status(answer).starts_with("edgeward; hit");
}

/// Waits until an object is held and the agent knows it, which is a moment after its store does.
void wait_until_held(const EdgeWorld& world, const std::string& key) {
  const auto controller = world.controller();
  const cache::ContentId content = cache::content_id(key);
  eventually(key + " is held", [&] {
    bool is_held = false;
    std::uint64_t bytes = 0;
    for (std::size_t bucket = 0; bucket < cache::kInventoryBuckets; ++bucket) {
      for (const cache::Holding& held : good(controller->inventory("fra1", bucket))) {
        is_held = is_held || held.content == content;
        bytes += held.size_bytes;
      }
    }
    const auto report = good(controller->report("fra1"));
    return is_held && report && report->used_bytes == bytes;
  });
}

}  // namespace

TEST_CASE("what was fetched once is served from the store and outlives the agent") {
  EdgeWorld world;
  const std::string body = body_of(kLarge);
  world.origin.set("/film?part=1", {.body = body,
                                    .fields = "Cache-Control: max-age=600\r\n"
                                              "Content-Type: video/mp4\r\nX-Own: kept\r\n"});
  world.origin.set("/empty", {.fields = "Cache-Control: max-age=600\r\n"});
  {
    RunningAgent agent(world.config());
    const HttpAnswer miss = agent.get("/film?part=1");
    CHECK(miss.status == 200);
    CHECK(miss.body == body);
    CHECK(cache_status(miss) == "edgeward; fwd=uri-miss; fwd-status=200; stored");
    CHECK(agent.get("/empty").status == 200);
    wait_until_held(world, "/film?part=1");
    eventually("it is held", [&] { return is_hit(agent.get("/empty")); });
    const HttpAnswer hit = agent.get("/film?part=1");
    CHECK(hit.body == body);
    CHECK(is_hit(hit));
    CHECK(hit.field("Content-Type") == "video/mp4");
    CHECK(hit.field("Cache-Control") == "max-age=600");
    CHECK(hit.field("X-Own") == "kept");
    CHECK_FALSE(hit.field("Age").empty());
    CHECK(is_hit(agent.get("/./film?part=1")));  // the same canonical key
    CHECK(agent.stop() == 0);
  }
  RunningAgent again(world.config());
  const HttpAnswer hit = again.get("/film?part=1");
  CHECK(is_hit(hit));
  CHECK(hit.body == body);
  CHECK(world.origin.requests("/film?part=1") == 1);
}

TEST_CASE("many who ask at once wait for one fetch") {
  EdgeWorld world;
  const std::string body = body_of(kLarge);
  world.origin.set("/film", {.body = body, .held_at = 1000});
  RunningAgent agent(world.config());
  std::vector<std::unique_ptr<HttpConnection>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<HttpConnection>(agent.port()));
    clients.back()->send("GET /film HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  // What has come is passed on before the rest is there.
  CHECK(clients.front()->receive_head().status == 200);
  eventually("the fetch is under way", [&] { return world.origin.requests("/film") == 1; });
  world.origin.release();
  for (std::size_t i = 1; i < clients.size(); ++i) {
    const HttpAnswer answer = clients[i]->receive();
    CHECK(answer.status == 200);
    CHECK(answer.body == body);
  }
  CHECK(world.origin.requests("/film") == 1);
}

TEST_CASE("a range is answered alike from the origin and from the store") {
  EdgeWorld world;
  const std::string body = body_of(kLarge);
  const std::size_t size = body.size();
  world.origin.set("/film", {.body = body, .etag = "\"v1\""});
  RunningAgent agent(world.config());
  const auto check = [&](bool is_held) {
    INFO("held: " << is_held);
    const std::size_t first = cache::kChunkBytes - 10;
    const HttpAnswer part =
        agent.get("/film", fmt::format("Range: bytes={}-{}\r\n", first, first + 99));
    CHECK(part.status == 206);
    CHECK(part.body == body.substr(first, 100));
    CHECK(part.field("Content-Range") == fmt::format("bytes {}-{}/{}", first, first + 99, size));
    CHECK(is_hit(part) == is_held);
    if (!is_held) wait_until_held(world, "/film");
  };
  check(false);
  check(true);
  const HttpAnswer last = agent.get("/film", "Range: bytes=-5\r\n");
  CHECK(last.status == 206);
  CHECK(last.body == body.substr(size - 5));
  const HttpAnswer rest =
      agent.get("/film", fmt::format("Range: bytes={}-\r\n", 2 * cache::kChunkBytes));
  CHECK(rest.body == body.substr(2 * cache::kChunkBytes));
  const HttpAnswer beyond = agent.get("/film", fmt::format("Range: bytes={}-\r\n", size));
  CHECK(beyond.status == 416);
  CHECK(beyond.field("Content-Range") == fmt::format("bytes */{}", size));
  CHECK(agent.get("/film", "Range: bytes=0-0,5-6\r\n").status == 200);
  CHECK(agent.get("/film", "Range: bytes=0-0\r\nIf-Range: \"v1\"\r\n").status == 206);
  CHECK(agent.get("/film", "Range: bytes=0-0\r\nIf-Range: \"v2\"\r\n").status == 200);
  CHECK(world.origin.requests("/film") == 1);
}

TEST_CASE("who has it already is told so and HEAD gets the header alone") {
  EdgeWorld world;
  const std::string date = "Tue, 24 Nov 2020 20:46:03 GMT";
  world.origin.set(
      "/page",
      {.body = "a page", .fields = fmt::format("Last-Modified: {}\r\n", date), .etag = "\"v1\""});
  RunningAgent agent(world.config());
  CHECK(agent.get("/page", "If-None-Match: W/\"v1\"\r\n").status == 304);
  wait_until_held(world, "/page");
  const HttpAnswer unchanged = agent.get("/page", "If-None-Match: \"v0\", \"v1\"\r\n");
  CHECK(unchanged.status == 304);
  CHECK(unchanged.body.empty());
  CHECK(unchanged.field("ETag") == "\"v1\"");
  CHECK(agent.get("/page", "If-None-Match: \"v2\"\r\n").status == 200);
  CHECK(agent.get("/page", fmt::format("If-Modified-Since: {}\r\n", date)).status == 304);
  CHECK(agent.get("/page", "If-Modified-Since: Tue, 24 Nov 2020 20:46:02 GMT\r\n").status == 200);
  const HttpAnswer head = agent.get("/page", "", "HEAD");
  CHECK(head.status == 200);
  CHECK(head.field("Content-Length") == "6");
  CHECK(is_hit(head));
  CHECK(world.origin.requests("/page") == 1);
}

TEST_CASE("what nobody may keep is fetched for each") {
  EdgeWorld world;
  world.origin.set("/none", {.body = "1", .fields = "Cache-Control: no-store\r\n"});
  world.origin.set("/own", {.body = "2", .fields = "Cache-Control: private, max-age=60\r\n"});
  world.origin.set("/cookie", {.body = "3", .fields = "Set-Cookie: a=b\r\n"});
  world.origin.set("/vary", {.body = "4", .fields = "Vary: Accept-Language\r\n"});
  world.origin.set("/gone", {.status = 404, .body = "5"});
  world.origin.set("/moved", {.status = 301, .fields = "Location: /there\r\n"});
  world.origin.set("/secret", {.body = "6"});
  RunningAgent agent(world.config());
  for (const char* path : {"/none", "/own", "/cookie", "/vary", "/gone", "/moved"}) {
    INFO(path);
    const HttpAnswer first = agent.get(path);
    const HttpAnswer second = agent.get(path);
    CHECK(first.body == second.body);
    CHECK_FALSE(is_hit(second));
    CHECK(world.origin.requests(path) == 2);
  }
  CHECK(agent.get("/gone").status == 404);
  CHECK(agent.get("/moved").field("Location") == "/there");
  // What was given to who has a password is for nobody else.
  CHECK(agent.get("/secret", "Authorization: Basic YQ==\r\n").body == "6");
  CHECK(world.origin.last("/secret").find("Authorization: Basic YQ==") != std::string::npos);
  CHECK_FALSE(is_hit(agent.get("/secret")));
}

TEST_CASE("what is stale is served while it is asked for anew where the origin allows it") {
  EdgeWorld world;
  world.origin.set("/news", {.body = "old",
                             .fields = "Cache-Control: max-age=10, stale-while-revalidate=1000\r\n"
                                       "Age: 100\r\n",
                             .etag = "\"1\""});
  RunningAgent agent(world.config());
  CHECK(agent.get("/news").body == "old");
  wait_until_held(world, "/news");
  world.origin.set("/news",
                   {.body = "old", .fields = "Cache-Control: max-age=100\r\n", .etag = "\"1\""});
  const HttpAnswer stale = agent.get("/news");
  CHECK(stale.body == "old");
  CHECK(cache_status(stale).starts_with("edgeward; hit; ttl=-"));
  eventually("the origin was asked", [&] { return world.origin.requests("/news") == 2; });
  CHECK(world.origin.last("/news").find("If-None-Match: \"1\"") != std::string::npos);
  // A 304 makes it fresh; nothing was sent again.
  eventually("it is fresh again",
             [&] { return cache_status(agent.get("/news")).find("ttl=-") == std::string::npos; });
  CHECK(agent.get("/news").field("Cache-Control") == "max-age=100");
}

TEST_CASE("what is stale is replaced by what the origin has now") {
  EdgeWorld world;
  world.origin.set("/news", {.body = body_of(2000, 'a'),
                             .fields = "Cache-Control: max-age=10\r\nAge: 100\r\n",
                             .etag = "\"1\""});
  RunningAgent agent(world.config());
  CHECK(agent.get("/news").body == body_of(2000, 'a'));
  wait_until_held(world, "/news");
  world.origin.set("/news", {.body = body_of(3000, 'b'), .etag = "\"2\""});
  const HttpAnswer answer = agent.get("/news");
  CHECK(answer.body == body_of(3000, 'b'));
  CHECK(cache_status(answer).starts_with("edgeward; fwd=stale"));
  eventually("it is held", [&] { return is_hit(agent.get("/news")); });
  CHECK(agent.get("/news").body == body_of(3000, 'b'));
}

TEST_CASE("what is stale is better than an origin's error") {
  EdgeWorld world;
  const std::string fields = "Cache-Control: max-age=10\r\nAge: 100\r\n";
  world.origin.set("/news", {.body = "old", .fields = fields, .etag = "\"1\""});
  world.origin.set("/must", {.body = "old",
                             .fields = "Cache-Control: max-age=10, must-revalidate\r\nAge: 99\r\n",
                             .etag = "\"1\""});
  RunningAgent agent(world.config());
  CHECK(agent.get("/news").status == 200);
  CHECK(agent.get("/must").status == 200);
  wait_until_held(world, "/news");
  wait_until_held(world, "/must");
  for (const char* path : {"/news", "/must"}) world.origin.set(path, {.status = 500});
  CHECK(agent.get("/news").body == "old");
  CHECK(agent.get("/must").status == 500);
}

TEST_CASE("a body of unknown length is passed on and kept") {
  EdgeWorld world;
  const std::string body = body_of(kLarge);
  world.origin.set("/live", {.body = body, .is_chunked = true});
  RunningAgent agent(world.config());
  const HttpAnswer miss = agent.get("/live");
  CHECK(miss.field("Transfer-Encoding") == "chunked");
  CHECK(miss.body == body);
  wait_until_held(world, "/live");
  const HttpAnswer hit = agent.get("/live");
  CHECK(hit.field("Content-Length") == std::to_string(body.size()));
  CHECK(hit.body == body);
}

TEST_CASE("an origin that fails is told as a problem") {
  EdgeWorld world;
  world.origin.set("/silent", {.is_silent = true});
  world.origin.set("/cut", {.body = body_of(200'000), .cut_at = 100'000});
  RunningAgent agent(world.config("fetch: {response: 200ms},"));
  const HttpAnswer late = agent.get("/silent");
  CHECK(late.status == 504);
  CHECK(late.field("Content-Type") == "application/problem+json");
  CHECK(late.body.find("no answer in time") != std::string::npos);
  CHECK_THROWS(agent.get("/cut"));  // the connection ends before the length that was promised
  CHECK_THROWS(agent.get("/cut"));
  CHECK(world.origin.requests("/cut") == 2);
  const HttpAnswer post = agent.get("/a", "", "POST");
  CHECK(post.status == 405);
  CHECK(post.field("Allow") == "GET, HEAD");
  CHECK(agent.get("/" + std::string(3000, 'k')).status == 414);

  RunningAgent lost(
      "fleet:\n  origin: {lat: 1, lon: 1}\n  edges: {fra1: {lat: 1, lon: 1, "
      "storage: 1MiB}}\nredis: {server: '" +
      world.redis.address() +
      "'}\nagent: {origin: 'http://127.0.0.1:" + std::to_string(free_port()) + "'}\n");
  CHECK(lost.get("/a").status == 502);
}

TEST_CASE("what was used longest ago goes first and the capacity is never passed") {
  EdgeWorld world;
  for (const char* path : {"/a", "/b", "/c", "/d"}) {
    world.origin.set(path, {.body = body_of(1'000'000)});
  }
  world.origin.set("/large", {.body = body_of(4'000'000)});
  RunningAgent agent(world.config("", "storage: 64MiB, capacity: 3000000B"));
  for (const char* path : {"/a", "/b", "/c"}) {
    CHECK(agent.get(path).status == 200);
    wait_until_held(world, path);
  }
  CHECK(is_hit(agent.get("/a")));
  CHECK(agent.get("/d").status == 200);  // /b goes
  wait_until_held(world, "/d");
  for (const char* path : {"/a", "/c", "/d"}) CHECK(is_hit(agent.get(path)));
  const HttpAnswer large = agent.get("/large");
  CHECK(large.body == body_of(4'000'000));
  CHECK(cache_status(large).find("stored") == std::string::npos);
  CHECK_FALSE(is_hit(agent.get("/b")));
  const auto controller = world.controller();
  const auto changes = good(controller->inventory_changes("fra1", 0, 1000));
  std::uint64_t used = 0;
  for (const cache::InventoryChange& change : changes.changes) {
    used += change.is_held ? change.holding.size_bytes : -change.holding.size_bytes;
    CHECK(used <= 3'000'000);
  }
}

TEST_CASE("an edge that fills from its parent asks the origin through it") {
  EdgeWorld world;
  const std::string body = body_of(kLarge);
  world.origin.set("/film", {.body = body, .fields = "Cache-Control: max-age=600\r\n"});
  const auto config = [&](const std::string& endpoint) {
    return fmt::format(
        "fleet:\n"
        "  origin: {{lat: 1, lon: 1}}\n"
        "  edges:\n"
        "    shield: {{lat: 1, lon: 1, storage: 64MiB, shield: true, endpoint: '{}'}}\n"
        "    fra1: {{lat: 1, lon: 1, storage: 64MiB, fill: parent, parent: shield}}\n"
        "    ams1: {{lat: 1, lon: 1, storage: 64MiB, fill: parent, parent: shield}}\n"
        "redis: {{server: '{}'}}\n"
        "agent: {{origin: 'http://127.0.0.1:{}', report_interval: 50ms}}\n",
        endpoint, world.redis.address(), world.origin.port());
  };
  RunningAgent shield(config("shield.example"), "shield");
  const std::string edges = config(fmt::format("127.0.0.1:{}", shield.port()));
  RunningAgent one(edges, "fra1");
  RunningAgent other(edges, "ams1");
  CHECK(one.get("/film").body == body);
  CHECK(other.get("/film").body == body);
  CHECK(world.origin.requests("/film") == 1);
  wait_until_held(world, "/film");
  CHECK(is_hit(one.get("/film")));
}

TEST_CASE("an edge tells how it is and what it was asked for") {
  EdgeWorld world;
  world.origin.set("/a", {.body = "12345"});
  RunningAgent agent(world.config());
  CHECK(agent.get("/a").status == 200);
  wait_until_held(world, "/a");
  CHECK(is_hit(agent.get("/a")));
  const auto controller = world.controller();
  std::vector<cache::EdgeRequest> told;
  eventually("requests are told", [&] {
    const auto read = good(controller->read_requests("fra1", "controllers", "one", 100, 60'000));
    CHECK(read.bad_entries == 0);
    for (const cache::RequestBatch& batch : read.batches) {
      told.insert(told.end(), batch.requests.begin(), batch.requests.end());
    }
    return told.size() >= 2;
  });
  REQUIRE(told.size() == 2);
  CHECK(told[0].key == "/a");
  CHECK(told[0].content == cache::content_id("/a"));
  CHECK(told[0].size_bytes == 5);
  CHECK(told[0].client.text() == "127.0.0.0/24");
  CHECK_FALSE(told[0].is_hit);
  CHECK(told[1].is_hit);
  eventually("a report", [&] {
    const auto report = good(controller->report("fra1"));
    return report && report->used_bytes == 5;
  });
  const auto report = good(controller->report("fra1"));
  CHECK(report->mode == cache::EdgeMode::ready);
  CHECK(report->capacity_bytes == 64 << 20);
  CHECK(agent.stop() == 0);
  CHECK(good(controller->report("fra1"))->mode == cache::EdgeMode::drain);
}

TEST_CASE("an agent without what it needs says so") {
  const TemporaryFolder folder;
  const auto agent = [&](const std::string& config, const std::string& edge) {
    const std::string file = folder.write("c.yaml", config).string();
    return run(EDGEWARD_BINARY,
               {"agent", "--config", file, "--edge", edge, "--listen", "127.0.0.1:0"});
  };
  const std::string fleet =
      "fleet:\n  origin: {lat: 1, lon: 1}\n  edges: {fra1: {lat: 1, lon: 1, storage: 1MiB}}\n";
  const std::string away = "redis: {server: 127.0.0.1:" + std::to_string(free_port()) + "}\n";
  const std::string origin = "agent: {origin: 'http://127.0.0.1:1'}\n";
  const Outcome unknown = agent(fleet + origin, "ams1");
  CHECK(unknown.exit_code == 2);
  CHECK(unknown.err.find("no edge 'ams1'") != std::string::npos);
  const Outcome nowhere = agent(fleet + away, "fra1");
  CHECK(nowhere.exit_code == 2);
  CHECK(nowhere.err.find("agent.origin") != std::string::npos);
  const Outcome lonely = agent(fleet + away + origin, "fra1");
  CHECK(lonely.exit_code == 75);
  const RedisServer redis({"--requirepass", "secret"});
  const Outcome refused = agent(
      fleet + "redis: {server: '" + redis.address() + "', password_file: p}\n" + origin, "fra1");
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("p: expected a file") != std::string::npos);
  folder.write("p", "wrong\n");
  const Outcome wrong = agent(
      fleet + "redis: {server: '" + redis.address() + "', password_file: p}\n" + origin, "fra1");
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("WRONGPASS") != std::string::npos);
}

}  // namespace edgeward::test
