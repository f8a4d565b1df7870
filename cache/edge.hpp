#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/ip_address.hpp"
#include "geo/point.hpp"

namespace edgeward::cache {

/// Dense number of an edge: its index in Fleet::edges. Edges keep the order of the fleet file.
enum class EdgeId : std::uint16_t {};
inline constexpr EdgeId kNoEdge{0xFFFF};
/// Edges a fleet may have.
inline constexpr std::size_t kEdgesMax = 4096;

[[nodiscard]] constexpr std::size_t index(EdgeId id) {
  return static_cast<std::size_t>(id);
}

/// Where an edge gets what it does not hold.
enum class FillSource : std::uint8_t {
  origin,
  parent,  ///< a shield: an edge with its own cache, which fills from its own source
  peer,    ///< the nearest edge that holds it, else the origin
};
[[nodiscard]] std::string_view name(FillSource source);

enum class EdgeMode : std::uint8_t {
  ready,
  drain,    ///< alive, but to get no new clients
  down,     ///< reported as failed
  unknown,  ///< silent for too long, or never heard of: not taken for up
};
inline constexpr std::array kEdgeModes{EdgeMode::ready, EdgeMode::drain, EdgeMode::down,
                                       EdgeMode::unknown};
[[nodiscard]] std::string_view name(EdgeMode mode);

/// Hours of every day by a wall clock, in minutes from midnight, 0..1439: from `begin_minute` up to
/// `end_minute`, over midnight where that is not later.
struct DailyHours {
  int begin_minute = 0;
  int end_minute = 0;

  bool operator==(const DailyHours&) const = default;
};

/// A cache location (PoP) as the operator describes it. Constant between reloads.
struct Edge {
  std::string name;
  geo::GeoPoint point;
  std::string time_zone = "UTC";     ///< IANA name
  std::uint64_t storage_bytes = 0;   ///< the disk
  std::uint64_t capacity_bytes = 0;  ///< what the cache may use of it
  std::uint64_t bandwidth_bps = 100'000'000'000;
  double requests_per_second_max = 20'000;  ///< what load_ratio 1 means
  double max_load = 0.95;                   ///< load_ratio from which it gets no clients
  unsigned servers = 64;                    ///< m of the queue model (Erlang C)
  double service_ms = 2;                    ///< mean time a server takes for a request
  FillSource fill = FillSource::origin;
  EdgeId parent = kNoEdge;                ///< with FillSource::parent
  /// When plans may fetch ahead, by the edge's own clock; nothing: in its hours of least demand.
  std::optional<DailyHours> fill_window;
  bool is_shield = false;                 ///< serves other edges, no clients
  std::vector<geo::IpAddress> addresses;  ///< what DNS answers, IPv4 and IPv6
  std::string endpoint;                   ///< host clients are sent to; empty: the edge's name
  std::vector<std::string> services;      ///< names of the services it has; empty: all

  bool operator==(const Edge&) const = default;
};

/// Where contents come from.
struct Origin {
  geo::GeoPoint point;
  double service_ms = 20;  ///< time to the first byte, beside the round trip

  bool operator==(const Origin&) const = default;
};

/// What is known of an edge at the moment.
struct EdgeState {
  double load_ratio = 0;
  std::uint64_t bandwidth_used_bps = 0;
  EdgeMode mode = EdgeMode::unknown;
  std::int64_t seen_at_ms = 0;
  /// Of what other edges fetch from it; the prior until some is known.
  double fetch_hit_ratio = 0.5;
  /// Of the clients that it would get, those it may get: below 1 while it comes back from having
  /// been away, its cache being cold and its connections not made.
  double admit_ratio = 1;

  bool operator==(const EdgeState&) const = default;
};

/// All edges and their origin. Invariants (checked where a fleet is read): names are unique and not
/// empty; parents are shields or other edges, without a cycle; at most kEdgesMax edges.
struct Fleet {
  std::vector<Edge> edges;
  Origin origin;

  [[nodiscard]] std::optional<EdgeId> find(std::string_view name) const;
  /// By edge: where it is.
  [[nodiscard]] std::vector<geo::GeoPoint> points() const;
  [[nodiscard]] const Edge& operator[](EdgeId id) const { return edges[index(id)]; }
  bool operator==(const Fleet&) const = default;
};

}  // namespace edgeward::cache
