#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "geo/rtt_model.hpp"
#include "sim/rtt_pairs.hpp"

namespace edgeward::sim {

struct RttEvaluationOptions {
  std::size_t edges = 20;       ///< cities that are edges in a draw, ≥ 2
  std::size_t draws = 200;      ///< of edges; every other city is then a client
  std::size_t seeds = 5;        ///< of the pairs that are observed
  double observed_ratio = 0.1;  ///< of the pairs, 0..1
  double forged_ratio = 0.05;   ///< of the observations, 0..1
  std::size_t folds = 5;        ///< of cities, for the model's errors, ≥ 2
  std::uint64_t seed = 1;
};

/// Errors of a distance model, estimate - measured: a negative bias is an estimate too low.
struct RttErrors {
  std::size_t pairs = 0;
  double median_absolute_ms = 0;
  double mean_absolute_ms = 0;
  double median_bias_ms = 0;  ///< median error: what a model of medians has near 0
  double mean_bias_ms = 0;    ///< mean error: below it by the skew of measured times
};

struct RttBand {
  double from_km = 0;
  double to_km = 0;  ///< exclusive; the last one's is beyond any distance
  RttErrors errors;
};

/// Ends of the bands that errors are told by.
inline constexpr double kRttBandEndsKm[] = {500, 1'000, 2'000, 4'000, 8'000, 20'038};

struct RttModelErrors {
  RttErrors all;
  std::vector<RttBand> bands;  ///< those of kRttBandEndsKm; empty ones have 0 pairs
};

/// How good choices of an edge were: by the measured times, of which the chooser saw few or none.
struct ChoiceQuality {
  std::size_t choices = 0;
  double best_ratio = 0;      ///< of choices that took an edge of the lowest time
  double mean_excess_ms = 0;  ///< time of the edge taken - the lowest
  double p90_excess_ms = 0;
};

/// Choices by corrected estimates, next to those by distance for the same clients and edges.
struct CorrectedChoices {
  std::size_t observations = 0;  ///< pairs observed, over all seeds
  std::size_t forged = 0;        ///< of them
  std::size_t refused = 0;       ///< of them: faster than light
  ChoiceQuality nearest;
  ChoiceQuality corrected;
  double excess_ratio = 0;      ///< corrected / nearest mean excess
  double excess_ratio_min = 0;  ///< over the seeds
  double excess_ratio_max = 0;
  /// The same among the pairs that were not observed: only edges to which a client's time is not
  /// known stand to choice.
  ChoiceQuality unobserved_nearest;
  ChoiceQuality unobserved_corrected;
  double unobserved_excess_ratio = 0;
  double unobserved_median_absolute_ms = 0;  ///< error of the estimates for those pairs
};

struct RttEvaluation {
  std::size_t cities = 0;  ///< with a usable pair
  std::size_t pairs = 0;   ///< usable
  std::size_t suspect_pairs = 0;
  RttEvaluationOptions options;

  geo::RttModel shipped;  ///< the default constants
  RttModelErrors shipped_errors;
  geo::RttModel refitted;          ///< to all usable pairs
  RttModelErrors refitted_errors;  ///< on what it was fitted to
  RttModelErrors held_out_errors;

  ChoiceQuality nearest;
  ChoiceQuality by_model_alone;  ///< must equal nearest but for distances the model calls equal
  CorrectedChoices observed;
  CorrectedChoices forged_tenth;  ///< forged to a tenth: mostly faster than light
  CorrectedChoices forged_half;   ///< forged to half: mostly not
  CorrectedChoices new_clients;   ///< a fifth of the cities has observed nothing, and is asked for
};

/// What the distance model and the corrections are worth on measured pairs. Suspect pairs are left
/// out throughout. Deterministic in (pairs, options). Throws InputError if there are not more
/// usable cities than edges.
///
/// Distance model, held out by city: cities fall into folds at random; for each fold the line is
/// fitted to the pairs that touch none of its cities and judged on those that do. So no city's own
/// access network has a part in its estimates. A pair between two folds is judged twice.
///
/// Choices: a draw makes `edges` cities edges and all others clients; a client chooses among the
/// edges to which it has a usable pair. Corrections see `observed_ratio` of all pairs, as drawn by
/// each seed, each as one observation by either city; their distance model is fitted to those same
/// observations, so nothing of the rest reaches them. A client then takes the edge of the lowest
/// estimate, also where it has measured itself: just as the router would.
[[nodiscard]] RttEvaluation evaluate_rtt(const RttPairs& pairs,
                                         const RttEvaluationOptions& options);

/// The errors of a model on samples, by distance.
[[nodiscard]] RttModelErrors model_errors(const geo::RttModel& model,
                                          std::span<const geo::RttSample> samples);

}  // namespace edgeward::sim
