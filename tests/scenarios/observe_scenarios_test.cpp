#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/exposition.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

using test::Exposition;
using test::HttpConnection;
using test::Serving;

/// A configuration of one worker and two edges that needs no database.
class Place {
 public:
  explicit Place(const std::string& serve) {
    write(
        fmt::format("fleet: {{origin: {{lat: 38.94, lon: -77.46}}, edges: {{\n"
                    "  fra1: {{lat: 50.03, lon: 8.57, storage: 1TiB, addresses: [192.0.2.1]}},\n"
                    "  ams1: {{lat: 52.31, lon: 4.76, storage: 1TiB}}}}}}\n"
                    "geo: {{databases: []}}\n"
                    "services: {{www.cdn.example: {{}}}}\n"
                    "serve: {{tick: 20ms, workers: 1, unreported_edges: ready{}}}\n",
                    serve));
  }
  void write(std::string_view text) const { folder_.write("edgeward.yaml", text); }
  [[nodiscard]] std::vector<std::string> arguments() const {
    return {"--config", (folder_.path() / "edgeward.yaml").string()};
  }

 private:
  test::TemporaryFolder folder_;
};

Exposition scrape(HttpConnection& admin) {
  return Exposition(admin.get("/metrics").body);
}

/// Scrapes until it holds; what was counted shows from the next tick on.
template <class Holds>
bool comes_true(HttpConnection& admin, Holds holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds(scrape(admin))) {
    if (std::chrono::steady_clock::now() > end) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("what was answered over HTTP and DNS is in the metrics, each under its labels") {
  const Place place("");
  Serving serving(place.arguments());
  HttpConnection admin(serving.admin_port());
  {
    HttpConnection connection(serving.port());
    std::string pipelined;
    for (int i = 0; i < 40; ++i) {
      pipelined += fmt::format("GET /r/{} HTTP/1.1\r\nHost: x\r\n\r\n", i);
    }
    connection.send(pipelined + "GET /r/1 HTTP/9.9\r\n\r\n");  // and one that cannot be read
    for (int i = 0; i < 40; ++i) CHECK(connection.receive().status == 302);
    CHECK(connection.receive().status >= 400);
  }
  double decisions = 40;
  double dns_answers = 0;
  if (std::filesystem::exists("/usr/bin/dig")) {
    const std::string port = fmt::format("{}", serving.dns_port());
    for (const char* transport : {"+notcp", "+tcp", "+tcp"}) {
      const test::Outcome outcome = test::run(
          "/usr/bin/dig", {"@127.0.0.1", "-p", port, "+short", transport, "www.cdn.example"});
      CHECK(outcome.out == "192.0.2.1\n");
      ++decisions;
    }
    (void)test::run("/usr/bin/dig", {"@127.0.0.1", "-p", port, "+short", "example.com"});
    dns_answers = 4;
  }
  CHECK(comes_true(admin, [&](const Exposition& metrics) {
    return metrics.sum("edgeward_decisions_total") == decisions &&
           metrics.sum("edgeward_dns_request_duration_seconds_count") == dns_answers &&
           metrics.sum("edgeward_connections", {{"listener", "clients"}}) == 0 &&
           metrics.sum("edgeward_connections", {{"listener", "dns"}}) == 0;
  }));
  const Exposition metrics = scrape(admin);
  CHECK(metrics.sum("edgeward_decisions_total",
                    {{"source", "fallback"}, {"service", "www.cdn.example"}}) == decisions);
  CHECK(metrics.sum("edgeward_edge_decisions_total") == decisions);
  const double http =
      metrics.sum("edgeward_http_request_duration_seconds_count", {{"listener", "clients"}});
  CHECK(http == 41);
  CHECK(http == metrics.sum("edgeward_http_answers_total", {{"listener", "clients"}}));
  CHECK(metrics.sum("edgeward_http_answers_total", {{"listener", "clients"}, {"status", "3xx"}}) ==
        40);
  const double spent =
      metrics.sum("edgeward_http_request_duration_seconds_sum", {{"listener", "clients"}});
  CHECK(spent > 0);
  CHECK(spent < 41 * 30);
  CHECK(metrics.sum("edgeward_connections_opened_total", {{"listener", "clients"}}) == 1);
  if (decisions == 40) return test::skip("dig is not installed");
  for (const char* transport : {"udp", "tcp"}) {
    CHECK(metrics.sum("edgeward_dns_answers_total", {{"transport", transport}}) == 2);
    CHECK(metrics.sum("edgeward_dns_request_duration_seconds_count", {{"transport", transport}}) ==
          2);
  }
  CHECK(metrics.sum("edgeward_dns_answers_total", {{"code", "REFUSED"}}) == 1);
  CHECK(metrics.sum("edgeward_connections_opened_total", {{"listener", "dns"}}) == 2);
}

TEST_CASE("connections that were refused or waited for in vain are counted") {
  const Place place(", limits: {connections_per_peer: 3, idle: 2s, request: 2s}");
  Serving serving(place.arguments());
  {
    // One after the other: listeners are not bound to accept in the order of connecting.
    HttpConnection admin(serving.admin_port());
    const auto clients_are = [&](double count) {
      return comes_true(admin, [&](const Exposition& metrics) {
        return metrics.sum("edgeward_connections", {{"listener", "clients"}}) == count;
      });
    };
    CHECK(clients_are(0));
    HttpConnection idle(serving.port());
    CHECK(clients_are(1));
    HttpConnection slow(serving.port());
    slow.send("GET / HTT");
    CHECK(clients_are(2));
    const HttpConnection refused(serving.port());
    CHECK(comes_true(admin, [](const Exposition& metrics) {
      return metrics.sum("edgeward_connections_refused_total") == 1;
    }));
    CHECK(slow.receive().status == 408);
    CHECK(idle.is_closed());
    CHECK(slow.is_closed());
  }
  HttpConnection admin(serving.admin_port());  // the other one was idle for too long itself
  CHECK(comes_true(admin, [](const Exposition& metrics) {
    return metrics.sum("edgeward_connections", {{"listener", "clients"}}) == 0;
  }));
  const Exposition metrics = scrape(admin);
  CHECK(metrics.sum("edgeward_connections_refused_total") == 1);
  CHECK(metrics.sum("edgeward_connections_refused_total",
                    {{"listener", "clients"}, {"limit", "connections_per_peer"}}) == 1);
  CHECK(metrics.sum("edgeward_connections_timed_out_total", {{"listener", "clients"}}) == 2);
  CHECK(metrics.sum("edgeward_connections_timed_out_total",
                    {{"listener", "clients"}, {"waiting_for", "idle"}}) == 1);
  CHECK(metrics.sum("edgeward_connections_timed_out_total",
                    {{"listener", "clients"}, {"waiting_for", "request"}}) == 1);
  CHECK(metrics.sum("edgeward_http_answers_total", {{"listener", "clients"}, {"status", "4xx"}}) ==
        1);
  CHECK(metrics.sum("edgeward_http_answers_total", {{"listener", "clients"}, {"status", "5xx"}}) ==
        1);
}

namespace {

namespace json = boost::json;

/// Every line that was said, each an object with time, level and message.
std::vector<json::object> log_of(const std::string& said) {
  std::vector<json::object> lines;
  std::istringstream text(said);
  for (std::string line; std::getline(text, line);) {
    INFO(line);
    lines.push_back(json::parse(line).as_object());
    for (const char* name : {"time", "level", "message"}) CHECK(lines.back().contains(name));
  }
  return lines;
}

/// A field's text, or its value as JSON.
std::string text_of(const json::object& line, std::string_view name) {
  const json::value& value = line.at(name);
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

/// The first line with that message; fails the test where there is none.
json::object line_with(const std::vector<json::object>& lines, std::string_view message) {
  for (const json::object& line : lines) {
    if (text_of(line, "message").starts_with(message)) return line;
  }
  throw std::runtime_error("no such line: " + std::string(message));
}

}  // namespace

TEST_CASE("the log tells what happened, a JSON object a line, whatever a file holds") {
  const Place place(", log: {format: json}, limits: {connections_per_peer: 2}");
  Serving serving(place.arguments());
  {
    HttpConnection admin(serving.admin_port());
    HttpConnection client(serving.port());
    for (int i = 0; i < 7; ++i) CHECK(client.get("/r/a").status == 302);
    const HttpConnection refused(serving.port());
    CHECK(admin.post("/v1/edges/fra1/drain").status == 204);
    serving.wait_for("an edge changed its mode");
    serving.wait_for("clients were refused");
    serving.signal(SIGHUP);
    serving.wait_for("reloaded");
    place.write("fleet: {}\n\"x\\n{\\\"\\x85\\u202e\": 1\n");
    CHECK(admin.post("/v1/reload").status == 202);
    serving.wait_for("unknown key");  // the last of its errors
  }
  CHECK(serving.stop() == 0);
  const std::vector<json::object> lines = log_of(serving.said());
  const json::object starting = line_with(lines, "starting");
  CHECK(text_of(starting, "edges") == "2");
  CHECK(text_of(starting, "config") == place.arguments().back());
  CHECK(text_of(line_with(lines, "listening"), "listen") ==
        fmt::format("127.0.0.1:{}", serving.port()));
  const json::object changed = line_with(lines, "an edge changed its mode");
  CHECK(text_of(changed, "edge") == "fra1");
  CHECK(text_of(changed, "from") == "ready");
  CHECK(text_of(changed, "to") == "drain");
  CHECK(text_of(changed, "drained") == "true");
  CHECK(text_of(line_with(lines, "clients were refused"), "connections_per_peer") == "1");
  CHECK(text_of(line_with(lines, "reloaded"), "cause") == "SIGHUP");
  std::string errors;
  for (const json::object& line : lines) {
    if (text_of(line, "message") != "reload refused, going on as before") continue;
    CHECK(text_of(line, "cause") == "POST /v1/reload");
    CHECK(text_of(line, "level") == "error");
    errors += text_of(line, "error");
  }
  CHECK(errors.find("unknown key 'x") != std::string::npos);
  CHECK(text_of(line_with(lines, "draining"), "cause") == "SIGTERM");
  const json::object stopped = line_with(lines, "stopped");
  CHECK(text_of(stopped, "decisions") == "7");
  CHECK(text_of(stopped, "connections") == "2");
  CHECK(lines.back() == stopped);
}

TEST_CASE("the command line says how to log, and the level keeps the rest back") {
  const Place place(", log: {level: debug}");
  Serving serving([&] {
    std::vector<std::string> arguments = place.arguments();
    arguments.insert(arguments.end(), {"--log-format", "json"});
    return arguments;
  }());
  serving.wait_for("a snapshot was published");
  CHECK(text_of(line_with(log_of(serving.said()), "a snapshot was published"), "level") == "debug");

  // Nothing but the error that ends it, which is for people.
  std::vector<std::string> arguments{"serve"};
  for (const std::string& argument : place.arguments()) arguments.push_back(argument);
  arguments.insert(arguments.end(), {"--listen", fmt::format("127.0.0.1:{}", serving.port()),
                                     "--log-level", "error"});
  const test::Outcome taken = test::run(EDGEWARD_BINARY, arguments);
  CHECK(taken.exit_code == 2);
  CHECK(taken.err.find("edgeward: cannot listen on") == 0);
  arguments.back() = "loud";
  const test::Outcome unknown = test::run(EDGEWARD_BINARY, arguments);
  CHECK(unknown.exit_code == 2);
  CHECK(unknown.err.find("--log-level") != std::string::npos);
}

}  // namespace edgeward
