#include "geo/address_ranges.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace edgeward::geo {

namespace {

constexpr std::uint64_t kV4Last = std::numeric_limits<std::uint32_t>::max();

bool is_v4_prefix(const IpPrefix& prefix) {
  return prefix.length >= kV4LengthOffset && prefix.address.is_v4();
}

}  // namespace

AddressRanges::AddressRanges() : v4_{{}}, v6_{{}} {}

AddressRanges::AddressRanges(HugeArray<V4> v4, HugeArray<V6> v6, std::vector<DeepRange> deep)
    : v4_(std::move(v4)), v6_(std::move(v6)), deep_(std::move(deep)) {
  last_v6_value_ = v6_.back().value == kDeep ? deep_.back().value : v6_.back().value;
}

void AddressRanges::release(bool is_v4) {
  if (is_v4) {
    v4_ = {{}};
    return;
  }
  v6_ = {{}};
  deep_ = {};
  last_v6_value_ = 0;
}

void AddressRanges::take(AddressRanges& other, bool is_v4) {
  if (is_v4) {
    v4_ = std::move(other.v4_);
  } else {
    v6_ = std::move(other.v6_);
    deep_ = std::move(other.deep_);
    last_v6_value_ = other.last_v6_value_;
  }
  other.release(is_v4);
}

void AddressRanges::reserve(std::size_t v4, std::size_t v6) {
  v4_.reserve(v4);
  v6_.reserve(v6);
}

AddressRanges::Position AddressRanges::begin_of(const IpPrefix& network) {
  const std::uint64_t low = word(network.address, 8);
  if (is_v4_prefix(network)) return {.high = low & kV4Last};
  return {.high = word(network.address, 0), .low = low};
}

std::optional<AddressRanges::Position> AddressRanges::after(const IpPrefix& network) {
  constexpr unsigned kHalf = 64;
  constexpr std::uint64_t kOne = 1;
  Position end = begin_of(network);
  if (is_v4_prefix(network)) {
    end.high += kOne << (2 * kHalf - network.length);
    return end.high > kV4Last ? std::nullopt : std::optional(end);
  }
  // What runs over the end of a half is 0 there.
  if (network.length > kHalf) {
    end.low += kOne << (2 * kHalf - network.length);
    if (end.low == 0) ++end.high;
    return end == Position{} ? std::nullopt : std::optional(end);
  }
  end.high = network.length == 0 ? 0 : end.high + (kOne << (kHalf - network.length));
  return end.high == 0 ? std::nullopt : std::optional(end);
}

void AddressRanges::append(const IpPrefix& network, std::uint32_t value) {
  if (value >= kDeep) throw std::length_error("more than 16,777,213 different places");
  const bool is_v4 = is_v4_prefix(network);
  push(is_v4, begin_of(network), value);
  // What follows is unknown until the next network says otherwise: it then replaces this boundary.
  if (const auto end = after(network)) push(is_v4, *end, 0);
}

void AddressRanges::push(bool is_v4, const Position& at, std::uint32_t value) {
  if (is_v4) {
    push_v4(at.high, value);
  } else {
    push_v6(at, value);
  }
}

void AddressRanges::push_v4(std::uint64_t begin, std::uint32_t value) {
  assert(begin >= v4_.back().begin);
  if (v4_.back().begin == begin) {
    v4_.back().value = value;
    if (v4_.size() > 1 && v4_[v4_.size() - 2].value == value) v4_.pop_back();
    return;
  }
  if (v4_.back().value != value) v4_.push_back({static_cast<std::uint32_t>(begin), value});
}

/// Invariant: a v6 range with kDeep covers one /64, whose DeepRanges begin at its low end 0; the
/// range after it is written when something is pushed past that /64.
void AddressRanges::push_v6(const Position& at, std::uint32_t value) {
  if (v6_.back().value == kDeep && at.high > v6_.back().begin) {
    const std::uint64_t next = v6_.back().begin + 1;
    v6_.push_back({next, last_v6_value_});
  }
  V6& last = v6_.back();
  assert(at.high >= last.begin);
  if (last.value == kDeep) {  // in the same /64
    DeepRange& deepest = deep_.back();
    if (deepest.low == at.low) {
      deepest.value = value;
    } else if (deepest.value != value) {
      deep_.push_back({at.high, at.low, value});
    }
  } else if (at.low == 0) {
    if (last.begin == at.high) {
      last.value = value;
      const std::size_t size = v6_.size();
      if (size > 1 && v6_[size - 2].value == value) v6_.pop_back();
    } else if (last.value != value) {
      v6_.push_back({at.high, value});
    }
  } else if (last_v6_value_ != value) {
    deep_.push_back({at.high, 0, last_v6_value_});
    deep_.push_back({at.high, at.low, value});
    if (last.begin == at.high) {
      last.value = kDeep;
    } else {
      v6_.push_back({at.high, kDeep});
    }
  }
  last_v6_value_ = value;
}

AddressRanges AddressRanges::of_nested(const std::vector<IpPrefix>& prefixes) {
  if (prefixes.size() >= kDeep) throw std::length_error("more than 16,777,214 prefixes");
  std::vector<std::uint32_t> order(prefixes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto key = [&](std::uint32_t i) {
      return std::tuple(!is_v4_prefix(prefixes[i]), prefixes[i].address.bytes, prefixes[i].length,
                        i);
    };
    return key(a) < key(b);
  });
  AddressRanges result;
  // Prefixes that hold the present position, the longest last.
  std::vector<std::uint32_t> open;
  const auto close = [&](bool is_v4) {
    const std::uint32_t inner = open.back();
    open.pop_back();
    const auto end = after(prefixes[inner]);
    if (end) result.push(is_v4, *end, open.empty() ? 0 : open.back() + 1);
  };
  for (const std::uint32_t i : order) {
    const IpPrefix& prefix = prefixes[i];
    while (!open.empty() && (is_v4_prefix(prefixes[open.back()]) != is_v4_prefix(prefix) ||
                             !prefixes[open.back()].contains(prefix.address))) {
      close(is_v4_prefix(prefixes[open.back()]));
    }
    const bool is_v4 = is_v4_prefix(prefix);
    result.push(is_v4, begin_of(prefix), i + 1);
    open.push_back(i);
  }
  while (!open.empty()) close(is_v4_prefix(prefixes[open.back()]));
  return result;
}

std::optional<AddressRanges::Position> AddressRanges::Cursor::next() const {
  if (is_v4_) {
    if (index_ + 1 == ranges_.v4_.size()) return std::nullopt;
    return Position{.high = ranges_.v4_[index_ + 1].begin};
  }
  const auto& deep = ranges_.deep_;
  const auto& v6 = ranges_.v6_;
  if (is_deep_ && deep_ < deep.size() && deep[deep_].high == v6[index_].begin) {
    return Position{deep[deep_].high, deep[deep_].low};
  }
  if (index_ + 1 < v6.size()) return Position{.high = v6[index_ + 1].begin};
  // A divided /64 may be the last that was written: what follows has its last value.
  return std::nullopt;
}

void AddressRanges::Cursor::advance() {
  const auto& deep = ranges_.deep_;
  if (is_deep_ && deep_ < deep.size() && deep[deep_].high == ranges_.v6_[index_].begin) {
    current_ = {{deep[deep_].high, deep[deep_].low}, deep[deep_].value};
    ++deep_;
    return;
  }
  ++index_;
  read();
}

void AddressRanges::Cursor::read() {
  if (is_v4_) {
    current_ = {{ranges_.v4_[index_].begin, 0}, ranges_.v4_[index_].value};
    return;
  }
  const V6& range = ranges_.v6_[index_];
  is_deep_ = range.value == kDeep;
  current_ = {{range.begin, 0}, is_deep_ ? ranges_.deep_[deep_].value : range.value};
  if (is_deep_) ++deep_;
}

}  // namespace edgeward::geo
