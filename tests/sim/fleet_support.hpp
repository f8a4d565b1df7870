#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "geo/address_map_builder.hpp"
#include "geo/country_centres.hpp"
#include "sim/replay/fleet_model.hpp"
#include "sim/replay/replay.hpp"
#include "tests/sim/oracles/fleet_oracle.hpp"
#include "tests/sim/trace_support.hpp"

namespace edgeward::sim {

/// The line that rtt() has for knots.
inline constexpr double kRttMsAtZero = 10;
inline constexpr double kRttMsPerKm = 0.02;

inline geo::RttModel linear_rtt(double at_zero_ms = kRttMsAtZero) {
  geo::RttModel::Knots knots{};
  for (std::size_t i = 0; i < knots.size(); ++i) {
    knots[i] = at_zero_ms + kRttMsPerKm * geo::RttModel::kKnotsKm[i];
  }
  return geo::RttModel(knots);
}

/// Countries AA, AB, … in which the clients of made traces are, one for each point.
inline geo::Country country_of(std::size_t client) {
  return *geo::parse_country(std::string{'A', static_cast<char>('A' + client)});
}

inline const std::vector<geo::GeoPoint>& client_points() {
  static const std::vector<geo::GeoPoint> points{{50.11, 8.68},   {48.86, 2.35},
                                                 {51.51, -0.13},  {40.71, -74.01},
                                                 {35.68, 139.69}, {-33.87, 151.21}};
  return points;
}

inline std::shared_ptr<const geo::AddressMap> country_map() {
  std::stringstream table;
  table << "country,lat,lon,radius_km\n";
  for (std::size_t i = 0; i < client_points().size(); ++i) {
    table << geo::to_text(country_of(i)) << ',' << client_points()[i].lat_deg << ','
          << client_points()[i].lon_deg << ",500\n";
  }
  geo::AddressMapBuilder builder;
  builder.add_countries(geo::CountryCentres::read(table, "centres").value());
  return std::move(builder).build();
}

inline cache::Edge edge(std::string name, geo::GeoPoint point,
                        cache::FillSource fill = cache::FillSource::origin,
                        cache::EdgeId parent = cache::kNoEdge) {
  return {.name = std::move(name),
          .point = point,
          .bandwidth_bps = std::uint64_t{1} << 62,
          .requests_per_second_max = 1e9,
          .fill = fill,
          .parent = parent};
}

/// Edges of every kind: two fill from a shield, which fills from a parent that serves clients, too;
/// two fill from peers, one from the origin.
inline cache::Fleet mixed_fleet() {
  using cache::EdgeId;
  using cache::FillSource;
  cache::Fleet fleet;
  fleet.origin = {.point = {39.04, -77.49}, .service_ms = 35};
  fleet.edges = {edge("fra", {50.03, 8.56}, FillSource::parent, EdgeId{2}),
                 edge("par", {49.01, 2.55}, FillSource::parent, EdgeId{2}),
                 edge("shield", {52.31, 4.76}, FillSource::parent, EdgeId{3}),
                 edge("nyc", {40.64, -73.78}),
                 edge("tyo", {35.77, 140.39}, FillSource::peer),
                 edge("syd", {-33.95, 151.18}, FillSource::peer),
                 edge("lon", {51.47, -0.46})};
  fleet.edges[2].is_shield = true;
  double service_ms = 1;
  for (cache::Edge& one : fleet.edges) one.service_ms = service_ms *= 1.5;
  return fleet;
}

inline cache::ContentId content_of(std::size_t object) {
  return cache::content_id(std::string("/object/").append(std::to_string(object)));
}

struct MadeOptions {
  std::size_t requests = 8000;
  std::size_t objects = 60;
  std::uint32_t step_ms_max = 150;
  std::uint64_t seed = 1;
  bool has_chunks = false;
  bool has_uncacheable = false;
  bool names_edges = false;
  std::uint32_t time_unit_ms = 1;
  bool states_ttl = false;
};

/// A trace with clients, and the same requests as the oracle reads them.
struct MadeFleetTrace {
  static constexpr std::int64_t kStartMs = 1'700'000'100'000;

  MemoryBudget budget;
  Trace trace{budget};
  std::vector<test::FleetOracle::Request> requests;

  explicit MadeFleetTrace(const MadeOptions& options) {
    cache::Random random(options.seed);
    constexpr std::size_t kChunks = 3;
    for (std::size_t object = 0; object < options.objects; ++object) {
      for (std::size_t chunk = 0; chunk < (options.has_chunks ? kChunks : 1); ++chunk) {
        trace.sizes_bytes.push_back(1 + random.below(50));
        trace.contents.push_back(content_of(object));
      }
    }
    trace.requesters.clients.emplace_back();
    for (std::size_t i = 0; i < client_points().size(); ++i) {
      trace.requesters.clients.push_back({.country = country_of(i)});
    }
    trace.requesters.edge_names = {""};
    if (options.names_edges) {
      trace.requesters.edge_names = {"", "fra", "par", "elsewhere", "nyc", "tyo", "syd", "lon"};
    }
    trace.time_unit_ms = options.time_unit_ms;
    std::uint32_t now_ms = 0;
    for (std::size_t i = 0; i < options.requests; ++i) {
      add(options, random, now_ms / options.time_unit_ms);
      if (i + 1 < options.requests) {
        now_ms += static_cast<std::uint32_t>(random.below(options.step_ms_max));
      }
    }
    const std::uint32_t time = now_ms / options.time_unit_ms;
    trace.summary.requests = options.requests;
    trace.summary.first_at_ms = kStartMs;
    trace.summary.last_at_ms = kStartMs + std::int64_t{time} * options.time_unit_ms;
  }

  struct Asked {
    std::uint32_t at_ms = 0;
    cache::ObjectIndex object = 0;
    std::uint32_t client = 0;
  };
  /// Just these; the first client is at the first point.
  MadeFleetTrace(const std::vector<Asked>& list, std::vector<std::uint64_t> sizes_bytes) {
    for (std::size_t i = 0; i < sizes_bytes.size(); ++i) trace.contents.push_back(content_of(i));
    trace.sizes_bytes = std::move(sizes_bytes);
    trace.requesters.clients = {{.country = country_of(0)}};
    trace.requesters.edge_names = {""};
    for (const Asked& one : list) {
      trace.requesters.client.push_back(one.client);
      trace.requesters.edge.push_back(0);
      trace.stream.push_back(one.object);
      trace.times.push_back(one.at_ms);
      trace.summary.bytes += trace.sizes_bytes[one.object];
    }
    trace.summary.requests = list.size();
    trace.summary.first_at_ms = kStartMs;
    trace.summary.last_at_ms = kStartMs + list.back().at_ms;
  }

 private:
  void add(const MadeOptions& options, cache::Random& random, std::uint32_t time) {
    const std::size_t object = random.below(1 + random.below(options.objects));
    const std::size_t client = random.below(client_points().size());
    const std::size_t name = options.names_edges ? random.below(8) : 0;
    test::FleetOracle::Request request{.at_ms = std::int64_t{time} * options.time_unit_ms,
                                       .client = client_points()[client]};
    // Edge 2 is the shield, to which the log sends nobody; "elsewhere" is not of the fleet.
    if (name != 0 && name != 3) request.recorded = name - 1;
    trace.requesters.client.push_back(static_cast<std::uint32_t>(client + 1));
    trace.requesters.edge.push_back(static_cast<std::uint16_t>(name));
    if (options.has_uncacheable && random.below(10) == 0) {
      request.bytes = 17;
      trace.uncacheable.push_back({.stream_position = trace.stream.size(),
                                   .bytes = 17,
                                   .time = time,
                                   .content = content_of(object)});
    } else {
      std::size_t first = object;
      std::size_t last = object;
      if (options.has_chunks) {
        trace.request_starts.push_back(trace.stream.size());
        first = 3 * object + random.below(3);
        last = first + random.below(3 * object + 3 - first);
      }
      for (std::size_t chunk = first; chunk <= last; ++chunk) {
        trace.stream.push_back(static_cast<cache::ObjectIndex>(chunk));
        trace.times.push_back(time);
        if (options.states_ttl) {
          const bool is_stated = random.below(8) != 0;
          trace.ttl_s.push_back(is_stated ? 1 + static_cast<std::uint32_t>(random.below(4))
                                          : Trace::kNoTtl);
        }
        request.chunks.push_back(static_cast<std::uint32_t>(chunk));
        request.bytes += trace.sizes_bytes[chunk];
      }
    }
    trace.summary.bytes += request.bytes;
    requests.push_back(std::move(request));
  }
};

inline FleetSetup setup_of(cache::Fleet fleet) {
  return {.fleet = std::make_shared<const cache::Fleet>(std::move(fleet)),
          .routing = {},
          .map = country_map(),
          .rtt = linear_rtt(),
          .failures = {}};
}

inline RunSpec fleet_run(Routing routing, std::uint64_t capacity_bytes = 400) {
  return {.policy = {.name = "lru"}, .capacity_bytes = capacity_bytes, .routing = routing};
}

}  // namespace edgeward::sim
