#include <memory>

#include "cache/eviction/index_list.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

/// Least recently used: a hit moves the object to the front of a list, eviction takes its back.
/// An object outside the list has `newer` set to itself, so that one load tells hit from miss.
class Lru final : public PolicyBase<Lru> {
 public:
  explicit Lru(const CacheSpec& spec) : PolicyBase(spec), links_(universe()) {
    for (ObjectIndex object = 0; object < links_.size(); ++object) mark_absent(object);
  }

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&links_[object], 1); }

  bool lookup(ObjectIndex object) {
    if (!contains(object)) return false;
    list_.move_to_front(links_.data(), object);
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict();
    list_.push_front(links_.data(), object);
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return links_[object].newer != object;
  }

  [[nodiscard]] ObjectIndex victim() override { return list_.back(); }

  void check_invariants() const override {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    for (ObjectIndex object = list_.front(); object != kNoObject; object = links_[object].older) {
      bytes += size_bytes(object);
      ++count;
    }
    check_totals("lru", bytes, count);
  }

 private:
  void mark_absent(ObjectIndex object) { links_[object].newer = object; }

  void evict() {
    const ObjectIndex object = list_.pop_back(links_.data());
    mark_absent(object);
    evicted(size_bytes(object));
  }

  geo::HugeArray<Link> links_;
  IndexList list_;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_lru(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Lru>(spec);
}

}  // namespace edgeward::cache
