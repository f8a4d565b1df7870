#include "controller/service/metrics.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "controller/service/api.hpp"
#include "tests/certificates.hpp"
#include "tests/exposition.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::controller {

namespace {

using test::Exposition;

constexpr std::int64_t kNowMs = 1'700'000'000'000;

/// Edges by these names side by side, clients of 0.0.1.0/24 beside them, services by these names.
Routing routing_of(const std::vector<std::string>& edges,
                   const std::vector<std::string>& services) {
  policy::World world;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    world.add_edge(edges[i], {50, 8 + 0.1 * static_cast<double>(i)});
  }
  world.add_place({50.1, 8.6});
  world.fallback = {.point = {50, 8}, .source = geo::LocationSource::fallback};
  world.options.services.clear();
  for (const std::string& service : services) world.options.services.push_back({.name = service});
  Routing routing;
  routing.fleet = world.fleet;
  routing.map = world.map();
  routing.part =
      std::make_shared<const policy::FleetPart>(routing.fleet, world.options, routing.map);
  routing.databases = {{.file = "world \"1\".mmdb", .type = "City", .built_at_s = 1'600'000'000}};
  return routing;
}

std::vector<std::string> numbered(std::string_view name, int from, int count) {
  std::vector<std::string> names;
  for (int i = from; i < from + count; ++i) names.push_back(fmt::format("{}{}", name, i));
  return names;
}

/// Workers without a network, and their publisher.
class Service {
 public:
  Service(const Routing& routing, std::size_t workers)
      : publisher_(routing, {.is_silent_ready = true}, kNowMs) {
    for (std::size_t i = 0; i < workers; ++i) {
      workers_.push_back(std::make_unique<Api>(ApiOptions{}, ApiActions{}, publisher_));
    }
  }

  /// The status that one worker answers an operator with.
  int get(std::size_t worker, const std::string& target) {
    HttpRequest request;
    request.method = "GET";
    request.target = target;
    HttpResponse response;
    workers_[worker]->answer(request, {.peer = {}, .is_admin = true, .now_ms = kNowMs}, response);
    return response.status;
  }
  void tick() {
    for (const auto& worker : workers_) publisher_.add(worker->tally().take());
    const auto snapshot = publisher_.tick(kNowMs, 1);
    for (const auto& worker : workers_) worker->install(snapshot);
  }
  [[nodiscard]] Exposition metrics() const {
    return Exposition(metrics_text(publisher_, {.now_ms = kNowMs + 2500, .is_ready = true}));
  }
  [[nodiscard]] Publisher& publisher() { return publisher_; }
  [[nodiscard]] Api& worker(std::size_t i) { return *workers_[i]; }

 private:
  Publisher publisher_;
  std::vector<std::unique_ptr<Api>> workers_;
};

}  // namespace

TEST_CASE("sums over labels are what was answered, however it is cut up") {
  const std::uint64_t seed = 20'261'126;
  INFO("seed " << seed);
  cache::Random random(seed);
  Service service(routing_of(numbered("edge", 0, 3), {"a", "b"}), 2);
  std::array<double, 2> asked{};
  double none = 0;
  double requests = 0;
  for (int i = 0; i < 3000; ++i) {
    if (i == 2000) {  // nobody is left
      for (const std::string& edge : numbered("edge", 0, 3)) {
        REQUIRE(service.publisher().set_drained(edge, true, kNowMs));
      }
    }
    if (i % 100 == 0) service.tick();
    const std::size_t chosen = random.below(2);
    const int status =
        service.get(random.below(2), fmt::format("/v1/route?client=0.0.{}.9&content=/{}&service={}",
                                                 random.below(3), random.below(50), "ab"[chosen]));
    ++requests;
    ++asked[chosen];
    none += status == 503 ? 1 : 0;
    if (random.below(10) == 0) {
      REQUIRE(service.get(0, "/nothing") == 404);
      ++requests;
    }
  }
  DnsOutcome outcome{.code = DnsCode::noerror, .decision = policy::Decision{}};
  outcome.decision->reason = policy::Reason::best_score;
  outcome.decision->edge = cache::EdgeId{1};
  outcome.decision->wanted = cache::EdgeId{0};
  service.worker(1).tally().count(outcome, DnsTransport::tcp);
  ++asked[0];
  service.tick();

  const Exposition metrics = service.metrics();
  const double total = asked[0] + asked[1];
  REQUIRE(none > 500);
  CHECK(metrics.sum("edgeward_decisions_total") == total);
  CHECK(metrics.sum("edgeward_decisions_total", {{"service", "a"}}) == asked[0]);
  CHECK(metrics.sum("edgeward_decisions_total", {{"service", "b"}}) == asked[1]);
  CHECK(metrics.sum("edgeward_decisions_total", {{"reason", "no_edge"}}) == none);
  CHECK(metrics.sum("edgeward_decisions_total", {{"source", "mmdb"}}) +
            metrics.sum("edgeward_decisions_total", {{"source", "fallback"}}) ==
        total);
  CHECK(metrics.sum("edgeward_decisions_total", {{"source", "mmdb"}}) > total / 4);
  CHECK(metrics.sum("edgeward_edge_decisions_total") == total - none);
  CHECK(metrics.sum("edgeward_edge_wanted_total") == total - none);
  CHECK(metrics.sum("edgeward_edge_refused_total", {{"edge", "edge0"}}) == 1);
  CHECK(metrics.sum("edgeward_edge_admitted_ratio", {{"edge", "edge0"}}) == 0);
  CHECK(metrics.sum("edgeward_edge_admitted_ratio", {{"edge", "edge1"}}) == 1);
  CHECK(metrics.sum("edgeward_http_answers_total") == requests);
  CHECK(metrics.sum("edgeward_http_answers_total", {{"status", "5xx"}}) == none);
  CHECK(metrics.sum("edgeward_dns_answers_total") == 1);
  CHECK(metrics.sum("edgeward_dns_answers_total", {{"transport", "tcp"}, {"code", "NOERROR"}}) ==
        1);
  CHECK(metrics.sum("edgeward_edge_mode") == 3);
  CHECK(metrics.sum("edgeward_edge_mode", {{"mode", "drain"}}) == 3);
}

TEST_CASE("a service keeps its count through reloads, and those too many share one") {
  // The first fleet fills all places but one.
  Service service(routing_of({"x", "y"}, numbered("s", 0, 15)), 1);
  REQUIRE(service.get(0, "/v1/route?content=/a&service=s14") == 200);
  service.tick();
  // Others before it, and more than there are places for.
  std::vector<std::string> names = numbered("new", 0, 20);
  names.insert(names.begin() + 1, "s14");
  service.publisher().replace(routing_of({"y", "z"}, names), {.is_silent_ready = true}, {}, kNowMs);
  // Decided by the old fleet, told after the reload.
  REQUIRE(service.get(0, "/v1/route?content=/a&service=s13") == 200);
  service.tick();
  for (const std::string& name : names) {
    REQUIRE(service.get(0, "/v1/route?content=/a&service=" + name) == 200);
  }
  service.tick();
  const Exposition metrics = service.metrics();
  CHECK(metrics.sum("edgeward_decisions_total") == 23);
  CHECK(metrics.sum("edgeward_decisions_total", {{"service", "s14"}}) == 2);
  CHECK(metrics.sum("edgeward_decisions_total", {{"service", "s13"}}) == 1);
  CHECK(metrics.sum("edgeward_decisions_total", {{"service", "s0"}}) == 0);
  CHECK(metrics.sum("edgeward_decisions_total", {{"service", "new0"}}) == 1);
  CHECK(metrics.sum("edgeward_decisions_total", {{"service", "(other)"}}) == 19);
  // An edge that stays keeps its count as well.
  double of_edges = 0;
  for (const test::Sample& sample : metrics.samples()) {
    if (sample.name != "edgeward_edge_decisions_total") continue;
    CHECK(sample.labels.at("edge") != "x");
    of_edges += sample.value;
  }
  CHECK(of_edges >= 21);
}

TEST_CASE("a duration counts in the first bucket that holds it, and in the sum") {
  for (std::size_t i = 0; i < DurationCounts::kBoundsNs.size(); ++i) {
    DurationCounts durations;
    durations.add(DurationCounts::kBoundsNs[i], 3);
    durations.add(DurationCounts::kBoundsNs[i] + 1, 2);
    CHECK(durations.counts()[i] == 3);
    CHECK(durations.counts()[i + 1] == 2);
    CHECK(durations.sum_ns() == static_cast<std::uint64_t>(5 * DurationCounts::kBoundsNs[i] + 2));
  }
  DurationCounts none;
  none.add(-5, 4);
  CHECK(none.counts()[0] == 4);
  CHECK(none.sum_ns() == 0);

  Service service(routing_of({"x"}, {"s"}), 2);
  service.worker(0).tally().traffic().at(ListenerKind::clients).durations.add(20'000, 7);
  service.worker(1).tally().traffic().at(ListenerKind::clients).durations.add(60'000'000'000, 1);
  service.tick();
  const Exposition metrics = service.metrics();
  const std::string family = "edgeward_http_request_duration_seconds";
  CHECK(metrics.sum(family + "_bucket", {{"listener", "clients"}, {"le", "1e-05"}}) == 0);
  CHECK(metrics.sum(family + "_bucket", {{"listener", "clients"}, {"le", "10"}}) == 7);
  CHECK(metrics.sum(family + "_bucket", {{"listener", "clients"}, {"le", "+Inf"}}) == 8);
  CHECK(metrics.sum(family + "_count", {{"listener", "clients"}}) == 8);
  CHECK(metrics.sum(family + "_sum", {{"listener", "clients"}}) == Approx(60.00014));
  CHECK(metrics.sum(family + "_count", {{"listener", "admin"}}) == 0);
}

TEST_CASE("what is in force is told with its times") {
  Service service(routing_of({"x"}, {"s"}), 1);
  service.tick();
  const auto value = [&](const char* name) { return service.metrics().sum(name); };
  CHECK(value("edgeward_ready") == 1);
  CHECK(value("edgeward_snapshot_age_seconds") == 2.5);
  CHECK(value("edgeward_last_reload_taken_timestamp_seconds") == 1'700'000'000);
  CHECK(value("edgeward_last_reload_refused_timestamp_seconds") == 0);
  service.publisher().refuse_reload("why", kNowMs + 1000);
  CHECK(value("edgeward_last_reload_refused_timestamp_seconds") == 1'700'000'001);
  CHECK(value("edgeward_last_reload_taken_timestamp_seconds") == 1'700'000'000);
  service.publisher().replace(routing_of({"x"}, {"s"}), {}, {}, kNowMs + 3000);
  CHECK(value("edgeward_last_reload_taken_timestamp_seconds") == 1'700'000'003);
  CHECK(service.metrics().sum("edgeward_database_build_timestamp_seconds",
                              {{"database", "world \"1\".mmdb"}, {"type", "City"}}) ==
        1'600'000'000);
}

TEST_CASE("certificates in force are told with their end, handshakes with what came of them") {
  const test::CertificateAuthority authority;
  authority.issue("long", 90);
  authority.issue("short", 3);
  // Of a chain the first that expires counts.
  authority.folder().write("chain.pem", test::read_file(authority.file("long.pem")) +
                                            test::read_file(authority.file("short.pem")));
  Service service(routing_of({"x"}, {"s"}), 2);
  const std::string expiry = "edgeward_tls_certificate_expiry_timestamp_seconds";
  CHECK_THROWS_AS(service.metrics().sum(expiry), std::runtime_error);
  const std::filesystem::path key = authority.file("long.key");
  service.publisher().set_tls(
      load_tls(TlsFiles{.certificate = authority.file("long.pem"), .private_key = key},
               TlsFiles{.certificate = authority.file("chain.pem"), .private_key = key}));
  const auto days = [&](const char* listener) {
    const double at = service.metrics().sum(expiry, {{"listener", listener}});
    return (at - static_cast<double>(std::time(nullptr))) / 86'400;
  };
  CHECK(days("clients") == Approx(90).margin(0.1));
  CHECK(days("admin") == Approx(3).margin(0.1));
  service.worker(0).tally().traffic().connections_of(ListenerKind::admin).handshakes_failed = 2;
  service.worker(1).tally().traffic().connections_of(ListenerKind::admin).handshakes_failed = 3;
  service.worker(1).tally().traffic().connections_of(ListenerKind::admin).handshakes_done = 7;
  service.tick();
  const auto handshakes = [&](const char* result) {
    return service.metrics().sum("edgeward_tls_handshakes_total",
                                 {{"listener", "admin"}, {"result", result}});
  };
  CHECK(handshakes("failed") == 5);
  CHECK(handshakes("done") == 7);
}

TEST_CASE("a process knows what it uses") {
  const ProcessUsage usage = process_usage();
  CHECK(usage.resident_bytes > 1'000'000);
  CHECK(usage.virtual_bytes >= usage.resident_bytes);
  CHECK(usage.open_files >= 3);
  CHECK(usage.open_files <= usage.open_files_max);
  CHECK(usage.threads >= 1);
  CHECK(usage.started_at_s > 1.6e9);
  CHECK(usage.cpu_seconds >= 0);
}

}  // namespace edgeward::controller
