#pragma once

#include <algorithm>
#include <cstdint>

#include "cache/random.hpp"

namespace edgeward::cache {

struct BackoffOptions {
  std::int64_t first_ms = 50;
  std::int64_t max_ms = 5000;

  bool operator==(const BackoffOptions&) const = default;
};

/// Pauses between attempts: each is a random one of the upper half of a pause that doubles, so that
/// those who failed together do not come back together. The same seed gives the same pauses.
class Backoff {
 public:
  Backoff(const BackoffOptions& options, std::uint64_t seed) : options_(options), random_(seed) {}

  [[nodiscard]] std::int64_t next_ms() {
    pause_ms_ = std::clamp(2 * pause_ms_, options_.first_ms, options_.max_ms);
    const std::int64_t half_ms = pause_ms_ / 2;
    const auto more = random_.below(static_cast<std::uint64_t>(pause_ms_ - half_ms) + 1);
    return half_ms + static_cast<std::int64_t>(more);
  }
  /// It went well: the next pause is the first again.
  void reset() { pause_ms_ = 0; }

 private:
  BackoffOptions options_;
  Random random_;
  std::int64_t pause_ms_ = 0;
};

}  // namespace edgeward::cache
