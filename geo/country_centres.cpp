#include "geo/country_centres.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <istream>
#include <limits>
#include <map>
#include <set>

#include "geo/csv_reader.hpp"
#include "geo/place_weights.hpp"

namespace edgeward::geo {

namespace {

/// Of the heaviest places, the one with the least weighted sum of distances to all.
std::size_t centre_of(const std::vector<WeightedPlace>& places,
                      const std::vector<UnitVector>& vectors) {
  constexpr std::size_t kCandidates = 300;
  std::vector<std::size_t> candidates(places.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) candidates[i] = i;
  std::stable_sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
    return places[a].weight > places[b].weight;
  });
  candidates.resize(std::min(candidates.size(), kCandidates));
  std::size_t best = candidates.front();
  double least_km = std::numeric_limits<double>::infinity();
  for (const std::size_t candidate : candidates) {
    double sum_km = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const float chord = chord_squared(vectors[i], vectors[candidate]);
      sum_km += places[i].weight * static_cast<double>(km_of_chord_squared(chord));
    }
    if (sum_km < least_km) {
      least_km = sum_km;
      best = candidate;
    }
  }
  return best;
}

/// The distance within which that share of the weight lies.
double radius_km(const std::vector<WeightedPlace>& places, const GeoPoint& centre, double share) {
  std::vector<std::pair<double, double>> distances;
  double total = 0;
  for (const WeightedPlace& place : places) {
    distances.emplace_back(distance_km(place.point, centre), place.weight);
    total += place.weight;
  }
  std::sort(distances.begin(), distances.end());
  double sum = 0;
  for (const auto& [km, weight] : distances) {
    sum += weight;
    if (sum >= share * total) return km;
  }
  return distances.back().first;
}

}  // namespace

tl::expected<CountryCentres, std::vector<std::string>> CountryCentres::read(
    std::istream& stream, const std::string& name) {
  CsvReader rows(stream, name,
                 {.required = {"country", "lat", "lon", "radius_km"}, .optional = {}});
  CountryCentres result;
  std::set<Country> seen;
  while (rows.next()) {
    const auto country = rows.country("country");
    const auto point = rows.point();
    const auto radius_km = rows.number("radius_km", 0, kDistanceKmMax);
    if (!rows.is_good()) continue;
    if (!country || !point || !radius_km) {
      rows.fault("an empty field, expected country,lat,lon,radius_km");
    } else if (!seen.insert(*country).second) {
      rows.fault(to_text(*country) + " is given twice");
    } else {
      result.centres_.push_back({.point = *point,
                                 .accuracy_km = *radius_km,
                                 .country = *country,
                                 .source = LocationSource::country});
    }
  }
  if (!rows.errors().empty()) return tl::unexpected(rows.errors());
  std::sort(result.centres_.begin(), result.centres_.end(),
            [](const Location& a, const Location& b) { return a.country < b.country; });
  return result;
}

tl::expected<CountryCentres, std::string> CountryCentres::derive(
    const std::vector<Mmdb>& databases) {
  constexpr double kV6Weight = 0.1;  // enough to place countries that have IPv6 alone
  constexpr double kRadiusShare = 0.8;
  constexpr double kRadiusKmMin = 10;
  const auto weights = weigh_places(databases, kV6Weight, [](const IpPrefix&, std::uint32_t) {});
  if (!weights) return tl::unexpected(weights.error());
  std::map<Country, std::vector<WeightedPlace>> by_country;
  for (const WeightedPlace& place : weights->places) {
    if (place.country != Country::none && place.weight > 0) {
      by_country[place.country].push_back(place);
    }
  }
  CountryCentres result;
  for (const auto& [country, places] : by_country) {
    std::vector<UnitVector> vectors;
    for (const WeightedPlace& place : places) vectors.push_back(unit_vector(place.point));
    const GeoPoint centre = places[centre_of(places, vectors)].point;
    result.centres_.push_back(
        {.point = centre,
         .accuracy_km = std::max(std::ceil(radius_km(places, centre, kRadiusShare)), kRadiusKmMin),
         .country = country,
         .source = LocationSource::country});
  }
  return result;
}

std::string CountryCentres::csv() const {
  std::string text = "country,lat,lon,radius_km\n";
  for (const Location& each : centres_) {
    text += fmt::format("{},{:.2f},{:.2f},{:.0f}\n", to_text(each.country), each.point.lat_deg,
                        each.point.lon_deg, each.accuracy_km);
  }
  return text;
}

std::optional<Location> CountryCentres::find(Country country) const {
  const auto found =
      std::lower_bound(centres_.begin(), centres_.end(), country,
                       [](const Location& each, Country wanted) { return each.country < wanted; });
  if (country == Country::none || found == centres_.end() || found->country != country) {
    return std::nullopt;
  }
  return *found;
}

}  // namespace edgeward::geo
