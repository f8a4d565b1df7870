// The catalogue of a running service: lists, events, restarts, Redis.

#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "cache/redis/agent_store.hpp"
#include "cache/redis/catalog_store.hpp"
#include "tests/exposition.hpp"
#include "tests/redis_server.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/scenarios/three_edges.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using test::edge_of;
using test::HttpConnection;
using test::kRoute;
using test::Serving;
using Place = test::ThreeEdges;

/// `catalog:` with these keys, after the configuration of three edges.
void add_catalog(const Place& place, const std::string& keys, const std::string& more = {}) {
  place.write_config("127.0.0.1/32");
  const std::string config = test::read_file(place.folder().path() / "edgeward.yaml");
  place.folder().write("edgeward.yaml", fmt::format("{}catalog: {{{}}}\n{}", config, keys, more));
}

test::Outcome catalog(const Serving& serving, std::vector<std::string> arguments,
                      std::string_view input = {}) {
  arguments.insert(arguments.begin(), "catalog");
  arguments.insert(arguments.end(), {"--admin", fmt::format("127.0.0.1:{}", serving.admin_port())});
  return test::run(EDGEWARD_BINARY, arguments, input);
}

template <class Holds>
bool comes_true(Holds holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
  }
  return true;
}

json::value entry_of(HttpConnection& admin, const std::string& key) {
  return json::parse(admin.get("/v1/catalog" + key).body);
}

std::string keys_listed(HttpConnection& admin) {
  std::string keys;
  const json::value answer = json::parse(admin.get("/v1/catalog").body);
  for (const json::value& entry : answer.at("entries").as_array()) {
    keys += fmt::format("{} ", entry.at("key").as_string().c_str());
  }
  return keys;
}

constexpr const char* kList =
    "key,size_bytes,duration_min,type,created_at,views,rating,title\n"
    "/films/1.mp4,5000000000,92.5,video/mp4,2020-01-01,999,9,\"One, \"\"the\"\" first\"\n"
    "/films/2.mp4,4000000000,80,video/mp4,2020-01-01,99,9,Two\n"
    "/films/3.mp4,much,80,video/mp4,2020-01-01,99,9,Three\n"
    "https://Img.example/logo.png,1200,,image/png,2020-01-01,9,1,\n"
    "/films/4.mp4,1,2,video/mp4,2020-01-01,99,99,\x1b[31mred\n"
    "/films/5.mp4,1,2\n";

}  // namespace

TEST_CASE("a list is imported, listed by popularity and shown, and what is wrong with it is said") {
  const Place place;
  Serving serving(place.arguments());
  HttpConnection admin(serving.admin_port());
  const std::string file = place.folder().write("list.csv", kList).string();

  const test::Outcome imported = catalog(serving, {"import", file});
  CHECK(imported.exit_code == 0);
  CHECK(imported.out == "3 contents added, 0 updated\n");
  INFO(imported.err);
  CHECK(imported.err.find("list.csv:4: size_bytes 'much': expected a whole number") !=
        std::string::npos);
  CHECK(imported.err.find("list.csv:6: rating '99'") != std::string::npos);
  CHECK(imported.err.find("nobody knows them: title") != std::string::npos);
  CHECK(imported.err.find("3 of 6 lines taken, 1 bad_line, 1 bad_size, 1 bad_rating") !=
        std::string::npos);
  CHECK(imported.err.find('\x1b') == std::string::npos);

  CHECK(comes_true(
      [&] { return keys_listed(admin) == "/films/1.mp4 /films/2.mp4 img.example/logo.png "; }));
  const test::Outcome listed = catalog(serving, {"list", "--top", "2"});
  CHECK(listed.exit_code == 0);
  CHECK(listed.out.find("2020-01-01 never      video/mp4    /films/1.mp4\n") != std::string::npos);
  CHECK(listed.out.find("logo.png") == std::string::npos);
  CHECK(listed.err == "2 of 3 contents\n");
  const json::value answer = json::parse(catalog(serving, {"list", "--json"}).out);
  CHECK(answer.at("total") == 3);
  // What is listed may be imported again, as NDJSON.
  std::string lines;
  for (const json::value& entry : answer.at("entries").as_array()) {
    lines += json::serialize(entry) + "\n";
  }
  const json::value again = json::parse(catalog(serving, {"import", "-", "--json"}, lines).out);
  CHECK(again.at("updated") == 3);
  CHECK(again.at("lines") == 3);

  for (const char* key : {"img.example/logo.png", "https://img.example/logo.png"}) {
    const test::Outcome shown = catalog(serving, {"show", key, "--json"});
    CHECK(shown.exit_code == 0);
    CHECK(json::parse(shown.out).at("size_bytes") == 1200);
  }
  CHECK(catalog(serving, {"show", "films/1.mp4"}).out.find("rating          9") !=
        std::string::npos);
  CHECK(catalog(serving, {"remove", "/films/1.mp4"}).exit_code == 0);
  const test::Outcome gone = catalog(serving, {"show", "/films/1.mp4"});
  CHECK(gone.exit_code == 2);
  CHECK(gone.err.find("the catalogue has no '/films/1.mp4'") != std::string::npos);

  CHECK(catalog(serving, {"import", "-"}, "key,rating\n/a,11\n").exit_code == 1);
  CHECK(catalog(serving, {"import", "-"}, "name\n/a\n").exit_code == 2);
  CHECK(catalog(serving, {"import", (place.folder().path() / "none").string()}).exit_code == 2);
  CHECK(catalog(serving, {"list", "--top", "0"}).exit_code == 2);
  CHECK(serving.stop() == 0);
  CHECK(catalog(serving, {"list"}).exit_code == 75);
}

TEST_CASE("a long list arrives whole") {
  const Place place;
  add_catalog(place, "entries_max: 20000");
  Serving serving(place.arguments());
  std::string list = "key,views\n";
  for (int i = 0; i < 20'010; ++i) list += fmt::format("/{},{}\n", i, i);
  const test::Outcome imported = catalog(serving, {"import", "-", "--json"}, list);
  CHECK(json::parse(imported.out) ==
        json::parse(R"({"lines":20010,"accepted":20000,"added":20000,"updated":0,)"
                    R"("rejected":{"full":10}})"));
  HttpConnection admin(serving.admin_port());
  CHECK(entry_of(admin, "/19999").at("views") == 19'999);
  CHECK(admin.get("/v1/catalog/20000").status == 404);
  CHECK(comes_true([&] { return keys_listed(admin).starts_with("/19999 /19998 "); }));
  const test::Exposition metrics(admin.get("/metrics").body);
  CHECK(metrics.sum("edgeward_catalog_contents") == 20'000);
  CHECK(metrics.sum("edgeward_catalog_refused_total") == 10);
}

TEST_CASE("events count views, and what is known outlives a restart and a crash") {
  const Place place;
  std::string before;
  {
    Serving serving(place.arguments());
    HttpConnection admin(serving.admin_port());
    const std::string body = R"({"rating":2.5,"size_bytes":100})";
    admin.send(
        fmt::format("PUT /v1/catalog/a?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}",
                    body.size(), body));
    CHECK(admin.receive().status == 201);
    CHECK(admin
              .post("/v1/events",
                    "{\"edge\":\"fra1\",\"key\":\"/%61?x=1\",\"hit\":true}\n"
                    "{\"edge\":\"ams1\",\"key\":\"/a?x=1#top\",\"hit\":false}\n"
                    "{\"edge\":\"none\",\"key\":\"/a?x=1\",\"hit\":false}\n"
                    "{\"edge\":\"fra1\",\"key\":\"/unknown\",\"hit\":false}\n")
              .status == 200);
    CHECK(comes_true([&] { return entry_of(admin, "/a?x=1").at("views") == 2; }));
    CHECK(entry_of(admin, "/a?x=1").at("last_viewed_at").is_number());
    CHECK(comes_true([&] {
      return test::Exposition(admin.get("/metrics").body)
                 .sum("edgeward_catalog_events_total", {{"result", "viewed"}}) == 2;
    }));
    before = admin.get("/v1/catalog/a?x=1").body;
    CHECK(serving.stop() == 0);
  }
  {
    Serving serving(place.arguments());
    CHECK(serving.said().find("contents that the catalogue had before: 1") != std::string::npos);
    HttpConnection admin(serving.admin_port());
    CHECK(admin.get("/v1/catalog/a?x=1").body == before);
    const auto kept = place.folder().path() / "state" / "catalog";
    const std::string bytes = test::read_file(kept);
    CHECK(admin.post("/v1/catalog", R"({"key":"/b"})").status == 200);
    CHECK(comes_true([&] { return test::read_file(kept) != bytes; }));
    serving.signal(SIGKILL);
    (void)serving.stop();
  }
  Serving serving(place.arguments());
  HttpConnection admin(serving.admin_port());
  CHECK(admin.get("/v1/catalog/b").status == 200);
  CHECK(admin.get("/v1/catalog/a?x=1").status == 200);
  // Nothing of it is for clients.
  HttpConnection connection(serving.port());
  CHECK(connection.get("/v1/catalog/b").status == 404);
  CHECK(connection.post("/v1/catalog", R"({"key":"/c"})").status == 404);
}

TEST_CASE("the configuration's list is taken in at the start and at reloads, or refused whole") {
  const Place place;
  place.folder().write("list.csv", "key,rating,views\n/a,5,10\n/b,eleven,1\n");
  add_catalog(place, "file: list.csv");
  Serving serving(place.arguments());
  CHECK(serving.said().find("1 of 2 lines taken, 1 bad_rating") != std::string::npos);
  HttpConnection admin(serving.admin_port());
  CHECK(admin.post("/v1/events", "{\"edge\":\"fra1\",\"key\":\"/a\",\"hit\":true}\n").status ==
        200);
  CHECK(comes_true([&] { return entry_of(admin, "/a").at("views") == 11; }));

  place.folder().write("list.csv", "key,rating,views\n/a,6,10\n/c,1,1\n");
  serving.signal(SIGHUP);
  CHECK(comes_true([&] { return admin.get("/v1/catalog/c").status == 200; }));
  const json::value entry = entry_of(admin, "/a");
  CHECK(entry.at("rating").to_number<double>() == 6);
  CHECK(entry.at("views") == 11);

  place.folder().write("list.csv", "name\nx\n");
  place.write_fleet("fra2", "fra2");
  serving.signal(SIGHUP);
  serving.wait_for("reload refused, going on as before");
  CHECK(serving.said().find("list.csv:1: 'name': expected") != std::string::npos);
  HttpConnection connection(serving.port());
  CHECK(edge_of(connection.get(kRoute)) == "fra1");
  CHECK(serving.stop() == 0);

  // A start goes on with what was good, and there is none to go on with elsewhere.
  Serving again(place.arguments());
  CHECK(again.said().find("going on with the last that was good") != std::string::npos);
  HttpConnection other(again.admin_port());
  CHECK(other.get("/v1/catalog/c").status == 200);
  CHECK(again.stop() == 0);
  std::filesystem::remove(place.folder().path() / "list.csv");
  const std::string state = (place.folder().path() / "state").string();
  Serving without({"--config", place.arguments()[1], "--state-dir", state});
  CHECK(without.said().find("going on with the last that was good") != std::string::npos);
  CHECK(without.stop() == 0);
  place.folder().write("list.csv", "name\nx\n");
  std::filesystem::remove_all(place.folder().path() / "state");
  const test::Outcome refused =
      test::run(EDGEWARD_BINARY, {"serve", "--config", place.arguments()[1]});
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("list.csv:1: 'name': expected") != std::string::npos);
  add_catalog(place, "file: gone.csv");
  CHECK(
      test::run(EDGEWARD_BINARY, {"check", place.arguments()[1]}).out.find("file: no such file") !=
      std::string::npos);
}

TEST_CASE("what an edge reports through its Redis counts as views too") {
  test::RedisServer redis;
  const Place place;
  add_catalog(place, "",
              fmt::format("redis: {{server: '{}', command_timeout: 10s, follow: true,\n"
                          "        follow_interval: 20ms}}\n",
                          redis.address()));
  Serving serving(place.arguments());
  HttpConnection admin(serving.admin_port());
  CHECK(admin.post("/v1/catalog", R"({"key":"/a"})").status == 200);
  CHECK(admin.post("/v1/events", "{\"edge\":\"fra1\",\"key\":\"/a\",\"hit\":true}\n").status ==
        200);
  cache::redis::Servers servers;
  servers.options.address.port = redis.port();
  servers.options.limits.command_timeout_ms = 10'000;
  cache::redis::RedisAgentStore agent(
      "fra1", servers, [] { return std::int64_t{0}; }, 1);
  const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count();
  const std::vector<cache::EdgeRequest> requests(3,
                                                 {.at_ms = now_ms,
                                                  .client = *geo::IpPrefix::parse("192.0.2.0/24"),
                                                  .key = "/a",
                                                  .content = cache::content_id("/a"),
                                                  .size_bytes = 10});
  CHECK(agent.append_requests(requests));
  CHECK(comes_true([&] { return entry_of(admin, "/a").at("views") == 4; }));
}

TEST_CASE("a catalogue is in Redis too, and Redis being away holds nobody up") {
  test::RedisServer redis;
  const Place place;
  add_catalog(place, "store: redis",
              fmt::format("redis: {{server: '{}', command_timeout: 10s}}\n", redis.address()));
  cache::redis::Servers servers;
  servers.control.port = redis.port();
  servers.options.limits.command_timeout_ms = 10'000;
  cache::redis::RedisCatalogStore store(
      servers, [] { return std::int64_t{0}; }, 1);
  const auto in_redis = [&](const std::string& key) {
    const auto found = store.get(cache::content_id(key));
    return found && *found ? std::optional(**found) : std::nullopt;
  };

  Serving serving(place.arguments());
  HttpConnection admin(serving.admin_port());
  CHECK(admin.post("/v1/catalog", "key,rating\n/a,5\n/b,6\n", "text/csv").status == 200);
  CHECK(comes_true([&] { return in_redis("/a") && in_redis("/b"); }));
  CHECK(in_redis("/a")->popularity == entry_of(admin, "/a").at("popularity").to_number<double>());
  CHECK(store.most_popular(1)->at(0).entry.key == "/b");
  CHECK(admin.post("/v1/events", "{\"edge\":\"fra1\",\"key\":\"/a\",\"hit\":true}\n").status ==
        200);
  CHECK(comes_true([&] { return in_redis("/a")->entry.views == 1; }));
  const auto store_up = [&] {
    return test::Exposition(admin.get("/metrics").body).sum("edgeward_catalog_store_up");
  };
  CHECK(store_up() == 1);

  redis.kill();
  CHECK(admin.post("/v1/catalog", R"({"key":"/c"})").status == 200);
  CHECK(admin.get("/v1/catalog/c").status == 200);
  CHECK(comes_true([&] { return store_up() == 0; }));
  HttpConnection connection(serving.port());
  CHECK(edge_of(connection.get(kRoute)) == "fra1");
  serving.wait_for("the catalogue cannot be written to its store");
  redis.start();
  cache::redis::RedisCatalogStore fresh(
      servers, [] { return std::int64_t{0}; }, 1);
  CHECK(comes_true([&] {
    const auto found = fresh.get(cache::content_id("/c"));
    return found && *found;
  }));
  serving.wait_for("the catalogue is written to its store again");
  CHECK(serving.stop() == 0);
}

}  // namespace edgeward
