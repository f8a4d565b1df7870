#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using test::HttpConnection;
using test::Serving;

/// The demo fleet, logging every decision.
class Place {
 public:
  Place() {
    const std::string data = fmt::format("{}/data/fleets/demo.yaml", EDGEWARD_SOURCE_DIR);
    write("edgeward.yaml",
          fmt::format(
              "fleet: {}\n"
              "services: {{www.cdn.example: {{}}}}\n"
              "serve:\n"
              "  {{tick: 20ms, workers: 2, unreported_edges: ready,\n"
              "   hit_model: {{interval: 20ms}},\n"
              "   decision_log: {{file: decisions.ndjson, sample: 1, snapshot_dir: kept}}}}\n",
              data));
  }
  void write(std::string_view name, std::string_view text) const { folder_.write(name, text); }
  [[nodiscard]] std::string path(std::string_view name) const {
    return (folder_.path() / name).string();
  }
  [[nodiscard]] std::vector<std::string> arguments() const {
    return {"--config", path("edgeward.yaml")};
  }
  [[nodiscard]] test::Outcome replay(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"replay", path("decisions.ndjson"), "--snapshots",
                                       path("kept")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(EDGEWARD_BINARY, arguments);
  }

 private:
  test::TemporaryFolder folder_;
};

std::string address(std::size_t i) {
  return fmt::format("{}.{}.7.{}", 1 + i * 37 % 220, i * 91 % 256, i % 250 + 1);
}

/// Decisions for many clients, while edges come and go, get loaded and say what they hold.
void ask(const Serving& serving, std::size_t rounds) {
  HttpConnection clients(serving.port());
  HttpConnection admin(serving.admin_port());
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::size_t load = round % 10;
    for (const char* edge : {"fra1", "ams1", "lhr1", "iad1", "ord1"}) {
      CHECK(admin.post("/v1/state", fmt::format(R"({{"edge":"{}","load_ratio":0.{}}})", edge, load))
                .status == 204);
    }
    CHECK(admin.post(round % 2 == 0 ? "/v1/edges/cdg1/drain" : "/v1/edges/cdg1/undrain").status ==
          204);
    std::string events;
    std::string batch;
    for (std::size_t i = 0; i < 200; ++i) {
      events += fmt::format(
          "{{\"edge\":\"fra1\",\"client\":\"{}\",\"key\":\"/o{}\",\"size_bytes\":9,\"hit\":{}}}\n",
          address(i), i % 40, i % 3 == 0);
      batch += fmt::format("{{\"client\":\"{}\",\"content\":\"/o{}\",\"size_bytes\":{}}}\n",
                           address(i + round), i % 60, i * 100);
    }
    CHECK(admin.post("/v1/events", events, "application/x-ndjson").status == 200);
    CHECK(clients.post("/v1/route", batch, "application/x-ndjson").status == 200);
    for (std::size_t i = 0; i < 20; ++i) {
      CHECK(clients.get(fmt::format("/v1/route?client={}&content=/p{}", address(i * 3 + round), i))
                .status == 200);
    }
    CHECK(clients.get("/r/film.mp4").status == 302);
    const std::string ready = clients.get("/readyz").body;
    while (clients.get("/readyz").body == ready) {
    }
  }
}

}  // namespace

TEST_CASE("logged decisions come out the same again by the snapshots that were kept") {
  const Place place;
  {
    Serving serving(place.arguments());
    ask(serving, 8);
    const test::Outcome dig =
        test::run("/usr/bin/dig", {"@127.0.0.1", "-p", fmt::format("{}", serving.dns_port()),
                                   "www.cdn.example", "A", "+subnet=81.2.69.0/24", "+tries=1"});
    CHECK(dig.exit_code == 0);
    CHECK(serving.stop() == 0);
  }
  constexpr int kDecisions = 8 * (200 + 20 + 1) + 1;
  const test::Outcome same = place.replay({"--json"});
  CAPTURE(same.out, same.err);
  CHECK(same.exit_code == 0);
  const json::value report = json::parse(same.out);
  CHECK(report.at("decisions") == kDecisions);
  CHECK(report.at("same") == kDecisions);
  CHECK(report.at("snapshots").as_int64() > 3);

  // A restart goes on with versions that were not there before.
  {
    Serving serving(place.arguments());
    ask(serving, 1);
    CHECK(serving.stop() == 0);
  }
  const test::Outcome both = place.replay({"--json"});
  CHECK(both.exit_code == 0);
  CHECK(json::parse(both.out).at("same") == kDecisions + 221);

  // By other options some go elsewhere, and the report says where.
  place.write("near.yaml",
              test::read_file(fmt::format("{}/data/fleets/demo.yaml", EDGEWARD_SOURCE_DIR)) +
                  "\nrouting: {scoring: nearest}\n");
  const test::Outcome near = place.replay({"--fleet", place.path("near.yaml"), "--json"});
  CAPTURE(near.out, near.err);
  CHECK(near.exit_code == 0);
  const json::value other = json::parse(near.out);
  CHECK(other.at("changed_edge").as_int64() > 0);
  std::int64_t moved = 0;
  for (const json::value& move : other.at("moves").as_array()) {
    moved += move.at("decisions").as_int64();
  }
  CHECK(moved == other.at("changed_edge").as_int64());
  CHECK(other.at("distance_km").at("now").as_double() <
        other.at("distance_km").at("was").as_double());

  CHECK(place.replay({"--capacity", "1%"}).exit_code == 2);

  // The log is a request log too, of what has a key.
  const test::Outcome requests = test::run(
      EDGEWARD_BINARY, {"replay", place.path("decisions.ndjson"), "--policy", "lru", "--json"});
  CHECK(requests.exit_code == 0);
  const json::value trace = json::parse(requests.out);
  CHECK(trace.at("trace").at("skipped").at("no_key") == 1);
}

TEST_CASE("a decision log that does not fit its snapshots is told from one that does") {
  const Place place;
  {
    Serving serving(place.arguments());
    ask(serving, 2);
    CHECK(serving.stop() == 0);
  }
  const std::string log = test::read_file(place.path("decisions.ndjson"));
  std::string forged = log;
  const std::size_t at = forged.find("\"score\":") + 8;
  forged.replace(at, forged.find(',', at) - at, "0.123456");
  place.write("decisions.ndjson", forged);
  const test::Outcome changed = place.replay();
  CHECK(changed.exit_code == 1);
  CHECK(changed.out.find("1 others, 0 of them to another edge") != std::string::npos);
  CHECK(changed.out.find("line 1: ") != std::string::npos);

  place.write("decisions.ndjson", "not JSON\x1b[31m\n{\"at\":1}\n[]\n\n" + log);
  const test::Outcome bad = place.replay({"--json"});
  CHECK(bad.exit_code == 0);
  CHECK(json::parse(bad.out).at("bad_lines") == 4);
  CHECK(bad.err.find("decisions.ndjson:2: no member client") != std::string::npos);
  CHECK(bad.err.find('\x1b') == std::string::npos);

  place.write("decisions.ndjson", log);
  std::filesystem::path snapshot;
  for (const auto& entry : std::filesystem::directory_iterator(place.path("kept"))) {
    if (entry.path().extension() == ".snapshot") snapshot = entry.path();
  }
  const std::string bytes = test::read_file(snapshot);
  const std::string name = fmt::format("kept/{}", snapshot.filename().string());
  place.write(name, bytes.substr(0, bytes.size() / 2));
  const test::Outcome damaged = place.replay();
  CHECK(damaged.exit_code == 2);
  CHECK(damaged.err.find("not a snapshot, or a damaged one") != std::string::npos);
  place.write(name, bytes);
  const test::Outcome whole = place.replay();
  CHECK(whole.exit_code == 0);
  for (const auto& entry : std::filesystem::directory_iterator(place.path("kept"))) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string before = test::read_file(entry.path());
    std::string fleet = before;
    fleet.replace(fleet.find("distance: 0.3"), 13, "distance: 0.4");
    fleet.replace(fleet.find("hit: 0.4"), 8, "hit: 0.3");
    const std::string file = fmt::format("kept/{}", entry.path().filename().string());
    place.write(file, fleet);
    const test::Outcome other = place.replay();
    CHECK(other.exit_code == 2);
    CHECK(other.err.find("changed since it was written") != std::string::npos);
    place.write(file, before);
  }
  std::filesystem::remove(snapshot);
  const test::Outcome missing = place.replay();
  CHECK(missing.exit_code == 2);
  CHECK(missing.err.find("is not kept") != std::string::npos);
}

}  // namespace edgeward
