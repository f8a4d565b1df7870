#include "tests/cache/oracles/oracle.hpp"

namespace edgeward::cache::oracle {

namespace {

class Slru : public Cache {
 public:
  Slru(const World& world, const Settings& settings)
      : Cache(world), refuses_(settings.refuses_oversize()) {
    const auto count = static_cast<std::size_t>(settings.number("segments", 4));
    limit_ = capacity() / count;
    segments_.assign(count, Queue(this->world()));
  }

  void on_hit(ObjectIndex object) override {
    const std::size_t at = segment_of(object);
    if (at + 1 == segments_.size() || size(object) > limit_) {
      segments_[at].renew(object);
      return;
    }
    segments_[at].remove(object);
    segments_[at + 1].push(object);
    for (std::size_t j = at + 1; j > 0; --j) {
      while (segments_[j].bytes() > limit_) {
        const ObjectIndex displaced = segments_[j].oldest();
        segments_[j].remove(displaced);
        segments_[has(Bug::slru_drops_to_the_lowest) ? 0 : j - 1].push(displaced);
      }
    }
  }
  void on_miss(ObjectIndex object) override {
    if (refuses_ && size(object) > std::max<std::uint64_t>(1, limit_)) return;
    make_room(object);
    enter(object);
    for (Queue& segment : segments_) {
      if (segment.bytes() + size(object) <= limit_) return segment.push(object);
    }
    segments_[0].push(object);
  }

 protected:
  ObjectIndex next_victim() override {
    std::size_t lowest = 0;
    while (segments_[lowest].empty()) ++lowest;
    return segments_[lowest].oldest();
  }
  void on_evicted(ObjectIndex object) override { segments_[segment_of(object)].remove(object); }

 private:
  [[nodiscard]] std::size_t segment_of(ObjectIndex object) const {
    std::size_t at = 0;
    while (!segments_[at].has(object)) ++at;
    return at;
  }

  bool refuses_;
  std::uint64_t limit_ = 0;
  std::vector<Queue> segments_;
};

class TwoQ : public Cache {
 public:
  TwoQ(const World& world, const Settings& settings)
      : Cache(world),
        in_limit_(entry_limit(settings.number("in", 0.25))),
        out_limit_(share(settings.number("out", 0.5))),
        refuses_(settings.refuses_oversize()) {}

  void on_hit(ObjectIndex object) override {
    if (am_.has(object)) {
      am_.renew(object);
    } else if (has(Bug::twoq_promotes_in_a1in)) {
      a1in_.remove(object);
      am_.push(object);
    }
  }
  void on_miss(ObjectIndex object) override {
    if (refuses_ && size(object) > in_limit_) return;
    const bool remembered = a1out_.has(object);
    a1out_.remove(object);
    make_room(object);
    enter(object);
    (remembered ? am_ : a1in_).push(object);
  }

 protected:
  ObjectIndex next_victim() override {
    const bool from_in = !a1in_.empty() && (a1in_.bytes() > in_limit_ || am_.empty());
    return (from_in ? a1in_ : am_).oldest();
  }
  void on_evicted(ObjectIndex object) override {
    if (am_.has(object)) return am_.remove(object);
    a1in_.remove(object);
    a1out_.push(object);
    while (a1out_.bytes() > out_limit_) a1out_.remove(a1out_.oldest());
  }

 private:
  std::uint64_t in_limit_;
  std::uint64_t out_limit_;
  bool refuses_;
  Queue a1in_{world()};
  Queue am_{world()};
  Queue a1out_{world()};
};

class Arc : public Cache {
 public:
  Arc(const World& world, const Settings& settings)
      : Cache(world), ghost_limit_(share(settings.number("ghost", 0.5))) {}

  void on_hit(ObjectIndex object) override {
    t1_.remove(object);
    t2_.renew(object);
  }
  void on_miss(ObjectIndex object) override {
    const bool in_b1 = b1_.has(object);
    const bool in_b2 = b2_.has(object);
    if (size(object) > 0 && !has(Bug::arc_never_adapts)) {
      const auto s = static_cast<double>(size(object));
      const auto bytes1 = static_cast<double>(b1_.bytes());
      const auto bytes2 = static_cast<double>(b2_.bytes());
      const auto c = static_cast<double>(capacity());
      if (in_b1) target_ = std::min(c, target_ + s * std::max(1.0, bytes2 / bytes1));
      if (in_b2) target_ = std::max(0.0, target_ - s * std::max(1.0, bytes1 / bytes2));
    }
    b1_.remove(object);
    b2_.remove(object);
    missed_was_in_b2_ = in_b2;
    make_room(object);
    missed_was_in_b2_ = false;
    enter(object);
    (in_b1 || in_b2 ? t2_ : t1_).push(object);
  }

 protected:
  ObjectIndex next_victim() override {
    if (t2_.empty()) return t1_.oldest();
    if (t1_.empty()) return t2_.oldest();
    const auto bytes = static_cast<double>(t1_.bytes());
    const bool at_target = bytes == target_ && missed_was_in_b2_;
    const bool from_t1 = bytes > target_ || (at_target && !has(Bug::arc_prefers_t2_at_the_target));
    return (from_t1 ? t1_ : t2_).oldest();
  }
  void on_evicted(ObjectIndex object) override {
    Queue& ghosts = t1_.has(object) ? b1_ : b2_;
    t1_.remove(object);
    t2_.remove(object);
    ghosts.push(object);
    while (ghosts.bytes() > ghost_limit_) ghosts.remove(ghosts.oldest());
  }

 private:
  std::uint64_t ghost_limit_;
  double target_ = 0;
  bool missed_was_in_b2_ = false;
  Queue t1_{world()};
  Queue t2_{world()};
  Queue b1_{world()};
  Queue b2_{world()};
};

class Lirs : public Cache {
 public:
  Lirs(const World& world, const Settings& settings)
      : Cache(world),
        hir_limit_(entry_limit(settings.number("hir", 0.01))),
        lir_limit_(capacity() - std::min(capacity(), hir_limit_)),
        ghost_limit_(share(settings.number("ghost", 2))),
        refuses_(settings.refuses_oversize()) {}

  void on_hit(ObjectIndex object) override {
    const bool was_in_stack = stack_.has(object);
    stack_.renew(object);
    if (queue_.has(object)) {
      if (qualifies(object, was_in_stack)) {
        queue_.remove(object);
        make_lir(object);
      } else {
        queue_.renew(object);
      }
    }
    prune();
  }
  void on_miss(ObjectIndex object) override {
    if (refuses_ && size(object) > hir_limit_) return;
    const bool was_in_stack = stack_.has(object);
    forget(object);
    make_room(object);
    enter(object);
    stack_.push(object);
    if (qualifies(object, was_in_stack)) {
      make_lir(object);
    } else {
      queue_.push(object);
    }
    prune();
  }

 protected:
  ObjectIndex next_victim() override { return queue_.empty() ? stack_.oldest() : queue_.oldest(); }
  void on_evicted(ObjectIndex object) override {
    if (!queue_.has(object)) {
      lir_.remove(object);
      stack_.remove(object);
      prune();
      return;
    }
    queue_.remove(object);
    if (!stack_.has(object)) return;
    ghosts_.push(object);
    while (ghosts_.bytes() > ghost_limit_) forget(ghosts_.oldest());
  }

 private:
  [[nodiscard]] bool qualifies(ObjectIndex object, bool was_in_stack) const {
    if (has(Bug::lirs_ignores_the_stack)) was_in_stack = true;
    return (size(object) <= lir_limit_ && was_in_stack) ||
           lir_.bytes() + size(object) <= lir_limit_;
  }
  void make_lir(ObjectIndex object) {
    lir_.push(object);
    while (lir_.bytes() > lir_limit_) {
      const ObjectIndex bottom = stack_.oldest();
      lir_.remove(bottom);
      stack_.remove(bottom);
      queue_.push(bottom);
      prune();
    }
  }
  void prune() {
    if (has(Bug::lirs_forgets_to_prune) && !ghosts_.empty()) return;
    while (!stack_.empty() && !lir_.has(stack_.oldest())) {
      const ObjectIndex bottom = stack_.oldest();
      stack_.remove(bottom);
      ghosts_.remove(bottom);
    }
  }
  void forget(ObjectIndex ghost) {
    ghosts_.remove(ghost);
    stack_.remove(ghost);
  }

  std::uint64_t hir_limit_;
  std::uint64_t lir_limit_;
  std::uint64_t ghost_limit_;
  bool refuses_;
  Queue lir_{world()};     ///< a set: its order means nothing
  Queue queue_{world()};   ///< cached HIR objects
  Queue stack_{world()};   ///< the newest is on top
  Queue ghosts_{world()};  ///< by eviction
};

}  // namespace

std::unique_ptr<Cache> make_ghost_cache(const NamedSettings& settings, const World& world) {
  if (settings.name == "slru") return std::make_unique<Slru>(world, Settings(settings));
  if (settings.name == "twoq") return std::make_unique<TwoQ>(world, Settings(settings));
  if (settings.name == "arc") return std::make_unique<Arc>(world, Settings(settings));
  if (settings.name == "lirs") return std::make_unique<Lirs>(world, Settings(settings));
  return nullptr;
}

}  // namespace edgeward::cache::oracle
