#include "sim/replay/fleet_model.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace edgeward::sim {

namespace {

std::int64_t to_us(double ms) {
  return std::llround(ms * 1000);
}

bool is_unknown(const geo::Cell& cell) {
  return cell.source == geo::LocationSource::none || cell.source == geo::LocationSource::fallback;
}

/// Where the address is, else where its country is.
policy::Client located(const TraceClient& client, const geo::AddressMap& map) {
  const policy::Client by_country = policy::locate(client.country, map);
  if (!client.address) return by_country;
  policy::Client by_address = policy::locate(*client.address, map);
  if (is_unknown(map[by_address.cell])) by_address.cell = by_country.cell;
  return by_address;
}

}  // namespace

FleetModel::FleetModel(const Trace& trace, FleetSetup setup) : setup_(std::move(setup)) {
  if (trace.summary.requests > 0 && (!trace.requesters.is_known() || !trace.has_times())) {
    throw std::invalid_argument("a fleet replay needs a trace with clients and times");
  }
  locate_clients(trace);
  measure_edges();
  make_parts();
  for (const std::string& edge : trace.requesters.edge_names) {
    recorded_edges_.push_back(fleet().find(edge).value_or(cache::kNoEdge));
  }
}

void FleetModel::locate_clients(const Trace& trace) {
  const geo::AddressMap& map = *setup_.map;
  for (const TraceClient& client : trace.requesters.clients) {
    const policy::Client routed = located(client, map);
    clients_.push_back({.routed = routed, .at = map[routed.cell].at});
  }
  for (const std::uint32_t client : trace.requesters.client.view()) {
    unlocated_requests_ += is_unknown(map[clients_[client].routed.cell]) ? 1 : 0;
  }
}

void FleetModel::make_parts() {
  using policy::Scoring;
  for (const auto& [routing, scoring] :
       {std::pair{Routing::nearest, Scoring::nearest}, std::pair{Routing::random, Scoring::random},
        std::pair{Routing::weighted, Scoring::weighted},
        std::pair{Routing::latency, Scoring::latency}}) {
    const auto& wanted = setup_.routings;
    if (std::find(wanted.begin(), wanted.end(), routing) == wanted.end()) continue;
    policy::RoutingOptions options = setup_.routing;
    options.scoring = scoring;
    parts_[static_cast<std::size_t>(routing)] =
        std::make_shared<const policy::FleetPart>(setup_.fleet, options, setup_.map, setup_.rtt);
  }
}

void FleetModel::measure_edges() {
  for (std::size_t whole = 0; static_cast<double>(whole) <= geo::kDistanceKmMax + 10; ++whole) {
    rtt_us_.push_back(
        static_cast<std::int32_t>(to_us(setup_.rtt.estimate_ms(static_cast<double>(whole)))));
  }
  const std::vector<cache::Edge>& all = fleet().edges;
  const geo::UnitVector origin = geo::unit_vector(fleet().origin.point);
  is_parent_.resize(all.size());
  peers_.resize(all.size());
  for (const cache::Edge& edge : all) {
    at_.push_back(geo::unit_vector(edge.point));
    service_us_.push_back(to_us(edge.service_ms));
    origin_us_.push_back(rtt_us(km(at_.back(), origin)) + to_us(fleet().origin.service_ms));
    if (edge.fill == cache::FillSource::parent) is_parent_[cache::index(edge.parent)] = 1;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].fill != cache::FillSource::peer) continue;
    has_peers_ = true;
    for (std::size_t other = 0; other < all.size(); ++other) {
      if (other != i) peers_[i].push_back(cache::EdgeId(static_cast<std::uint16_t>(other)));
    }
    std::stable_sort(peers_[i].begin(), peers_[i].end(), [&](cache::EdgeId a, cache::EdgeId b) {
      return geo::chord_squared(at_[i], at_[cache::index(a)]) <
             geo::chord_squared(at_[i], at_[cache::index(b)]);
    });
  }
}

}  // namespace edgeward::sim
