#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "geo/address_map.hpp"
#include "geo/address_ranges.hpp"
#include "geo/country_centres.hpp"
#include "geo/huge_array.hpp"
#include "geo/location.hpp"
#include "geo/mmdb.hpp"
#include "geo/prefix_overrides.hpp"

namespace edgeward::geo {

/// One database's networks, gathered: each has a place, equal places are kept once. Databases are
/// independent of each other, so a caller with several processors gathers them side by side.
struct NetworkLayer {
  AddressRanges ranges;  ///< positions in places + 1
  HugeArray<Location> places;

  /// As AddressRanges::append.
  void append(const IpPrefix& network, std::uint32_t place) { ranges.append(network, place + 1); }
};

/// Reads all of a database. An error names the file and says what is broken; networks whose record
/// has no place, or one that cannot be read, are left to other layers, and the latter counted.
struct ReadLayer {
  NetworkLayer layer;
  std::uint64_t unreadable = 0;  ///< records that cannot be read
  std::string first_unreadable;  ///< why, for the first of them
};
[[nodiscard]] tl::expected<ReadLayer, std::string> read_layer(const Mmdb& database,
                                                              const CountryCentres& centres);

/// Makes address maps. Slow and off the path of decisions; the order of calls is the order of
/// precedence, as below.
///
///     AddressMapBuilder builder(fallback);
///     builder.add(city_layer);      // the first layer that has a point for an address decides;
///     builder.add(country_layer);   // where none has, the first that has a country
///     const auto base = builder.build();
///     const auto map = with_overrides(*base, overrides);   // databases need not be read again
class AddressMapBuilder {
 public:
  /// Where clients are taken to be of whom nothing is known; source none if that is not wanted.
  explicit AddressMapBuilder(const Location& fallback = {});
  ~AddressMapBuilder();

  /// Lays a database below those that are there.
  void add(NetworkLayer layer);
  /// Cells for countries' centres, for clients of whom only the country is known.
  void add_countries(const CountryCentres& centres);

  /// Throws std::length_error for 16.8 million different places and more.
  [[nodiscard]] std::shared_ptr<const AddressMap> build() &&;

 private:
  friend std::shared_ptr<const AddressMap> with_overrides(const AddressMap&,
                                                          const PrefixOverrides&);
  friend std::shared_ptr<const AddressMap> with_measured(const AddressMap&,
                                                         const std::vector<IpPrefix>&);
  explicit AddressMapBuilder(const AddressMap& base);

  struct Cells;
  std::unique_ptr<Cells> cells_;
  AddressRanges ranges_;
  std::vector<CellIndex> countries_;
  std::vector<std::vector<std::string>> zones_;
};

/// A map with the operator's overrides laid over it. A location replaces the one below; a zone
/// alone leaves it. Throws std::length_error for more than 65,535 zones.
[[nodiscard]] std::shared_ptr<const AddressMap> with_overrides(const AddressMap& base,
                                                               const PrefixOverrides& overrides);

/// A map in which each of the prefixes has cells of its own, Cell::measured, so that CellRtts can
/// hold what was measured there. Throws std::length_error for more than 65,535 prefixes.
[[nodiscard]] std::shared_ptr<const AddressMap> with_measured(
    const AddressMap& base, const std::vector<IpPrefix>& prefixes);

}  // namespace edgeward::geo
