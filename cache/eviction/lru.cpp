#include <memory>

#include "cache/eviction/index_list.hpp"
#include "cache/eviction/nodes.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"

namespace edgeward::cache {

namespace {

/// Least recently used: a hit moves the object to the front of a list, eviction takes its back.
template <class Nodes>
class Lru final : public PolicyBase<Lru<Nodes>> {
  using Base = PolicyBase<Lru<Nodes>>;

 public:
  explicit Lru(const CacheSpec& spec) : Base(spec), nodes_(this->universe()) {}

  void prefetch(ObjectIndex object) const { nodes_.prefetch(object); }

  bool lookup(ObjectIndex object) {
    const ObjectIndex place = nodes_.place(object);
    if (place == kNoObject) return false;
    list_.move_to_front(nodes_.data(), place);
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!this->has_room(size)) evict();
    const ObjectIndex place = nodes_.add(object);
    list_.push_front(nodes_.data(), place);
    this->added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return nodes_.place(object) != kNoObject;
  }

  void evict_next() { evict(); }

  [[nodiscard]] ObjectIndex victim() override {
    return list_.empty() ? kNoObject : nodes_.object(list_.back());
  }

  void check_invariants() const override {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    for (ObjectIndex place = list_.front(); place != kNoObject;
         place = nodes_.data()[place].older) {
      bytes += this->size_bytes(nodes_.object(place));
      ++count;
    }
    this->check_totals("lru", bytes, count);
  }

 private:
  void evict() {
    const ObjectIndex place = list_.pop_back(nodes_.data());
    const ObjectIndex object = nodes_.object(place);
    nodes_.remove(place);
    this->evicted(object);
    // The next to go: its size is all that eviction reads beside the list.
    if (!list_.empty()) this->prefetch_size(nodes_.object(list_.back()));
  }

  Nodes nodes_;
  IndexList list_;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_lru(const CacheSpec& spec, Parameters&) {
  if (spec.is_one_of_many) return std::make_unique<Lru<SparseNodes>>(spec);
  return std::make_unique<Lru<DenseNodes>>(spec);
}

}  // namespace edgeward::cache
