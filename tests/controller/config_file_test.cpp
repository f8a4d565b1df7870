#include "controller/config/config_file.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "controller/config/effective.hpp"
#include "tests/controller/config_support.hpp"
#include "tests/support.hpp"

namespace edgeward::controller {

namespace {

namespace fs = std::filesystem;
using test::kSmallFleet;

const fs::path kData = fs::path(EDGEWARD_SOURCE_DIR) / "data";

/// Reads files out of memory.
Config parse(const std::string& text, std::map<std::string, std::string> files = {}) {
  return parse_config(
      text, {.file = "edgeward.yaml",
             .folder = "/etc/edgeward",
             .data_folder = "/usr/share/edgeward",
             .read = [&files](const fs::path& path) -> tl::expected<std::string, std::string> {
               const auto found = files.find(path.string());
               if (found == files.end()) return tl::unexpected(std::string("No such file"));
               return found->second;
             },
             .exists = [](const fs::path& path) { return path.filename() != "gone"; }});
}

std::vector<std::string> faults(const std::string& text,
                                std::map<std::string, std::string> files = {}) {
  return test::faults_of([&] { (void)parse(text, std::move(files)); });
}

const std::map<std::string, std::string> kFiles{{"/etc/edgeward/fleet.yaml", kSmallFleet}};

}  // namespace

TEST_CASE("paths are relative to the configuration, and what it leaves out is the default") {
  const Config config = parse("fleet: fleet.yaml\ngeo: {overrides: ../o.csv}\n", kFiles);
  CHECK(config.fleet.edges.size() == 2);
  CHECK(config.routing == policy::RoutingOptions{});
  CHECK(config.geo.databases == std::vector<fs::path>{"/usr/share/edgeward/geo/world.mmdb"});
  CHECK(config.geo.overrides == fs::path("/etc/o.csv"));
  CHECK(config.geo.fallback ==
        geo::Location{.point = config.fleet.origin.point, .source = geo::LocationSource::fallback});
  const Config other = parse(
      "fleet: /etc/edgeward/./fleet.yaml\n"
      "geo: {databases: [a.mmdb, /b.mmdb], fallback: {lat: 1, lon: 2, country: no}}\n",
      kFiles);
  CHECK(other.geo.databases == std::vector<fs::path>{"/etc/edgeward/a.mmdb", "/b.mmdb"});
  CHECK(other.geo.fallback == geo::Location{.point = {1, 2},
                                            .country = *geo::parse_country("NO"),
                                            .source = geo::LocationSource::fallback});
  CHECK(parse("fleet: fleet.yaml\ngeo: {databases: []}\n", kFiles).geo.databases.empty());
}

TEST_CASE("a fleet file is a configuration without the rest") {
  const Config config = parse(kSmallFleet);
  CHECK(config.fleet == parse("fleet: fleet.yaml\n", kFiles).fleet);
  CHECK(file_kind(kSmallFleet) == FileKind::fleet);
  CHECK(file_kind("fleet: x") == FileKind::config);
  CHECK(file_kind("{geo: {}}") == FileKind::config);
  CHECK(file_kind("") == FileKind::fleet);
}

TEST_CASE("a fleet may be written into the configuration") {
  const Config config = parse(
      "fleet:\n"
      "  origin: {lat: 38.9, lon: -77.5}\n"
      "  edges: {fra1: {lat: 50.03, lon: 8.57, storage: 2TiB, services: [video]}}\n"
      "services: {video: {bias: {fra1: {ms: 4}}}}\n");
  CHECK(config.fleet.edges.size() == 1);
  CHECK(config.routing.services[0].bias_ms == std::vector<float>{4});
}

TEST_CASE("routing is laid over that of the fleet file, services have one place") {
  const std::string rest = "routing: {radius_km: 700, hit_prior: 0.2}\nservices: {video: {}}\n";
  const Config config =
      parse("fleet: f\nrouting: {hit_prior: 0.3}\n", {{"/etc/edgeward/f", kSmallFleet + rest}});
  CHECK(config.routing.radius_km == 700);
  CHECK(config.routing.hit_prior == 0.3);
  CHECK(config.routing.services[0].name == "video");
  const auto twice =
      faults("fleet: f\nservices: {web: {}}\n", {{"/etc/edgeward/f", kSmallFleet + rest}});
  CHECK(twice == std::vector<std::string>{
                     "2:1: services: /etc/edgeward/f has them too; give them in one place"});
}

TEST_CASE("errors of the fleet file are told with its name, beside the configuration's own") {
  try {
    (void)parse("fleet: f\ngeo: {databses: []}\n", {{"/etc/edgeward/f", "origin: 5\n"}});
    FAIL("read");
  } catch (const ConfigError& error) {
    REQUIRE(error.faults().size() == 3);
    CHECK(error.faults()[0].text() ==
          "edgeward.yaml:2:7: geo: unknown key 'databses', did you mean 'databases'?");
    CHECK_THAT(error.faults()[1].text(), Catch::StartsWith("/etc/edgeward/f:1:1: "));
    CHECK_THAT(error.faults()[2].text(), Catch::StartsWith("/etc/edgeward/f:1:9: origin: "));
    CHECK_THAT(error.what(), Catch::Contains("did you mean 'databases'?\n/etc/edgeward/f:1:1"));
  }
}

TEST_CASE("a fleet that cannot be read is told once, without what follows from it") {
  CHECK(faults("fleet: gone\nservices: {a: {all_down: last_resort, last_resort: x}}\n") ==
        std::vector<std::string>{"1:8: fleet: /etc/edgeward/gone: No such file"});
  CHECK(faults("geo: {}\n") == std::vector<std::string>{"1:1: a configuration needs fleet"});
  CHECK(faults("fleet: [a]\n").size() == 1);
  CHECK(faults("fleet: f\n", {{"/etc/edgeward/f", "a: [\n"}}).size() == 1);
}

TEST_CASE("databases and overrides that are not there are told") {
  CHECK(faults("fleet: fleet.yaml\ngeo: {databases: [a, gone], overrides: x/gone}\n", kFiles) ==
        std::vector<std::string>{"2:22: databases: no such file: /etc/edgeward/gone",
                                 "2:40: overrides: no such file: /etc/edgeward/x/gone"});
}

TEST_CASE("what TLS is to be spoken with is judged where that is asked for, once it is all there") {
  const auto faults_of = [](const std::string& serve) {
    return test::faults_of([&] {
      (void)parse_config("fleet: fleet.yaml\nserve: {" + serve + "}\n",
                         {.file = "edgeward.yaml",
                          .folder = "/etc/edgeward",
                          .data_folder = "/usr/share/edgeward",
                          .read = [](const fs::path&) { return kSmallFleet; },
                          .exists = [](const fs::path&) { return true; },
                          .check_tls = [](const TlsFiles& files) -> std::optional<TlsFault> {
                            if (files.private_key.filename() == "good") return std::nullopt;
                            return TlsFault{.key = "private_key",
                                            .message = files.private_key.string()};
                          }});
    });
  };
  CHECK(faults_of("tls: {certificate: c, private_key: good}").empty());
  CHECK(faults_of("tls: {certificate: c, private_key: bad},\n  admin_tls: {private_key: worse,\n"
                  "  certificate: c}") ==
        std::vector<std::string>{"2:44: /etc/edgeward/bad", "3:28: /etc/edgeward/worse"});
  CHECK(faults_of("tls: {certificate: c}") ==
        std::vector<std::string>{"2:14: tls needs private_key"});
  CHECK(faults_of("tls: [c, k]").size() == 1);
}

TEST_CASE("a configuration's effective text reads back to it") {
  const Config config = parse(
      "fleet: fleet.yaml\n"
      "geo: {databases: [\"odd \\\"name\\\" \\\\.mmdb\", 'b: c #.mmdb'], overrides: o.csv,\n"
      "      rtt_observations: rtts.csv,\n"
      "      fallback: {lat: -1.5, lon: 2, country: NO}}\n"
      "routing: {scoring: latency}\n"
      "serve: {listen: '[::1]:80', admin: 127.0.0.1:1, workers: 3, tick: 250ms, state_dir: s,\n"
      "        tls: {certificate: c.pem, private_key: /k.pem},\n"
      "        admin_tls: {certificate: c, private_key: k, client_ca: a},\n"
      "        admin_token_file: t, trusted_callers: [2001:db8::/32], trusted_proxies: "
      "[10.0.0.0/8],\n"
      "        proxy_field: forwarded, unreported_edges: ready, recovery_hold: 1m,\n"
      "        log: {format: json, level: warning},\n"
      "        limits: {target: 1KiB, header: 2KiB, body: 3KiB, connections: 4,\n"
      "                 connections_per_peer: 5, idle: 6s, request: 7s, drain: 8s}}\n"
      "dns: {ttl: 9s, negative_ttl: 10s, answers: 1, client_subnet: false,\n"
      "      name_servers: [ns1.example.net], zones: [z.example],\n"
      "      nsid: 'fra \"a\"', cookie_secret_file: c,\n"
      "      rate_limit: {responses_per_second: 7, slip: 3}}\n"
      "redis: {server: 'r.example:1', control: '[::1]:2', edges: {fra1: '10.0.0.1:3'}, user: u,\n"
      "        password_file: p, connect_timeout: 4s, command_timeout: 5s}\n"
      "agent: {listen: 127.0.0.1:0, origin: 'http://o.example', parent: 'http://[::1]:8',\n"
      "        object_max: 9MiB, default_ttl: 0s, stale_if_error: 1s, report_interval: 2s,\n"
      "        purge_interval: 50ms,\n"
      "        store_threads: 3, fetch: {connect: 1s, response: 2s, stall: 3s, whole: 4s,\n"
      "        at_once: 5}, plans: {interval: 6s, prefetches: 7, bandwidth: 8Mbps, attempts: 9,\n"
      "        retry_first: 1s, retry_max: 2s, claim_after: 3s}, limits: {connections: 4,\n"
      "        idle: 5s, request: 6s, write: 7s, drain: 8s}}\n"
      "plan: {mode: cooperative, interval: 15m, horizon: 2d, objective: requests,\n"
      "       off_peak_hours: 3, fill_ratio: 0.25, share: 0.5, tracked_contents: 2000,\n"
      "       fleet_contents: 3000, sampled_contents: 4000, lease: 5s, controller: c1,\n"
      "       strategy: {requests_min: 9, hit_ratio_min: 0.5, free_min: 1GiB, growth_max: 2GiB,\n"
      "                  misses_min: 8, probability_min: 0.25, fetch_requests_min: 1.5,\n"
      "                  idle_min: 7d, block: 512B, compressed_ratio: 0.75}}\n"
      "catalog: {file: contents.csv, entries_max: 5, store: redis}\n",
      kFiles);
  CHECK(config.redis.servers.of("fra1").address ==
        cache::redis::Address{.host = "10.0.0.1", .port = 3});
  CHECK(config.redis.servers.control == cache::redis::Address{.host = "::1", .port = 2});
  CHECK(config.agent.prefetch_bps == 8'000'000);
  CHECK(config.plan.planner.share == 0.5);
  CHECK(config.plan.strategy == policy::StrategyOptions{.requests_min = 9,
                                                        .hit_ratio_min = 0.5,
                                                        .free_bytes_min = policy::kGiB,
                                                        .growth_bytes_max = 2 * policy::kGiB,
                                                        .misses_min = 8,
                                                        .probability_min = 0.25,
                                                        .fetch_requests_min = 1.5,
                                                        .idle_s_min = 7 * 86'400,
                                                        .block_bytes = 512,
                                                        .compressed_ratio = 0.75});
  CHECK(config.serve.http.body_bytes_max == 3072);
  CHECK(config.catalog == CatalogOptions{.file = "/etc/edgeward/contents.csv",
                                         .entries_max = 5,
                                         .store = CatalogBackend::redis});
  CHECK(config.serve.log == LogOptions{.format = LogFormat::json, .level = LogLevel::warning});
  CHECK(config.serve.trust.proxies.size() == 1);
  CHECK(config.serve.tls ==
        TlsFiles{.certificate = "/etc/edgeward/c.pem", .private_key = "/k.pem"});
  CHECK(config.serve.admin_tls->client_ca == fs::path("/etc/edgeward/a"));
  CHECK(config.serve.answers.cookie_secret_file == fs::path("/etc/edgeward/c"));
  const std::string text = effective_yaml(config);
  INFO(text);
  CHECK(parse(text) == config);
}

TEST_CASE("what DNS cannot answer with is told where it stands") {
  CHECK(faults("fleet: fleet.yaml\ndns:\n  name_servers: [a..b, ns1.example.net]\n  nsid: " +
                   std::string(65, 'x') + "\n",
               kFiles) ==
        std::vector<std::string>{"3:18: name_servers: expected a host name, found 'a..b'",
                                 "4:9: nsid: at most 64 bytes"});
  CHECK(faults("fleet: fleet.yaml\ndns: {zones: [a.example]}\n", kFiles) ==
        std::vector<std::string>{
            "2:14: zones: need 'name_servers', whose names lie in none of them"});
  CHECK(faults("fleet: fleet.yaml\ndns: {zones: [a.example], name_servers: [ns.a.example]}\n",
               kFiles) ==
        std::vector<std::string>{"2:41: name_servers: 'ns.a.example' lies in one of 'zones', where "
                                 "it would have no address"});
  const std::string services = "services: {x.a.example: {}}\n";
  const std::string cname =
      "dns: {cnames: [x.a.example], zones: [a.example], name_servers: [n.b]}\n";
  CHECK(
      faults("fleet: fleet.yaml\n" + services + cname, kFiles) ==
      std::vector<std::string>{
          "3:15: cnames: 'x.a.example' cannot point to edge 'fra1': its endpoint 'fra1' is no host "
          "name such as fra1.example.net",
          "3:15: cnames: 'x.a.example' cannot point to edge 'ams1': its endpoint 'ams1' is no host "
          "name such as fra1.example.net"});
  // What cannot be judged for another fault is not told beside it.
  CHECK(faults("fleet: gone\n" + services + cname).size() == 1);
}

TEST_CASE("the example configuration holds the defaults") {
  const Config example = read_config(kData / "config/edgeward.yaml", kData);
  CHECK(example.fleet == read_fleet_file(demo_fleet(kData)).fleet);
  CHECK(example.routing == policy::RoutingOptions{});
  CHECK(example.geo == GeoSources{.databases = {world_database(kData)},
                                  .fallback = {.point = example.fleet.origin.point,
                                               .source = geo::LocationSource::fallback}});
  CHECK(example.serve == ServeOptions{});
  CHECK(example.redis == RedisOptions{.is_configured = true});
  CHECK(example.agent == AgentOptions{});
  CHECK(example.plan == PlanningOptions{});
  CHECK(example.catalog == CatalogOptions{});
}

TEST_CASE("the example configuration mentions every key there is") {
  // An unknown key far from every other makes the reader list those it knows.
  const std::vector<std::string> found = faults(
      "zzzzzzzzzzzzzzzz: 1\n"
      "fleet:\n"
      "  zzzzzzzzzzzzzzzz: 1\n"
      "  origin: {lat: 1, lon: 1, zzzzzzzzzzzzzzzz: 1}\n"
      "  edges: [{name: a, lat: 1, lon: 1, storage: 1B, zzzzzzzzzzzzzzzzzzzzzzzzzz: 1}]\n"
      "geo: {zzzzzzzzzzzzzzzz: 1, fallback: {lat: 1, lon: 1, zzzzzzzzzzzzzzzz: 1}}\n"
      "routing: {zzzzzzzzzzzzzzzz: 1, weights: {zzzzzzzzzzzzzzzz: 1},\n"
      "          spread_epsilon: {zzzzzzzzzzzzzzzz: 1}}\n"
      "services: [{name: s, zzzzzzzzzzzzzzzz: 1, bias: {a: {zzzzzzzzzzzzzzzz: 1}}}]\n"
      "serve: {zzzzzzzzzzzzzzzzzzzz: 1, limits: {zzzzzzzzzzzzzzzz: 1},\n"
      "        tls: {certificate: c, private_key: k, zzzzzzzzzzzzzzzz: 1},\n"
      "        decision_log: {zzzzzzzzzzzzzzzz: 1},\n"
      "        log: {zzzzzzzzzzzzzzzz: 1}, hit_model: {zzzzzzzzzzzzzzzz: 1}}\n"
      "dns: {zzzzzzzzzzzzzzzzzzzzz: 1, rate_limit: {zzzzzzzzzzzzzzzzzzzzz: 1}}\n"
      "redis: {zzzzzzzzzzzzzzzzzzzzz: 1}\n"
      "plan: {zzzzzzzzzzzzzzzzzzzzz: 1, strategy: {zzzzzzzzzzzzzzzzzzzzz: 1}}\n"
      "catalog: {zzzzzzzzzzzzzzzzzzzzz: 1}\n"
      "agent: {zzzzzzzzzzzzzzzzzzzzz: 1, fetch: {zzzzzzzzzzzzzzzzzzzzz: 1},\n"
      "        plans: {zzzzzzzzzzzzzzzzzzzzz: 1}, limits: {zzzzzzzzzzzzzzzzzzzzz: 1}}\n");
  REQUIRE(found.size() == 27);
  std::set<std::string> keys;
  for (const std::string& fault : found) {
    const std::string start = "; known are ";
    const std::size_t at = fault.find(start);
    INFO(fault);
    REQUIRE(at != std::string::npos);
    REQUIRE(fault.find(" more", at) == std::string::npos);  // the list is whole
    std::string names = fault.substr(at + start.size()) + ", ";
    for (std::size_t end = names.find(", "); end != std::string::npos; end = names.find(", ")) {
      keys.insert(names.substr(0, end));
      names.erase(0, end + 2);
    }
  }
  CHECK(keys.size() > 40);
  CHECK(keys.contains("requests_per_second_max"));
  const std::string example = test::read_file(kData / "config/edgeward.yaml");
  for (const std::string& key : keys) {
    if (example.find(key + ":") == std::string::npos) FAIL_CHECK(key << " is not mentioned");
  }
}

TEST_CASE("a file that cannot be read is an error that names it") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_AS(read_config(folder.path() / "gone", kData), FileUnreadable);
  CHECK_THROWS_WITH(read_fleet_file(folder.path()), Catch::EndsWith(": a folder"));
}

}  // namespace edgeward::controller
