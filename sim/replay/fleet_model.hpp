#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/edge.hpp"
#include "geo/address_map.hpp"
#include "geo/huge_array.hpp"
#include "geo/rtt_model.hpp"
#include "policy/router.hpp"
#include "policy/routing_options.hpp"
#include "sim/replay/fleet_counts.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// The fleet that a trace is replayed on.
struct FleetSetup {
  std::shared_ptr<const cache::Fleet> fleet;
  policy::RoutingOptions routing;
  std::shared_ptr<const geo::AddressMap> map;
  geo::RttModel rtt;
  std::vector<EdgeFailure> failures;
  std::int64_t tick_ms = 10'000;  ///< of trace time: how often feedback passes
  std::vector<Routing> routings{Routing::nearest, Routing::random, Routing::weighted,
                                Routing::latency};  ///< that runs will have
};

/// What all fleet runs of a replay share: where clients and edges are, and how long it takes
/// between them. Immutable; read by any number of threads. The trace must have clients and times.
class FleetModel {
 public:
  /// Throws std::invalid_argument for a trace without them, and for a fleet or options that
  /// FleetPart refuses.
  FleetModel(const Trace& trace, FleetSetup setup);

  [[nodiscard]] const FleetSetup& setup() const { return setup_; }
  [[nodiscard]] const cache::Fleet& fleet() const { return *setup_.fleet; }
  [[nodiscard]] std::size_t edges() const { return at_.size(); }
  /// By client number of the trace.
  [[nodiscard]] const policy::Client& client(std::uint32_t number) const {
    return clients_[number].routed;
  }
  /// Of a routing that decides, one of those it was made for.
  [[nodiscard]] const std::shared_ptr<const policy::FleetPart>& part(Routing routing) const {
    return parts_[static_cast<std::size_t>(routing)];
  }
  /// How many requests come from clients that are not located.
  [[nodiscard]] std::uint64_t unlocated_requests() const { return unlocated_requests_; }

  /// Starts to fetch what is kept of a client into the processor's cache.
  void prefetch_client(std::uint32_t client) const { __builtin_prefetch(&clients_[client]); }
  [[nodiscard]] double client_km(std::uint32_t client, cache::EdgeId edge) const {
    return km(clients_[client].at, at_[cache::index(edge)]);
  }
  /// Round trip over a distance, in µs, to the next whole km.
  [[nodiscard]] std::int64_t rtt_us(double km) const {
    return rtt_us_[static_cast<std::size_t>(km + 0.5)];
  }

  // Time to the first byte from where an edge gets what it does not hold: round trip and service.
  [[nodiscard]] std::int64_t origin_us(cache::EdgeId edge) const {
    return origin_us_[cache::index(edge)];
  }
  [[nodiscard]] std::int64_t edge_us(cache::EdgeId from, cache::EdgeId to) const {
    const std::size_t source = cache::index(to);
    return rtt_us(km(at_[cache::index(from)], at_[source])) + service_us_[source];
  }
  /// All other edges, nearest first, of an edge that fills from peers; empty for others.
  [[nodiscard]] std::span<const cache::EdgeId> peers(cache::EdgeId edge) const {
    return peers_[cache::index(edge)];
  }
  /// Whether any edge fills from it.
  [[nodiscard]] bool is_parent(cache::EdgeId edge) const {
    return is_parent_[cache::index(edge)] != 0;
  }
  [[nodiscard]] bool has_peers() const { return has_peers_; }

  /// The edge of each name in the log; kNoEdge for those that the fleet lacks.
  [[nodiscard]] std::span<const cache::EdgeId> recorded_edges() const { return recorded_edges_; }

 private:
  struct alignas(32) LocatedClient {
    policy::Client routed;
    geo::UnitVector at;
  };

  [[nodiscard]] static double km(const geo::UnitVector& a, const geo::UnitVector& b) {
    return static_cast<double>(geo::km_of_chord_squared(geo::chord_squared(a, b)));
  }
  void locate_clients(const Trace& trace);
  void measure_edges();
  void make_parts();

  FleetSetup setup_;
  std::array<std::shared_ptr<const policy::FleetPart>, kRoutings> parts_;
  geo::HugeArray<LocatedClient> clients_;
  std::vector<geo::UnitVector> at_;
  std::vector<std::int32_t> rtt_us_;  ///< by whole km
  std::vector<std::int64_t> origin_us_;
  std::vector<std::int64_t> service_us_;
  std::vector<std::vector<cache::EdgeId>> peers_;
  std::vector<std::uint8_t> is_parent_;
  std::vector<cache::EdgeId> recorded_edges_;
  std::uint64_t unlocated_requests_ = 0;
  bool has_peers_ = false;
};

}  // namespace edgeward::sim
