#include "controller/measured_rtts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "geo/address_map_builder.hpp"
#include "geo/rtt_observations.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/rtt_lines.hpp"

namespace edgeward::controller {

namespace {

constexpr geo::CellIndex kNoCell = std::numeric_limits<geo::CellIndex>::max();

void tell(const std::string& path, const sim::RttReading& reading,
          const std::function<void(std::string_view)>& talk) {
  for (const auto& bad : reading.first_bad) {
    talk(fmt::format("{}:{}: {}", path, bad.line, bad.message));
  }
  std::string refused;
  const auto add = [&](std::uint64_t count, std::string_view why) {
    if (count > 0) refused += fmt::format(", {} {}", count, why);
  };
  for (std::size_t i = 0; i < sim::kRttLineFaults; ++i) {
    add(reading.faults[i], sim::name(static_cast<sim::RttLineFault>(i)));
  }
  for (std::size_t i = 0; i < geo::kRttRejections; ++i) {
    add(reading.rejected[i], geo::name(static_cast<geo::RttRejection>(i)));
  }
  talk(fmt::format("{}: {} of {} round trips taken{}", path, reading.accepted, reading.lines,
                   refused));
}

}  // namespace

std::optional<geo::GeoPoint> known_place(const geo::IpPrefix& client, const geo::AddressMap& map) {
  const geo::Location at = map[map.find(client.address)].location();
  const bool is_known =
      at.source != geo::LocationSource::none && at.source != geo::LocationSource::fallback;
  return is_known ? std::optional(at.point) : std::nullopt;
}

geo::RttCorrections load_corrections(const std::optional<std::filesystem::path>& file,
                                     std::span<const sim::RttLine> lines, const cache::Fleet& fleet,
                                     const geo::AddressMap& map,
                                     const std::function<void(std::string_view)>& talk) {
  if (fleet.edges.size() > geo::kRttSitesMax) {
    throw sim::InputError(
        fmt::format("round trips can be taken to {} edges at most, the fleet has {}",
                    geo::kRttSitesMax, fleet.edges.size()));
  }
  const sim::RttLookUp look_up{
      .site = [&](std::string_view edge) -> std::optional<std::uint16_t> {
        const auto found = fleet.find(edge);
        if (!found) return std::nullopt;
        return static_cast<std::uint16_t>(cache::index(*found));
      },
      .location = [&](const geo::IpPrefix& client) { return known_place(client, map); }};
  geo::RttObservations observations(fleet.points());
  if (file) {
    const auto source = sim::open_input(file->string());
    tell(file->string(), sim::read_rtt_observations(*source, file->string(), look_up, observations),
         talk);
  }
  for (const sim::RttLine& line : lines) {
    const auto site = look_up.site(line.edge);
    const auto place = look_up.location(line.client);
    if (!site || !place) continue;  // of edges or databases that were there when it was taken
    (void)observations.add(
        {.client = line.client, .client_at = *place, .site = *site, .rtt_ms = line.rtt_ms});
  }
  return geo::RttCorrections::build(geo::RttModel(), observations);
}

std::shared_ptr<const geo::AddressMap> with_measured_clients(
    const geo::AddressMap& map, const geo::RttCorrections& corrections) {
  const auto all = corrections.prefixes();
  const std::size_t count =
      std::min<std::size_t>(all.size(), std::numeric_limits<std::uint16_t>::max());
  return geo::with_measured(map, {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)});
}

std::shared_ptr<const geo::CellRtts> cell_rtts(const policy::FleetPart& fleet,
                                               const geo::RttCorrections& corrections) {
  // Asked cell by cell: a client's view is made once for all its sites.
  geo::CellIndex last = kNoCell;
  std::optional<geo::RttCorrections::Client> client;
  return std::make_shared<const geo::CellRtts>(
      fleet.map().cells(), fleet.points(), fleet.sites(),
      [&](geo::CellIndex cell, geo::SiteIndex site, double distance_km) {
        if (cell != last) {
          const geo::Cell& at = fleet.map()[cell];
          const std::optional<std::uint32_t> known =
              at.measured == 0 ? std::nullopt : std::optional<std::uint32_t>(at.measured - 1U);
          client = corrections.client(at.location().point, known);
          last = cell;
        }
        return client->estimate_ms(site, distance_km);
      });
}

}  // namespace edgeward::controller
