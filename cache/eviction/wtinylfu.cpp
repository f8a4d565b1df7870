#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "cache/eviction/hill_climber.hpp"
#include "cache/eviction/index_list.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/frequency_sketch.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

struct Settings {
  double window = 0.01;
  double protected_share = 0.8;
  bool adaptive = true;
};

/// W-TinyLFU (Einziger, Friedman, Manes, ACM ToS 13(4), 2017): a small LRU window in front of a
/// main segmented LRU; what falls out of the window enters the main part only if a frequency sketch
/// knows it as more frequent than the objects it would push out. `adaptive` moves the boundary by
/// hill climbing on the request hit ratio (Einziger, Eytan, Friedman, Manes, "Adaptive software
/// cache management", Middleware 2018). With sizes, a candidate is compared with the sum of its
/// victims' frequencies ("aggregated victims", the same authors with Eytan, "Lightweight robust
/// size aware cache management", ACM ToS 18(3), 2022).
///
/// Segments count bytes; the sketch is sized by objects: capacity / mean object size of the trace,
/// at most the trace's objects. O(1) a request in the mean.
class WTinyLfu final : public PolicyBase<WTinyLfu> {
 public:
  WTinyLfu(const CacheSpec& spec, const Settings& settings)
      : PolicyBase(spec),
        settings_(settings),
        sketch_(objects_that_fit(spec.sizes_bytes, spec.capacity_bytes)),
        climber_(kFirstStep * capacity(),
                 kPeriod * objects_that_fit(spec.sizes_bytes, spec.capacity_bytes)),
        links_(universe()),
        segment_of_(universe(), Segment::absent) {
    set_window(settings.window * capacity());
  }

  void prefetch(ObjectIndex object) const {
    sketch_.prefetch(object);
    __builtin_prefetch(&links_[object], 1);
    __builtin_prefetch(&segment_of_[object], 1);
  }

  bool lookup(ObjectIndex object) {
    sketch_.add(object);
    const Segment segment = segment_of_[object];
    if (segment == Segment::probation && size_bytes(object) <= protected_max_) {
      move(object, Segment::guarded);
      demote_surplus();
    } else if (segment != Segment::absent) {
      list(segment).move_to_front(links_.data(), object);
    }
    const bool hit = segment != Segment::absent;
    if (settings_.adaptive) {
      if (const auto step = climber_.observe(hit)) resize_window(*step);
    }
    return hit;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    if (size <= window_max()) {
      enter(object, Segment::window);
      shrink_window();
    } else if (wins_room(object, size)) {
      enter(object, Segment::probation);
    }
    // A part may hold more than its share of what a sharer has left since.
    while (!has_room(0)) evict_next();
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return segment_of_[object] != Segment::absent;
  }

  void evict_next() { evict(victim()); }

  /// The loser of the contest that a full cache would hold next.
  [[nodiscard]] ObjectIndex victim() override {
    const ObjectIndex candidate = list(Segment::window).back();
    const ObjectIndex incumbent = main_victim();
    if (candidate == kNoObject || incumbent == kNoObject) {
      return candidate == kNoObject ? incumbent : candidate;
    }
    const bool wins = sketch_.frequency(candidate) > sketch_.frequency(incumbent);
    return wins ? incumbent : candidate;
  }

  void check_invariants() const override;

 private:
  enum class Segment : std::uint8_t { window, probation, guarded, absent };
  static constexpr std::size_t kSegments = 3;

  static constexpr double kFirstStep = 0.0625;  ///< of the capacity
  static constexpr std::uint64_t kPeriod = 10;  ///< requests for each expected object
  static constexpr double kWindowMost = 0.8;    ///< of the capacity

  IndexList& list(Segment segment) { return lists_[static_cast<std::size_t>(segment)]; }
  std::uint64_t& bytes(Segment segment) { return bytes_[static_cast<std::size_t>(segment)]; }
  [[nodiscard]] std::uint64_t main_bytes() const { return bytes_[1] + bytes_[2]; }
  [[nodiscard]] double capacity() const { return static_cast<double>(capacity_bytes()); }
  [[nodiscard]] std::uint64_t window_max() const { return std::min(window_max_, room_bytes()); }
  [[nodiscard]] std::uint64_t main_max() const { return room_bytes() - window_max(); }

  [[nodiscard]] ObjectIndex main_victim() {
    const IndexList& probation = list(Segment::probation);
    return probation.empty() ? list(Segment::guarded).back() : probation.back();
  }

  void attach(ObjectIndex object, Segment segment) {
    list(segment).push_front(links_.data(), object);
    bytes(segment) += size_bytes(object);
    segment_of_[object] = segment;
  }

  void detach(ObjectIndex object) {
    list(segment_of_[object]).erase(links_.data(), object);
    bytes(segment_of_[object]) -= size_bytes(object);
  }

  void move(ObjectIndex object, Segment segment) {
    detach(object);
    attach(object, segment);
  }

  void enter(ObjectIndex object, Segment segment) {
    attach(object, segment);
    added(size_bytes(object));
  }

  void evict(ObjectIndex object) {
    detach(object);
    segment_of_[object] = Segment::absent;
    evicted(object);
  }

  /// What the protected segment holds too much goes back on probation.
  void demote_surplus() {
    while (bytes(Segment::guarded) > protected_max_) {
      move(list(Segment::guarded).back(), Segment::probation);
    }
  }

  /// What the window holds too much goes to the main part, or away.
  void shrink_window() {
    while (bytes(Segment::window) > window_max()) {
      const ObjectIndex candidate = list(Segment::window).back();
      if (wins_room(candidate, size_bytes(candidate))) {
        move(candidate, Segment::probation);
      } else {
        evict(candidate);
      }
    }
  }

  bool wins_room(ObjectIndex candidate, std::uint64_t size);
  void resize_window(double step_bytes);
  void set_window(double window_bytes);

  Settings settings_;
  FrequencySketch sketch_;
  HillClimber climber_;
  geo::HugeArray<Link> links_;
  geo::HugeArray<Segment> segment_of_;
  std::array<IndexList, kSegments> lists_;
  std::array<std::uint64_t, kSegments> bytes_{};
  std::uint64_t window_max_ = 0;
  std::uint64_t protected_max_ = 0;
};

/// Makes room for the candidate in the main part if it is worth it. Walks the victims from the one
/// next to go; those that the sketch does not know are evicted on the way, whatever comes of it,
/// and no more than 15 others are seen: O(1) in the mean.
bool WTinyLfu::wins_room(ObjectIndex candidate, std::uint64_t size) {
  if (main_bytes() + size <= main_max()) return true;
  if (size > main_max()) return false;
  std::array<ObjectIndex, FrequencySketch::kMax> victims{};
  std::size_t count = 0;
  std::uint32_t worth = sketch_.frequency(candidate);
  std::uint64_t freed = 0;
  ObjectIndex at = main_victim();
  while (main_bytes() - freed + size > main_max()) {
    const bool last_of_probation = at == list(Segment::probation).front();
    const ObjectIndex next = last_of_probation ? list(Segment::guarded).back() : links_[at].newer;
    const std::uint32_t frequency = sketch_.frequency(at);
    if (frequency == 0 && worth > 0) {
      evict(at);
    } else if (frequency < worth) {
      worth -= frequency;
      freed += size_bytes(at);
      victims[count++] = at;
    } else {
      return false;
    }
    at = next;
  }
  for (std::size_t i = 0; i < count; ++i) evict(victims[i]);
  return true;
}

void WTinyLfu::set_window(double window_bytes) {
  const double least = std::min(1.0, capacity());
  window_max_ = static_cast<std::uint64_t>(std::clamp(std::round(window_bytes), least, capacity()));
  protected_max_ =
      static_cast<std::uint64_t>(settings_.protected_share * static_cast<double>(main_max()));
}

/// Moves the boundary, and what is then on its wrong side.
void WTinyLfu::resize_window(double step_bytes) {
  const double window = static_cast<double>(window_max_) + step_bytes;
  set_window(std::clamp(window, settings_.window * capacity(), kWindowMost * capacity()));
  while (main_bytes() > main_max()) move(main_victim(), Segment::window);
  demote_surplus();
  shrink_window();
}

void WTinyLfu::check_invariants() const {
  check_contents("wtinylfu");
  std::array<std::uint64_t, kSegments> found{};
  for (std::size_t segment = 0; segment < kSegments; ++segment) {
    std::uint64_t count = 0;
    for (ObjectIndex at = lists_[segment].front(); at != kNoObject; at = links_[at].older) {
      found[segment] += size_bytes(at);
      count += static_cast<std::size_t>(segment_of_[at]) == segment;
    }
    if (count != lists_[segment].size()) throw std::logic_error("wtinylfu: object in a wrong list");
  }
  if (found != bytes_ || bytes_[0] > window_max_ || main_bytes() > capacity_bytes() - window_max_ ||
      bytes_[2] > protected_max_) {
    throw std::logic_error("wtinylfu: a segment's bytes disagree or exceed its share");
  }
}

}  // namespace

std::unique_ptr<EvictionPolicy> make_wtinylfu(const CacheSpec& spec, Parameters& parameters) {
  const Settings defaults;
  const Settings settings{
      .window = parameters.number("window", {defaults.window, 0.0, 0.8}),
      .protected_share = parameters.number("protected", {defaults.protected_share, 0.0, 1.0}),
      .adaptive = parameters.flag("adaptive", defaults.adaptive)};
  return std::make_unique<WTinyLfu>(spec, settings);
}

}  // namespace edgeward::cache
