#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cache/object_map.hpp"

namespace edgeward::sim {

/// Which objects one edge is fetching, and until when. Those that are done are dropped as new ones
/// come, so it stays as small as the misses of the slowest fetch's time. Times are µs since the
/// start of the trace and never go back between calls.
class InFlight {
 public:
  /// When the object's fetch is done, if one is under way at `now_us`.
  [[nodiscard]] std::optional<std::int64_t> ready_us(cache::ObjectIndex object,
                                                     std::int64_t now_us) const {
    if (ready_us_.size() == 0) return std::nullopt;
    const std::int64_t* const found = ready_us_.find(object);
    if (found == nullptr || *found <= now_us) return std::nullopt;
    return *found;
  }

  void add(cache::ObjectIndex object, std::int64_t now_us, std::int64_t ready_us) {
    drop_done(now_us);
    if (ready_us <= now_us) return;
    ready_us_.insert_or_assign(object, ready_us);
    started_.push_back({object, ready_us});
  }

  [[nodiscard]] std::size_t size() const { return ready_us_.size(); }

 private:
  struct Fetch {
    cache::ObjectIndex object = cache::kNoObject;
    std::int64_t ready_us = 0;
  };

  /// In the order in which they started, up to the first that is under way.
  void drop_done(std::int64_t now_us) {
    while (first_ < started_.size() && started_[first_].ready_us <= now_us) {
      const cache::ObjectIndex object = started_[first_++].object;
      // Fetched anew since, it stays.
      const std::int64_t* const found = ready_us_.find(object);
      if (found != nullptr && *found <= now_us) ready_us_.erase(object);
    }
    if (2 * first_ < started_.size()) return;
    started_.erase(started_.begin(), started_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }

  cache::ObjectMap<std::int64_t> ready_us_;
  std::vector<Fetch> started_;  ///< by start, from first_ on
  std::size_t first_ = 0;
};

}  // namespace edgeward::sim
