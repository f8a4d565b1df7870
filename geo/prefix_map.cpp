#include "geo/prefix_map.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace edgeward::geo {

namespace {

constexpr std::uint64_t kMappedLow = std::uint64_t{0xFFFF} << 32;

}  // namespace

PrefixMap::PrefixMap(std::span<const IpPrefix> prefixes) {
  assert(prefixes.size() < kNone);
  std::vector<std::uint32_t> order(prefixes.size());
  std::iota(order.begin(), order.end(), 0U);
  // What holds another comes before it, and of equals the one that counts comes last.
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (prefixes[a].address != prefixes[b].address) {
      return prefixes[a].address.bytes < prefixes[b].address.bytes;
    }
    return prefixes[a].length < prefixes[b].length;
  });
  struct Open {
    Key last;
    std::uint32_t index;
  };
  std::vector<Open> open;  // each holds the next
  const auto close = [&] {
    const Key last = open.back().last;
    open.pop_back();
    const Key next{.high = last.high + (last.low == ~std::uint64_t{0} ? 1 : 0),
                   .low = last.low + 1};
    if (next == Key{}) return;  // past the last address
    begin_range(next, open.empty() ? kNone : open.back().index);
  };
  for (const std::uint32_t index : order) {
    const Key start = key(prefixes[index].address);
    while (!open.empty() && open.back().last < start) close();
    begin_range(start, index);
    open.push_back({.last = last_key(prefixes[index]), .index = index});
  }
  while (!open.empty()) close();
  split_off_v4();
}

std::optional<std::uint32_t> PrefixMap::find(const IpAddress& address) const {
  const auto index = [](const auto& starts, const auto& indices, const auto& at) {
    const auto after = std::upper_bound(starts.begin(), starts.end(), at);
    return after == starts.begin() ? kNone
                                   : indices[static_cast<std::size_t>(after - starts.begin()) - 1];
  };
  const Key at = key(address);
  const std::uint32_t found =
      address.is_v4() ? index(v4_starts_, v4_indices_, static_cast<std::uint32_t>(at.low))
                      : index(starts_, indices_, at);
  if (found == kNone) return std::nullopt;
  return found;
}

PrefixMap::Key PrefixMap::key(const IpAddress& address) {
  Key result;
  for (std::size_t i = 0; i < 8; ++i) {
    result.high = result.high << 8 | address.bytes[i];
    result.low = result.low << 8 | address.bytes[8 + i];
  }
  return result;
}

PrefixMap::Key PrefixMap::last_key(const IpPrefix& prefix) {
  return key(prefix.last());
}

void PrefixMap::begin_range(const Key& start, std::uint32_t index) {
  if (!starts_.empty() && starts_.back() == start) {
    indices_.back() = index;
  } else {
    starts_.push_back(start);
    indices_.push_back(index);
  }
}

void PrefixMap::split_off_v4() {
  constexpr Key kFirst{.high = 0, .low = kMappedLow};
  constexpr Key kAfter{.high = 0, .low = kMappedLow + (std::uint64_t{1} << 32)};
  // Both parts get a range at the seam, so that neither needs to look into the other.
  for (const Key& seam : {kFirst, kAfter}) {
    const auto at = std::lower_bound(starts_.begin(), starts_.end(), seam);
    if (at != starts_.end() && *at == seam) continue;
    const auto before = at - starts_.begin();
    const std::uint32_t index =
        before == 0 ? kNone : indices_[static_cast<std::size_t>(before) - 1];
    starts_.insert(at, seam);
    indices_.insert(indices_.begin() + before, index);
  }
  const auto begin = std::lower_bound(starts_.begin(), starts_.end(), kFirst);
  const auto end = std::lower_bound(starts_.begin(), starts_.end(), kAfter);
  const auto index_begin = indices_.begin() + (begin - starts_.begin());
  const auto index_end = indices_.begin() + (end - starts_.begin());
  for (auto start = begin; start != end; ++start) {
    v4_starts_.push_back(static_cast<std::uint32_t>(start->low));
  }
  v4_indices_.assign(index_begin, index_end);
  starts_.erase(begin, end);
  indices_.erase(index_begin, index_end);
}

}  // namespace edgeward::geo
