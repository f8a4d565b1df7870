#pragma once

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward::test {

/// A configuration of three edges that needs no database; clients of 192.0.2.0/24 are in Frankfurt.
class ThreeEdges {
 public:
  ThreeEdges() {
    folder_.write("clients.csv", "prefix,lat,lon,country,edges\n192.0.2.0/24,50.11,8.68,DE,\n");
    write_fleet("fra1", "fra1");
    write_config("127.0.0.1/32");
  }

  void write_fleet(const std::string& name, const std::string& endpoint) const {
    // Never half-way there for who reads it meanwhile.
    folder_.write("fleet.next",
                  fmt::format("origin: {{lat: 38.94, lon: -77.46}}\n"
                              "edges:\n"
                              "  {}: {{lat: 50.03, lon: 8.57, storage: 1TiB, endpoint: {}}}\n"
                              "  ams1: {{lat: 52.31, lon: 4.76, storage: 1TiB}}\n"
                              "  nrt1: {{lat: 35.76, lon: 140.39, storage: 1TiB}}\n",
                              name, endpoint));
    std::filesystem::rename(folder_.path() / "fleet.next", folder_.path() / "fleet.yaml");
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
  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
};

/// Asks for a client in Frankfurt.
inline constexpr const char* kRoute = "/v1/route?client=192.0.2.7&content=/a";

/// The edge that a decision names, or "none".
[[nodiscard]] std::string edge_of(const HttpAnswer& answer);
/// Asks until the answer's edge is that one; a tick makes it so.
void wait_for_edge(HttpConnection& connection, const std::string& wanted);

/// Clients who ask for more than one worker can do, each again as soon as it is answered. A bad
/// item takes longest and is soon sent: the service is to be late, not the crowd.
class Crowd {
 public:
  using Connect = std::function<std::unique_ptr<HttpConnection>()>;

  explicit Crowd(const Connect& connect);
  /// All have gone away.
  void end();
  ~Crowd() { end(); }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// Answers that were neither what was asked for nor "overloaded".
  [[nodiscard]] int wrong() const { return wrong_; }
  /// Connections that ended without an answer, as handshakes that are refused do.
  [[nodiscard]] int cut_off() const { return cut_off_; }

 private:
  std::atomic<bool> is_over_{false};
  std::atomic<int> wrong_{0};
  std::atomic<int> cut_off_{0};
  std::vector<std::thread> clients_;
};

}  // namespace edgeward::test
