#include "geo/address_map.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

namespace edgeward::geo {

Location Cell::location() const {
  return {.point = {.lat_deg = lat_deg, .lon_deg = lon_deg},
          .accuracy_km = static_cast<double>(accuracy_km),
          .country = country,
          .asn = 0,
          .source = source};
}

namespace {

/// Upper halves under which IPv6 carries IPv4: mapped, NAT64, Teredo, 6to4.
constexpr std::array<std::pair<std::uint64_t, std::uint64_t>, 4> kCarriers{{
    {0, 0},
    {0x0064'FF9B'0000'0000, 0x0064'FF9B'0000'0000},
    {0x2001'0000'0000'0000, 0x2001'0000'FFFF'FFFF},
    {0x2002'0000'0000'0000, 0x2002'FFFF'FFFF'FFFF},
}};

/// Whether the upper half is one of those under which IPv6 carries IPv4 (IpAddress::unwrapped).
bool may_carry_v4(std::uint64_t high) {
  return high >> 48 == 0x2002 || high >> 32 == 0x2001'0000 || high == 0x0064'FF9B'0000'0000;
}

}  // namespace

std::shared_ptr<const AddressMap> AddressMap::of_cells(
    std::span<const Cell> cells, std::vector<std::vector<std::string>> zones) {
  auto map = std::make_shared<AddressMap>();
  map->cells_.assign(cells.begin(), cells.end());
  map->zones_ = std::move(zones);
  for (const Cell& cell : cells) map->areas_ = std::max(map->areas_, cell.area + std::size_t{1});
  return map;
}

CellIndex AddressMap::find(const IpAddress& address) const noexcept {
  const std::uint64_t high = word(address, 0);
  const std::uint64_t low = word(address, 8);
  if (high == 0 && low >> 32 == 0xFFFF) return v4_.find(static_cast<std::uint32_t>(low));
  if (may_carry_v4(high)) {
    const IpAddress inner = address.unwrapped();
    if (inner != address) return v4_.find(static_cast<std::uint32_t>(word(inner, 8)));
  }
  const std::uint32_t value = v6_.find(high);
  return value != AddressRanges::kDeep ? value : find_deep(high, low);
}

void AddressMap::prefetch(std::span<const IpAddress> addresses) const noexcept {
  constexpr std::size_t kTogether = 64;
  std::array<std::uint32_t, kTogether> v4;
  std::array<std::uint64_t, kTogether> v6;
  while (!addresses.empty()) {
    const auto batch = addresses.first(std::min(addresses.size(), kTogether));
    std::size_t v4_count = 0;
    std::size_t v6_count = 0;
    for (const IpAddress& address : batch) {
      if (address.is_v4()) {
        v4[v4_count++] = static_cast<std::uint32_t>(word(address, 8));
      } else {
        v6[v6_count++] = word(address, 0);
      }
    }
    v4_.prefetch({v4.data(), v4_count});
    v6_.prefetch({v6.data(), v6_count});
    addresses = addresses.subspan(batch.size());
  }
}

namespace {

/// The fewest leading bits of a key that hold it within a range.
template <class Key>
unsigned bits_within(Key key, const typename RangeMap<Key>::Found& range) {
  constexpr auto kBits = static_cast<unsigned>(std::numeric_limits<Key>::digits);
  unsigned bits = 0;
  // One more than what the key shares with the key beyond either end.
  const auto part = [&](Key beyond) {
    bits =
        std::max(bits, static_cast<unsigned>(std::countl_zero(static_cast<Key>(key ^ beyond))) + 1);
  };
  if (range.begin > 0) part(range.begin - 1);
  if (range.last < std::numeric_limits<Key>::max()) part(range.last + 1);
  return std::min(bits, kBits);
}

}  // namespace

IpPrefix AddressMap::block(const IpAddress& address) const noexcept {
  constexpr unsigned kV4Bits = 96;
  constexpr unsigned kWhole = 128;
  const std::uint64_t high = word(address, 0);
  const std::uint64_t low = word(address, 8);
  if (high == 0 && low >> 32 == 0xFFFF) {
    const auto key = static_cast<std::uint32_t>(low);
    return IpPrefix::around(address, kV4Bits + bits_within(key, v4_.find_range(key)));
  }
  // What carries IPv4 lies by that; a block beside it must not reach into it.
  if (high == 0 || may_carry_v4(high)) return IpPrefix::around(address, kWhole);
  auto range = v6_.find_range(high);
  if (range.value == AddressRanges::kDeep) return IpPrefix::around(address, kWhole);
  for (const auto& [first, last] : kCarriers) {
    if (last < high) range.begin = std::max(range.begin, last + 1);
    if (first > high) range.last = std::min(range.last, first - 1);
  }
  return IpPrefix::around(address, bits_within(high, range));
}

CellIndex AddressMap::find_deep(std::uint64_t high, std::uint64_t low) const noexcept {
  const auto after = std::upper_bound(deep_.begin(), deep_.end(), std::pair{high, low},
                                      [](const auto& wanted, const auto& range) {
                                        return wanted < std::pair{range.high, range.low};
                                      });
  return std::prev(after)->value;
}

CellIndex AddressMap::find(Country country) const noexcept {
  const auto code = static_cast<std::size_t>(country);
  return code < countries_.size() ? countries_[code] : 0;
}

std::size_t AddressMap::memory_bytes() const {
  return v4_.memory_bytes() + v6_.memory_bytes() + deep_.size() * sizeof(DeepRange) +
         cells_.size() * sizeof(Cell) + countries_.size() * sizeof(CellIndex);
}

}  // namespace edgeward::geo
