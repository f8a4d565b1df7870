#include "tests/cache/oracles/oracle.hpp"
#include "tests/cache/oracles/sketch.hpp"

namespace edgeward::cache::oracle {

namespace {

/// The front of a list is the newest end of its queue.
class WTinyLfu : public Cache {
 public:
  WTinyLfu(const World& world, const Settings& settings)
      : Cache(world),
        window_share_(settings.number("window", 0.01)),
        protected_share_(settings.number("protected", 0.8)),
        adapts_(settings.number("adaptive", 1) == 1 && world.bug != Bug::wtinylfu_never_adapts),
        sketch_(objects_that_fit(world)),
        step_(-0.0625 * bytes_of(1)) {
    resize(bytes_of(window_share_));
  }

  void on_request(ObjectIndex object) override { sketch_.add(object); }
  void on_hit(ObjectIndex object) override {
    if (window_.has(object)) return window_.renew(object);
    if (protected_.has(object)) return protected_.renew(object);
    if (size(object) > protected_max_) return probation_.renew(object);
    probation_.remove(object);
    protected_.push(object);
    shrink_protected();
  }
  void after_lookup(bool hit) override {
    hits_ += hit ? 1 : 0;
    if (adapts_ && (now() + 1) % (10 * sketch_.objects()) == 0) adapt();
  }
  void on_miss(ObjectIndex object) override {
    if (size(object) > window_max_) {
      if (!wins(object)) return;
      enter(object);
      probation_.push(object);
      return;
    }
    enter(object);
    window_.push(object);
    shrink_window();
  }

 protected:
  ObjectIndex next_victim() override {
    if (window_.empty()) return main_victim();
    if (probation_.empty() && protected_.empty()) return window_.oldest();
    const auto of_window = sketch_.frequency(window_.oldest());
    return of_window > sketch_.frequency(main_victim()) ? main_victim() : window_.oldest();
  }
  void on_evicted(ObjectIndex object) override {
    for (Queue* const queue : {&window_, &probation_, &protected_}) queue->remove(object);
  }

 private:
  [[nodiscard]] double bytes_of(double share) const {
    return share * static_cast<double>(capacity());
  }
  [[nodiscard]] std::uint64_t main_bytes() const { return probation_.bytes() + protected_.bytes(); }
  [[nodiscard]] ObjectIndex main_victim() const {
    return (probation_.empty() ? protected_ : probation_).oldest();
  }
  void resize(double window_bytes) {
    window_max_ = std::max(static_cast<std::uint64_t>(std::round(window_bytes)),
                           std::min<std::uint64_t>(1, capacity()));
    main_max_ = capacity() - window_max_;
    protected_max_ =
        static_cast<std::uint64_t>(std::floor(protected_share_ * static_cast<double>(main_max_)));
  }
  void shrink_protected() {
    while (protected_.bytes() > protected_max_) {
      const ObjectIndex back = protected_.oldest();
      protected_.remove(back);
      probation_.push(back);
    }
  }
  void shrink_window() {
    while (window_.bytes() > window_max_) {
      const ObjectIndex back = window_.oldest();
      if (wins(back)) {
        window_.remove(back);
        probation_.push(back);
      } else {
        evict(back);
      }
    }
  }
  /// Whether the candidate, which is not in main, gets its place there.
  bool wins(ObjectIndex candidate) {
    if (main_bytes() + size(candidate) <= main_max_) return true;
    if (size(candidate) > main_max_) return false;
    std::uint64_t weight = sketch_.frequency(candidate);
    std::vector<ObjectIndex> walk = probation_.oldest_first();
    walk.insert(walk.end(), protected_.oldest_first().begin(), protected_.oldest_first().end());
    std::vector<ObjectIndex> victims;
    std::uint64_t victim_bytes = 0;
    for (const ObjectIndex v : walk) {
      if (main_bytes() - victim_bytes + size(candidate) <= main_max_) break;
      const std::uint64_t frequency = sketch_.frequency(v);
      if (frequency == 0 && weight > 0) {
        evict(v);
      } else if (frequency < weight ||
                 (frequency == weight && has(Bug::wtinylfu_lets_equals_win))) {
        victims.push_back(v);
        victim_bytes += size(v);
        weight -= frequency;
      } else {
        return false;
      }
    }
    for (const ObjectIndex v : victims) evict(v);
    return true;
  }
  void adapt() {
    const double ratio = static_cast<double>(hits_) / static_cast<double>(10 * sketch_.objects());
    const double change = ratio - last_ratio_;
    hits_ = 0;
    last_ratio_ = ratio;
    if (change < 0) step_ *= -0.5;
    resize(std::clamp(static_cast<double>(window_max_) + step_, bytes_of(window_share_),
                      bytes_of(0.8)));
    step_ = std::abs(change) >= 0.05 ? std::copysign(0.0625 * bytes_of(1), step_) : 0.98 * step_;
    while (main_bytes() > main_max_) {
      const ObjectIndex moved = main_victim();
      probation_.remove(moved);
      protected_.remove(moved);
      window_.push(moved);
    }
    shrink_protected();
    shrink_window();
  }

  double window_share_;
  double protected_share_;
  bool adapts_;
  Sketch sketch_;
  double step_;
  std::uint64_t window_max_ = 0;
  std::uint64_t main_max_ = 0;
  std::uint64_t protected_max_ = 0;
  std::uint64_t hits_ = 0;
  double last_ratio_ = 0;
  Queue window_{world()};
  Queue probation_{world()};
  Queue protected_{world()};
};

}  // namespace

std::unique_ptr<Cache> make_wtinylfu_cache(const NamedSettings& settings, const World& world) {
  if (settings.name != "wtinylfu") return nullptr;
  return std::make_unique<WTinyLfu>(world, Settings(settings));
}

}  // namespace edgeward::cache::oracle
