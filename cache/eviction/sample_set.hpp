#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/ids.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

/// Objects in numbered slots 0 .. size() - 1, each with a State beside it, for policies that draw
/// victims at random: an insertion takes a new last slot, a removal moves the last slot's object
/// into the gap. All O(1); no allocation after construction beyond pages touched for the first
/// time.
template <class State>
class SampleSet {
 public:
  struct Slot {
    ObjectIndex object = kNoObject;
    State state;
  };

  explicit SampleSet(std::size_t universe) : slot_of_(universe, kAbsent) {
    slots_.reserve(universe);
  }

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&slot_of_[object], 1); }

  [[nodiscard]] bool contains(ObjectIndex object) const { return slot_of_[object] != kAbsent; }
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] const Slot& slot(std::size_t i) const { return slots_[i]; }

  /// Of a contained object.
  [[nodiscard]] State& state(ObjectIndex object) { return slots_[slot_of_[object]].state; }
  [[nodiscard]] const State& state(ObjectIndex object) const {
    return slots_[slot_of_[object]].state;
  }

  void insert(ObjectIndex object, const State& state) {
    assert(!contains(object));
    slot_of_[object] = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back({object, state});
  }

  void erase(ObjectIndex object) {
    const std::uint32_t gap = slot_of_[object];
    slots_[gap] = slots_.back();
    slot_of_[slots_[gap].object] = gap;
    slot_of_[object] = kAbsent;
    slots_.pop_back();
  }

  /// The object of least rank(slot) among `samples` slots drawn with replacement, of all slots
  /// (without a draw, in their order) where there are no more than that; the first seen of equals.
  /// The set must not be empty.
  template <class Draw, class Rank>
  [[nodiscard]] ObjectIndex least(std::uint64_t samples, Draw& draw, Rank rank) const {
    assert(size() > 0);
    const bool all = size() <= samples;
    const std::uint64_t count = all ? size() : samples;
    const Slot* best = nullptr;
    double least_rank = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const Slot& seen = slots_[all ? i : draw.below(size())];
      const double seen_rank = rank(seen);
      if (best != nullptr && !(seen_rank < least_rank)) continue;
      best = &seen;
      least_rank = seen_rank;
    }
    return best->object;
  }

 private:
  static constexpr std::uint32_t kAbsent = 0xFFFF'FFFF;

  std::vector<Slot> slots_;
  geo::HugeArray<std::uint32_t> slot_of_;
};

}  // namespace edgeward::cache
