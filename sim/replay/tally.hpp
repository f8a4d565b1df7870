#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "sim/progress.hpp"

namespace edgeward::sim {

/// What all threads of a replay have done so far. Thread-safe.
class Tally {
 public:
  /// Requests between two reports of a thread.
  static constexpr std::uint64_t kRequestsPerReport = 1 << 18;

  Tally(Progress& progress, std::uint64_t total)
      : progress_(progress), total_(std::max<std::uint64_t>(total, 1)) {}

  void add(std::uint64_t requests, std::uint64_t hits) {
    const std::uint64_t done = requests_.fetch_add(requests, std::memory_order_relaxed) + requests;
    const std::uint64_t hit = hits_.fetch_add(hits, std::memory_order_relaxed) + hits;
    progress_.report({.loading = false,
                      .done_ratio = static_cast<double>(done) / static_cast<double>(total_),
                      .requests = done,
                      .hit_ratio = static_cast<double>(hit) / static_cast<double>(done)});
  }
  [[nodiscard]] bool should_stop() const { return progress_.should_stop(); }

 private:
  Progress& progress_;
  std::uint64_t total_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> hits_{0};
};

}  // namespace edgeward::sim
