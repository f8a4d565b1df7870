#include "geo/address_map.hpp"

#include <algorithm>
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

std::uint64_t word(const IpAddress& address, std::size_t at) {
  std::uint64_t result = 0;
  __builtin_memcpy(&result, address.bytes.data() + at, sizeof result);
  return __builtin_bswap64(result);
}

/// Whether the upper half is one of those under which IPv6 carries IPv4 (IpAddress::unwrapped).
bool may_carry_v4(std::uint64_t high) {
  return high >> 48 == 0x2002 || high >> 32 == 0x2001'0000 || high == 0x0064'FF9B'0000'0000;
}

}  // namespace

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
