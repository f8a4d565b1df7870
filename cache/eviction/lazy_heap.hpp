#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cache/ids.hpp"

namespace edgeward::cache {

/// Cached objects in ascending order of (priority, last access), for priorities that only grow
/// while an object is cached: a 4-ary implicit min-heap whose entries hold the key as it was when
/// they were placed. A hit writes the object's true key into its node and leaves the heap alone,
/// O(1); top() puts down again every entry that it finds outdated. As a placed key is never above
/// the true one, the first entry found up to date is the true minimum: exact, and most raises cost
/// nothing.
///
/// Equal priorities: the one accessed longer ago comes first. Accesses are counted modulo 2^32, so
/// ties may be broken otherwise in replays of more requests than that.
///
/// Cost: O(log n) a push and a pop, O(log n) for each outdated entry that rises to the top. Memory:
/// 16 bytes an object of the trace, and 16 an object cached (reserved for all, touched for those).
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

  explicit LazyHeap(std::size_t universe) : nodes_(universe) { groups_.reserve(universe / 4 + 2); }

  [[nodiscard]] bool contains(ObjectIndex object) const { return nodes_[object].frequency != 0; }
  [[nodiscard]] const Node& node(ObjectIndex object) const { return nodes_[object]; }
  /// Of a contained object; priority and last_access may only grow.
  [[nodiscard]] Node& node(ObjectIndex object) { return nodes_[object]; }
  [[nodiscard]] std::size_t size() const { return size_ - has_gap_; }

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&nodes_[object], 1); }

  void push(ObjectIndex object, const Node& node) {
    assert(!contains(object) && node.frequency != 0);
    nodes_[object] = node;
    if (has_gap_) {
      has_gap_ = false;
      sift_down(placed(object));
      return;
    }
    while (groups_.size() * 4 < size_ + 4) groups_.emplace_back();
    sift_up(size_++, placed(object));
  }

  /// The object with the least key; the heap must not be empty.
  [[nodiscard]] ObjectIndex top() {
    assert(size() > 0);
    if (has_gap_) fill_gap();
    while (true) {
      const Entry root = at(0);
      if (nodes_[root.object].last_access == root.last_access) return root.object;
      sift_down(placed(root.object));
    }
  }

  /// Removes the object just returned by top(). The root stays open for the push that mostly
  /// follows.
  void pop() {
    nodes_[at(0).object].frequency = 0;
    has_gap_ = true;
  }

  /// Throws std::logic_error if an entry precedes its parent, is placed above its true key, or
  /// stands for an object that is not in the heap or is there twice.
  void check() const {
    std::uint64_t contained = 0;
    for (const Node& node : nodes_) contained += node.frequency != 0;
    if (contained != size()) throw std::logic_error("heap: entries are lost");
    std::vector<bool> seen(nodes_.size());
    for (std::size_t i = has_gap_; i < size_; ++i) {
      const Entry& entry = at(i);
      if (!contains(entry.object) || seen[entry.object] || placed(entry.object) < entry) {
        throw std::logic_error("heap: an entry disagrees with its object");
      }
      seen[entry.object] = true;
      if (i > 4 * std::size_t{has_gap_} && entry < at((i - 1) / 4))
        throw std::logic_error("heap: out of order");
    }
  }

 private:
  struct Entry {
    std::uint64_t priority = 0;
    std::uint32_t last_access = 0;
    ObjectIndex object = kNoObject;

    friend bool operator<(const Entry& a, const Entry& b) {
      return a.priority < b.priority || (a.priority == b.priority && a.last_access < b.last_access);
    }
  };

  /// Four siblings, one cache line: the root stands last in the first group.
  struct alignas(64) Group {
    std::array<Entry, 4> entries;
  };

  [[nodiscard]] Entry& at(std::size_t i) { return groups_[(i + 3) / 4].entries[(i + 3) % 4]; }
  [[nodiscard]] const Entry& at(std::size_t i) const {
    return groups_[(i + 3) / 4].entries[(i + 3) % 4];
  }

  [[nodiscard]] Entry placed(ObjectIndex object) const {
    return {nodes_[object].priority, nodes_[object].last_access, object};
  }

  void fill_gap() {
    has_gap_ = false;
    const Entry last = at(--size_);
    if (size_ > 0) sift_down(last);
  }

  void sift_up(std::size_t i, const Entry& entry) {
    while (i > 0 && entry < at((i - 1) / 4)) {
      at(i) = at((i - 1) / 4);
      i = (i - 1) / 4;
    }
    at(i) = entry;
  }

  /// Puts `entry` where the root was.
  void sift_down(const Entry& entry) {
    std::size_t i = 0;
    while (4 * i + 1 < size_) {
      const std::size_t child = least_child(i);
      if (!(at(child) < entry)) break;
      at(i) = at(child);
      i = child;
    }
    at(i) = entry;
    prefetch_next();
  }

  /// One of the root's children comes to the top next, and its node will be asked for.
  void prefetch_next() const {
    if (size_ < 5) return;
    for (const Entry& entry : groups_[1].entries) prefetch(entry.object);
  }

  [[nodiscard]] std::size_t least_child(std::size_t i) const {
    const std::size_t first = 4 * i + 1;
    const auto& entries = groups_[i + 1].entries;
    if (first + 4 <= size_) {
      const std::size_t a = entries[1] < entries[0] ? 1 : 0;
      const std::size_t b = entries[3] < entries[2] ? 3 : 2;
      return first + (entries[b] < entries[a] ? b : a);
    }
    std::size_t least = 0;
    for (std::size_t k = 1; first + k < size_; ++k) {
      if (entries[k] < entries[least]) least = k;
    }
    return first + least;
  }

  std::vector<Node> nodes_;
  std::vector<Group> groups_;
  std::size_t size_ = 0;  ///< entries, the gap included
  bool has_gap_ = false;  ///< the root was popped
};

}  // namespace edgeward::cache
