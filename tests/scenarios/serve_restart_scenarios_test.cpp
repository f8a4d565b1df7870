#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

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
using test::wait_for_edge;
using Place = test::ThreeEdges;

}  // namespace

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

}  // namespace edgeward
