#pragma once

#include <cassert>
#include <cstdint>
#include <span>

#include "cache/ids.hpp"

namespace edgeward::cache {

/// Neighbours of an object in the one list it is in.
struct Link {
  ObjectIndex newer = kNoObject;
  ObjectIndex older = kNoObject;
};

/// A doubly linked list threaded through an array of Links by index: no nodes, no allocation.
/// Several lists may share one array, as long as no object is in two of them. front() is the
/// newest, back() the oldest. It keeps no bytes: the policy knows which sizes matter.
class IndexList {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] ObjectIndex front() const { return front_; }
  [[nodiscard]] ObjectIndex back() const { return back_; }

  void push_front(Link* links, ObjectIndex object) {
    links[object] = {.newer = kNoObject, .older = front_};
    (front_ == kNoObject ? back_ : links[front_].newer) = object;
    front_ = object;
    ++size_;
  }

  void push_back(Link* links, ObjectIndex object) {
    links[object] = {.newer = back_, .older = kNoObject};
    (back_ == kNoObject ? front_ : links[back_].older) = object;
    back_ = object;
    ++size_;
  }

  void erase(Link* links, ObjectIndex object) {
    assert(size_ > 0);
    const Link link = links[object];
    (link.newer == kNoObject ? front_ : links[link.newer].older) = link.older;
    (link.older == kNoObject ? back_ : links[link.older].newer) = link.newer;
    --size_;
  }

  ObjectIndex pop_back(Link* links) {
    const ObjectIndex object = back_;
    erase(links, object);
    return object;
  }

  void move_to_front(Link* links, ObjectIndex object) {
    if (object == front_) return;
    erase(links, object);
    push_front(links, object);
  }

 private:
  ObjectIndex front_ = kNoObject;
  ObjectIndex back_ = kNoObject;
  std::uint64_t size_ = 0;
};

}  // namespace edgeward::cache
