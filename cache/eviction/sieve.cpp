#include <memory>
#include <stdexcept>

#include "cache/eviction/index_list.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

/// SIEVE: Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is simpler than LRU", NSDI 2024. A queue
/// that hits do not reorder: a hit sets the object's bit. The hand walks from the oldest to the
/// newest and round again, clears set bits and evicts the first object whose bit is clear; new
/// objects enter at the newest end, wherever the hand is. The bits lie apart from the links, so
/// that a hit touches one byte.
class Sieve final : public PolicyBase<Sieve> {
 public:
  explicit Sieve(const CacheSpec& spec)
      : PolicyBase(spec), states_(universe(), kAbsent), links_(universe()) {}

  void prefetch(ObjectIndex object) const {
    __builtin_prefetch(&states_[object], 1);
    __builtin_prefetch(&links_[object], 1);
  }

  bool lookup(ObjectIndex object) {
    if (!contains(object)) return false;
    states_[object] = kVisited;
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict();
    list_.push_front(links_.data(), object);
    states_[object] = kCached;
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return states_[object] != kAbsent;
  }

  void evict_next() { evict(); }

  [[nodiscard]] ObjectIndex victim() override {
    if (list_.empty()) return kNoObject;
    if (hand_ == kNoObject) hand_ = list_.back();
    while (states_[hand_] == kVisited) {
      states_[hand_] = kCached;
      hand_ = links_[hand_].newer;
      if (hand_ == kNoObject) hand_ = list_.back();
    }
    return hand_;
  }

  void check_invariants() const override {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    bool hand_is_inside = hand_ == kNoObject;
    for (ObjectIndex object = list_.front(); object != kNoObject && count <= universe();
         object = links_[object].older) {
      if (object == hand_) hand_is_inside = true;
      bytes += size_bytes(object);
      ++count;
    }
    if (!hand_is_inside) throw std::logic_error("sieve: the hand is on an object not cached");
    check_totals("sieve", bytes, count);
  }

 private:
  enum State : std::uint8_t { kAbsent, kCached, kVisited };

  void evict() {
    const ObjectIndex object = victim();
    hand_ = links_[object].newer;
    list_.erase(links_.data(), object);
    states_[object] = kAbsent;
    evicted(object);
  }

  geo::HugeArray<State> states_;
  geo::HugeArray<Link> links_;
  IndexList list_;
  ObjectIndex hand_ = kNoObject;  ///< kNoObject: the oldest
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_sieve(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Sieve>(spec);
}

}  // namespace edgeward::cache
