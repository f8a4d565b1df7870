#include "geo/locator.hpp"

#include <utility>

namespace edgeward::geo {

namespace {

PrefixMap map_of(const PrefixOverrides& overrides) {
  std::vector<IpPrefix> prefixes;
  prefixes.reserve(overrides.entries.size());
  for (const auto& entry : overrides.entries) prefixes.push_back(entry.prefix);
  return PrefixMap(prefixes);
}

}  // namespace

Locator::Locator(Parts parts) : parts_(std::move(parts)), map_(map_of(parts_.overrides)) {}

Located Locator::locate(const IpAddress& address) const {
  const IpAddress client = address.unwrapped();
  Located located{.network = IpPrefix::around(client, 128)};
  ask_overrides(client, located);
  for (std::size_t i = 0; i < parts_.databases.size(); ++i) ask_database(i, client, located);
  Location& location = located.location;
  if (location.source != LocationSource::none) return located;
  if (const auto centre = parts_.centres.find(location.country)) {
    location.point = centre->point;
    location.accuracy_km = centre->accuracy_km;
    location.source = LocationSource::country;
  } else if (parts_.fallback) {
    location.point = *parts_.fallback;
    location.source = LocationSource::fallback;
  }
  return located;
}

void Locator::ask_overrides(const IpAddress& address, Located& located) const {
  const auto found = map_.find(address);
  if (!found) return;
  const PrefixOverrides::Entry& entry = parts_.overrides.entries[*found];
  located.override_entry = *found;
  if (entry.location.source == LocationSource::none) return;
  located.location = entry.location;
  located.network = entry.prefix;
}

void Locator::ask_database(std::size_t database, const IpAddress& address, Located& located) const {
  auto found = parts_.databases[database].find(address);
  if (!found) {
    located.faults.push_back({.database = database, .message = std::move(found.error())});
    return;
  }
  if (!*found) return;
  Mmdb::Record& record = (*found)->record;
  Location& location = located.location;
  const bool decides = record.point && location.source == LocationSource::none;
  if (decides) {
    location.point = *record.point;
    location.accuracy_km = record.accuracy_km;
    location.source = LocationSource::mmdb;
    located.network = (*found)->network;
    located.database = database;
  }
  // The country goes with the point, also where an earlier database named another.
  const bool has_country = record.country != Country::none;
  if (has_country && (decides || location.country == Country::none)) {
    location.country = record.country;
    if (location.source == LocationSource::none && located.database == Located::kNone) {
      located.network = (*found)->network;
      located.database = database;
    }
  }
  if (location.asn == 0) location.asn = record.asn;
  // A city is of the place that decides, not of one that an override moved the client from.
  if (decides) located.city = std::move(record.city);
}

}  // namespace edgeward::geo
