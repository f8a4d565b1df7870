#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "cache/edge.hpp"

namespace edgeward::test {

/// A fleet of LRU caches, told as plainly as possible: maps and lists, one request at a time, every
/// rule where it applies. Shares no code with sim/replay.
struct FleetOracle {
  struct Request {
    std::int64_t at_ms = 0;             ///< since the first
    std::vector<std::uint32_t> chunks;  ///< empty: uncacheable
    std::uint64_t bytes = 0;
    geo::GeoPoint client;
    std::optional<std::size_t> recorded;  ///< edge that the log names
  };
  struct Failure {
    std::size_t edge = 0;
    std::int64_t from_ms = 0;
    std::int64_t until_ms = 0;
  };
  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t hits = 0;
    std::uint64_t delayed_hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t expired = 0;
    std::uint64_t uncacheable = 0;
    std::uint64_t bytes = 0;
    std::uint64_t hit_bytes = 0;
    std::uint64_t fetches = 0;
    std::uint64_t fetch_hits = 0;
    std::uint64_t origin_bytes = 0;
    std::uint64_t peer_bytes = 0;
    std::uint64_t latency_us = 0;
    double distance_km = 0;
    std::uint64_t evictions = 0;
  };

  // Given.
  cache::Fleet fleet;
  std::vector<std::uint64_t> sizes_bytes;  ///< by chunk
  std::uint64_t capacity_bytes = 0;        ///< of each edge
  std::optional<std::int64_t> ttl_ms;
  std::int64_t tick_ms = 10'000;
  std::vector<Failure> failures;
  std::function<double(double)> rtt_ms;
  bool is_recorded = false;  ///< else the nearest edge
  /// Requests before this one are not counted.
  std::size_t warm_up = 0;

  // Found.
  std::vector<Counts> edges;
  std::uint64_t unrouted = 0;

  void run(const std::vector<Request>& requests);

 private:
  struct Cache {
    std::vector<std::uint32_t> order;  ///< most recent first
    std::map<std::uint32_t, std::int64_t> fetched_ms;
    std::map<std::uint32_t, std::int64_t> ready_us;
    std::uint64_t used = 0;
    std::uint64_t evictions = 0;
  };
  enum class Answer { hit, delayed, expired, miss };

  [[nodiscard]] bool is_down(std::size_t edge, std::int64_t at_ms) const;
  [[nodiscard]] std::int64_t way_us(const geo::GeoPoint& a, const geo::GeoPoint& b) const;
  [[nodiscard]] std::optional<std::size_t> route(const Request& request) const;
  [[nodiscard]] bool touch(std::size_t edge, std::uint32_t chunk);
  /// What an access to an edge's cache gives, and for how long it waits.
  Answer access(std::size_t edge, std::uint32_t chunk, std::int64_t at_ms, std::int64_t& wait_us);
  std::int64_t fetch(std::size_t edge, std::uint32_t chunk, std::int64_t at_ms);
  std::int64_t pass(std::size_t edge, std::uint64_t bytes, std::int64_t at_ms);
  void start_tick(std::int64_t at_ms);

  std::vector<Cache> caches_;
  std::vector<std::set<std::uint32_t>> held_;  ///< when the tick began
  std::vector<Counts> ignored_;
  std::vector<Counts>* counts_ = &edges;
};

}  // namespace edgeward::test
