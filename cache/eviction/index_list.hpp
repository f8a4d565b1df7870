#pragma once

#include <cassert>
#include <cstdint>

#include "cache/ids.hpp"

namespace edgeward::cache {

/// Neighbours of an object in the one list it is in.
struct Link {
  ObjectIndex newer = kNoObject;
  ObjectIndex older = kNoObject;
};

/// A doubly linked list threaded through an array by index: no nodes, no allocation. The array's
/// elements are Links or structs derived from Link. Several lists may share one array, as long as
/// no object is in two of them. front() is the newest, back() the oldest. It keeps no bytes: the
/// policy knows which sizes matter.
class IndexList {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] ObjectIndex front() const { return front_; }
  [[nodiscard]] ObjectIndex back() const { return back_; }

  template <class Node>
  void push_front(Node* links, ObjectIndex object) {
    Node& node = links[object];
    node.newer = kNoObject;
    node.older = front_;
    *(front_ == kNoObject ? &back_ : &links[front_].newer) = object;
    front_ = object;
    ++size_;
  }

  template <class Node>
  void push_back(Node* links, ObjectIndex object) {
    Node& node = links[object];
    node.newer = back_;
    node.older = kNoObject;
    *(back_ == kNoObject ? &front_ : &links[back_].older) = object;
    back_ = object;
    ++size_;
  }

  template <class Node>
  void erase(Node* links, ObjectIndex object) {
    assert(size_ > 0);
    const ObjectIndex newer = links[object].newer;
    const ObjectIndex older = links[object].older;
    *(newer == kNoObject ? &front_ : &links[newer].older) = older;
    *(older == kNoObject ? &back_ : &links[older].newer) = newer;
    --size_;
  }

  template <class Node>
  ObjectIndex pop_back(Node* links) {
    const ObjectIndex object = back_;
    erase(links, object);
    return object;
  }

  template <class Node>
  void move_to_front(Node* links, ObjectIndex object) {
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
