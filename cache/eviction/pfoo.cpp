#include <algorithm>
#include <cassert>
#include <limits>
#include <memory>
#include <vector>

#include "cache/eviction/occupancy.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"

namespace edgeward::cache {

namespace {

__extension__ using Wide = unsigned __int128;

enum class Objective { requests, bytes };

/// An object kept from one request (`from`) to its next one, which is then a hit.
struct Interval {
  std::uint64_t cost = 0;  ///< what is sorted by: cache space · time for a unit of the objective
  RequestIndex from = 0;
};

/// size × length in byte · requests; saturates, which can only help the lower bound's hits.
std::uint64_t space_time(std::uint64_t size, std::uint64_t length) {
  const Wide product = static_cast<Wide>(size) * length;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return product > kMost ? kMost : static_cast<std::uint64_t>(product);
}

/// Practical flow-based offline optimum (Berger, Beckmann, Harchol-Balter, "Practical bounds on
/// optimal caching with variable object sizes", SIGMETRICS 2018, §4): caching is choosing intervals
/// between two requests for an object, taken in ascending order of size × length
/// (`objective=bytes`: of length, the same for each byte hit).
///
/// pfoo_lower (PFOO-L): as many as capacity × requests of space and time hold in total, rounded up
/// by one interval for bytes. No policy misses less, whether it may refuse objects or not.
/// pfoo_upper: each interval that still fits at every one of its slots, so a feasible schedule for
/// a cache that may refuse objects, and an upper bound on that optimum's misses. The paper's PFOO-U
/// solves min-cost flows over segments of intervals in that order; packing them one by one needs no
/// flow solver and keeps the bound feasible, though perhaps looser.
///
/// The hits are worked out at construction, O(n log n) for n requests and 16 bytes each (upper: 16
/// to 64 more); a replay copies them and admission changes nothing.
class Pfoo final : public PolicyBase<Pfoo> {
 public:
  enum class Bound { lower, upper };

  Pfoo(const CacheSpec& spec, Bound bound, Objective objective)
      : PolicyBase(spec), future_(spec.future), bound_(bound), held_(universe()) {
    assert(future_.requests.size() == future_.next_access.size());
    is_hit_.resize(future_.requests.size());
    const std::vector<Interval> intervals = sorted_intervals(objective);
    if (bound == Bound::lower) {
      take_in_total(intervals, objective);
    } else {
      take_at_every_slot(intervals);
    }
  }

  void prefetch(ObjectIndex) const {}

  bool lookup(ObjectIndex object) {
    assert(object == future_.requests[now()]);
    held_[object] = is_kept(now());
    return is_hit_[now()] != 0;
  }

  void insert(ObjectIndex, std::uint64_t) {}

  [[nodiscard]] bool contains(ObjectIndex object) const override { return held_[object] != 0; }
  /// A schedule drops objects when it means to, not for others.
  [[nodiscard]] ObjectIndex victim() override { return kNoObject; }

  void check_invariants() const override;

 private:
  [[nodiscard]] bool is_kept(std::size_t from) const {
    const RequestIndex next = future_.next_access[from];
    return next != kNever && is_hit_[next] != 0;
  }
  [[nodiscard]] std::uint64_t length(std::size_t from) const {
    return future_.next_access[from] - from;
  }
  [[nodiscard]] std::uint64_t size_at(std::size_t request) const {
    return size_bytes(future_.requests[request]);
  }

  [[nodiscard]] std::vector<Interval> sorted_intervals(Objective objective) const;
  void take_in_total(const std::vector<Interval>& intervals, Objective objective);
  void take_at_every_slot(const std::vector<Interval>& intervals);

  Future future_;
  Bound bound_;
  std::vector<std::uint8_t> is_hit_;  ///< by position in the stream
  std::vector<std::uint8_t> held_;    ///< by object: kept from its last request to its next
  Wide rounded_up_ = 0;               ///< space and time beyond what there is
};

std::vector<Interval> Pfoo::sorted_intervals(Objective objective) const {
  std::vector<Interval> intervals;
  intervals.reserve(is_hit_.size());
  for (std::size_t from = 0; from < is_hit_.size(); ++from) {
    if (future_.next_access[from] == kNever || size_at(from) > capacity_bytes()) continue;
    const std::uint64_t bytes = objective == Objective::requests ? size_at(from) : 1;
    intervals.push_back({space_time(bytes, length(from)), static_cast<RequestIndex>(from)});
  }
  std::sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.from < b.from;
  });
  return intervals;
}

void Pfoo::take_in_total(const std::vector<Interval>& intervals, Objective objective) {
  const Wide limit = static_cast<Wide>(capacity_bytes()) * is_hit_.size();
  Wide total = 0;
  for (const Interval& interval : intervals) {
    const Wide with = total + space_time(size_at(interval.from), length(interval.from));
    if (with > limit && (objective == Objective::requests || total >= limit)) return;
    is_hit_[future_.next_access[interval.from]] = 1;
    total = with;
    if (total > limit) rounded_up_ = total - limit;
  }
}

void Pfoo::take_at_every_slot(const std::vector<Interval>& intervals) {
  Occupancy occupancy(is_hit_.size());
  for (const Interval& interval : intervals) {
    const RequestIndex next = future_.next_access[interval.from];
    const std::uint64_t size = size_at(interval.from);
    if (occupancy.most(interval.from, next) > capacity_bytes() - size) continue;
    occupancy.add(interval.from, next, size);
    is_hit_[next] = 1;
  }
}

void Pfoo::check_invariants() const {
  Wide total = 0;
  std::uint64_t used = 0;
  for (std::size_t at = 0; at < is_hit_.size(); ++at) {
    if (is_hit_[at] != 0) used -= size_at(at);
    if (is_kept(at)) {
      used += size_at(at);
      total += space_time(size_at(at), length(at));
    }
    if (bound_ == Bound::upper && used > capacity_bytes()) {
      throw std::logic_error(fmt::format("pfoo_upper: holds {} bytes after request {}", used, at));
    }
  }
  if (used != 0 || total > static_cast<Wide>(capacity_bytes()) * is_hit_.size() + rounded_up_) {
    throw std::logic_error("pfoo: the schedule takes more than the capacity times the requests");
  }
}

std::unique_ptr<EvictionPolicy> make_pfoo(const CacheSpec& spec, Parameters& parameters,
                                          Pfoo::Bound bound) {
  const bool by_requests = parameters.choice("objective", {"requests", "bytes"}) == 0;
  return std::make_unique<Pfoo>(spec, bound, by_requests ? Objective::requests : Objective::bytes);
}

}  // namespace

std::unique_ptr<EvictionPolicy> make_pfoo_lower(const CacheSpec& spec, Parameters& parameters) {
  return make_pfoo(spec, parameters, Pfoo::Bound::lower);
}

std::unique_ptr<EvictionPolicy> make_pfoo_upper(const CacheSpec& spec, Parameters& parameters) {
  return make_pfoo(spec, parameters, Pfoo::Bound::upper);
}

}  // namespace edgeward::cache
