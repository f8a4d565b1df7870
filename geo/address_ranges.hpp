#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "geo/huge_array.hpp"
#include "geo/ip_address.hpp"
#include "geo/ip_prefix.hpp"
#include "geo/range_map.hpp"

namespace edgeward::geo {

/// Eight bytes of an address, from there on, as a number.
[[nodiscard]] inline std::uint64_t word(const IpAddress& address, std::size_t at) {
  std::uint64_t result = 0;
  __builtin_memcpy(&result, address.bytes.data() + at, sizeof result);
  return __builtin_bswap64(result);
}

/// A range within one /64: few networks are that small.
struct DeepRange {
  std::uint64_t high = 0;
  std::uint64_t low = 0;  ///< where it begins
  std::uint32_t value = 0;

  bool operator==(const DeepRange&) const = default;
};

/// A value for every address, as sorted lists of where it changes: what networks are gathered in
/// before they become an AddressMap. IPv4 is a line of its own; IPv6 is kept by its upper 64 bits,
/// with DeepRanges where a /64 is divided. 0 means "nothing known", and is what addresses have that
/// no network covers.
class AddressRanges {
 public:
  /// Stands for "see deep()" where a /64 has its value; values are below it.
  static constexpr std::uint32_t kDeep = RangeMap<std::uint64_t>::kValueMax;

  using V4 = RangeMap<std::uint32_t>::Range;
  using V6 = RangeMap<std::uint64_t>::Range;

  AddressRanges();

  /// Room for about so many ranges a family; more is no error.
  void reserve(std::size_t v4, std::size_t v6);

  /// Gives a network its value. Networks of a family come in ascending order and do not overlap;
  /// families may alternate. Throws std::length_error for a value that is not below kDeep.
  void append(const IpPrefix& network, std::uint32_t value);

  [[nodiscard]] const HugeArray<V4>& v4() const { return v4_; }
  [[nodiscard]] const HugeArray<V6>& v6() const { return v6_; }
  [[nodiscard]] const std::vector<DeepRange>& deep() const { return deep_; }

  /// Gives one family's memory back: nothing is known of it any more.
  void release(bool is_v4);

  /// Everywhere combine(upper value, lower value). Takes both lists, so that a family of which
  /// `upper` knows nothing needs no second copy.
  template <class Combine>
  [[nodiscard]] static AddressRanges merged(AddressRanges upper, AddressRanges lower,
                                            Combine combine);

  /// Prefixes that may overlap: the longest that holds an address decides; of equal ones the last.
  /// Values are positions in the list + 1; throws std::length_error for so many that one is not
  /// below kDeep.
  [[nodiscard]] static AddressRanges of_nested(const std::vector<IpPrefix>& prefixes);

  /// From the lists of a finished map.
  AddressRanges(HugeArray<V4> v4, HugeArray<V6> v6, std::vector<DeepRange> deep);

 private:
  /// A position on either line: IPv4 has its address in `high`.
  struct Position {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    auto operator<=>(const Position&) const = default;
  };
  struct Boundary {
    Position at;
    std::uint32_t value = 0;
  };
  /// Reads one family's boundaries in order.
  class Cursor;

  [[nodiscard]] bool knows(bool is_v4) const { return (is_v4 ? v4_.size() : v6_.size()) > 1; }
  /// Moves one family over from another list.
  void take(AddressRanges& other, bool is_v4);
  template <class Change>
  void change_values(bool is_v4, Change change);

  [[nodiscard]] static Position begin_of(const IpPrefix& network);
  /// The position after a network's last address; absent where its family ends with it.
  [[nodiscard]] static std::optional<Position> after(const IpPrefix& network);
  void push_v4(std::uint64_t begin, std::uint32_t value);
  void push_v6(const Position& at, std::uint32_t value);
  void push(bool is_v4, const Position& at, std::uint32_t value);

  HugeArray<V4> v4_;
  HugeArray<V6> v6_;
  std::vector<DeepRange> deep_;
  std::uint32_t last_v6_value_ = 0;
};

class AddressRanges::Cursor {
 public:
  Cursor(const AddressRanges& ranges, bool is_v4) : ranges_(ranges), is_v4_(is_v4) { read(); }

  /// The boundary at which the value became what it is.
  [[nodiscard]] std::uint32_t value() const { return current_.value; }
  [[nodiscard]] const Position& at() const { return current_.at; }
  /// Where it changes next.
  [[nodiscard]] std::optional<Position> next() const;
  void advance();

 private:
  void read();

  const AddressRanges& ranges_;
  bool is_v4_;
  std::size_t index_ = 0;
  std::size_t deep_ = 0;  ///< next of deep_ to read
  bool is_deep_ = false;  ///< current_ came from deep_
  Boundary current_;
};

template <class Change>
void AddressRanges::change_values(bool is_v4, Change change) {
  if (is_v4) {
    for (V4& range : v4_) range.value = change(range.value);
    return;
  }
  for (V6& range : v6_) {
    if (range.value != kDeep) range.value = change(range.value);
  }
  for (DeepRange& range : deep_) range.value = change(range.value);
  last_v6_value_ = change(last_v6_value_);
}

template <class Combine>
AddressRanges AddressRanges::merged(AddressRanges upper, AddressRanges lower, Combine combine) {
  AddressRanges result;
  for (const bool is_v4 : {true, false}) {
    if (!upper.knows(is_v4)) {
      const std::uint32_t above = is_v4 ? upper.v4_.front().value : upper.v6_.front().value;
      lower.change_values(is_v4, [&](std::uint32_t below) { return combine(above, below); });
      result.take(lower, is_v4);
      continue;
    }
    if (is_v4) {
      result.v4_.reserve(upper.v4_.size() + lower.v4_.size());
    } else {
      result.v6_.reserve(upper.v6_.size() + lower.v6_.size());
    }
    Cursor above(upper, is_v4);
    Cursor below(lower, is_v4);
    Position at;
    while (true) {
      result.push(is_v4, at, combine(above.value(), below.value()));
      const auto next_above = above.next();
      const auto next_below = below.next();
      if (!next_above && !next_below) break;
      const bool above_moves = next_above && (!next_below || *next_above <= *next_below);
      const bool below_moves = next_below && (!next_above || *next_below <= *next_above);
      at = above_moves ? *next_above : *next_below;
      if (above_moves) above.advance();
      if (below_moves) below.advance();
    }
    upper.release(is_v4);
    lower.release(is_v4);
  }
  return result;
}

}  // namespace edgeward::geo
