#include <memory>
#include <stdexcept>

#include "cache/eviction/index_ring.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

/// Clock, or second chance, with one bit: Corbató, "A paging experiment with the Multics system",
/// 1968. A hit sets the object's bit, which is clear at insertion. The hand is the old end of a
/// queue: an object whose bit is set goes back to the new end with the bit cleared, one whose bit
/// is clear is evicted. A hit touches one byte.
class Clock final : public PolicyBase<Clock> {
 public:
  explicit Clock(const CacheSpec& spec)
      : PolicyBase(spec), states_(universe(), kAbsent), queue_(universe()) {}

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&states_[object], 1); }

  bool lookup(ObjectIndex object) {
    if (!contains(object)) return false;
    states_[object] = kUsed;
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict();
    queue_.push(object);
    states_[object] = kCached;
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return states_[object] != kAbsent;
  }

  void evict_next() { evict(); }

  [[nodiscard]] ObjectIndex victim() override {
    if (queue_.empty()) return kNoObject;
    while (states_[queue_.oldest()] == kUsed) {
      const ObjectIndex object = queue_.pop();
      states_[object] = kCached;
      queue_.push(object);
    }
    return queue_.oldest();
  }

  void check_invariants() const override {
    std::uint64_t bytes = 0;
    for (std::uint64_t i = 0; i < queue_.size(); ++i) {
      if (!contains(queue_.at(i))) throw std::logic_error("clock: queued but not cached");
      bytes += size_bytes(queue_.at(i));
    }
    std::uint64_t cached = 0;
    for (const State state : states_) cached += state == kAbsent ? 0 : 1;
    if (cached != queue_.size()) throw std::logic_error("clock: cached but not queued, or twice");
    check_totals("clock", bytes, queue_.size());
  }

 private:
  enum State : std::uint8_t { kAbsent, kCached, kUsed };

  void evict() {
    const ObjectIndex object = victim();
    queue_.pop();
    states_[object] = kAbsent;
    evicted(object);
  }

  geo::HugeArray<State> states_;
  IndexRing queue_;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_clock(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Clock>(spec);
}

}  // namespace edgeward::cache
