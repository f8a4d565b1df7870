#include "sim/interval.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "cache/random.hpp"
#include "policy/student_quantile.hpp"

namespace edgeward::sim {

namespace {

constexpr double kNormalQuantile = 1.959963984540054;  // 97.5 %
constexpr double kTail = 0.025;
constexpr double kCoverageFactor = 1.5;  // blocks longer than the variance alone would have them
constexpr double kDecayMax = 0.97;       // beyond it, dependence is longer than any trace can show

/// The cells that have requests, as columns: what the ratio divides by, and hits gained.
struct Series {
  std::vector<double> requests;
  std::vector<double> gained;
  double requests_total = 0;
  double gained_total = 0;

  explicit Series(std::span<const PairedCell> cells) {
    for (const PairedCell& cell : cells) {
      if (cell.requests == 0) continue;
      requests.push_back(static_cast<double>(cell.requests));
      gained.push_back(static_cast<double>(cell.run_hits) -
                       static_cast<double>(cell.baseline_hits));
      requests_total += requests.back();
      gained_total += gained.back();
    }
  }

  [[nodiscard]] std::size_t size() const { return requests.size(); }
  [[nodiscard]] double ratio() const { return gained_total / requests_total; }

  /// As many equal cells would make a sum as steady as these unequal ones.
  [[nodiscard]] double equal_cells() const {
    double squares = 0;
    for (const double count : requests) squares += count * count;
    return requests_total * requests_total / squares;
  }

  /// What each cell adds to the error of the ratio, to first order; sums to zero.
  [[nodiscard]] std::vector<double> residuals() const {
    std::vector<double> result(size());
    for (std::size_t i = 0; i < size(); ++i) result[i] = gained[i] - ratio() * requests[i];
    return result;
  }
};

/// Sample autocorrelations of a series of mean zero at lags 0 .. lag_max.
std::vector<double> autocorrelations(std::span<const double> values, std::size_t lag_max) {
  std::vector<double> result(lag_max + 1);
  for (std::size_t lag = 0; lag <= lag_max; ++lag) {
    for (std::size_t i = lag; i < values.size(); ++i) result[lag] += values[i] * values[i - lag];
  }
  for (std::size_t lag = lag_max + 1; lag-- > 0;) result[lag] /= result[0];
  return result;
}

/// Autocorrelation share · rate^lag at lags ≥ 1, never negative.
struct Decay {
  double rate = 0;
  double share = 0;
};

/// Through lag 1, and through lag 2 as well where that is no noise and tells of slower decay.
Decay fit_decay(std::span<const double> correlations, double cells) {
  const auto without_bias = [cells](double value) {
    return std::clamp((value + 1 / cells) / (1 - 4 / cells), 0.0, kDecayMax);
  };
  const double first = without_bias(correlations[1]);
  const double second = without_bias(correlations[2]);
  const double significant = 2 / std::sqrt(cells);
  if (first > significant && second > significant) {
    const double rate = std::clamp(second / first, first, kDecayMax);
    return {.rate = rate, .share = first / rate};
  }
  return {.rate = first, .share = 1};
}

/// The part of the sum's variance that circular blocks of that length keep under a decay.
double kept_variance(const Decay& decay, std::size_t block, std::size_t cells) {
  const auto n = static_cast<double>(cells);
  const auto length = static_cast<double>(block);
  double power = decay.share;
  double whole = 1;
  for (std::size_t lag = 1; lag < cells; ++lag) {
    power *= decay.rate;
    whole += 2 * (1 - static_cast<double>(lag) / n) * power;
  }
  power = decay.share;
  double within = 1;
  for (std::size_t lag = 1; lag < block; ++lag) {
    const auto k = static_cast<double>(lag);
    power *= decay.rate;
    const double around = decay.share * std::pow(decay.rate, n - k);  // the other way, over the end
    within += 2 * (1 - k / length) * ((n - k) * power + k * around) / n;
  }
  return (within - length / n * whole) / whole;  // blocks are seen from the sample's own mean
}

/// slope_ratio = Σ|k|·R(k) / ΣR(k) over all lags: b = (2·G² / D)^⅓·n^⅓ with D = 4/3·g(0)².
double optimal_block(double slope_ratio, double cells) {
  return std::cbrt(1.5 * slope_ratio * slope_ratio * cells);
}

double decay_block(const Decay& decay, double cells) {
  const double rest = 1 - decay.rate;
  const double slope = 2 * decay.share * decay.rate / (rest * rest);
  return optimal_block(slope / (1 + 2 * decay.share * decay.rate / rest), cells);
}

/// The last lag before `run` insignificant ones in a row (Politis & White 2004, section 3.2).
std::size_t last_significant_lag(std::span<const double> correlations, double cells,
                                 std::size_t run) {
  const double threshold = 2 * std::sqrt(std::log10(cells) / cells);
  std::size_t last = 0;
  for (std::size_t lag = 1; lag < correlations.size() && lag - last <= run; ++lag) {
    if (std::abs(correlations[lag]) >= threshold) last = lag;
  }
  return last;
}

/// Politis & White's length from the sample autocorrelations under a flat-top window.
double spectral_block(std::span<const double> correlations, double cells, std::size_t run) {
  const std::size_t bandwidth =
      std::min(correlations.size() - 1, 2 * last_significant_lag(correlations, cells, run));
  double spectrum = 1;
  double slope = 0;
  for (std::size_t lag = 1; lag <= bandwidth; ++lag) {
    const auto k = static_cast<double>(lag);
    const double window = std::min(1.0, 2 * (1 - k / static_cast<double>(bandwidth)));
    spectrum += 2 * window * correlations[lag];
    slope += 2 * window * correlations[lag] * k;
  }
  return slope == 0 ? 0 : optimal_block(slope / spectrum, cells);  // infinite is cut by the caller
}

/// How long blocks are, and by how much their percentiles are moved away from the change.
struct Blocks {
  std::size_t length = 1;
  double widening = 1;
};

Blocks choose_blocks(const Series& series, std::span<const double> residuals,
                     std::size_t forced_length) {
  const std::size_t cells = series.size();
  const auto n = static_cast<double>(cells);
  Blocks blocks{.length = std::min(forced_length, cells)};
  double kept = 1;
  if (forced_length == 0) {
    const auto root = static_cast<std::size_t>(std::ceil(std::sqrt(n)));
    constexpr std::size_t kRun = 5;  // max(5, ⌈√log10 n⌉) for any n that fits in memory
    const std::vector<double> correlations =
        autocorrelations(residuals, std::min(cells - 1, root + kRun));
    const Decay decay = fit_decay(correlations, n);
    const double length =
        kCoverageFactor * std::max(spectral_block(correlations, n, kRun), decay_block(decay, n));
    const double longest = std::ceil(std::min(3 * std::sqrt(n), n / 3));
    blocks.length = static_cast<std::size_t>(std::clamp(std::ceil(length), 1.0, longest));
    kept = kept_variance(decay, blocks.length, cells);
  }
  const auto length = static_cast<double>(blocks.length);
  const double freedom = 3 * length * series.equal_cells() / (2 * length * length + 1) - 1;
  blocks.widening =
      policy::student_quantile(std::max(2.0, freedom)) / kNormalQuantile / std::sqrt(kept);
  return blocks;
}

/// Running totals over the cells laid out twice, so that a block may run over the end.
std::vector<double> circular_totals(std::span<const double> values) {
  std::vector<double> result{0};
  result.reserve(2 * values.size() + 1);
  for (std::size_t i = 0; i < 2 * values.size(); ++i) {
    result.push_back(result.back() + values[i % values.size()]);
  }
  return result;
}

/// The ratios of samples as long as the series, each made of blocks that begin anywhere; sorted.
std::vector<double> resampled_ratios(const Series& series, std::size_t block,
                                     const IntervalOptions& options) {
  const std::vector<double> requests = circular_totals(series.requests);
  const std::vector<double> gained = circular_totals(series.gained);
  cache::Random random(options.seed);
  std::vector<double> ratios(options.replicates);
  for (double& ratio : ratios) {
    double requests_total = 0;
    double gained_total = 0;
    for (std::size_t drawn = 0; drawn < series.size(); drawn += block) {
      const std::size_t length = std::min(block, series.size() - drawn);
      const std::size_t from = random.below(series.size());
      requests_total += requests[from + length] - requests[from];
      gained_total += gained[from + length] - gained[from];
    }
    ratio = gained_total / requests_total;
  }
  std::sort(ratios.begin(), ratios.end());
  return ratios;
}

}  // namespace

std::optional<Change> hit_ratio_change(std::span<const PairedCell> cells,
                                       const IntervalOptions& options) {
  assert(options.replicates >= 100);
  const Series series(cells);
  if (series.size() < kIntervalCellsMin) return std::nullopt;
  const double ratio = series.ratio();
  const std::vector<double> residuals = series.residuals();
  if (std::all_of(residuals.begin(), residuals.end(), [](double value) { return value == 0; })) {
    return Change{.change = ratio, .low = ratio, .high = ratio};
  }
  const Blocks blocks = choose_blocks(series, residuals, options.block_cells);
  const std::vector<double> ratios = resampled_ratios(series, blocks.length, options);
  const auto tail = static_cast<std::size_t>(kTail * static_cast<double>(ratios.size()));
  const auto widened = [&](double end) {
    return std::clamp(ratio + blocks.widening * (end - ratio), -1.0, 1.0);
  };
  return Change{.change = ratio,
                .low = std::min(ratio, widened(ratios[tail])),
                .high = std::max(ratio, widened(ratios[ratios.size() - 1 - tail]))};
}

}  // namespace edgeward::sim
