#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cache/ids.hpp"

namespace edgeward::cache {

/// A map from objects to small values for a few of a trace's objects: open addressing with linear
/// probing, key and value side by side, at most half full, so that a look-up is mostly one memory
/// access, which prefetch() can begin. Nothing is left behind by erase(). Not for kNoObject.
template <class Value>
class ObjectMap {
 public:
  ObjectMap() : slots_(kSlotsMin) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  void prefetch(ObjectIndex object) const { __builtin_prefetch(&slots_[home(object)]); }

  /// Valid until the next insertion or erasure; null if it is not there.
  [[nodiscard]] const Value* find(ObjectIndex object) const {
    const Slot& slot = slots_[position(object)];
    return slot.object == object ? &slot.value : nullptr;
  }

  [[nodiscard]] Value* find(ObjectIndex object) {
    return const_cast<Value*>(std::as_const(*this).find(object));
  }

  void insert_or_assign(ObjectIndex object, Value value) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[position(object)];
    size_ += slot.object == kNoObject ? 1 : 0;
    slot = {.object = object, .value = std::move(value)};
  }

  /// Closes the gap, so that no probe stops short. Whether it was there.
  bool erase(ObjectIndex object) {
    std::size_t gap = position(object);
    if (slots_[gap].object == kNoObject) return false;
    for (std::size_t at = after(gap); slots_[at].object != kNoObject; at = after(at)) {
      const std::size_t probes = (at - home(slots_[at].object)) & mask();
      if (probes < ((at - gap) & mask())) continue;
      slots_[gap] = slots_[at];
      gap = at;
    }
    slots_[gap] = {};
    --size_;
    return true;
  }

 private:
  struct Slot {
    ObjectIndex object = kNoObject;
    Value value{};
  };

  static constexpr std::size_t kSlotsMin = 64;  // a power of two, as all sizes

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t after(std::size_t at) const { return (at + 1) & mask(); }
  [[nodiscard]] std::size_t home(ObjectIndex object) const {
    const std::uint64_t mixed = object * std::uint64_t{0x9E3779B97F4A7C15};
    return static_cast<std::size_t>(mixed >> 32) & mask();
  }
  /// Where the object is, or would be.
  [[nodiscard]] std::size_t position(ObjectIndex object) const {
    std::size_t at = home(object);
    while (slots_[at].object != object && slots_[at].object != kNoObject) at = after(at);
    return at;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.object != kNoObject) slots_[position(slot.object)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace edgeward::cache
