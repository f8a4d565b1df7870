#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "cache/ids.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

/// Cached objects in ascending order of (priority, last access), for priorities that only grow
/// while an object is cached. A hit writes the object's true key into its node and leaves the order
/// alone, O(1); an object is put where its key belongs only when it comes up for eviction.
///
/// A ladder queue (Tang, Goh, Thng, ACM TOMACS 15(3), 2005): each part is sorted no further than
/// needed. The front, placed below limit_, is a sorted run, with a 4-ary heap of latecomers; above
/// it lie buckets of equal width, in no order within, and beyond them the rest, in no order at all.
/// When the front is used up the next bucket is sorted into it, and when the buckets are, the rest
/// is spread over new ones. Whatever is touched on the way is placed by its true key. As a key
/// never falls, a placed key is never above the true one, and the first entry of the front that is
/// found up to date is the true minimum: exact.
///
/// Equal priorities: the one accessed longer ago comes first. Accesses are counted modulo 2^32, so
/// ties may be broken otherwise in replays of more requests than that.
///
/// Cost: O(log of a bucket) a push and a pop together, mostly in one sort of the bucket. Memory: 20
/// bytes an object of the trace, and 16 an object in the front.
class LazyHeap {
 public:
  /// The true state of an object; frequency 0: it is not in the heap. Priorities are compared as
  /// integers, which agrees with the order of non-negative doubles for their bit patterns.
  struct Node {
    std::uint64_t priority = 0;
    std::uint32_t last_access = 0;
    std::uint32_t frequency = 0;

    /// Counts an access; the caller raises the priority with it.
    void accessed(std::uint64_t at) {
      last_access = static_cast<std::uint32_t>(at);
      if (frequency != std::numeric_limits<std::uint32_t>::max()) ++frequency;
    }
  };

  explicit LazyHeap(std::size_t universe) : nodes_(universe), next_(universe, kNoObject) {
    buckets_.fill(kNoObject);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const { return nodes_[object].frequency != 0; }
  [[nodiscard]] const Node& node(ObjectIndex object) const { return nodes_[object]; }
  /// Of a contained object; priority and last_access may only grow.
  [[nodiscard]] Node& node(ObjectIndex object) { return nodes_[object]; }
  [[nodiscard]] std::size_t size() const { return size_; }

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&nodes_[object], 1); }

  void push(ObjectIndex object, const Node& node) {
    assert(!contains(object) && node.frequency != 0 && node.priority < kNoPriority);
    nodes_[object] = node;
    ++size_;
    place(object);
  }

  /// The object with the least key; the heap must not be empty.
  [[nodiscard]] ObjectIndex top() {
    assert(size_ > 0);
    while (true) {
      while (run_.empty() && late_.empty()) open_next_bucket();
      const Entry first = is_late_first() ? late_.front() : run_.back();
      if (nodes_[first.object].last_access == first.last_access) return first.object;
      remove_first();
      place(first.object);
    }
  }

  /// Removes the object just returned by top().
  void pop() {
    nodes_[(is_late_first() ? late_.front() : run_.back()).object].frequency = 0;
    --size_;
    remove_first();
  }

  /// Throws std::logic_error if the front is out of order, an object is placed above its true key
  /// or in two places, or one is lost.
  void check() const;

 private:
  struct Entry {
    std::uint64_t priority = 0;
    std::uint32_t last_access = 0;
    ObjectIndex object = kNoObject;

    friend bool operator<(const Entry& a, const Entry& b) {
      return a.priority < b.priority || (a.priority == b.priority && a.last_access < b.last_access);
    }
  };

  /// Enough that a bucket of a cache of 100,000 objects holds some tens.
  static constexpr std::size_t kBuckets = 4096;
  /// Entries of the run between an object's prefetch and its turn.
  static constexpr std::size_t kLookAhead = 8;

  [[nodiscard]] Entry entry_of(ObjectIndex object) const {
    return {nodes_[object].priority, nodes_[object].last_access, object};
  }

  /// Puts an object where its true key belongs.
  void place(ObjectIndex object) {
    if (nodes_[object].priority < limit_) {
      late_.emplace_back();
      sift_up(late_.size() - 1, entry_of(object));
    } else {
      place_beyond(object);
    }
  }

  /// Puts an object whose priority is not below limit_ into its bucket, or beyond all of them.
  void place_beyond(ObjectIndex object) {
    const std::uint64_t bucket = (nodes_[object].priority - base_) >> shift_;
    ObjectIndex& head = bucket < kBuckets ? buckets_[bucket] : beyond_;
    next_[object] = head;
    head = object;
  }

  void open_next_bucket() {
    while (opened_ < kBuckets && buckets_[opened_] == kNoObject) ++opened_;
    if (opened_ == kBuckets) {
      spread_beyond();
      return;
    }
    ObjectIndex object = buckets_[opened_];
    buckets_[opened_] = kNoObject;
    ++opened_;
    const bool fits = opened_ <= (kNoPriority - base_) >> shift_;
    limit_ = fits ? base_ + (std::uint64_t{opened_} << shift_) : kNoPriority;
    while (object != kNoObject) {
      const ObjectIndex following = next_[object];
      if (following != kNoObject) prefetch(following);
      if (nodes_[object].priority < limit_) {
        run_.push_back(entry_of(object));
      } else {
        place_beyond(object);
      }
      object = following;
    }
    std::sort(run_.begin(), run_.end(), [](const Entry& x, const Entry& y) { return y < x; });
  }

  /// New buckets, so wide that half of them hold the lower half of what lies beyond the old ones.
  void spread_beyond() {
    keys_.clear();
    for (ObjectIndex object = beyond_; object != kNoObject; object = next_[object]) {
      keys_.push_back(nodes_[object].priority);
    }
    assert(!keys_.empty());
    base_ = *std::min_element(keys_.begin(), keys_.end());
    const auto middle = keys_.begin() + static_cast<std::ptrdiff_t>(keys_.size() / 2);
    std::nth_element(keys_.begin(), middle, keys_.end());
    const int spread_bits = static_cast<int>(std::bit_width(*middle - base_));
    constexpr int kBucketBits = static_cast<int>(std::bit_width(kBuckets / 2 - 1));
    shift_ = std::max(0, spread_bits - kBucketBits);
    limit_ = base_;
    opened_ = 0;
    ObjectIndex object = beyond_;
    beyond_ = kNoObject;
    while (object != kNoObject) {
      const ObjectIndex following = next_[object];
      place_beyond(object);
      object = following;
    }
  }

  [[nodiscard]] bool is_late_first() const {
    return !late_.empty() && (run_.empty() || late_.front() < run_.back());
  }

  void remove_first() {
    if (!is_late_first()) {
      run_.pop_back();
      if (run_.size() >= kLookAhead) prefetch(run_[run_.size() - kLookAhead].object);
      return;
    }
    const Entry last = late_.back();
    late_.pop_back();
    if (!late_.empty()) sift_down(last);
  }

  void sift_up(std::size_t i, const Entry& entry) {
    while (i > 0 && entry < late_[(i - 1) / 4]) {
      late_[i] = late_[(i - 1) / 4];
      i = (i - 1) / 4;
    }
    late_[i] = entry;
  }

  /// Puts `entry` where the root was, or below.
  void sift_down(const Entry& entry) {
    const std::size_t count = late_.size();
    std::size_t i = 0;
    while (4 * i + 1 < count) {
      const std::size_t end = std::min(4 * i + 5, count);
      std::size_t least = 4 * i + 1;
      for (std::size_t child = least + 1; child < end; ++child) {
        if (late_[child] < late_[least]) least = child;
      }
      if (!(late_[least] < entry)) break;
      late_[i] = late_[least];
      i = least;
    }
    late_[i] = entry;
  }

  /// Above every priority: neither a count nor the bits of a finite double.
  static constexpr std::uint64_t kNoPriority = std::numeric_limits<std::uint64_t>::max();

  geo::HugeArray<Node> nodes_;
  geo::HugeArray<ObjectIndex> next_;  ///< in the same bucket, or beyond
  std::vector<Entry> run_;            ///< the front, sorted: the least key last
  std::vector<Entry> late_;           ///< what came below limit_ since; a heap
  std::array<ObjectIndex, kBuckets> buckets_{};
  ObjectIndex beyond_ = kNoObject;
  std::uint64_t base_ = 0;  ///< bucket b holds keys from base_ + (b << shift_)
  int shift_ = 0;
  std::size_t opened_ = 0;   ///< buckets below are in the front
  std::uint64_t limit_ = 0;  ///< what is placed below is in the front
  std::size_t size_ = 0;
  std::vector<std::uint64_t> keys_;  ///< scratch
};

}  // namespace edgeward::cache
