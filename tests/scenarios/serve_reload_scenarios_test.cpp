#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "cache/random.hpp"
#include "tests/instrumented.hpp"
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

/// Asks for routes beside a test, as many as it is told to: on a busy machine the test gets its
/// turn.
class SteadyClient {
 public:
  explicit SteadyClient(std::uint16_t port) : thread_([this, port] { run(port); }) {}
  SteadyClient(const SteadyClient&) = delete;
  SteadyClient& operator=(const SteadyClient&) = delete;
  ~SteadyClient() { end(); }

  void ask(int requests) { turns_.release(requests); }

  /// Requests that got no edge. Ends the client.
  int unanswered() {
    end();
    return unanswered_;
  }

 private:
  void run(std::uint16_t port) {
    HttpConnection connection(port);
    while (true) {
      turns_.acquire();
      if (is_over_) return;
      const HttpAnswer answer = connection.get(kRoute);
      unanswered_ += answer.status == 200 && edge_of(answer) != "none" ? 0 : 1;
    }
  }

  void end() {
    is_over_ = true;
    turns_.release();
    if (thread_.joinable()) thread_.join();
  }

  std::counting_semaphore<> turns_{0};
  std::atomic<bool> is_over_{false};
  std::atomic<int> unanswered_{0};
  std::thread thread_;
};

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

/// Where the fleet's three cities have clients, in a database that the configuration names. Returns
/// its path.
std::filesystem::path write_database(const Place& place, const std::string& name,
                                     std::string_view places) {
  const std::filesystem::path folder = place.folder().path();
  place.folder().write("places.csv", std::string("network,lat,lon,country\n").append(places));
  REQUIRE(test::run(EDGEWARD_BINARY, {"geo", "build", (folder / "places.csv").string(), "-o",
                                      (folder / name).string()})
              .exit_code == 0);
  std::string config = test::read_file(folder / "edgeward.yaml");
  const std::size_t at = config.find("databases: []");
  if (at != std::string::npos) {
    config.replace(at, 13, "databases: [" + name + "]");
    place.folder().write("edgeward.yaml", config);
  }
  return folder / name;
}

/// While it lives, who opens the file waits, for 45 seconds at most (fcntl(2), "Leases").
class Lease {
 public:
  explicit Lease(const std::filesystem::path& file)
      : before_(std::signal(SIGIO, SIG_IGN)), file_(::open(file.c_str(), O_RDWR | O_CLOEXEC)) {
    REQUIRE(::fcntl(file_, F_SETLEASE, F_WRLCK) == 0);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    ::close(file_);
    (void)std::signal(SIGIO, before_);
  }

 private:
  void (*before_)(int);
  int file_;
};

constexpr const char* kPlaces =
    "192.0.2.0/24,50.11,8.68,DE\n198.51.100.0/24,52.4,4.9,NL\n203.0.113.0/24,35.6,139.7,JP\n";

}  // namespace

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

TEST_CASE("a reload that is asked for while one is under way comes after it") {
  const Place place;
  Serving serving(place.arguments());
  HttpConnection admin(serving.admin_port());
  for (int i = 0; i < 20; ++i) CHECK(admin.post("/v1/reload").status == 202);
  // What is written before the last one is asked for is taken in, however many were before.
  place.write_fleet("fra2", "fra2");
  CHECK(admin.post("/v1/reload").status == 202);
  HttpConnection connection(serving.port());
  wait_for_edge(connection, "fra2");
  CHECK(serving.stop() == 0);
}

namespace {

/// A service that locates by a database alone.
struct WithDatabase {
  const Place place;
  const std::filesystem::path database = write_database(place, "places.mmdb", kPlaces);
  Serving serving{arguments()};
  HttpConnection connection{serving.port()};
  HttpConnection admin{serving.admin_port()};

  [[nodiscard]] std::vector<std::string> arguments() const {
    place.folder().write("clients.csv", "prefix,lat,lon,country,edges\n");
    return place.arguments();
  }
};

}  // namespace

TEST_CASE("a reload passes databases that are being read") {
  WithDatabase started;
  auto& [place, database, serving, connection, admin] = started;
  wait_for_edge(connection, "fra1");
  std::filesystem::rename(write_database(place, "next.mmdb", "192.0.2.0/24,35.6,139.7,JP\n"),
                          database);
  {
    const Lease lease(database);
    CHECK(admin.post("/v1/reload").status == 202);
    serving.wait_for("databases are read anew");
    place.write_fleet("fra2", "fra2");
    CHECK(admin.post("/v1/reload").status == 202);
    wait_for_edge(connection, "fra2");
    CHECK(reloads(admin) == std::pair{1, 0});
    // What names other databases waits.
    (void)write_database(place, "others.mmdb", "192.0.2.0/24,52.4,4.9,NL\n");
    std::string config = test::read_file(place.folder().path() / "edgeward.yaml");
    place.folder().write("edgeward.yaml",
                         config.replace(config.find("places.mmdb"), 11, "others.mmdb"));
    CHECK(admin.post("/v1/reload").status == 202);
    for (int i = 0; i < 100; ++i) CHECK(edge_of(connection.get(kRoute)) == "fra2");
  }
  wait_for_edge(connection, "ams1");
  CHECK(reloads(admin) == std::pair{3, 0});
  CHECK(serving.stop() == 0);
}

TEST_CASE("databases that have gone back meanwhile are not put in force") {
  WithDatabase started;
  auto& [place, database, serving, connection, admin] = started;
  const std::filesystem::path before = place.folder().path() / "before.mmdb";
  std::filesystem::create_hard_link(database, before);
  std::filesystem::rename(write_database(place, "next.mmdb", "192.0.2.0/24,35.6,139.7,JP\n"),
                          database);
  {
    const Lease lease(database);
    CHECK(admin.post("/v1/reload").status == 202);
    serving.wait_for("databases are read anew");
    // Its reader may wait by name, and then meets what is there now: either way it is not wanted.
    std::filesystem::rename(before, database);
    place.write_fleet("fra2", "fra2");
    CHECK(admin.post("/v1/reload").status == 202);
    wait_for_edge(connection, "fra2");
  }
  serving.wait_for("databases that were read are wanted no more");
  CHECK(edge_of(connection.get(kRoute)) == "fra2");
  CHECK(reloads(admin) == std::pair{1, 0});
  CHECK(serving.stop() == 0);
}

TEST_CASE("databases and a fleet that change together are both in force in the end") {
  WithDatabase started;
  auto& [place, database, serving, connection, admin] = started;
  for (int i = 0; i < 10; ++i) {
    const bool is_tokyo = i % 2 == 0;
    const std::filesystem::path next =
        write_database(place, "next.mmdb", is_tokyo ? "192.0.2.0/24,35.6,139.7,JP\n" : kPlaces);
    std::filesystem::rename(next, database);
    CHECK(admin.post("/v1/reload").status == 202);
    const std::string edge = fmt::format("edge{}", i);
    place.write_fleet(is_tokyo ? "fra1" : edge, "fra.example");
    CHECK(admin.post("/v1/reload").status == 202);
    wait_for_edge(connection, is_tokyo ? "nrt1" : edge);
  }
  CHECK(reloads(admin).second == 0);
  CHECK(serving.stop() == 0);
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

TEST_CASE("a thousand damaged files leave the service answering") {
  const Place place;
  const std::filesystem::path folder = place.folder().path();
  const std::string database = test::read_file(write_database(place, "places.mmdb", kPlaces));
  const std::string config = test::read_file(folder / "edgeward.yaml");
  Serving serving(place.arguments());
  HttpConnection admin(serving.admin_port());
  const auto report_all = [&] {
    for (const char* edge : {"fra1", "ams1", "nrt1"}) {
      REQUIRE(admin.post("/v1/state", fmt::format("{{\"edge\":\"{}\"}}", edge)).status == 204);
    }
  };
  // Returns whether it was refused. Each look reports, so that no edge falls silent on a slow
  // machine: damage may well make a good configuration, in which such edges get no clients.
  auto before = reloads(admin);
  const auto reload = [&] {
    while (admin.post("/v1/reload").status != 202) {
    }
    auto after = before;
    while (after == before) {
      report_all();
      after = reloads(admin);
    }
    const bool was_refused = after.second > before.second;
    before = after;
    return was_refused;
  };
  report_all();
  SteadyClient client(serving.port());
  HttpConnection connection(serving.port());
  cache::Random random(11);
  int refused = 0;
  constexpr int kDamaged = test::kIsInstrumented ? 40 : 1000;
  for (int i = 0; i < kDamaged; ++i) {
    client.ask(20);
    const bool is_config = i % 10 < 7;
    place.folder().write(is_config ? "next.yaml" : "next.mmdb",
                         bent(is_config ? config : database, random));
    std::filesystem::rename(folder / (is_config ? "next.yaml" : "next.mmdb"),
                            folder / (is_config ? "edgeward.yaml" : "places.mmdb"));
    const std::string edge = edge_of(connection.get(kRoute));
    const bool was_refused = reload();
    if (was_refused) {
      ++refused;
      REQUIRE(edge_of(connection.get(kRoute)) == edge);
    }
    place.folder().write(is_config ? "edgeward.yaml" : "places.mmdb",
                         is_config ? config : database);
    // What was taken may say anything, such as that edges are silent after a second.
    if (!was_refused) REQUIRE_FALSE(reload());
  }
  CHECK(client.unanswered() == 0);
  CHECK(refused > kDamaged / 2);  // some damage is none that anybody could see
  wait_for_edge(connection, "fra1");
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

}  // namespace edgeward
