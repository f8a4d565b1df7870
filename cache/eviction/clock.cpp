#include <memory>
#include <vector>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"

namespace edgeward::cache {

namespace {

/// Clock, or second chance, with one bit: Corbató, "A paging experiment with the Multics system",
/// 1968. A hit sets the object's bit, which is clear at insertion. The hand is the old end of a
/// queue: an object whose bit is set goes back to the new end with the bit cleared, one whose bit
/// is clear is evicted. A hit touches eight bytes and no neighbour.
class Clock final : public PolicyBase<Clock> {
 public:
  explicit Clock(const CacheSpec& spec) : PolicyBase(spec), nodes_(universe()) {}

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&nodes_[object], 1); }

  bool lookup(ObjectIndex object) {
    if (!contains(object)) return false;
    nodes_[object].is_used = true;
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict();
    nodes_[object].is_used = false;
    push(object);
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return nodes_[object].after != kAbsent;
  }

  [[nodiscard]] ObjectIndex victim() override {
    if (objects() == 0) return kNoObject;
    while (nodes_[oldest_].is_used) {
      const ObjectIndex object = pop();
      nodes_[object].is_used = false;
      push(object);
    }
    return oldest_;
  }

  void check_invariants() const override {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    for (ObjectIndex object = oldest_; object != kNoObject && count <= universe();
         object = nodes_[object].after) {
      bytes += size_bytes(object);
      ++count;
    }
    check_totals("clock", bytes, count);
  }

 private:
  static constexpr ObjectIndex kAbsent = kNoObject - 1;

  struct Node {
    ObjectIndex after = kAbsent;  ///< the object that the hand reaches next
    bool is_used = false;
  };

  void push(ObjectIndex object) {
    *(oldest_ == kNoObject ? &oldest_ : &nodes_[newest_].after) = object;
    newest_ = object;
    nodes_[object].after = kNoObject;
  }

  ObjectIndex pop() {
    const ObjectIndex object = oldest_;
    oldest_ = nodes_[object].after;
    return object;
  }

  void evict() {
    const ObjectIndex object = victim();
    pop();
    nodes_[object].after = kAbsent;
    evicted(size_bytes(object));
  }

  std::vector<Node> nodes_;
  ObjectIndex oldest_ = kNoObject;
  ObjectIndex newest_ = kNoObject;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_clock(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Clock>(spec);
}

}  // namespace edgeward::cache
