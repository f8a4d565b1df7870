#include <cassert>
#include <memory>

#include "cache/eviction/max_set.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

/// Evicts the object whose next access lies farthest ahead (Belady, "A study of replacement
/// algorithms for a virtual-storage computer", IBM Systems Journal 5(2), 1966). Always admits;
/// `bypass=1` refuses an object that would itself be the farthest before there is room for it,
/// which makes it the optimum for unit sizes (of all policies that may refuse). With differing
/// sizes it is no bound: see pfoo_lower.
///
/// Next accesses are distinct positions of the stream, so the cache is a set of positions and the
/// victim its maximum: O(1) a request. Objects never requested again stand behind the stream's end
/// in order of their index, the highest first; no hit depends on the order among them.
class Belady final : public PolicyBase<Belady> {
 public:
  Belady(const CacheSpec& spec, bool may_bypass)
      : PolicyBase(spec),
        future_(spec.future),
        may_bypass_(may_bypass),
        next_(spec.future.requests.size() + universe()),
        cached_(universe()) {
    assert(future_.requests.size() == future_.next_access.size());
  }

  void prefetch(ObjectIndex) const {
    const std::uint64_t ahead = now() + 16;
    if (ahead < future_.requests.size()) next_.prefetch(next_position(ahead));
  }

  bool lookup(ObjectIndex object) {
    assert(object == future_.requests[now()]);
    if (!next_.contains(now())) return false;
    next_.erase(now());
    next_.insert(next_position(now()));
    return cached_[object] != 0;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    const std::size_t position = next_position(now());
    if (may_bypass_ && is_farthest(position, size)) return;
    while (!has_room(size)) {
      const std::size_t farthest = next_.max();
      next_.erase(farthest);
      cached_[object_at(farthest)] = 0;
      evicted(object_at(farthest));
    }
    next_.insert(position);
    cached_[object] = 1;
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override { return cached_[object] != 0; }

  [[nodiscard]] ObjectIndex victim() override {
    return objects() == 0 ? kNoObject : object_at(next_.max());
  }

  void check_invariants() const override {
    check_contents("belady");
    std::uint64_t members = 0;
    for (std::size_t at = next_.max(); at != MaxSet::kNone; at = next_.below(at), ++members) {
      if (at < now() || !contains(object_at(at)))
        throw std::logic_error("belady: a stale position");
    }
    if (members != objects()) throw std::logic_error("belady: not one position an object");
  }

 private:
  [[nodiscard]] std::size_t next_position(std::size_t at) const {
    const RequestIndex next = future_.next_access[at];
    return next != kNever ? next : future_.requests.size() + future_.requests[at];
  }

  [[nodiscard]] ObjectIndex object_at(std::size_t position) const {
    return position < future_.requests.size()
               ? future_.requests[position]
               : static_cast<ObjectIndex>(position - future_.requests.size());
  }

  /// Would a cached object with a nearer next access have to go for this one?
  [[nodiscard]] bool is_farthest(std::size_t position, std::uint64_t size) const {
    std::uint64_t freed = 0;
    std::size_t at = MaxSet::kNone;
    while (used_bytes() - freed + size > capacity_bytes()) {
      at = at == MaxSet::kNone ? next_.max() : next_.below(at);
      if (at < position) return true;
      freed += size_bytes(object_at(at));
    }
    return false;
  }

  Future future_;
  bool may_bypass_;
  MaxSet next_;                          ///< of each cached object, where it is requested next
  geo::HugeArray<std::uint8_t> cached_;  ///< by ObjectIndex
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_belady(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<Belady>(spec, parameters.flag("bypass", false));
}

}  // namespace edgeward::cache
