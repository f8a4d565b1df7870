#include <fmt/format.h>

#include <atomic>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/random.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using test::HttpAnswer;
using test::HttpConnection;
using test::Serving;

/// A configuration of three edges that needs no database; clients of 192.0.2.0/24 are in Frankfurt.
class Place {
 public:
  Place() {
    folder_.write("clients.csv", "prefix,lat,lon,country,edges\n192.0.2.0/24,50.11,8.68,DE,\n");
    write_fleet("fra1", "fra1");
    write_config("127.0.0.1/32");
  }

  void write_fleet(const std::string& name, const std::string& endpoint) const {
    folder_.write("fleet.yaml",
                  fmt::format("origin: {{lat: 38.94, lon: -77.46}}\n"
                              "edges:\n"
                              "  {}: {{lat: 50.03, lon: 8.57, storage: 1TiB, endpoint: {}}}\n"
                              "  ams1: {{lat: 52.31, lon: 4.76, storage: 1TiB}}\n"
                              "  nrt1: {{lat: 35.76, lon: 140.39, storage: 1TiB}}\n",
                              name, endpoint));
  }
  void write_config(const std::string& trusted, const std::string& more = {}) const {
    folder_.write("edgeward.yaml",
                  fmt::format("fleet: fleet.yaml\n"
                              "geo: {{databases: [], overrides: clients.csv}}\n"
                              "routing: {{spread_epsilon: {{score: 0}}, min_candidates: 1}}\n"
                              "serve: {{tick: 20ms, workers: 2, unreported_edges: ready,\n"
                              "        recovery_hold: 0s, slow_start: 0s, state_dir: state,\n"
                              "        trusted_callers: [{}]{}}}\n",
                              trusted, more));
  }
  [[nodiscard]] std::vector<std::string> arguments() const {
    return {"--config", (folder_.path() / "edgeward.yaml").string()};
  }
  [[nodiscard]] const test::TemporaryFolder& folder() const { return folder_; }

 private:
  test::TemporaryFolder folder_;
};

constexpr const char* kRoute = "/v1/route?client=192.0.2.7&content=/a";

std::string edge_of(const HttpAnswer& answer) {
  const json::object decision = json::parse(answer.body).as_object();
  const json::value& edge = decision.at("edge");
  return edge.is_string() ? edge.get_string().c_str() : "none";
}

/// Asks until the answer's edge is that one; a tick makes it so.
void wait_for_edge(HttpConnection& connection, const std::string& wanted) {
  for (int i = 0; i < 200'000; ++i) {
    if (edge_of(connection.get(kRoute)) == wanted) return;
  }
  FAIL("the edge never became " << wanted);
}

/// What dig finds, `+short`: an address a line, sorted as they came.
std::string dig(const Serving& serving, std::vector<std::string> words) {
  std::vector<std::string> arguments{"@127.0.0.1", "-p", fmt::format("{}", serving.dns_port()),
                                     "+tries=1", "+time=20"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  const test::Outcome outcome = test::run("/usr/bin/dig", arguments);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return outcome.out;
}

}  // namespace

TEST_CASE("dig gets the nearest edges for the client's network and what there is not is said") {
  if (!std::filesystem::exists("/usr/bin/dig")) return test::skip("dig is not installed");
  Serving serving({});
  const std::string name = "www.cdn.example";
  const std::string london = "192.0.2.19\n192.0.2.18\n";  // lhr1, cdg1 of the demo fleet
  CHECK(dig(serving, {name, "+subnet=81.2.69.0/24", "+short"}) == london);
  CHECK(dig(serving, {name, "+subnet=81.2.69.0/24", "+short", "+tcp"}) == london);
  CHECK(dig(serving, {name, "AAAA", "+subnet=81.2.69.0/24", "+short"}) ==
        "2001:db8::19\n2001:db8::18\n");
  const std::string full = dig(serving, {name, "+subnet=81.2.69.0/24"});
  CHECK(full.find("CLIENT-SUBNET: 81.2.69.0/24/") != std::string::npos);
  CHECK(dig(serving, {"x." + name}).find("status: NXDOMAIN") != std::string::npos);
  CHECK(dig(serving, {"example.com"}).find("status: REFUSED") != std::string::npos);
  // Many queries of one connection are answered.
  const std::string several =
      dig(serving, {"+tcp", "+keepopen", "+short", "+subnet=81.2.69.0/24", name, name, name});
  CHECK(several == london + london + london);
  HttpConnection admin(serving.admin_port());
  CHECK(admin.post("/v1/edges/lhr1/drain").status == 204);
  HttpConnection connection(serving.port());
  for (int i = 0; i < 200'000; ++i) {
    if (edge_of(connection.get("/v1/route?client=81.2.69.142&content=/a")) != "lhr1") break;
  }
  // Each of the workers takes the snapshot when its turn comes.
  std::string found = london;
  for (int i = 0; i < 100 && found == london; ++i) {
    found = dig(serving, {name, "+subnet=81.2.69.0/24", "+short"});
  }
  CHECK(found.find("192.0.2.19") == std::string::npos);
}

TEST_CASE("without a configuration it serves the demo fleet, and says so") {
  Serving serving({});
  CHECK(serving.said().find("using the made-up fleet") != std::string::npos);
  HttpConnection connection(serving.port());
  const HttpAnswer answer = connection.get("/v1/route?client=81.2.69.142&content=/a");
  CHECK(answer.status == 200);
  CHECK(edge_of(answer) == "lhr1");
  CHECK(connection.get("/openapi.yaml").body.find("openapi: 3.1.0") == 0);
  // The command decides the same.
  const test::Outcome outcome =
      test::run(EDGEWARD_BINARY, {"route", "--client", "81.2.69.142", "--content", "/a", "--json"});
  CHECK(edge_of({.status = 200, .head = {}, .body = outcome.out}) == "lhr1");
  CHECK(serving.stop() == 0);
}

TEST_CASE("many requests in one write are answered in their order in whatever pieces they come") {
  const Place place;
  Serving serving(place.arguments());
  HttpConnection connection(serving.port());
  std::string stream;
  for (int i = 0; i < 500; ++i) {
    stream += fmt::format("GET /r/{} HTTP/1.1\r\nHost: x\r\nX-Any: {}\r\n\r\n", i,
                          std::string(static_cast<std::size_t>(i), 'a'));
  }
  // All answers have to be taken while requests are still sent.
  std::thread sender([&] {
    for (std::size_t at = 0; at < stream.size(); at += 1013) {
      connection.send(std::string_view(stream).substr(at, 1013));
    }
  });
  std::vector<std::string> locations;
  for (int i = 0; i < 500; ++i) locations.push_back(connection.receive().field("Location"));
  sender.join();
  for (int i = 0; i < 500; ++i) {
    const std::string& location = locations[static_cast<std::size_t>(i)];
    REQUIRE(location.substr(location.rfind('/')) == fmt::format("/{}", i));
  }
}

TEST_CASE("states and drains and their end are followed, drains outlive a restart") {
  const Place place;
  {
    Serving serving(place.arguments());
    HttpConnection connection(serving.port());
    HttpConnection admin(serving.admin_port());
    CHECK(edge_of(connection.get(kRoute)) == "fra1");
    CHECK(admin.post("/v1/state", R"({"edge":"fra1","mode":"down"})").status == 204);
    wait_for_edge(connection, "ams1");
    CHECK(admin.post("/v1/state", R"({"edge":"fra1","mode":"ready"})").status == 204);
    wait_for_edge(connection, "fra1");
    CHECK(admin.post("/v1/edges/fra1/drain").status == 204);
    wait_for_edge(connection, "ams1");
    CHECK(connection.post("/v1/edges/fra1/undrain").status == 404);
    CHECK(serving.stop() == 0);
  }
  Serving again(place.arguments());
  CHECK(again.said().find("fra1 is drained, as it was before") != std::string::npos);
  HttpConnection connection(again.port());
  CHECK(edge_of(connection.get(kRoute)) == "ams1");
}

TEST_CASE("states and what was learned outlive a restart") {
  const Place place;
  place.write_config("127.0.0.1/32", ", hit_model: {interval: 10ms}");
  {
    Serving serving(place.arguments());
    HttpConnection connection(serving.port());
    HttpConnection admin(serving.admin_port());
    CHECK(admin.post("/v1/state", R"({"edge":"nrt1","seq":7,"mode":"down"})").status == 204);
    std::string events;
    for (int i = 0; i < 100; ++i) {
      events += "{\"edge\":\"fra1\",\"key\":\"/a\",\"hit\":false}\n";
      events += "{\"edge\":\"ams1\",\"key\":\"/a\",\"hit\":true}\n";
    }
    CHECK(admin.post("/v1/events", events).status == 200);
    wait_for_edge(connection, "ams1");
    CHECK(serving.stop() == 0);
  }
  Serving again(place.arguments());
  CHECK(again.said().find("chances of a hit are those that were learned before") !=
        std::string::npos);
  HttpConnection connection(again.port());
  CHECK(edge_of(connection.get(kRoute)) == "ams1");  // its first answer
  HttpConnection admin(again.admin_port());
  const json::value answer = json::parse(admin.get("/v1/edges").body);
  CHECK(answer.at("edges").at(2).at("mode") == "down");
  CHECK(admin.post("/v1/state", R"({"edge":"nrt1","seq":6,"mode":"ready"})").status == 409);
}

TEST_CASE("a start with a configuration that cannot be used takes the last that was good") {
  const Place place;
  std::vector<std::string> arguments = place.arguments();
  arguments.insert(arguments.end(), {"--state-dir", (place.folder().path() / "kept").string()});
  {
    Serving serving(arguments);
    place.write_fleet("fra2", "fra2.example");
    serving.signal(SIGHUP);
    serving.wait_for("reloaded");
    CHECK(serving.stop() == 0);
  }
  place.folder().write("edgeward.yaml", "serv: {}\n");
  Serving again(arguments);
  CHECK(again.said().find("going on with the last that was good") != std::string::npos);
  HttpConnection connection(again.port());
  CHECK(edge_of(connection.get(kRoute)) == "fra2");
  HttpConnection admin(again.admin_port());
  const json::value answer = json::parse(admin.get("/v1/edges").body);
  CHECK(answer.at("reload_error").is_string());
  // Mended, it is taken.
  place.write_fleet("fra3", "fra3.example");
  place.write_config("127.0.0.1/32");
  CHECK(admin.post("/v1/reload").status == 202);
  wait_for_edge(connection, "fra3");
}

TEST_CASE("a start with a database that is broken or gone takes the last that was good") {
  const test::TemporaryFolder folder;
  const std::string source = EDGEWARD_SOURCE_DIR;
  const std::string world = test::read_file(source + "/data/geo/world.mmdb");
  const std::string database = folder.write("world.mmdb", world).string();
  const std::string config =
      folder
          .write("edgeward.yaml", fmt::format("fleet: {}/data/fleets/demo.yaml\n"
                                              "geo: {{databases: [world.mmdb]}}\n"
                                              "serve: {{tick: 20ms, unreported_edges: ready}}\n",
                                              source))
          .string();
  const std::vector<std::string> arguments{"--config", config, "--state-dir",
                                           (folder.path() / "kept").string()};
  constexpr const char* kLondon = "/v1/route?client=81.2.69.142&content=/a";
  const auto is_london = [&](const Serving& serving) {
    return edge_of(HttpConnection(serving.port()).get(kLondon)) == "lhr1";
  };
  {
    Serving serving(arguments);
    CHECK(is_london(serving));
    CHECK(serving.stop() == 0);
  }
  folder.write("world.mmdb", world.substr(0, world.size() / 2));
  for (const bool is_there : {true, false}) {
    if (!is_there) std::filesystem::remove(database);
    Serving serving(arguments);
    CHECK(serving.said().find("going on with the last that was good") != std::string::npos);
    CHECK(is_london(serving));
    CHECK(serving.stop() == 0);
  }
  // Mended, it is taken.
  folder.write("world.mmdb", world);
  Serving serving(arguments);
  CHECK(serving.said().find("going on with the last") == std::string::npos);
  CHECK(is_london(serving));
}

TEST_CASE("a folder that cannot be written ends no worker and is said") {
  const Place place;
  Serving serving(place.arguments());
  HttpConnection connection(serving.port());
  // A file where the folder should be, once what is written at the start is there.
  const std::filesystem::path state = place.folder().path() / "state";
  while (!std::filesystem::exists(state / "config.yaml")) (void)connection.get(kRoute);
  std::filesystem::remove_all(state);
  place.folder().write("state", "");
  HttpConnection admin(serving.admin_port());
  CHECK(admin.post("/v1/edges/fra1/drain").status == 204);
  serving.wait_for("what is known of edges is not kept");
  wait_for_edge(connection, "ams1");
  std::filesystem::remove(place.folder().path() / "state");
  CHECK(serving.stop() == 0);
  CHECK(test::read_file(place.folder().path() / "state/edges.json").find("fra1") !=
        std::string::npos);
}

TEST_CASE("the edge command sees and drains and says what a service refuses") {
  const Place place;
  std::string admin;
  {
    Serving serving(place.arguments());
    admin = fmt::format("127.0.0.1:{}", serving.admin_port());
    HttpConnection connection(serving.port());
    CHECK(test::run(EDGEWARD_BINARY, {"edge", "drain", "fra1", "--admin", admin}).exit_code == 0);
    wait_for_edge(connection, "ams1");
    const test::Outcome listed = test::run(EDGEWARD_BINARY, {"edge", "list", "--admin", admin});
    CHECK(listed.exit_code == 0);
    CHECK(listed.out.find("fra1             drain    drain") != std::string::npos);
    const test::Outcome as_json =
        test::run(EDGEWARD_BINARY, {"edge", "list", "--json", "--admin", admin});
    CHECK(json::parse(as_json.out).as_object().at("edges").as_array().size() == 3);
    CHECK(test::run(EDGEWARD_BINARY, {"edge", "undrain", "fra1", "--admin", admin}).exit_code == 0);
    wait_for_edge(connection, "fra1");
    const test::Outcome unknown =
        test::run(EDGEWARD_BINARY, {"edge", "drain", "fra9", "--admin", admin});
    CHECK(unknown.exit_code == 2);
    CHECK(unknown.err.find("no edge is named 'fra9'") != std::string::npos);
  }
  const test::Outcome gone = test::run(EDGEWARD_BINARY, {"edge", "list", "--admin", admin});
  CHECK(gone.exit_code == 75);
  CHECK(gone.err.find(admin) != std::string::npos);
}

TEST_CASE("a reload takes a good configuration and refuses a bad one") {
  const Place place;
  Serving serving(place.arguments());
  HttpConnection connection(serving.port());
  place.write_fleet("fra2", "fra2.example");
  serving.signal(SIGHUP);
  serving.wait_for("reloaded");
  wait_for_edge(connection, "fra2");
  place.folder().write("fleet.yaml", "origin: {lat: 1, lon: 2}\nedgs: {}\n");
  HttpConnection admin(serving.admin_port());
  CHECK(admin.post("/v1/reload").status == 202);
  serving.wait_for("fleet.yaml:2:1: a fleet file: unknown key 'edgs'");
  CHECK(edge_of(connection.get(kRoute)) == "fra2");
}

TEST_CASE("a changed file is taken in without being asked, once it lies still") {
  const Place place;
  Serving serving(place.arguments());
  HttpConnection connection(serving.port());
  CHECK(edge_of(connection.get(kRoute)) == "fra1");
  place.folder().write("next.csv", "prefix,lat,lon,country,edges\n192.0.2.0/24,35,139,JP,\n");
  std::filesystem::rename(place.folder().path() / "next.csv",
                          place.folder().path() / "clients.csv");
  wait_for_edge(connection, "nrt1");
  serving.wait_for("changed files taken in");
  place.folder().write("clients.csv", "prefix,lat\nx,1\n");
  serving.wait_for("refused, going on as before");
  CHECK(edge_of(connection.get(kRoute)) == "nrt1");
}

TEST_CASE("what edges report of their requests and of round trips changes where clients go") {
  const Place place;
  place.write_config("127.0.0.1/32", ", hit_model: {interval: 10ms}, rtt_interval: 100ms");
  Serving serving(place.arguments());
  HttpConnection connection(serving.port());
  HttpConnection admin(serving.admin_port());
  CHECK(edge_of(connection.get(kRoute)) == "fra1");
  std::string events;
  for (int i = 0; i < 300; ++i) {
    events += R"({"edge":"fra1","key":"/a","hit":false})"
              "\n"
              R"({"edge":"ams1","key":"/a","hit":true})"
              "\n";
  }
  CHECK(admin.post("/v1/events", events, "application/x-ndjson").body ==
        R"({"accepted":600,"rejected":{}})"
        "\n");
  wait_for_edge(connection, "ams1");
  // What was learned outlives a reload.
  CHECK(admin.post("/v1/reload").status == 202);
  serving.wait_for("reloaded");
  CHECK(edge_of(connection.get(kRoute)) == "ams1");

  const std::string told =
      admin
          .post("/v1/rtt",
                R"({"at":1700000000,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":9.5})"
                "\n"
                R"({"at":1700000000,"client":"192.0.2.0/24","edge":"fra9","rtt_ms":9.5})")
          .body;
  CHECK(told == R"({"accepted":1,"rejected":{"unknown_edge":1}})"
                "\n");
  serving.wait_for("round trips taken in");
  CHECK(admin.post("/v1/rtt", "neither of both").status == 400);
}

TEST_CASE("round trips that were reported move a client to another edge") {
  const Place place;
  place.write_config("127.0.0.1/32", ", rtt_interval: 100ms");
  // By latency, and so far from each other that it is the distance that decides.
  std::string config = test::read_file((place.folder().path() / "edgeward.yaml").string());
  config.insert(config.find("routing: {") + std::string_view("routing: {").size(),
                "scoring: latency, ");
  place.folder().write("edgeward.yaml", config);
  Serving serving(place.arguments());
  HttpConnection connection(serving.port());
  HttpConnection admin(serving.admin_port());
  CHECK(edge_of(connection.get(kRoute)) == "fra1");
  std::string lines = "at,client,edge,rtt_ms\n";
  for (int i = 0; i < 5; ++i) {
    lines += "1700000000,192.0.2.0/24,fra1,180\n1700000000,192.0.2.0/24,ams1,12\n";
  }
  CHECK(admin.post("/v1/rtt", lines, "text/csv").body == R"({"accepted":10,"rejected":{}})"
                                                         "\n");
  wait_for_edge(connection, "ams1");
}

namespace {

/// A copy with something wrong: bits turned, the end cut off, a piece lost or doubled.
std::string bent(std::string text, cache::Random& random) {
  const std::size_t at = random.below(text.size());
  const std::size_t length = 1 + random.below(std::min<std::size_t>(text.size() - at, 40));
  switch (random.below(4)) {
    case 0:
      text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
      return text;
    case 1:
      return text.substr(0, at);
    case 2:
      return text.erase(at, length);
    default:
      return text.insert(at, text.substr(at, length));
  }
}

/// Reloads that have come to an end, taken and refused.
std::pair<int, int> reloads(HttpConnection& admin) {
  const std::string metrics = admin.get("/metrics").body;
  const auto value = [&](std::string_view name) {
    const std::size_t at = metrics.find(name);
    REQUIRE(at != std::string::npos);
    return std::stoi(metrics.substr(at + name.size()));
  };
  return {value("edgeward_reloads_total{result=\"taken\"} "),
          value("edgeward_reloads_total{result=\"refused\"} ")};
}

}  // namespace

TEST_CASE("a thousand damaged files leave the service answering") {
  const Place place;
  const std::filesystem::path folder = place.folder().path();
  place.folder().write("places.csv",
                       "network,lat,lon,country\n192.0.2.0/24,50.11,8.68,DE\n"
                       "198.51.100.0/24,52.4,4.9,NL\n203.0.113.0/24,35.6,139.7,JP\n");
  REQUIRE(test::run(EDGEWARD_BINARY, {"geo", "build", (folder / "places.csv").string(), "-o",
                                      (folder / "places.mmdb").string()})
              .exit_code == 0);
  std::string config = test::read_file(folder / "edgeward.yaml");
  config.replace(config.find("databases: []"), 13, "databases: [places.mmdb]");
  place.folder().write("edgeward.yaml", config);
  const std::string database = test::read_file(folder / "places.mmdb");
  Serving serving(place.arguments());
  HttpConnection admin(serving.admin_port());
  // Damage may well make a good configuration, in which edges that never reported get no clients.
  const auto report_all = [&] {
    for (const char* edge : {"fra1", "ams1", "nrt1"}) {
      REQUIRE(admin.post("/v1/state", fmt::format("{{\"edge\":\"{}\"}}", edge)).status == 204);
    }
  };
  report_all();
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0};
  std::thread client([&] {
    HttpConnection connection(serving.port());
    while (!is_over) {
      const HttpAnswer answer = connection.get(kRoute);
      wrong += answer.status == 200 && edge_of(answer) != "none" ? 0 : 1;
    }
  });
  HttpConnection connection(serving.port());
  cache::Random random(11);
  int refused = 0;
  auto before = reloads(admin);
  for (int i = 0; i < 1000; ++i) {
    if (i % 5 == 0) report_all();  // well before they count as silent, on a slow machine too
    const bool is_config = i % 10 < 7;
    place.folder().write(is_config ? "next.yaml" : "next.mmdb",
                         bent(is_config ? config : database, random));
    std::filesystem::rename(folder / (is_config ? "next.yaml" : "next.mmdb"),
                            folder / (is_config ? "edgeward.yaml" : "places.mmdb"));
    const std::string edge = edge_of(connection.get(kRoute));
    while (admin.post("/v1/reload").status != 202) {
    }
    auto after = before;
    while (after == before) after = reloads(admin);
    if (after.second > before.second) {
      ++refused;
      REQUIRE(edge_of(connection.get(kRoute)) == edge);
    }
    before = after;
    // The other file is whole, so that each is judged alone.
    place.folder().write(is_config ? "edgeward.yaml" : "places.mmdb",
                         is_config ? config : database);
  }
  is_over = true;
  client.join();
  CHECK(wrong == 0);
  CHECK(refused > 500);  // some damage is none that anybody could see
  while (admin.post("/v1/reload").status != 202) {
  }
  wait_for_edge(connection, "fra1");
}

TEST_CASE("the end comes after what has been asked and without a reset") {
  const Place place;
  Serving serving(place.arguments());
  std::atomic<int> asking{0};
  std::atomic<bool> has_failed{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      try {
        HttpConnection connection(serving.port());
        bool is_first = true;
        while (true) {
          // What is sent is answered, or was sent after the other side had closed.
          const HttpAnswer answer = connection.get(kRoute);
          if (answer.status == 0) break;
          if (answer.status != 200) has_failed = true;
          if (is_first) ++asking;
          is_first = false;
          if (answer.field("Connection") == "close") break;
        }
      } catch (const std::exception&) {
        has_failed = true;
      }
    });
  }
  HttpConnection idle(serving.port());
  CHECK(idle.get("/healthz").status == 200);
  while (asking < 8) std::this_thread::yield();
  CHECK(serving.stop() == 0);
  for (std::thread& client : clients) client.join();
  CHECK_FALSE(has_failed);
  CHECK(idle.is_closed());
}

TEST_CASE("threads answer rightly through reloads and states and drains") {
  const Place place;
  place.write_config("127.0.0.1/32",
                     ", decision_log: {file: decisions.ndjson, sample: 0.02, snapshot_dir: kept}");
  Serving serving(place.arguments());
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      HttpConnection connection(serving.port());
      std::uint64_t version = 0;
      while (!is_over) {
        const HttpAnswer answer = connection.get(kRoute);
        const json::object decision = json::parse(answer.body).as_object();
        // Always somebody: at most one edge is drained, one down. Versions never go back.
        const auto now = decision.at("snapshot_version").to_number<std::uint64_t>();
        const bool is_right =
            answer.status == 200 && decision.at("edge").is_string() && now >= version;
        version = now;
        wrong += is_right ? 0 : 1;
        ++answered;
      }
    });
  }
  HttpConnection admin(serving.admin_port());
  for (int i = 0; i < 12; ++i) {
    const std::string fleet = i % 2 == 0 ? "fra1" : "fra2";
    place.write_fleet(fleet, fleet);
    serving.signal(SIGHUP);
    for (int k = 0; k < 20; ++k) {
      const char* mode = k % 2 == 0 ? "down" : "ready";
      CHECK(admin.post("/v1/state", fmt::format(R"({{"edge":"ams1","mode":"{}"}})", mode)).status ==
            204);
      CHECK(admin.post(k % 4 < 2 ? "/v1/edges/nrt1/drain" : "/v1/edges/nrt1/undrain").status ==
            204);
      CHECK(admin.get("/v1/edges").status == 200);
      CHECK(admin.get("/metrics").status == 200);
    }
  }
  is_over = true;
  for (std::thread& client : clients) client.join();
  CHECK(serving.stop() == 0);
  CHECK(answered > 100);
  CHECK(wrong == 0);
  CHECK(serving.said().find("ThreadSanitizer") == std::string::npos);
  const std::string log = (place.folder().path() / "decisions.ndjson").string();
  const test::Outcome again = test::run(
      EDGEWARD_BINARY,
      {"replay", log, "--json", "--snapshots", (place.folder().path() / "kept").string()});
  CAPTURE(again.out, again.err);
  CHECK(again.exit_code == 0);
  const json::value made = json::parse(again.out);
  CHECK(made.at("same").to_number<double>() ==
        Approx(0.02 * static_cast<double>(answered)).epsilon(0.3));
}

TEST_CASE("who asks for too much is refused early, and answered when it is over") {
  const Place place;
  place.write_config("127.0.0.1/32", ", limits: {delay: 1ms, body: 8MiB}");
  std::string config = test::read_file((place.folder().path() / "edgeward.yaml").string());
  config.replace(config.find("workers: 2"), 10, "workers: 1");
  place.folder().write("edgeward.yaml", config);
  Serving serving(place.arguments());
  // What is wrong takes longest, and is soon sent: the service is to be late, not the crowd.
  std::string batch;
  for (int i = 0; i < 9000; ++i) batch += "{\"clinet\":1}\n";
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> crowd;
  for (int i = 0; i < 16; ++i) {
    crowd.emplace_back([&] {
      std::optional<HttpConnection> connection;
      while (!is_over) {
        if (!connection) connection.emplace(serving.port());
        const HttpAnswer answer = connection->post("/v1/route", batch, "application/x-ndjson");
        wrong += answer.status == 200 || answer.status == 503 ? 0 : 1;
        if (answer.status != 200) connection.reset();
      }
    });
  }
  // Somebody in the crowd, who wants little.
  HttpAnswer refused;
  while (refused.status != 503) {
    HttpConnection connection(serving.port());
    refused = connection.get(kRoute);
    REQUIRE((refused.status == 200 || refused.status == 503));
    if (refused.status == 503) {
      CHECK(refused.field("Retry-After") == "1");
      CHECK(refused.field("Connection") == "close");
      CHECK(connection.is_closed());
    }
  }
  // Operators are heard.
  HttpConnection admin(serving.admin_port());
  CHECK(admin.get("/v1/edges").status == 200);
  is_over = true;
  for (std::thread& one : crowd) one.join();
  CHECK(wrong == 0);
  int in_a_row = 0;
  while (in_a_row < 100) {
    HttpConnection connection(serving.port());
    in_a_row = connection.get(kRoute).status == 200 ? in_a_row + 1 : 0;
  }
}

TEST_CASE("slow and idle connections are ended, each in its way") {
  const Place place;
  place.write_config("127.0.0.1/32", ", limits: {idle: 300ms, request: 300ms}");
  Serving serving(place.arguments());
  HttpConnection idle(serving.port());
  HttpConnection slow(serving.port());
  slow.send("GET / HTT");
  const HttpAnswer answer = slow.receive();
  CHECK(answer.status == 408);
  CHECK(answer.field("Connection") == "close");
  CHECK(slow.is_closed());
  CHECK(idle.is_closed());
}

TEST_CASE("too many connections of one peer are told so, others are served") {
  const Place place;
  place.write_config("127.0.0.1/32", ", limits: {connections_per_peer: 4}");
  Serving serving(place.arguments());
  std::vector<std::unique_ptr<HttpConnection>> connections;
  int served = 0;
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    connections.push_back(std::make_unique<HttpConnection>(serving.port()));
    int status = 0;
    try {
      status = connections.back()->get("/healthz").status;
    } catch (const std::exception&) {
      status = 503;  // its answer was lost to the close that follows it at once
    }
    (status == 200 ? served : refused) += 1;
  }
  CHECK(served >= 4);
  CHECK(served <= 8);  // four at each of two workers
  CHECK(refused == 20 - served);
}

TEST_CASE("metrics are what promtool takes") {
  if (!std::filesystem::exists("/usr/bin/promtool")) {
    return test::skip("promtool is not installed");
  }
  Serving serving({});
  HttpConnection admin(serving.admin_port());
  const HttpAnswer answer = admin.get("/metrics");
  CHECK(answer.status == 200);
  const test::Outcome outcome = test::run("/usr/bin/promtool", {"check", "metrics"}, answer.body);
  INFO(outcome.out << outcome.err);
  CHECK(outcome.exit_code == 0);
}

TEST_CASE("a port in use, and an admin listener open to all without a token, end it at once") {
  const Place place;
  Serving serving(place.arguments());
  std::vector<std::string> arguments{"serve"};
  for (const std::string& argument : place.arguments()) arguments.push_back(argument);
  arguments.insert(arguments.end(), {"--listen", fmt::format("127.0.0.1:{}", serving.port())});
  const test::Outcome taken = test::run(EDGEWARD_BINARY, arguments);
  CHECK(taken.exit_code == 2);
  CHECK(taken.err.find("Address already in use") != std::string::npos);
  arguments.back() = "127.0.0.1:0";
  arguments.insert(arguments.end(), {"--admin", "0.0.0.0:0"});
  const test::Outcome open = test::run(EDGEWARD_BINARY, arguments);
  CHECK(open.exit_code == 2);
  CHECK(open.err.find("admin_token_file") != std::string::npos);
}

}  // namespace edgeward
