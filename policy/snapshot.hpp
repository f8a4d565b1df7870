#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/edge.hpp"
#include "cache/hit_model.hpp"
#include "geo/address_map.hpp"
#include "geo/cell_rtts.hpp"
#include "geo/cell_sites.hpp"
#include "geo/rtt_model.hpp"
#include "policy/admit_shares.hpp"
#include "policy/decision.hpp"
#include "policy/routing_options.hpp"

namespace edgeward::policy {

/// The part of a snapshot that changes with the fleet file or the databases: edges and options as
/// Router reads them. Making one orders the edges for every cell (geo::CellSites).
class FleetPart {
 public:
  /// Throws std::invalid_argument for options out of range, and for edges or services that refer
  /// to what is not there. With the map and the places of the edges that `before` has, its order of
  /// them is shared, and making one takes no time.
  FleetPart(std::shared_ptr<const cache::Fleet> fleet, RoutingOptions options,
            std::shared_ptr<const geo::AddressMap> map, geo::RttModel rtt = {},
            const FleetPart* before = nullptr);

  [[nodiscard]] const cache::Fleet& fleet() const { return *fleet_; }
  [[nodiscard]] const RoutingOptions& options() const { return options_; }
  [[nodiscard]] const geo::AddressMap& map() const { return *map_; }
  [[nodiscard]] const geo::CellSites& sites() const { return *sites_; }
  [[nodiscard]] const geo::RttModel& rtt() const { return rtt_; }
  /// By edge: where it is.
  [[nodiscard]] std::span<const geo::GeoPoint> points() const { return points_; }
  [[nodiscard]] std::span<const geo::UnitVector> at() const { return at_; }
  /// By edge: hash of its name, so that a content's order of edges survives changes of the fleet.
  [[nodiscard]] std::span<const std::uint64_t> salts() const { return salts_; }
  /// Edges of an override's zone, in the order given; names that the fleet lacks are left out.
  [[nodiscard]] std::span<const cache::EdgeId> zone(std::uint16_t zone) const {
    return zones_[zone];
  }
  /// By edge: whether it never serves clients of the service (shield, or lacks it).
  [[nodiscard]] std::span<const Exclusion> excluded(ServiceIndex service) const {
    return excluded_[service];
  }
  /// Whether the service is for clients of that country.
  [[nodiscard]] bool allows(ServiceIndex service, geo::Country country) const noexcept;

 private:
  std::shared_ptr<const cache::Fleet> fleet_;
  RoutingOptions options_;
  std::shared_ptr<const geo::AddressMap> map_;
  geo::RttModel rtt_;
  std::vector<geo::GeoPoint> points_;
  std::vector<geo::UnitVector> at_;
  std::vector<std::uint64_t> salts_;
  std::vector<std::vector<cache::EdgeId>> zones_;
  std::vector<std::vector<Exclusion>> excluded_;
  std::vector<std::uint8_t> shields_;
  std::shared_ptr<const geo::CellSites> sites_;
};

/// An edge's state as terms of its score: the part that changes at every tick.
struct LiveEdge {
  float load = 1;         ///< max(0, 1 − load_ratio)
  float bandwidth = 0;    ///< min(1, free bandwidth / bandwidth_scale)
  float queue_ms = 0;     ///< mean wait by Erlang C at the present load
  float miss_ms = 0;      ///< round trip to the fill source, and what it needs (see miss_ms)
  float ms_per_byte = 0;  ///< at the free bandwidth
  Exclusion exclusion = Exclusion::unknown;

  bool operator==(const LiveEdge&) const = default;
};

/// Every edge's LiveEdge at a time. An edge not heard of for health_age_max_ms is unknown.
[[nodiscard]] std::vector<LiveEdge> live_edges(const FleetPart& fleet,
                                               std::span<const cache::EdgeState> states,
                                               std::int64_t now_ms);

/// Expected time to the first byte of what an edge does not hold: the round trip to where it fills
/// from and that one's service time; a parent may have to fetch in turn, as often as its
/// fetch_hit_ratio says. A parent that is down is passed by. A peer that holds the content may be
/// nearer than the origin, but that is known only content by content.
[[nodiscard]] double miss_ms(const cache::Fleet& fleet, const geo::RttModel& rtt,
                             std::span<const cache::EdgeState> states, cache::EdgeId edge);

/// Mean wait in a queue with `servers` servers, each busy for `service_ms` a request and for
/// `load_ratio` of the time: Erlang's C formula (Erlang 1917). The load is cut at 0.999.
[[nodiscard]] double erlang_c_wait_ms(double load_ratio, unsigned servers, double service_ms);

/// Everything a decision depends on beside the request. Immutable, made of shared parts that are
/// replaced at their own cadence; copying one copies pointers.
struct Snapshot {
  std::uint64_t version = 0;
  std::int64_t published_at_ms = 0;
  std::shared_ptr<const FleetPart> fleet;
  std::shared_ptr<const std::vector<LiveEdge>> live;
  std::shared_ptr<const AdmitShares> shares;    ///< null: everything is admitted
  std::shared_ptr<const cache::HitModel> hits;  ///< null: the prior everywhere
  std::shared_ptr<const geo::CellRtts> rtts;    ///< null: the distance model alone
};

}  // namespace edgeward::policy
