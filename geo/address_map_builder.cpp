#include "geo/address_map_builder.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>

namespace edgeward::geo {

namespace {

template <class Key, class Value>
using HugeMap = boost::unordered_flat_map<Key, Value, boost::hash<Key>, std::equal_to<Key>,
                                          HugePageAllocator<std::pair<const Key, Value>>>;

/// Two letters as a number are below this.
constexpr std::size_t kCountryCodes = std::size_t{'Z'} << 8 | ('Z' + 1);

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 32)) * 0x9E3779B97F4A7C15;
  return value ^ (value >> 29);
}

/// Of what makes cells equal; the rest is derived from it.
std::uint64_t hash_of(const Cell& cell) {
  const std::uint64_t place = std::uint64_t{std::bit_cast<std::uint32_t>(cell.lat_deg)} << 32 |
                              std::bit_cast<std::uint32_t>(cell.lon_deg);
  const std::uint64_t rest = static_cast<std::uint64_t>(cell.country) << 40 |
                             std::uint64_t{cell.accuracy_km} << 24 | std::uint64_t{cell.zone} << 8 |
                             static_cast<std::uint64_t>(cell.source);
  return mixed(mixed(place) + rest);
}

}  // namespace

/// Interns cells: equal ones once, numbered by first appearance.
struct AddressMapBuilder::Cells {
  struct Hash {
    using is_avalanching = void;

    const HugeArray<Cell>* list;
    std::size_t operator()(CellIndex cell) const { return hash_of((*list)[cell]); }
  };
  struct Equal {
    const HugeArray<Cell>* list;
    bool operator()(CellIndex a, CellIndex b) const { return (*list)[a] == (*list)[b]; }
  };

  HugeArray<Cell> list;
  /// Into the list, so that what is searched at random is a fraction of its size.
  boost::unordered_flat_set<CellIndex, Hash, Equal, HugePageAllocator<CellIndex>> numbers{
      0, Hash{&list}, Equal{&list}};
  boost::unordered_flat_map<std::int32_t, std::uint16_t> areas;

  Cells() = default;
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;

  /// For about so many more.
  void reserve(std::size_t more) {
    list.reserve(list.size() + more);
    numbers.reserve(list.size() + more);
  }

  /// The list alone is left.
  void forget_numbers() {
    numbers.clear();
    numbers.rehash(0);
  }

  CellIndex intern(const Location& location, std::uint16_t zone) {
    constexpr double kAccuracyMax = std::numeric_limits<std::uint16_t>::max();
    return intern({.lat_deg = static_cast<float>(location.point.lat_deg),
                   .lon_deg = static_cast<float>(location.point.lon_deg),
                   .at = unit_vector(location.point),
                   .country = location.country,
                   .accuracy_km = static_cast<std::uint16_t>(
                       std::clamp(std::ceil(location.accuracy_km), 0.0, kAccuracyMax)),
                   .zone = zone,
                   .area = area_of(location.point),
                   .source = location.source});
  }

  CellIndex intern(const Cell& cell) {
    list.push_back(cell);
    const auto [found, is_new] = numbers.insert(static_cast<CellIndex>(list.size() - 1));
    if (!is_new) list.pop_back();
    return *found;
  }

  std::uint16_t area_of(const GeoPoint& point) {
    const auto row = static_cast<std::int32_t>((point.lat_deg + 90) / AddressMap::kAreaDeg);
    const auto column = static_cast<std::int32_t>((point.lon_deg + 180) / AddressMap::kAreaDeg);
    const std::int32_t square = row * 1000 + column;
    return areas.try_emplace(square, static_cast<std::uint16_t>(areas.size())).first->second;
  }
};

namespace {

/// Places by where their records begin, as many as the processor's nearest cache holds: eight to
/// nine in ten networks of a city database have the record of one shortly before.
class RecentPlaces {
 public:
  struct Entry {
    std::uint32_t offset = 0xFFFF'FFFF;  ///< of no record
    std::uint32_t place = 0;
  };

  /// Where the place of that record would be.
  [[nodiscard]] Entry& at(std::uint32_t offset) {
    return entries_[(offset * std::uint32_t{0x9E37'79B1}) >> (32 - kBits)];
  }

 private:
  static constexpr unsigned kBits = 10;

  std::array<Entry, std::size_t{1} << kBits> entries_;
};

}  // namespace

tl::expected<ReadLayer, std::string> read_layer(const Mmdb& database,
                                                const CountryCentres& centres) {
  constexpr std::uint32_t kNoPlace = 0xFFFF'FFFF;
  ReadLayer result;
  const std::size_t nodes = database.node_count();
  result.layer.ranges.reserve(database.ip_version() == 4 ? nodes : 0,
                              database.ip_version() == 6 ? nodes : 0);
  HugeMap<std::uint32_t, std::uint32_t> places;  // by where the record begins
  const auto read_place = [&](std::uint32_t offset) {
    const auto [found, is_new] = places.try_emplace(offset, kNoPlace);
    if (!is_new) return found->second;
    const auto record = database.read(offset);
    if (!record) {
      if (result.unreadable++ == 0) result.first_unreadable = record.error();
      return kNoPlace;
    }
    Location place{.accuracy_km = record->accuracy_km,
                   .country = record->country,
                   .source = LocationSource::mmdb};
    if (record->point) {
      place.point = *record->point;
    } else if (const auto centre = centres.find(record->country)) {
      place = *centre;
    } else {
      return kNoPlace;
    }
    found->second = static_cast<std::uint32_t>(result.layer.places.size());
    result.layer.places.push_back(place);
    return found->second;
  };
  RecentPlaces recent;
  const auto place_of = [&](std::uint32_t offset) {
    RecentPlaces::Entry& entry = recent.at(offset);
    if (entry.offset != offset) entry = {.offset = offset, .place = read_place(offset)};
    return entry.place;
  };
  const auto visited = database.visit([&](const Mmdb::Network& network) {
    const std::uint32_t place = place_of(network.offset);
    if (place != kNoPlace) result.layer.append(network.prefix, place);
  });
  if (!visited) return tl::unexpected(visited.error());
  return result;
}

AddressMapBuilder::AddressMapBuilder(const Location& fallback)
    : cells_(std::make_unique<Cells>()), countries_(kCountryCodes, 0) {
  cells_->intern(fallback, Cell::kNoZone);
}

AddressMapBuilder::~AddressMapBuilder() = default;

AddressMapBuilder::AddressMapBuilder(const AddressMap& base)
    : cells_(std::make_unique<Cells>()), countries_(base.countries_), zones_(base.zones_) {
  cells_->reserve(base.cells_.size());
  for (const Cell& cell : base.cells_) {
    (void)cells_->area_of(cell.location().point);
    cells_->intern(cell);
  }
  HugeArray<AddressRanges::V4> v4;
  v4.reserve(base.v4_.size());
  base.v4_.visit([&](std::uint32_t begin, CellIndex cell) { v4.push_back({begin, cell}); });
  HugeArray<AddressRanges::V6> v6;
  v6.reserve(base.v6_.size());
  base.v6_.visit([&](std::uint64_t begin, CellIndex cell) { v6.push_back({begin, cell}); });
  ranges_ = AddressRanges(std::move(v4), std::move(v6), base.deep_);
}

void AddressMapBuilder::add(NetworkLayer layer) {
  HugeArray<CellIndex> cells(layer.places.size() + 1);
  cells_->reserve(layer.places.size());
  for (std::size_t i = 0; i < layer.places.size(); ++i) {
    cells[i + 1] = cells_->intern(layer.places[i], Cell::kNoZone);
  }
  const auto is_centre = [&](CellIndex cell) {
    return cells_->list[cell].source == LocationSource::country;
  };
  ranges_ = AddressRanges::merged(
      std::move(ranges_), std::move(layer.ranges), [&](CellIndex above, std::uint32_t below) {
        // A point is more than the centre of a country, whichever database has it.
        const bool is_better = below != 0 && is_centre(above) && !is_centre(cells[below]);
        return above == 0 || is_better ? cells[below] : above;
      });
}

void AddressMapBuilder::add_countries(const CountryCentres& centres) {
  for (const Location& centre : centres.all()) {
    countries_[static_cast<std::size_t>(centre.country)] = cells_->intern(centre, Cell::kNoZone);
  }
}

std::shared_ptr<const AddressMap> AddressMapBuilder::build() && {
  if (cells_->list.size() > AddressRanges::kDeep) {
    throw std::length_error("more than 16,777,215 different places");
  }
  auto map = std::make_shared<AddressMap>();
  cells_->forget_numbers();
  map->v4_ = RangeMap<std::uint32_t>(ranges_.v4());
  ranges_.release(true);
  map->v6_ = RangeMap<std::uint64_t>(ranges_.v6());
  map->deep_ = ranges_.deep();
  ranges_.release(false);
  map->cells_ = std::move(cells_->list);
  map->cells_.shrink_to_fit();
  map->countries_ = std::move(countries_);
  map->zones_ = std::move(zones_);
  map->areas_ = cells_->areas.size();
  return map;
}

std::shared_ptr<const AddressMap> with_overrides(const AddressMap& base,
                                                 const PrefixOverrides& overrides) {
  if (overrides.zones.size() >= Cell::kNoZone) {
    throw std::length_error("more than 65,534 different coverage zones");
  }
  AddressMapBuilder builder(base);
  builder.zones_ = overrides.zones;
  std::vector<IpPrefix> prefixes;
  prefixes.reserve(overrides.entries.size());
  for (const PrefixOverrides::Entry& entry : overrides.entries) prefixes.push_back(entry.prefix);

  // Neighbouring ranges often combine the same pair.
  HugeMap<std::uint64_t, CellIndex> combined;
  const auto combine = [&](std::uint32_t entry_number, CellIndex cell) {
    if (entry_number == 0) return cell;
    const std::uint64_t key = std::uint64_t{entry_number} << 32 | cell;
    const auto [found, is_new] = combined.try_emplace(key, cell);
    if (is_new) {
      const PrefixOverrides::Entry& entry = overrides.entries[entry_number - 1];
      const bool has_place = entry.location.source != LocationSource::none;
      const Location place = has_place ? entry.location : base[cell].location();
      const bool has_zone = entry.zone != PrefixOverrides::kNoZone;
      found->second = builder.cells_->intern(
          place, has_zone ? static_cast<std::uint16_t>(entry.zone) : Cell::kNoZone);
    }
    return found->second;
  };
  builder.ranges_ = AddressRanges::merged(AddressRanges::of_nested(prefixes),
                                          std::move(builder.ranges_), combine);
  return std::move(builder).build();
}

std::shared_ptr<const AddressMap> with_measured(const AddressMap& base,
                                                const std::vector<IpPrefix>& prefixes) {
  if (prefixes.size() > std::numeric_limits<std::uint16_t>::max()) {
    throw std::length_error("more than 65,535 measured prefixes");
  }
  AddressMapBuilder builder(base);
  builder.ranges_ =
      AddressRanges::merged(AddressRanges::of_nested(prefixes), std::move(builder.ranges_),
                            [&](std::uint32_t prefix, CellIndex cell) {
                              if (prefix == 0) return cell;
                              Cell own = base[cell];
                              own.measured = static_cast<std::uint16_t>(prefix);
                              return builder.cells_->intern(own);
                            });
  return std::move(builder).build();
}

}  // namespace edgeward::geo
