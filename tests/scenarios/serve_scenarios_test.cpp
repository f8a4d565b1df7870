#include <fmt/format.h>

#include <atomic>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenarios/serving.hpp"
#include "tests/scenarios/three_edges.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using test::edge_of;
using test::HttpAnswer;
using test::HttpConnection;
using test::kRoute;
using test::Serving;
using test::wait_for_edge;
using Place = test::ThreeEdges;

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

TEST_CASE("who asks for too much is refused early, and answered when it is over") {
  const Place place;
  place.write_config("127.0.0.1/32", ", limits: {delay: 1ms, body: 8MiB}");
  std::string config = test::read_file((place.folder().path() / "edgeward.yaml").string());
  config.replace(config.find("workers: 2"), 10, "workers: 1");
  place.folder().write("edgeward.yaml", config);
  Serving serving(place.arguments());
  test::Crowd crowd([&] { return std::make_unique<HttpConnection>(serving.port()); });
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
  crowd.end();
  CHECK(crowd.wrong() == 0);
  CHECK(crowd.cut_off() == 0);
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
