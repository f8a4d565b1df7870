#include <limits>
#include <memory>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

CacheSpec without_limit(CacheSpec spec) {
  spec.capacity_bytes = std::numeric_limits<std::uint64_t>::max();
  return spec;
}

/// A cache that never has to evict, whatever capacity is asked for: it misses each object's first
/// request only (compulsory misses), the least that any policy without prefetching can.
class Unbounded final : public PolicyBase<Unbounded> {
 public:
  explicit Unbounded(const CacheSpec& spec)
      : PolicyBase(without_limit(spec)), cached_(universe()) {}

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&cached_[object], 1); }

  [[nodiscard]] bool lookup(ObjectIndex object) const { return contains(object); }

  void insert(ObjectIndex object, std::uint64_t size) {
    cached_[object] = 1;
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override { return cached_[object] != 0; }

  [[nodiscard]] ObjectIndex victim() override { return kNoObject; }

  void check_invariants() const override { check_contents("unbounded"); }

 private:
  geo::HugeArray<std::uint8_t> cached_;  ///< by ObjectIndex
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_unbounded(const CacheSpec& spec, Parameters&) {
  return std::make_unique<Unbounded>(spec);
}

}  // namespace edgeward::cache
