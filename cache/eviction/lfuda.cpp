#include <memory>

#include "cache/eviction/lazy_heap.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"

namespace edgeward::cache {

namespace {

/// LFU with dynamic ageing (Arlitt, Cherkasova, Dilley, Friedrich, Jin, "Evaluating content
/// management techniques for web proxy caches", WISP 1999): priority = frequency since insertion
/// + L as of the last access, L being the priority of the object evicted last, so that what was
/// popular once does not stay for ever. Equal priorities: accessed longest ago first. O(log n) a
/// miss, O(1) a hit.
class Lfuda final : public PolicyBase<Lfuda> {
 public:
  explicit Lfuda(const CacheSpec& spec) : PolicyBase(spec), heap_(universe()) {}

  void prefetch(ObjectIndex object) const { heap_.prefetch(object); }

  bool lookup(ObjectIndex object) {
    if (!heap_.contains(object)) return false;
    LazyHeap::Node& node = heap_.node(object);
    node.accessed(now());
    node.priority = age_ + node.frequency;
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict_next();
    heap_.push(
        object,
        {.priority = age_ + 1, .last_access = static_cast<std::uint32_t>(now()), .frequency = 1});
    added(size);
  }

  void evict_next() {
    const ObjectIndex out = heap_.top();
    age_ = heap_.node(out).priority;
    heap_.pop();
    evicted(out);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override { return heap_.contains(object); }

  [[nodiscard]] ObjectIndex victim() override { return objects() == 0 ? kNoObject : heap_.top(); }

  void check_invariants() const override {
    heap_.check();
    check_contents("lfuda");
  }

 private:
  LazyHeap heap_;
  std::uint64_t age_ = 0;  ///< L
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_lfuda(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Lfuda>(spec);
}

}  // namespace edgeward::cache
