#include <limits>
#include <map>
#include <tuple>

#include "tests/cache/oracles/oracle.hpp"

namespace edgeward::cache::oracle {

namespace {

class Belady : public Cache {
 public:
  Belady(const World& world, const Settings& settings)
      : Cache(world),
        may_bypass_(settings.number("bypass", 0) == 1 || world.bug == Bug::belady_always_bypasses) {
  }

  void on_hit(ObjectIndex object) override { next_[object] = next_after_now(object); }
  void on_miss(ObjectIndex object) override {
    next_[object] = next_after_now(object);
    if (may_bypass_ && refuses(object)) return;
    make_room(object);
    enter(object);
  }

 protected:
  ObjectIndex next_victim() override { return farthest_first().front(); }
  void on_evicted(ObjectIndex) override {}

 private:
  static constexpr std::size_t kNeverAgain = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] std::size_t next_after_now(ObjectIndex object) const {
    auto next = next_request(world(), object, now());
    if (next && has(Bug::belady_misses_a_request)) next = next_request(world(), object, *next);
    return next.value_or(kNeverAgain);
  }
  [[nodiscard]] std::vector<ObjectIndex> farthest_first() {
    std::vector<ObjectIndex> objects(cached().begin(), cached().end());
    std::sort(objects.begin(), objects.end(),
              [&](auto a, auto b) { return std::tuple(next_[a], a) > std::tuple(next_[b], b); });
    return objects;
  }
  [[nodiscard]] bool refuses(ObjectIndex missed) {
    std::uint64_t left = used();
    for (const ObjectIndex object : farthest_first()) {
      if (left + size(missed) <= capacity()) break;
      if (std::tuple(next_[missed], missed) > std::tuple(next_[object], object)) return true;
      left -= size(object);
    }
    return false;
  }

  bool may_bypass_;
  std::map<ObjectIndex, std::size_t> next_;
};

World without_limit(World world) {
  if (world.bug != Bug::unbounded_is_bounded) {
    world.capacity_bytes = std::numeric_limits<std::uint64_t>::max();
  }
  return world;
}

class Unbounded : public Cache {
 public:
  explicit Unbounded(const World& world) : Cache(without_limit(world)) {}

  void on_hit(ObjectIndex) override {}
  void on_miss(ObjectIndex object) override {
    make_room(object);
    enter(object);
  }

 protected:
  ObjectIndex next_victim() override { return *cached().begin(); }
  void on_evicted(ObjectIndex) override {}
};

/// Hits are decided beforehand, by intervals between requests for the same object.
class Pfoo : public Cache {
 public:
  Pfoo(const World& world, const Settings& settings, bool is_lower)
      : Cache(world), is_kept_after_(world.requests.size()) {
    const bool of_bytes = settings.text("objective", "requests") == "bytes";
    std::vector<Interval> intervals;
    for (std::size_t i = 0; i < world.requests.size(); ++i) {
      const ObjectIndex object = world.requests[i];
      const auto end = next_request(world, object, i);
      if (!end || size(object) > capacity()) continue;
      const std::uint64_t length = *end - i;
      intervals.push_back({.cost = of_bytes ? length : size(object) * length,
                           .begin = i,
                           .end = *end,
                           .size = size(object)});
    }
    std::sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) {
      return std::tuple(a.cost, a.begin) < std::tuple(b.cost, b.begin);
    });
    if (is_lower) {
      take_by_volume(intervals, of_bytes);
    } else {
      take_what_fits(intervals);
    }
  }

  bool contains(ObjectIndex object) const override {
    for (std::size_t i = now(); i-- > 0;) {
      if (world().requests[i] == object) return is_kept_after_[i];
    }
    return false;
  }
  void on_hit(ObjectIndex) override {}
  void on_miss(ObjectIndex) override {}

 protected:
  ObjectIndex next_victim() override { return kNoObject; }
  void on_evicted(ObjectIndex) override {}

 private:
  struct Interval {
    std::uint64_t cost = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::uint64_t size = 0;
  };

  void take_by_volume(const std::vector<Interval>& intervals, bool takes_the_last) {
    const std::uint64_t limit = capacity() * world().requests.size();
    std::uint64_t sum = 0;
    for (const Interval& interval : intervals) {
      const std::uint64_t volume = interval.size * (interval.end - interval.begin);
      const bool passes = sum + volume > limit;
      if (passes && has(Bug::pfoo_lower_skips_what_is_too_large)) continue;
      if (!passes || (takes_the_last && sum < limit)) is_kept_after_[interval.begin] = true;
      if (passes) return;
      sum += volume;
    }
  }
  void take_what_fits(const std::vector<Interval>& intervals) {
    std::vector<std::uint64_t> used(world().requests.size() + 1);
    for (const Interval& interval : intervals) {
      const std::size_t end = interval.end + (has(Bug::pfoo_upper_counts_the_end) ? 1 : 0);
      bool fits = true;
      for (std::size_t slot = interval.begin; slot < end; ++slot) {
        fits = fits && used[slot] + interval.size <= capacity();
      }
      if (!fits) continue;
      is_kept_after_[interval.begin] = true;
      for (std::size_t slot = interval.begin; slot < end; ++slot) used[slot] += interval.size;
    }
  }

  std::vector<bool> is_kept_after_;
};

}  // namespace

std::unique_ptr<Cache> make_ceiling(const NamedSettings& settings, const World& world) {
  if (settings.name == "belady") return std::make_unique<Belady>(world, Settings(settings));
  if (settings.name == "unbounded") return std::make_unique<Unbounded>(world);
  if (settings.name == "pfoo_lower") {
    return std::make_unique<Pfoo>(world, Settings(settings), true);
  }
  if (settings.name == "pfoo_upper") {
    return std::make_unique<Pfoo>(world, Settings(settings), false);
  }
  return nullptr;
}

}  // namespace edgeward::cache::oracle
