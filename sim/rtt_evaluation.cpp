#include "sim/rtt_evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "cache/random.hpp"
#include "geo/rtt_corrections.hpp"
#include "geo/rtt_observations.hpp"

namespace edgeward::sim {

namespace {

constexpr double kForgedToTenth = 0.1;
constexpr double kForgedToHalf = 0.5;
/// Each purpose draws from a stream of its own, so that one option does not change another's draws.
enum Stream : std::uint64_t { draws_stream, folds_stream, observed_stream };

cache::Random random_of(std::uint64_t seed, Stream stream, std::size_t number = 0) {
  cache::Random mixed(seed * 4 + stream);
  return cache::Random(mixed.next() + number);
}

template <class T>
void shuffle(std::vector<T>& values, cache::Random& random) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.below(i)]);
  }
}

/// Reorders the values; 0 of none.
double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double ratio_of(const ChoiceQuality& corrected, const ChoiceQuality& nearest) {
  return nearest.mean_excess_ms > 0 ? corrected.mean_excess_ms / nearest.mean_excess_ms : 1;
}

// ---- distance model

RttErrors errors_of(std::vector<double> errors) {
  RttErrors result{.pairs = errors.size(), .mean_bias_ms = mean(errors)};
  result.median_bias_ms = quantile(errors, 0.5);
  for (double& error : errors) error = std::abs(error);
  result.mean_absolute_ms = mean(errors);
  result.median_absolute_ms = quantile(errors, 0.5);
  return result;
}

/// Errors, gathered by band of distance.
class ErrorBands {
 public:
  ErrorBands() : by_band_(std::size(kRttBandEndsKm)) {}

  void add(const geo::RttModel& model, const geo::RttSample& sample) {
    std::size_t band = 0;
    while (band + 1 < by_band_.size() && sample.km >= kRttBandEndsKm[band]) ++band;
    by_band_[band].push_back(model.estimate_ms(sample.km) - sample.rtt_ms);
  }

  [[nodiscard]] RttModelErrors result() const {
    RttModelErrors result;
    std::vector<double> all;
    double from_km = 0;
    for (std::size_t band = 0; band < by_band_.size(); ++band) {
      all.insert(all.end(), by_band_[band].begin(), by_band_[band].end());
      result.bands.push_back(
          {.from_km = from_km, .to_km = kRttBandEndsKm[band], .errors = errors_of(by_band_[band])});
      from_km = kRttBandEndsKm[band];
    }
    result.all = errors_of(std::move(all));
    return result;
  }

 private:
  std::vector<std::vector<double>> by_band_;
};

// ---- the pairs as tables of cities × cities

/// One number for every ordered pair of cities; NaN where there is none.
class Square {
 public:
  explicit Square(std::size_t size)
      : size_(size), values_(size * size, std::numeric_limits<double>::quiet_NaN()) {}

  [[nodiscard]] double at(std::size_t a, std::size_t b) const { return values_[a * size_ + b]; }
  [[nodiscard]] bool has(std::size_t a, std::size_t b) const { return !std::isnan(at(a, b)); }
  void set(std::size_t a, std::size_t b, double value) { values_[a * size_ + b] = value; }
  void set_both(std::size_t a, std::size_t b, double value) {
    set(a, b, value);
    set(b, a, value);
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::vector<double> values_;
};

struct Draw {
  std::vector<std::size_t> edges;
  std::vector<std::size_t> clients;
};

/// Choices made and what they cost.
class Excesses {
 public:
  void add(double excess_ms) { excesses_.push_back(excess_ms); }
  void add(const Excesses& other) {
    excesses_.insert(excesses_.end(), other.excesses_.begin(), other.excesses_.end());
  }

  [[nodiscard]] ChoiceQuality quality() const {
    std::vector<double> sorted = excesses_;
    const auto best = std::count(sorted.begin(), sorted.end(), 0.0);
    const double mean_ms = mean(sorted);
    const double count = static_cast<double>(std::max<std::size_t>(1, sorted.size()));
    return {.choices = sorted.size(),
            .best_ratio = static_cast<double>(best) / count,
            .mean_excess_ms = mean_ms,
            .p90_excess_ms = quantile(sorted, 0.9)};
  }

 private:
  std::vector<double> excesses_;
};

/// Every client of every draw takes the edge where `estimates` are lowest (the earlier city, of
/// equal ones) among those for which `may_choose`(client, edge) holds and a time was measured.
template <class MayChoose>
Excesses choose(const std::vector<Draw>& draws, const Square& measured, const Square& estimates,
                const MayChoose& may_choose) {
  Excesses result;
  for (const Draw& draw : draws) {
    for (const std::size_t client : draw.clients) {
      double lowest = std::numeric_limits<double>::infinity();
      double lowest_ms = lowest;
      double taken_ms = lowest;
      for (const std::size_t edge : draw.edges) {
        if (!measured.has(client, edge) || !may_choose(client, edge)) continue;
        const double rtt_ms = measured.at(client, edge);
        lowest_ms = std::min(lowest_ms, rtt_ms);
        if (estimates.at(client, edge) < lowest) {
          lowest = estimates.at(client, edge);
          taken_ms = rtt_ms;
        }
      }
      if (std::isfinite(taken_ms)) result.add(taken_ms - lowest_ms);
    }
  }
  return result;
}

constexpr auto kAnyEdge = [](std::size_t, std::size_t) { return true; };

// ---- the evaluation

/// How observations are made of the pairs.
struct Scenario {
  double forged_ratio = 0;
  double forged_factor = 1;
  bool has_new_clients = false;  ///< some cities observe nothing, and only they are asked for
};

/// Corrections made of one seed's observations, as tables.
struct Corrected {
  Square estimates;
  Square observed;  ///< the pairs that were
  std::vector<bool> is_asked;
};

class Evaluation {
 public:
  Evaluation(const RttPairs& pairs, const RttEvaluationOptions& options)
      : options_(options), measured_(0), km_(0) {
    std::vector<bool> is_used(pairs.cities.size());
    for (const RttPair& pair : pairs.pairs) {
      if (!pair.is_suspect) is_used[pair.a] = is_used[pair.b] = true;
    }
    std::vector<std::size_t> number(pairs.cities.size());
    for (std::size_t i = 0; i < pairs.cities.size(); ++i) {
      number[i] = points_.size();
      if (is_used[i]) points_.push_back(pairs.cities[i].point);
    }
    measured_ = Square(points_.size());
    km_ = Square(points_.size());
    for (RttPair pair : pairs.pairs) {
      if (pair.is_suspect) continue;
      pair.a = number[pair.a];
      pair.b = number[pair.b];
      pairs_.push_back(pair);
      measured_.set_both(pair.a, pair.b, pair.rtt_ms);
      km_.set_both(pair.a, pair.b, pair.km);
    }
    make_draws();
  }

  [[nodiscard]] std::size_t cities() const { return points_.size(); }
  [[nodiscard]] std::vector<geo::RttSample> samples() const {
    std::vector<geo::RttSample> samples;
    for (const RttPair& pair : pairs_) samples.push_back({.km = pair.km, .rtt_ms = pair.rtt_ms});
    return samples;
  }

  [[nodiscard]] RttModelErrors held_out() const {
    const std::vector<std::size_t> fold = random_folds(options_.seed, options_.folds);
    ErrorBands errors;
    for (std::size_t held = 0; held < options_.folds; ++held) {
      std::vector<geo::RttSample> inside;
      std::vector<geo::RttSample> outside;
      for (const RttPair& pair : pairs_) {
        const bool is_held = fold[pair.a] == held || fold[pair.b] == held;
        (is_held ? outside : inside).push_back({.km = pair.km, .rtt_ms = pair.rtt_ms});
      }
      const geo::RttModel model = geo::RttModel::fit(inside);
      for (const geo::RttSample& sample : outside) errors.add(model, sample);
    }
    return errors.result();
  }

  [[nodiscard]] ChoiceQuality nearest() const {
    return choose(draws_, measured_, km_, kAnyEdge).quality();
  }

  [[nodiscard]] ChoiceQuality by_model(const geo::RttModel& model) const {
    Square estimates(points_.size());
    for (const RttPair& pair : pairs_) {
      estimates.set_both(pair.a, pair.b, model.estimate_ms(pair.km));
    }
    return choose(draws_, measured_, estimates, kAnyEdge).quality();
  }

  [[nodiscard]] CorrectedChoices corrected(const Scenario& scenario) const;

 private:
  void make_draws() {
    if (points_.size() <= options_.edges) return;
    cache::Random random = random_of(options_.seed, draws_stream);
    std::vector<std::size_t> order(points_.size());
    for (std::size_t i = 0; i < options_.draws; ++i) {
      std::iota(order.begin(), order.end(), std::size_t{0});
      shuffle(order, random);
      const auto cut = order.begin() + static_cast<std::ptrdiff_t>(options_.edges);
      Draw draw{.edges = {order.begin(), cut}, .clients = {cut, order.end()}};
      std::sort(draw.edges.begin(), draw.edges.end());
      draws_.push_back(std::move(draw));
    }
  }

  [[nodiscard]] std::vector<std::size_t> random_folds(std::uint64_t seed, std::size_t folds) const {
    std::vector<std::size_t> fold(points_.size());
    for (std::size_t i = 0; i < fold.size(); ++i) fold[i] = i % folds;
    cache::Random random = random_of(seed, folds_stream);
    shuffle(fold, random);
    return fold;
  }

  [[nodiscard]] Corrected correct(const Scenario& scenario, std::size_t number,
                                  CorrectedChoices& counts) const;

  RttEvaluationOptions options_;
  std::vector<geo::GeoPoint> points_;
  std::vector<RttPair> pairs_;  ///< usable, cities renumbered
  Square measured_;
  Square km_;
  std::vector<Draw> draws_;
};

/// Each city is a client with a block of its own.
geo::IpPrefix block_of(std::size_t city) {
  constexpr std::uint32_t kPrivate = 0x0A00'0000;  // 10.0.0.0/8
  const auto address = geo::IpAddress::v4(kPrivate | static_cast<std::uint32_t>(city) << 8U);
  return geo::IpPrefix::around(address, geo::kClientLengthV4);
}

Corrected Evaluation::correct(const Scenario& scenario, std::size_t number,
                              CorrectedChoices& counts) const {
  const std::size_t size = points_.size();
  Corrected result{.estimates = Square(size), .observed = Square(size), .is_asked = {}};
  result.is_asked.assign(size, true);
  if (scenario.has_new_clients) {
    const auto fold = random_folds(options_.seed + number + 1, options_.folds);
    for (std::size_t i = 0; i < size; ++i) result.is_asked[i] = fold[i] == 0;
  }

  cache::Random random = random_of(options_.seed, observed_stream, number);
  std::vector<RttPair> seen = pairs_;
  shuffle(seen, random);
  const double share = options_.observed_ratio * static_cast<double>(seen.size());
  seen.resize(static_cast<std::size_t>(std::lround(share)));
  geo::RttObservations observations(points_);
  for (const RttPair& pair : seen) {
    const bool is_forged = random.unit() < scenario.forged_ratio;
    const double rtt_ms = pair.rtt_ms * (is_forged ? scenario.forged_factor : 1);
    bool is_refused = false;
    for (const auto& [client, site] : {std::pair(pair.a, pair.b), std::pair(pair.b, pair.a)}) {
      if (scenario.has_new_clients && result.is_asked[client]) continue;
      is_refused |= observations
                        .add({.client = block_of(client),
                              .client_at = points_[client],
                              .site = static_cast<std::uint16_t>(site),
                              .rtt_ms = rtt_ms})
                        .has_value();
      result.observed.set(client, site, rtt_ms);
    }
    ++counts.observations;
    counts.forged += is_forged ? 1U : 0U;
    counts.refused += is_refused ? 1U : 0U;
  }

  std::vector<geo::RttSample> samples;
  for (const geo::RttObservation& one : observations.accepted()) {
    samples.push_back(
        {.km = geo::distance_km(one.client_at, points_[one.site]), .rtt_ms = one.rtt_ms});
  }
  const auto corrections = geo::RttCorrections::build(geo::RttModel::fit(samples), observations);
  for (std::size_t i = 0; i < size; ++i) {
    const auto client = corrections.client(points_[i], corrections.find(block_of(i)));
    for (std::size_t j = 0; j < size; ++j) {
      if (!measured_.has(i, j)) continue;
      result.estimates.set(i, j, client.estimate_ms(static_cast<std::uint16_t>(j), km_.at(i, j)));
    }
  }
  return result;
}

CorrectedChoices Evaluation::corrected(const Scenario& scenario) const {
  CorrectedChoices result;
  Excesses nearest;
  Excesses corrected;
  Excesses unobserved_nearest;
  Excesses unobserved_corrected;
  std::vector<double> errors;
  result.excess_ratio_min = std::numeric_limits<double>::infinity();
  for (std::size_t number = 0; number < options_.seeds; ++number) {
    const Corrected tables = correct(scenario, number, result);
    const auto is_asked = [&](std::size_t client, std::size_t) -> bool {
      return tables.is_asked[client];
    };
    const auto is_unobserved = [&](std::size_t client, std::size_t edge) {
      return tables.is_asked[client] && !tables.observed.has(client, edge);
    };
    const Excesses near = choose(draws_, measured_, km_, is_asked);
    const Excesses now = choose(draws_, measured_, tables.estimates, is_asked);
    const double ratio = ratio_of(now.quality(), near.quality());
    result.excess_ratio_min = std::min(result.excess_ratio_min, ratio);
    result.excess_ratio_max = std::max(result.excess_ratio_max, ratio);
    nearest.add(near);
    corrected.add(now);
    unobserved_nearest.add(choose(draws_, measured_, km_, is_unobserved));
    unobserved_corrected.add(choose(draws_, measured_, tables.estimates, is_unobserved));
    for (std::size_t i = 0; i < points_.size(); ++i) {
      for (std::size_t j = 0; j < points_.size(); ++j) {
        if (!measured_.has(i, j) || !is_unobserved(i, j)) continue;
        errors.push_back(std::abs(tables.estimates.at(i, j) - measured_.at(i, j)));
      }
    }
  }
  result.nearest = nearest.quality();
  result.corrected = corrected.quality();
  result.excess_ratio = ratio_of(result.corrected, result.nearest);
  result.unobserved_nearest = unobserved_nearest.quality();
  result.unobserved_corrected = unobserved_corrected.quality();
  result.unobserved_excess_ratio = ratio_of(result.unobserved_corrected, result.unobserved_nearest);
  result.unobserved_median_absolute_ms = quantile(errors, 0.5);
  return result;
}

}  // namespace

RttModelErrors model_errors(const geo::RttModel& model, std::span<const geo::RttSample> samples) {
  ErrorBands errors;
  for (const geo::RttSample& sample : samples) errors.add(model, sample);
  return errors.result();
}

RttEvaluation evaluate_rtt(const RttPairs& pairs, const RttEvaluationOptions& options) {
  const Evaluation evaluation(pairs, options);
  const std::vector<geo::RttSample> samples = evaluation.samples();
  if (evaluation.cities() <= options.edges) {
    throw InputError(
        fmt::format("{} cities with usable pairs: expected more than the {} that are edges",
                    evaluation.cities(), options.edges));
  }
  RttEvaluation result{.cities = evaluation.cities(),
                       .pairs = samples.size(),
                       .suspect_pairs = pairs.pairs.size() - samples.size(),
                       .options = options};
  result.shipped_errors = model_errors(result.shipped, samples);
  result.refitted = geo::RttModel::fit(samples);
  result.refitted_errors = model_errors(result.refitted, samples);
  result.held_out_errors = evaluation.held_out();

  result.nearest = evaluation.nearest();
  result.by_model_alone = evaluation.by_model(result.shipped);
  result.observed = evaluation.corrected({});
  result.forged_tenth =
      evaluation.corrected({.forged_ratio = options.forged_ratio, .forged_factor = kForgedToTenth});
  result.forged_half =
      evaluation.corrected({.forged_ratio = options.forged_ratio, .forged_factor = kForgedToHalf});
  result.new_clients = evaluation.corrected({.has_new_clients = true});
  return result;
}

}  // namespace edgeward::sim
