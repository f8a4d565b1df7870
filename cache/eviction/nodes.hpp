#pragma once

#include <cstddef>
#include <vector>

#include "cache/eviction/index_list.hpp"
#include "cache/object_map.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

// Where a policy keeps the nodes of what is cached. A node is found by its object and then known by
// its place, an index into data(), which is what an IndexList threads. Both kinds behave alike:
//   place(object)        kNoObject if it is not there
//   add(object)          its new place; the node is the caller's to link
//   remove(place)        after the node is unlinked
//   object(place)

/// A node for each object of the trace: the object's number is its place. Fastest for a cache that
/// has the machine to itself. Absent nodes are `newer` than themselves, so that one load tells.
class DenseNodes {
 public:
  explicit DenseNodes(std::size_t objects) : links_(objects) {
    for (ObjectIndex object = 0; object < links_.size(); ++object) remove(object);
  }

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&links_[object], 1); }
  [[nodiscard]] ObjectIndex place(ObjectIndex object) const {
    return links_[object].newer == object ? kNoObject : object;
  }
  [[nodiscard]] ObjectIndex add(ObjectIndex object) { return object; }
  void remove(ObjectIndex place) { links_[place].newer = place; }
  [[nodiscard]] ObjectIndex object(ObjectIndex place) const { return place; }

  [[nodiscard]] Link* data() { return links_.data(); }
  [[nodiscard]] const Link* data() const { return links_.data(); }

 private:
  geo::HugeArray<Link> links_;
};

/// A node for each cached object alone: for one of many caches on the same trace, whose dense nodes
/// would neither fit into the processor's cache nor, with a large fleet, into memory.
class SparseNodes {
 public:
  struct Node : Link {
    ObjectIndex object = kNoObject;
  };

  explicit SparseNodes(std::size_t /*objects*/) {}

  void prefetch(ObjectIndex object) const { places_.prefetch(object); }
  [[nodiscard]] ObjectIndex place(ObjectIndex object) const {
    const ObjectIndex* const found = places_.find(object);
    return found == nullptr ? kNoObject : *found;
  }
  [[nodiscard]] ObjectIndex add(ObjectIndex object) {
    ObjectIndex place = static_cast<ObjectIndex>(nodes_.size());
    if (free_.empty()) {
      nodes_.emplace_back();
    } else {
      place = free_.back();
      free_.pop_back();
    }
    nodes_[place].object = object;
    places_.insert_or_assign(object, place);
    return place;
  }
  void remove(ObjectIndex place) {
    places_.erase(nodes_[place].object);
    free_.push_back(place);
  }
  [[nodiscard]] ObjectIndex object(ObjectIndex place) const { return nodes_[place].object; }

  [[nodiscard]] Node* data() { return nodes_.data(); }
  [[nodiscard]] const Node* data() const { return nodes_.data(); }

 private:
  std::vector<Node> nodes_;
  std::vector<ObjectIndex> free_;  ///< places
  ObjectMap<ObjectIndex> places_;
};

}  // namespace edgeward::cache
