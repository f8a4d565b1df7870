#include "controller/service/decision_log.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/policy/worlds.hpp"
#include "tests/support.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

policy::World world() {
  policy::World world;
  world.add_edge("fra1", {50.03, 8.57});
  world.add_edge("ams1", {52.31, 4.76});
  world.add_place({50.11, 8.68});
  world.add_place({52.37, 4.9}, "NL");
  return world;
}

std::shared_ptr<const policy::Snapshot> snapshot(const policy::World& world,
                                                 std::uint64_t version) {
  policy::Snapshot snapshot = world.snapshot();
  snapshot.version = version;
  return std::make_shared<const policy::Snapshot>(snapshot);
}

LoggedDecision logged(const policy::Snapshot& snapshot, std::size_t place, std::string key) {
  const policy::Request request{.at_ms = 1'795'692'316'364,
                                .client = policy::World::client(place, 0x77),
                                .content = cache::content_id(key),
                                .size_bytes = 12};
  const policy::Client client = policy::locate(request.client, snapshot.fleet->map());
  return {request, client, policy::route(request, client, snapshot), std::move(key)};
}

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::string rest = test::read_file(file);
  for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
    lines.push_back(rest.substr(0, end));
  }
  CHECK(rest.empty());
  return lines;
}

}  // namespace

TEST_CASE("the sampler takes the part that was asked for, without a rhythm") {
  for (const double ratio : {0.5, 0.1, 0.01}) {
    DecisionSampler sampler(ratio, 5);
    constexpr int kAsked = 400'000;
    int taken = 0;
    int twice_running = 0;
    bool was_taken = false;
    for (int i = 0; i < kAsked; ++i) {
      const bool is_taken = sampler.takes();
      taken += is_taken ? 1 : 0;
      twice_running += is_taken && was_taken ? 1 : 0;
      was_taken = is_taken;
    }
    CHECK(taken == Approx(kAsked * ratio).epsilon(0.05));
    // Independent of what came before.
    CHECK(twice_running == Approx(kAsked * ratio * ratio).epsilon(0.3));
  }
  DecisionSampler all(1, 1);
  DecisionSampler none(0, 1);
  for (int i = 0; i < 1000; ++i) {
    CHECK(all.takes());
    CHECK_FALSE(none.takes());
  }
}

TEST_CASE("a line says what was decided and for whom, no closer than is wanted") {
  const policy::World places = world();
  const auto now = snapshot(places, 41);
  const LoggedDecision decision = logged(*now, 1, "/a\"b");
  const std::string line = decision_line(decision, *now, LoggedClient::prefix);
  REQUIRE(line.ends_with("}\n"));
  REQUIRE(line.find('\n') == line.size() - 1);
  const json::value value = json::parse(line);
  const json::object& object = value.get_object();
  CHECK(object.at("at").as_double() == 1'795'692'316.364);
  CHECK(object.at("client") == "0.0.2.0/24");
  CHECK(object.at("country") == "NL");
  CHECK(object.at("key") == "/a\"b");
  CHECK(object.at("content").as_string() == cache::to_hex(cache::content_id("/a\"b")).c_str());
  CHECK(object.at("size_bytes") == 12);
  CHECK(object.at("edge") == "ams1");
  CHECK(object.at("snapshot_version") == 41);
  const json::value whole = json::parse(decision_line(decision, *now, LoggedClient::address));
  CHECK(whole.at("client") == "0.0.2.119");
}

TEST_CASE("the log goes on with its file and turns it over when it is large") {
  const test::TemporaryFolder folder;
  const Log log({});
  const policy::World places = world();
  const auto now = snapshot(places, 1);
  DecisionLogOptions options{.file = folder.path() / "decisions.ndjson"};
  for (int start = 0; start < 2; ++start) {
    DecisionLog decisions(options, log);
    CHECK(decisions.add({now, {logged(*now, 0, "/a"), logged(*now, 1, "/b")}}));
  }
  CHECK(lines_of(*options.file).size() == 4);
  options.bytes_max = test::read_file(*options.file).size() + 10;
  {
    DecisionLog decisions(options, log);
    CHECK(decisions.add({now, {logged(*now, 0, "/a")}}));
  }
  CHECK(lines_of(*options.file).size() == 1);
  CHECK(lines_of(folder.path() / "decisions.ndjson.1").size() == 4);
  options.file = folder.path() / "no" / "such" / "folder";
  CHECK_THROWS_WITH(DecisionLog(options, log), Catch::Contains("no/such/folder"));
}

TEST_CASE("snapshots are kept for the lines that they decided, the last so many") {
  const test::TemporaryFolder folder;
  const Log log({});
  const policy::World places = world();
  policy::World others = world();
  others.fleet->edges[0].name = "fra2";
  const std::filesystem::path snapshots = folder.path() / "snapshots";
  const DecisionLogOptions options{
      .file = folder.path() / "decisions.ndjson", .snapshot_dir = snapshots, .snapshots_max = 3};
  {
    DecisionLog decisions(options, log);
    CHECK(decisions.last_version() == 0);
    for (std::uint64_t version = 5; version < 9; ++version) {
      const auto now = snapshot(version == 5 ? others : places, version);
      // Two workers tell of the same one.
      CHECK(decisions.add({now, {logged(*now, 0, "/a")}}));
      CHECK(decisions.add({now, {logged(*now, 1, "/b")}}));
    }
  }
  SnapshotReader reader(snapshots);
  CHECK_THROWS_AS(reader.read(5), SnapshotUnreadable);
  for (std::uint64_t version = 6; version < 9; ++version) {
    const policy::Excerpt kept = reader.read(version);
    CHECK(kept.snapshot.version == version);
    CHECK(kept.cells.size() == 2);
  }
  // The fleet that none of them is of is gone with its last one.
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(snapshots)) ++files;
  CHECK(files == 4);
  CHECK(SnapshotFolder(snapshots, 3).last_version() == 8);
  CHECK(SnapshotFolder(snapshots, 1).last_version() == 8);
  CHECK_THROWS_AS(reader.read(7), SnapshotUnreadable);

  std::string bytes = test::read_file(snapshots / "8.snapshot");
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::string changed = bytes;
    changed[at] ^= 0x20;
    (void)folder.write("snapshots/8.snapshot", changed);
    REQUIRE_THROWS_AS(reader.read(8), SnapshotUnreadable);
  }
  (void)folder.write("snapshots/8.snapshot", bytes);
  CHECK(reader.read(8).snapshot.version == 8);
}

}  // namespace edgeward::controller
