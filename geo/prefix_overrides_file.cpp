#include "geo/prefix_overrides_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <map>
#include <string_view>
#include <utility>

#include "geo/csv_reader.hpp"

namespace edgeward::geo {

namespace {

std::vector<std::string> edges_of(std::string_view text) {
  constexpr std::string_view kSeparators = "| ";
  std::vector<std::string> edges;
  while (true) {
    const std::size_t first = text.find_first_not_of(kSeparators);
    if (first == std::string_view::npos) return edges;
    text.remove_prefix(first);
    const std::size_t end = std::min(text.find_first_of(kSeparators), text.size());
    edges.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

/// What is wrong with a list of edges; empty if nothing.
std::string edges_fault(const std::vector<std::string>& edges) {
  if (edges.size() > kZoneEdgesMax) {
    return fmt::format("{} edges, expected at most {}", edges.size(), kZoneEdgesMax);
  }
  for (auto edge = edges.begin(); edge != edges.end(); ++edge) {
    if (std::find(edges.begin(), edge, *edge) != edge) return "names an edge twice";
  }
  return {};
}

}  // namespace

tl::expected<PrefixOverrides, std::vector<std::string>> read_prefix_overrides(
    std::istream& stream, const std::string& name) {
  CsvReader rows(
      stream, name,
      {.required = {"prefix"}, .optional = {"lat", "lon", "country", "accuracy_km", "edges"}});
  PrefixOverrides overrides;
  std::map<std::vector<std::string>, std::uint32_t> zones;
  while (rows.next()) {
    const auto prefix = rows.prefix("prefix");
    const auto point = rows.point();
    const auto country = rows.country("country");
    const auto accuracy_km = rows.number("accuracy_km", 0, kDistanceKmMax);
    std::vector<std::string> edges = edges_of(rows.text("edges"));
    const std::string fault = edges_fault(edges);
    if (!fault.empty()) rows.fault(fault);
    if (rows.is_good() && !point && edges.empty()) rows.fault("neither lat and lon nor edges");
    if (rows.is_good() && !point && (country || accuracy_km)) {
      rows.fault("country or accuracy_km without lat and lon");
    }
    if (!rows.is_good()) continue;
    PrefixOverrides::Entry entry{.prefix = *prefix};
    if (point) {
      entry.location = {.point = *point,
                        .accuracy_km = accuracy_km.value_or(0),
                        .country = country.value_or(Country::none),
                        .source = LocationSource::override};
    }
    if (!edges.empty()) {
      const auto next = static_cast<std::uint32_t>(overrides.zones.size());
      const auto [zone, is_new] = zones.emplace(std::move(edges), next);
      if (is_new) overrides.zones.push_back(zone->first);
      entry.zone = zone->second;
    }
    overrides.entries.push_back(entry);
  }
  if (!rows.errors().empty()) return tl::unexpected(rows.errors());
  return overrides;
}

}  // namespace edgeward::geo
