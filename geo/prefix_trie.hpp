#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <vector>

#include "geo/ip_prefix.hpp"

namespace edgeward::geo {

/// A binary tree over addresses, for building: what is set on a prefix holds for all of it, until
/// parts of it are set to something else. IPv4 has a tree of its own, 32 bits deep. 8 bytes a node.
class PrefixTrie {
 public:
  /// What hangs below a bit: nothing, a value, or a node.
  class Child {
   public:
    static constexpr std::uint32_t kValuesMax = 0x7FFF'FFFF;

    constexpr Child() = default;
    [[nodiscard]] static constexpr Child of_value(std::uint32_t value) {
      return Child(value | kValueBit);
    }
    [[nodiscard]] static constexpr Child of_node(std::uint32_t node) { return Child(node); }

    bool operator==(const Child&) const = default;
    [[nodiscard]] constexpr bool is_empty() const { return code_ == kEmpty; }
    [[nodiscard]] constexpr bool is_value() const {
      return !is_empty() && (code_ & kValueBit) != 0;
    }
    [[nodiscard]] constexpr bool is_node() const { return (code_ & kValueBit) == 0; }
    [[nodiscard]] constexpr std::uint32_t value() const { return code_ & ~kValueBit; }
    [[nodiscard]] constexpr std::uint32_t node() const { return code_; }
    [[nodiscard]] constexpr std::uint32_t code() const { return code_; }  ///< tells children apart

   private:
    static constexpr std::uint32_t kEmpty = 0xFFFF'FFFF;
    static constexpr std::uint32_t kValueBit = 0x8000'0000;
    explicit constexpr Child(std::uint32_t code) : code_(code) {}

    std::uint32_t code_ = kEmpty;
  };
  using Node = std::array<Child, 2>;

  /// Sets all of a prefix; to nothing, if the value is Child{}.
  void set(const IpPrefix& prefix, Child value) {
    const bool is_v4 = prefix.address.is_v4() && prefix.length >= kV4LengthOffset;
    set_below(is_v4 ? v4_root_ : v6_root_, is_v4 ? kV4LengthOffset : 0, prefix, value);
  }
  /// In the tree of IPv6 even where the prefix is one of IPv4.
  void set_v6(const IpPrefix& prefix, Child value) { set_below(v6_root_, 0, prefix, value); }

  [[nodiscard]] Child v4_root() const { return v4_root_; }
  [[nodiscard]] Child v6_root() const { return v6_root_; }
  [[nodiscard]] const Node& node(Child child) const { return nodes_[child.node()]; }
  /// Nodes made so far; what a wider prefix has covered since is still among them.
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

 private:
  static constexpr std::uint32_t kNoNode = 0x7FFF'FFFF;

  void set_below(Child& root, unsigned first_bit, const IpPrefix& prefix, Child value) {
    Child* child = &root;
    std::uint32_t parent = kNoNode;
    unsigned side = 0;
    for (unsigned bit = first_bit; bit < prefix.length; ++bit) {
      if (!child->is_node()) {
        const auto made = static_cast<std::uint32_t>(nodes_.size());
        assert(made < kNoNode);
        const Child whole = *child;
        nodes_.push_back({whole, whole});  // moves the nodes, so `child` is found anew
        child = parent == kNoNode ? &root : &nodes_[parent][side];
        *child = Child::of_node(made);
      }
      parent = child->node();
      side = prefix.address.bytes[bit / 8] >> (7 - bit % 8) & 1U;
      child = &nodes_[parent][side];
    }
    *child = value;
  }

  Child v4_root_;
  Child v6_root_;
  std::vector<Node> nodes_;
};

}  // namespace edgeward::geo
