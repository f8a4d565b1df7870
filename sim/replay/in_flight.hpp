#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cache/ids.hpp"

namespace edgeward::sim {

/// Which objects one edge is fetching, and until when. Open addressing over the few that are under
/// way: those that are done are dropped as new ones come, so it stays as small as the misses of the
/// slowest fetch's time. Times are µs since the start of the trace and never go back between calls.
class InFlight {
 public:
  InFlight() : slots_(kSlotsMin) {}

  /// When the object's fetch is done, if one is under way at `now_us`.
  [[nodiscard]] std::optional<std::int64_t> ready_us(cache::ObjectIndex object,
                                                     std::int64_t now_us) const {
    if (size_ == 0) return std::nullopt;
    const Slot& slot = slots_[find(object)];
    if (slot.object != object || slot.ready_us <= now_us) return std::nullopt;
    return slot.ready_us;
  }

  void add(cache::ObjectIndex object, std::int64_t now_us, std::int64_t ready_us) {
    drop_done(now_us);
    if (ready_us <= now_us) return;
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[find(object)];
    size_ += slot.object == cache::kNoObject ? 1 : 0;
    slot = {.object = object, .ready_us = ready_us};
    started_.push_back(slot);
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    cache::ObjectIndex object = cache::kNoObject;
    std::int64_t ready_us = 0;
  };

  static constexpr std::size_t kSlotsMin = 64;  // a power of two, as all sizes

  [[nodiscard]] std::size_t home(cache::ObjectIndex object) const {
    const std::uint64_t mixed = object * std::uint64_t{0x9E3779B97F4A7C15};
    return static_cast<std::size_t>(mixed >> 32) & (slots_.size() - 1);
  }

  /// Where the object is, or would be.
  [[nodiscard]] std::size_t find(cache::ObjectIndex object) const {
    std::size_t at = home(object);
    while (slots_[at].object != object && slots_[at].object != cache::kNoObject) at = after(at);
    return at;
  }
  [[nodiscard]] std::size_t after(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }

  /// In the order in which they started, up to the first that is under way.
  void drop_done(std::int64_t now_us) {
    while (first_ < started_.size() && started_[first_].ready_us <= now_us) {
      const Slot& done = started_[first_++];
      const std::size_t at = find(done.object);
      // Fetched anew since, it stays.
      if (slots_[at].object == done.object && slots_[at].ready_us <= now_us) erase(at);
    }
    if (2 * first_ < started_.size()) return;
    started_.erase(started_.begin(), started_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }

  /// Closes the gap, so that no probe stops short.
  void erase(std::size_t gap) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = after(gap); slots_[at].object != cache::kNoObject; at = after(at)) {
      const std::size_t probes = (at - home(slots_[at].object)) & mask;
      if (probes < ((at - gap) & mask)) continue;
      slots_[gap] = slots_[at];
      gap = at;
    }
    slots_[gap] = {};
    --size_;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.object != cache::kNoObject) slots_[find(slot.object)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::vector<Slot> started_;  ///< by start, from first_ on
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace edgeward::sim
