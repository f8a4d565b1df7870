#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/edge_window.hpp"
#include "policy/strategy.hpp"

namespace edgeward::policy {

/// One edge before and after its strategy was applied, or before and after that of others was.
struct EdgeTrial {
  std::string edge;
  StrategyVerdict strategy = StrategyVerdict::insufficient_data;
  bool is_applied = false;
  std::vector<HourCounts> baseline;  ///< whole hours, in order
  std::vector<HourCounts> later;
  std::optional<HitRatioEstimate> predicted;  ///< of `later`, made before it
};

struct OptimizationOptions {
  /// Edges with fewer requests in either window say nothing of a canary.
  std::uint64_t requests_min = 1000;

  bool operator==(const OptimizationOptions&) const = default;
};

/// What became of one edge.
struct OptimizedEdge {
  std::string edge;
  StrategyVerdict strategy = StrategyVerdict::insufficient_data;
  bool is_applied = false;
  RequestCounts baseline;
  RequestCounts later;
  std::optional<HitRatioEstimate> predicted;

  /// Later - baseline hit ratio (0.01 is one point); nothing where either has no requests.
  [[nodiscard]] std::optional<double> improvement() const;
  bool operator==(const OptimizedEdge&) const = default;
};

enum class CanaryVerdict : std::uint8_t {
  roll_out,   ///< the part gained on the rest, beyond doubt
  undecided,  ///< neither
  roll_back,  ///< it lost, beyond doubt
};
[[nodiscard]] std::string_view name(CanaryVerdict verdict);

/// What the interval of a comparison is made of.
enum class CanaryBasis : std::uint8_t {
  none,   ///< there is none: too few edges, and too few hours
  hours,  ///< how the difference varies by hours of the day
  edges,  ///< how changes vary from edge to edge
};
[[nodiscard]] std::string_view name(CanaryBasis basis);

/// Edges with a strategy applied against the rest.
struct CanaryComparison {
  std::size_t edges = 0;  ///< with it, that count
  std::size_t rest = 0;
  /// By how much the hit ratio changed at the ones more than at the others, and its 95 % interval.
  double effect = 0;
  std::optional<double> low;
  std::optional<double> high;
  CanaryBasis basis = CanaryBasis::none;
  CanaryVerdict verdict = CanaryVerdict::undecided;

  bool operator==(const CanaryComparison&) const = default;
};

/// What optimizing a fleet brought.
struct Optimization {
  std::vector<OptimizedEdge> edges;
  std::size_t edges_optimized = 0;  ///< those to which a strategy was applied
  /// Of these, as far as both windows have requests.
  std::optional<double> average_improvement;
  /// Weighed by the requests of the later window: hits gained for each of them.
  std::optional<double> average_improvement_weighted;
  std::optional<CanaryComparison> canary;  ///< nothing unless there are edges of both kinds

  bool operator==(const Optimization&) const = default;
};

/// Pure; the order of edges changes nothing but theirs.
///
/// A later window that lacks hours of the day (it is shorter than a day) is compared with the same
/// hours of the baseline alone. An hour is lacking if no edge had a request in it.
///
/// The canary's effect is a difference in differences: the mean change of the edges with a strategy
/// less that of the rest, each weighed by its later requests, so that what happened to all of them
/// (another day, another episode) cancels. Its interval, 95 %:
/// - From six edges on, from edge to edge: each has a drift of its own whatever its traffic,
/// equally
///   wide at all (pooled, so that the rest tells what a single canary might have done anyway:
///   Conley & Taber, Review of Economics and Statistics 93(1), 2011), and Student's t.
/// - Of fewer, from the hours: a jackknife over six blocks of four hours of the day, at least three
///   of which both kinds of edges had in both windows. What drifts for a whole day it cannot see.
/// Neither is narrower than independent requests would have it.
[[nodiscard]] Optimization optimization(std::span<const EdgeTrial> trials,
                                        const OptimizationOptions& options = {});

/// Which edges to begin with: `share` of them, rounded up, but at least one and, of several, not
/// all. By a hash of their names and `salt`, so that it is not always the same ones; in order.
/// Names are unique.
[[nodiscard]] std::vector<std::size_t> canary_edges(std::span<const std::string> edges,
                                                    double share, std::string_view salt);

}  // namespace edgeward::policy
