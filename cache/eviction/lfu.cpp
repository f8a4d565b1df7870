#include <memory>

#include "cache/eviction/lazy_heap.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"

namespace edgeward::cache {

namespace {

/// Least frequently used, counting from the insertion ("in-cache LFU"; Robinson, Devarakonda, "Data
/// cache management using frequency-based replacement", SIGMETRICS 1990). Among equal counts the
/// object accessed longest ago goes first. O(log n) a miss, O(1) a hit.
class Lfu final : public PolicyBase<Lfu> {
 public:
  explicit Lfu(const CacheSpec& spec) : PolicyBase(spec), heap_(universe()) {}

  void prefetch(ObjectIndex object) const { heap_.prefetch(object); }

  bool lookup(ObjectIndex object) {
    if (!heap_.contains(object)) return false;
    LazyHeap::Node& node = heap_.node(object);
    node.accessed(now());
    node.priority = node.frequency;
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict_next();
    heap_.push(object,
               {.priority = 1, .last_access = static_cast<std::uint32_t>(now()), .frequency = 1});
    added(size);
  }

  void evict_next() {
    evicted(heap_.top());
    heap_.pop();
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override { return heap_.contains(object); }

  [[nodiscard]] ObjectIndex victim() override { return objects() == 0 ? kNoObject : heap_.top(); }

  void check_invariants() const override {
    heap_.check();
    check_contents("lfu");
  }

 private:
  LazyHeap heap_;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_lfu(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Lfu>(spec);
}

}  // namespace edgeward::cache
