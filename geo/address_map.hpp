#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "geo/address_ranges.hpp"
#include "geo/huge_array.hpp"
#include "geo/ip_address.hpp"
#include "geo/ip_prefix.hpp"
#include "geo/location.hpp"
#include "geo/point.hpp"
#include "geo/range_map.hpp"

namespace edgeward::geo {

/// Number of a cell: all clients of one cell are in the same place for routing.
using CellIndex = std::uint32_t;

/// What routing needs to know of a client's place. 32 bytes: two share a cache line.
struct Cell {
  static constexpr std::uint16_t kNoZone = 0xFFFF;

  float lat_deg = 0;
  float lon_deg = 0;
  UnitVector at;
  Country country = Country::none;
  std::uint16_t accuracy_km = 0;
  std::uint16_t zone = kNoZone;  ///< coverage zone (AddressMap::zones) that an override gives it
  std::uint16_t area = 0;        ///< see AddressMap::areas
  /// Tells apart clients in one place whose round trips differ: the number of a measured prefix
  /// (with_measured) + 1; 0 for all others.
  std::uint16_t measured = 0;
  LocationSource source = LocationSource::none;

  [[nodiscard]] Location location() const;
  bool operator==(const Cell&) const = default;
};

static_assert(sizeof(Cell) == 32);

/// Address → cell, compiled from databases and overrides: networks of equal location are one cell,
/// however many there are. Immutable; a look-up reads about six nodes of a RangeMap, most of them
/// in the processor's cache. Made by AddressMapBuilder.
///
/// IPv4 addresses inside IPv6 (IpAddress::unwrapped) are looked up as IPv4.
class AddressMap {
 public:
  /// Side of the square, in degrees, that an area is: see areas.
  static constexpr double kAreaDeg = 5;

  /// A map of these cells, of which there is at least one, and zones alone: for clients whose cell
  /// is known. Every address is in the first.
  [[nodiscard]] static std::shared_ptr<const AddressMap> of_cells(
      std::span<const Cell> cells, std::vector<std::vector<std::string>> zones);

  [[nodiscard]] CellIndex find(const IpAddress& address) const noexcept;
  /// Starts to fetch what find() will wait for, for all of a batch of addresses together.
  void prefetch(std::span<const IpAddress> addresses) const noexcept;
  /// The widest block around an address of which every address is in its cell: what an answer that
  /// depends on the cell alone holds for.
  [[nodiscard]] IpPrefix block(const IpAddress& address) const noexcept;
  /// The cell of a country's centre; the fallback's where the country is not known.
  [[nodiscard]] CellIndex find(Country country) const noexcept;

  [[nodiscard]] const Cell& operator[](CellIndex cell) const { return cells_[cell]; }
  [[nodiscard]] std::span<const Cell> cells() const { return cells_; }
  [[nodiscard]] std::span<const std::vector<std::string>> zones() const { return zones_; }
  /// How many areas cells lie in: squares of kAreaDeg, numbered by first appearance. Demand and
  /// admit shares are kept by area.
  [[nodiscard]] std::size_t areas() const { return areas_; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  friend class AddressMapBuilder;

  [[nodiscard]] CellIndex find_deep(std::uint64_t high, std::uint64_t low) const noexcept;

  RangeMap<std::uint32_t> v4_;
  RangeMap<std::uint64_t> v6_;  ///< by the upper 64 bits; kDeep where deep_ says more
  std::vector<DeepRange> deep_;
  HugeArray<Cell> cells_;             ///< cell 0 is the fallback
  std::vector<CellIndex> countries_;  ///< by the two letters: see find(Country)
  std::vector<std::vector<std::string>> zones_;
  std::size_t areas_ = 1;
};

}  // namespace edgeward::geo
