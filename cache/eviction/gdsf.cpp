#include <algorithm>
#include <bit>
#include <memory>

#include "cache/eviction/lazy_heap.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"

namespace edgeward::cache {

namespace {

/// Greedy-Dual-Size-Frequency (Cherkasova, "Improving WWW proxies performance with
/// Greedy-Dual-Size-Frequency caching policy", HP Labs HPL-98-69, 1998; every fetch costs 1, which
/// is the variant that maximises the request hit ratio): priority = L + frequency / size, as of the
/// last access, L being the priority of the last victim. A new object is ranked among its would-be
/// victims: while there is no room, the least of all is dropped, be it the new object itself, which
/// is then not cached. If it ranks lowest from the start, nothing is evicted.
///
/// O(log n) a miss in the mean, O(1) a hit. An empty object counts one byte.
class Gdsf final : public PolicyBase<Gdsf> {
 public:
  explicit Gdsf(const CacheSpec& spec) : PolicyBase(spec), heap_(universe()) {}

  void prefetch(ObjectIndex object) const { heap_.prefetch(object); }

  bool lookup(ObjectIndex object) {
    if (!heap_.contains(object)) return false;
    LazyHeap::Node& node = heap_.node(object);
    node.accessed(now());
    node.priority = priority(node.frequency, size_bytes(object));
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    const std::uint64_t rank = priority(1, size);
    while (!has_room(size)) {
      const ObjectIndex out = heap_.top();
      const std::uint64_t least = heap_.node(out).priority;
      age_ = std::bit_cast<double>(std::min(least, rank));
      if (rank < least) return;
      heap_.pop();
      evicted(out);
    }
    heap_.push(
        object,
        {.priority = rank, .last_access = static_cast<std::uint32_t>(now()), .frequency = 1});
    added(size);
  }

  void evict_next() {
    const ObjectIndex out = heap_.top();
    age_ = std::bit_cast<double>(heap_.node(out).priority);
    heap_.pop();
    evicted(out);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override { return heap_.contains(object); }

  [[nodiscard]] ObjectIndex victim() override { return objects() == 0 ? kNoObject : heap_.top(); }

  void check_invariants() const override {
    heap_.check();
    check_contents("gdsf");
  }

 private:
  /// The bits of a double ≥ 0, whose order as integers is the doubles' own.
  [[nodiscard]] std::uint64_t priority(std::uint32_t frequency, std::uint64_t size) const {
    const auto bytes = static_cast<double>(std::max<std::uint64_t>(size, 1));
    return std::bit_cast<std::uint64_t>(age_ + static_cast<double>(frequency) / bytes);
  }

  LazyHeap heap_;
  double age_ = 0;  ///< L
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_gdsf(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Gdsf>(spec);
}

}  // namespace edgeward::cache
