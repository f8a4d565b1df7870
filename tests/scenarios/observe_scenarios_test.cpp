#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <string>
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
    folder_.write(
        "edgeward.yaml",
        fmt::format("fleet: {{origin: {{lat: 38.94, lon: -77.46}}, edges: {{\n"
                    "  fra1: {{lat: 50.03, lon: 8.57, storage: 1TiB, addresses: [192.0.2.1]}},\n"
                    "  ams1: {{lat: 52.31, lon: 4.76, storage: 1TiB}}}}}}\n"
                    "geo: {{databases: []}}\n"
                    "services: {{www.cdn.example: {{}}}}\n"
                    "serve: {{tick: 20ms, workers: 1, unreported_edges: ready{}}}\n",
                    serve));
  }
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
  if (std::filesystem::exists("/usr/bin/dig")) {
    const std::string port = fmt::format("{}", serving.dns_port());
    for (const char* transport : {"+notcp", "+tcp", "+tcp"}) {
      const test::Outcome outcome = test::run(
          "/usr/bin/dig", {"@127.0.0.1", "-p", port, "+short", transport, "www.cdn.example"});
      CHECK(outcome.out == "192.0.2.1\n");
      ++decisions;
    }
    (void)test::run("/usr/bin/dig", {"@127.0.0.1", "-p", port, "+short", "example.com"});
  }
  CHECK(comes_true(admin, [&](const Exposition& metrics) {
    return metrics.sum("edgeward_decisions_total") == decisions &&
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
  const Place place(", limits: {connections_per_peer: 3, idle: 300ms, request: 300ms}");
  Serving serving(place.arguments());
  {
    HttpConnection admin(serving.admin_port());
    HttpConnection idle(serving.port());
    HttpConnection slow(serving.port());
    slow.send("GET / HTT");
    const HttpConnection refused(serving.port());
    CHECK(comes_true(admin, [](const Exposition& metrics) {
      return metrics.sum("edgeward_connections", {{"listener", "clients"}}) == 2;
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

}  // namespace edgeward
