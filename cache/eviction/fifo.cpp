#include <memory>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

/// First in, first out: a hit changes nothing, eviction takes the object inserted longest ago.
/// A singly linked queue: older objects point to the one inserted after them.
class Fifo final : public PolicyBase<Fifo> {
 public:
  explicit Fifo(const CacheSpec& spec) : PolicyBase(spec), after_(universe(), kAbsent) {}

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&after_[object], 1); }

  [[nodiscard]] bool lookup(ObjectIndex object) const { return contains(object); }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict();
    if (objects() == 0) {
      oldest_ = object;
    } else {
      after_[newest_] = object;
    }
    newest_ = object;
    after_[object] = kNoObject;
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return after_[object] != kAbsent;
  }

  void evict_next() { evict(); }

  [[nodiscard]] ObjectIndex victim() override { return objects() == 0 ? kNoObject : oldest_; }

  void check_invariants() const override {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    for (ObjectIndex object = objects() == 0 ? kNoObject : oldest_; object != kNoObject;
         object = after_[object]) {
      bytes += size_bytes(object);
      ++count;
    }
    check_totals("fifo", bytes, count);
  }

 private:
  static constexpr ObjectIndex kAbsent = kNoObject - 1;

  void evict() {
    const ObjectIndex object = oldest_;
    oldest_ = after_[object];
    after_[object] = kAbsent;
    evicted(object);
  }

  geo::HugeArray<ObjectIndex> after_;
  ObjectIndex oldest_ = kNoObject;
  ObjectIndex newest_ = kNoObject;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_fifo(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Fifo>(spec);
}

}  // namespace edgeward::cache
