#include "policy/optimization.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "cache/ids.hpp"
#include "policy/student_quantile.hpp"

namespace edgeward::policy {

namespace {

constexpr std::array<std::string_view, 3> kCanaryVerdicts{"roll_out", "undecided", "roll_back"};
constexpr std::array<std::string_view, 3> kCanaryBases{"none", "hours", "edges"};

constexpr std::int64_t kDayHours = 24;
constexpr std::size_t kBlocks = 6;
constexpr std::size_t kBlockHours = 4;
static_assert(kBlocks * kBlockHours == kDayHours);
constexpr std::size_t kBlocksMin = 3;
/// From so many edges on, differences between them are an estimate: 4 degrees of freedom.
constexpr std::size_t kComparedEdgesMin = 6;

using DayHours = std::array<bool, kDayHours>;
constexpr DayHours kAllHours = [] {
  DayHours all{};
  for (bool& hour : all) hour = true;
  return all;
}();

std::size_t hour_of_day(std::int64_t hour) {
  return static_cast<std::size_t>((hour % kDayHours + kDayHours) % kDayHours);
}

DayHours hours_of_later(std::span<const EdgeTrial> trials) {
  DayHours has_hour{};
  for (const EdgeTrial& trial : trials) {
    for (const HourCounts& each : trial.later) {
      if (each.counts.requests > 0) has_hour[hour_of_day(each.hour)] = true;
    }
  }
  return has_hour;
}

RequestCounts sum_of(std::span<const HourCounts> hours, const DayHours& of_these) {
  RequestCounts sum;
  for (const HourCounts& each : hours) {
    if (of_these[hour_of_day(each.hour)]) sum += each.counts;
  }
  return sum;
}

/// An edge of the comparison.
struct Compared {
  const EdgeTrial* trial = nullptr;
  RequestCounts baseline;
  RequestCounts later;

  [[nodiscard]] bool is_applied() const { return trial->is_applied; }
  [[nodiscard]] double weight() const { return static_cast<double>(later.requests); }
  [[nodiscard]] double change() const {
    return later.hit_ratio().value_or(0) - baseline.hit_ratio().value_or(0);
  }
};

/// A mean of changes weighed by requests, of one kind of edges.
struct WeightedMean {
  double sum = 0;
  double weight = 0;
  double weight_squared = 0;

  void add(double value, double weight_of_it) {
    sum += weight_of_it * value;
    weight += weight_of_it;
    weight_squared += weight_of_it * weight_of_it;
  }
  [[nodiscard]] double mean() const { return sum / weight; }
  /// One, divided by as many equal edges as would say as much.
  [[nodiscard]] double concentration() const { return weight_squared / (weight * weight); }
};

/// Edges with a strategy, and the rest.
struct Kinds {
  WeightedMean applied;
  WeightedMean rest;

  [[nodiscard]] bool has_both() const { return applied.weight > 0 && rest.weight > 0; }
  [[nodiscard]] double effect() const { return applied.mean() - rest.mean(); }
};

Kinds kinds_of(std::span<const Compared> edges) {
  Kinds kinds;
  for (const Compared& edge : edges) {
    if (edge.baseline.requests == 0 || edge.later.requests == 0) continue;
    (edge.is_applied() ? kinds.applied : kinds.rest).add(edge.change(), edge.weight());
  }
  return kinds;
}

/// Of a hit ratio, if requests were independent; of few or equal ones, not nothing.
double counting_variance(const RequestCounts& counts) {
  const auto requests = static_cast<double>(counts.requests);
  const double ratio = (static_cast<double>(counts.hits) + 1) / (requests + 2);
  return ratio * (1 - ratio) / requests;
}

double counting_variance(std::span<const Compared> edges, const Kinds& kinds) {
  double variance = 0;
  for (const Compared& edge : edges) {
    const double all = edge.is_applied() ? kinds.applied.weight : kinds.rest.weight;
    const double share = edge.weight() / all;
    variance += share * share * (counting_variance(edge.baseline) + counting_variance(edge.later));
  }
  return variance;
}

/// How wide the effect is, squared, and with how many degrees of freedom that is known.
struct Spread {
  CanaryBasis basis = CanaryBasis::none;
  double variance = 0;
  double freedom = 0;
};

/// All edges drift equally far, pooled over both kinds, each around its kind's plain mean.
Spread spread_of_edges(std::span<const Compared> edges, const Kinds& kinds) {
  std::array<double, 2> sums{};
  std::array<double, 2> counts{};
  for (const Compared& edge : edges) {
    sums[edge.is_applied() ? 1 : 0] += edge.change();
    counts[edge.is_applied() ? 1 : 0] += 1;
  }
  double squares = 0;
  for (const Compared& edge : edges) {
    const std::size_t kind = edge.is_applied() ? 1 : 0;
    const double beyond = edge.change() - sums[kind] / counts[kind];
    squares += beyond * beyond;
  }
  const double freedom = static_cast<double>(edges.size()) - 2;
  return {
      .basis = CanaryBasis::edges,
      .variance = squares / freedom * (kinds.applied.concentration() + kinds.rest.concentration()),
      .freedom = freedom};
}

/// The effect anew without each block of hours.
Spread spread_of_hours(std::span<const Compared> edges, const DayHours& hours) {
  std::vector<double> effects;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    DayHours within{};
    DayHours without = hours;
    for (std::size_t i = 0; i < kBlockHours; ++i) {
      const std::size_t hour = block * kBlockHours + i;
      within[hour] = std::exchange(without[hour], false);
    }
    const auto counted = [&](const DayHours& of_these) {
      std::vector<Compared> cut(edges.begin(), edges.end());
      for (Compared& edge : cut) {
        edge.baseline = sum_of(edge.trial->baseline, of_these);
        edge.later = sum_of(edge.trial->later, of_these);
      }
      return kinds_of(cut);
    };
    // A block that says nothing is none.
    if (!counted(within).has_both()) continue;
    const Kinds rest = counted(without);
    if (rest.has_both()) effects.push_back(rest.effect());
  }
  if (effects.size() < kBlocksMin) return {};
  const auto blocks = static_cast<double>(effects.size());
  const double mean = std::accumulate(effects.begin(), effects.end(), 0.0) / blocks;
  double squares = 0;
  for (const double effect : effects) squares += (effect - mean) * (effect - mean);
  return {.basis = CanaryBasis::hours,
          .variance = squares * (blocks - 1) / blocks,
          .freedom = blocks - 1};
}

CanaryVerdict canary_verdict(const CanaryComparison& comparison) {
  if (comparison.low && *comparison.low > 0) return CanaryVerdict::roll_out;
  if (comparison.high && *comparison.high < 0) return CanaryVerdict::roll_back;
  return CanaryVerdict::undecided;
}

std::optional<CanaryComparison> compare(std::span<const EdgeTrial> trials, const DayHours& hours,
                                        const OptimizationOptions& options) {
  std::vector<Compared> edges;
  for (const EdgeTrial& trial : trials) {
    const Compared edge{.trial = &trial,
                        .baseline = sum_of(trial.baseline, hours),
                        .later = sum_of(trial.later, hours)};
    const std::uint64_t requests = std::min(edge.baseline.requests, edge.later.requests);
    if (requests > 0 && requests >= options.requests_min) edges.push_back(edge);
  }
  // So that sums of fractions do not depend on the order in which edges were given.
  std::sort(edges.begin(), edges.end(),
            [](const Compared& a, const Compared& b) { return a.trial->edge < b.trial->edge; });
  const Kinds kinds = kinds_of(edges);
  if (!kinds.has_both()) return std::nullopt;
  const auto applied = static_cast<std::size_t>(std::count_if(
      edges.begin(), edges.end(), [](const Compared& edge) { return edge.is_applied(); }));
  CanaryComparison result{
      .edges = applied, .rest = edges.size() - applied, .effect = kinds.effect()};
  const Spread spread = edges.size() >= kComparedEdgesMin ? spread_of_edges(edges, kinds)
                                                          : spread_of_hours(edges, hours);
  if (spread.basis == CanaryBasis::none) return result;
  const double variance = std::max(spread.variance, counting_variance(edges, kinds));
  const double half = student_quantile(spread.freedom) * std::sqrt(variance);
  result.low = result.effect - half;
  result.high = result.effect + half;
  result.basis = spread.basis;
  result.verdict = canary_verdict(result);
  return result;
}

void add_averages(Optimization& result) {
  std::vector<const OptimizedEdge*> counted;
  for (const OptimizedEdge& edge : result.edges) {
    if (edge.is_applied && edge.improvement()) counted.push_back(&edge);
  }
  if (counted.empty()) return;
  std::sort(counted.begin(), counted.end(),
            [](const OptimizedEdge* a, const OptimizedEdge* b) { return a->edge < b->edge; });
  double sum = 0;
  WeightedMean weighted;
  for (const OptimizedEdge* edge : counted) {
    sum += *edge->improvement();
    weighted.add(*edge->improvement(), static_cast<double>(edge->later.requests));
  }
  result.average_improvement = sum / static_cast<double>(counted.size());
  result.average_improvement_weighted = weighted.mean();
}

}  // namespace

std::string_view name(CanaryVerdict verdict) {
  return kCanaryVerdicts[static_cast<std::size_t>(verdict)];
}

std::string_view name(CanaryBasis basis) {
  return kCanaryBases[static_cast<std::size_t>(basis)];
}

std::optional<double> OptimizedEdge::improvement() const {
  const std::optional<double> before = baseline.hit_ratio();
  const std::optional<double> after = later.hit_ratio();
  if (!before || !after) return std::nullopt;
  return *after - *before;
}

Optimization optimization(std::span<const EdgeTrial> trials, const OptimizationOptions& options) {
  const DayHours hours = hours_of_later(trials);
  // Where nothing was measured later, the baseline is still worth telling.
  const bool has_later = hours != DayHours{};
  Optimization result;
  for (const EdgeTrial& trial : trials) {
    result.edges.push_back({.edge = trial.edge,
                            .strategy = trial.strategy,
                            .is_applied = trial.is_applied,
                            .baseline = sum_of(trial.baseline, has_later ? hours : kAllHours),
                            .later = sum_of(trial.later, hours),
                            .predicted = trial.predicted});
    result.edges_optimized += trial.is_applied ? 1 : 0;
  }
  add_averages(result);
  result.canary = compare(trials, hours, options);
  return result;
}

std::vector<std::size_t> canary_edges(std::span<const std::string> edges, double share,
                                      std::string_view salt) {
  struct Ranked {
    cache::ContentId hash{};
    std::size_t at = 0;
  };
  std::vector<Ranked> ranked;
  for (std::size_t at = 0; at < edges.size(); ++at) {
    std::string text(salt);
    text += '\n';
    text += edges[at];
    ranked.push_back({.hash = cache::content_id(text), .at = at});
  }
  std::sort(ranked.begin(), ranked.end(), [&](const Ranked& a, const Ranked& b) {
    return a.hash != b.hash ? a.hash < b.hash : edges[a.at] < edges[b.at];
  });
  const auto all = static_cast<double>(edges.size());
  // A tenth of ten is one, whatever binary fractions make of it.
  const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * all - 1e-9);
  const std::size_t most = edges.size() > 1 ? edges.size() - 1 : edges.size();
  const std::size_t least = std::min<std::size_t>(1, edges.size());
  ranked.resize(std::clamp(static_cast<std::size_t>(std::max(wanted, 0.0)), least, most));
  std::vector<std::size_t> result;
  for (const Ranked& each : ranked) result.push_back(each.at);
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace edgeward::policy
