#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "geo/location.hpp"

namespace edgeward::policy {

/// How candidates are compared.
enum class Scoring : std::uint8_t {
  weighted,  ///< distance, hit, load and bandwidth, each 0..1, weighted; higher is better
  latency,   ///< expected milliseconds to the last byte; lower is better
  nearest,   ///< kilometres alone: the baseline
  random,    ///< a hash of content, client and time: the other baseline
};
[[nodiscard]] std::string_view name(Scoring scoring);

/// Weights of the weighted score: each ≥ 0, together 1.
struct ScoreWeights {
  double distance = 0.3;
  double hit = 0.4;
  double load = 0.2;
  double bandwidth = 0.1;

  bool operator==(const ScoreWeights&) const = default;
};

/// What to do when no edge may serve a client.
enum class AllDownRule : std::uint8_t {
  none,         ///< answer that there is no edge
  all,          ///< take edges that are down, unknown or full after all, best first
  last_resort,  ///< answer with the edge that the service names for this
};
[[nodiscard]] std::string_view name(AllDownRule rule);

/// A service: a set of contents under one host name, with its own rules.
struct Service {
  std::string name = "default";
  std::vector<geo::Country> countries_allowed;  ///< of the client; empty: all
  std::vector<geo::Country> countries_denied;
  AllDownRule all_down = AllDownRule::none;
  cache::EdgeId last_resort = cache::kNoEdge;
  /// By edge, added to its weighted score (points) …
  std::vector<float> bias_score;
  /// … or taken off its latency (ms). Both empty or one entry an edge.
  std::vector<float> bias_ms;

  bool operator==(const Service&) const = default;
};

/// Index of a service in RoutingOptions::services.
using ServiceIndex = std::uint16_t;

/// Everything about routing that the operator may set. Defaults are those of the design.
struct RoutingOptions {
  Scoring scoring = Scoring::weighted;
  double radius_km = 500;
  unsigned candidates_min = 3;
  unsigned candidates_max = 16;  ///< at most kCandidatesMax
  ScoreWeights weights;
  double distance_scale_km = 1000;     ///< where the distance term reaches 0
  double bandwidth_scale_bps = 100e9;  ///< where the bandwidth term reaches 1
  double spread_epsilon_score = 0.02;  ///< 0: pure argmax
  double spread_epsilon_ms = 2;
  double hit_prior = 0.5;                    ///< where nothing is known
  std::int64_t health_age_max_ms = 15'000;   ///< an edge silent for longer is unknown
  double target_load = 0.8;                  ///< up to where admit shares fill an edge
  std::vector<Service> services{Service{}};  ///< never empty; the first is the default

  bool operator==(const RoutingOptions&) const = default;
};

/// Candidates that are scored at most.
inline constexpr unsigned kCandidatesMax = 16;

}  // namespace edgeward::policy
