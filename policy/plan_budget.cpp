#include "policy/plan_budget.hpp"

#include <algorithm>
#include <cmath>

namespace edgeward::policy {

namespace {

/// What an interval counts after each further one: half after a day of hours.
const double kKept = std::exp2(-1.0 / 24);
constexpr double kIntervalsMin = 3;
/// Requests that evidence is made of, at least: a few large files can make any byte ratio.
constexpr double kRequestsMin = 2000;
/// The same of evidence that others are to go by.
constexpr double kPriorRequestsMin = 10'000;
constexpr double kStandardErrors = 2;
/// What plans may cost of the ratio that they are not made for.
constexpr double kOtherLossMax = 0.001;
/// What another part must bring beyond the one in use: a change costs, since a cache that holds
/// other things than it would have held takes a while to pay.
constexpr double kWorthChange = 0.01;
/// Errors below that are none: intervals are not as independent as they are taken to be.
constexpr double kStandardErrorMin = 0.0005;
/// What an edge may lose to plans, of all its requests and bytes, and a few requests of chance.
constexpr double kLossMax = 0.0005;
constexpr double kByteLossMax = 0.005;
constexpr double kRequestsOfChance = 2;
constexpr unsigned kRestIntervals = 24;
/// How much edges differ in what plans bring, as a part of that.
constexpr double kPriorSpread = 0.4;

double ratio(double part, std::uint64_t whole) {
  return whole == 0 ? 0 : part / static_cast<double>(whole);
}

double hit_gain(const PlanBudget::Interval& interval, std::size_t level) {
  const double gain = static_cast<double>(interval.outcomes[level].hits) -
                      static_cast<double>(interval.outcomes[0].hits);
  return ratio(gain, interval.requests);
}

double byte_gain(const PlanBudget::Interval& interval, std::size_t level) {
  const PlanBudget::Outcome& outcome = interval.outcomes[level];
  const double gain = static_cast<double>(outcome.hit_bytes) -
                      static_cast<double>(outcome.prefetched_bytes) -
                      static_cast<double>(interval.outcomes[0].hit_bytes);
  return ratio(gain, interval.bytes);
}

}  // namespace

PlanBudget::Interval& PlanBudget::Interval::operator+=(const Interval& other) {
  requests += other.requests;
  bytes += other.bytes;
  for (std::size_t level = 0; level < kLevels; ++level) {
    outcomes[level].hits += other.outcomes[level].hits;
    outcomes[level].hit_bytes += other.outcomes[level].hit_bytes;
    outcomes[level].prefetched_bytes += other.outcomes[level].prefetched_bytes;
  }
  realised.hits += other.realised.hits;
  realised.hit_bytes += other.realised.hit_bytes;
  realised.prefetched_bytes += other.realised.prefetched_bytes;
  return *this;
}

void PlanBudget::Mean::add(double value, double weight_of_it, double keep) {
  const double squared = weight_of_it * weight_of_it;
  weight = weight * keep + weight_of_it;
  sum = sum * keep + weight_of_it * value;
  weight_squared = weight_squared * keep * keep + squared;
  cross = cross * keep * keep + squared * value;
  sum_squared = sum_squared * keep * keep + squared * value * value;
}

double PlanBudget::Mean::standard_error() const {
  if (weight <= 0) return 0;
  const double center = mean();
  const double spread = sum_squared - 2 * center * cross + center * center * weight_squared;
  const double count = std::max(intervals(), 1.0);
  // As of a sample, whose mean was taken from itself.
  const double correction = count > 1.5 ? count / (count - 1) : 3;
  return std::sqrt(std::max(spread, 0.0) * correction) / weight;
}

double PlanBudget::Mean::intervals() const {
  return weight_squared > 0 ? weight * weight / weight_squared : 0;
}

const PlanBudget::Mean& PlanBudget::objective_of(const Gain& gain) const {
  return objective_ == PlanObjective::bytes ? gain.bytes : gain.hits;
}

const PlanBudget::Mean& PlanBudget::other_of(const Gain& gain) const {
  return objective_ == PlanObjective::bytes ? gain.hits : gain.bytes;
}

bool PlanBudget::has_enough(std::size_t level, double requests) const {
  const Mean& gain = objective_of(gains_[level]);
  return gain.intervals() >= kIntervalsMin && gain.weight >= requests;
}

PlanBudget::Estimate PlanBudget::estimate(std::size_t level, const PlanBudget* fleet) const {
  const Mean& own = objective_of(gains_[level]);
  const Estimate known{.mean = own.mean(), .error = own.standard_error()};
  if (fleet == nullptr || !fleet->has_enough(level, kPriorRequestsMin)) {
    return has_enough(level, kRequestsMin) ? known : Estimate{.mean = 0, .error = 1};
  }
  const Mean& all = fleet->objective_of(fleet->gains_[level]);
  const Estimate prior{
      .mean = all.mean(),
      .error = std::max(kPriorSpread * std::abs(all.mean()), all.standard_error())};
  if (own.intervals() < kIntervalsMin || prior.error <= 0) return prior;
  const double own_weight =
      1 / std::max(known.error * known.error, kStandardErrorMin * kStandardErrorMin);
  const double prior_weight = 1 / (prior.error * prior.error);
  return {
      .mean = (known.mean * own_weight + prior.mean * prior_weight) / (own_weight + prior_weight),
      .error = 1 / std::sqrt(own_weight + prior_weight)};
}

/// A request more or less is chance: of those that tell two caches apart, which are at most the
/// misses of both, a coin decides each.
bool PlanBudget::has_lost(const Interval& interval) const {
  if (level_ == 0) return false;
  const double lost = -hit_gain(interval, level_) * static_cast<double>(interval.requests);
  const double misses =
      static_cast<double>(interval.requests) - static_cast<double>(interval.outcomes[0].hits);
  return lost > kStandardErrors * std::sqrt(std::max(misses, 1.0)) * 0.5;
}

bool PlanBudget::does_not_cost(std::size_t level) const {
  const Mean& other = other_of(gains_[level]);
  return other.mean() - other.standard_error() >= -kOtherLossMax;
}

std::size_t PlanBudget::best_level(const PlanBudget* fleet) const {
  const auto is_harmless = [&](std::size_t level) {
    return does_not_cost(level) && (fleet == nullptr || fleet->does_not_cost(level));
  };
  const Estimate now = estimate(level_, fleet);
  const bool stays = level_ > 0 && now.mean > 0 && is_harmless(level_);
  std::size_t best = stays ? level_ : 0;
  double least_gain = (stays ? std::max(now.mean, 0.0) : 0) + kWorthChange;
  for (std::size_t level = 1; level < kLevels; ++level) {
    const Estimate known = estimate(level, fleet);
    const bool is_ahead = known.mean - kStandardErrors * known.error > 0 && is_harmless(level);
    if (level == level_ || !is_ahead || known.mean <= least_gain) continue;
    best = level;
    least_gain = known.mean;
  }
  return best;
}

bool PlanBudget::has_spent(const Interval& interval) {
  const Outcome& plain = interval.outcomes[0];
  const Outcome& own = interval.realised;
  requests_ += static_cast<double>(interval.requests);
  bytes_ += static_cast<double>(interval.bytes);
  hits_gained_ += static_cast<double>(own.hits) - static_cast<double>(plain.hits);
  bytes_gained_ += static_cast<double>(own.hit_bytes) - static_cast<double>(own.prefetched_bytes) -
                   static_cast<double>(plain.hit_bytes);
  return level_ > 0 && (hits_gained_ < -kLossMax * requests_ - kRequestsOfChance ||
                        bytes_gained_ < -kByteLossMax * bytes_);
}

void PlanBudget::note(const Interval& interval, const PlanBudget* fleet) {
  if (interval.requests == 0) return;
  const auto weight = static_cast<double>(interval.requests);
  for (std::size_t level = 1; level < kLevels; ++level) {
    gains_[level].hits.add(hit_gain(interval, level), weight, kKept);
    gains_[level].bytes.add(byte_gain(interval, level), weight, kKept);
  }
  losses_ = has_lost(interval) ? losses_ + 1 : 0;
  if (has_spent(interval)) resting_ = kRestIntervals;
  if (resting_ > 0) --resting_;
  level_ = resting_ > 0 ? 0 : best_level(fleet);
  if (losses_ >= 4) level_ = 0;
  if (losses_ >= 2 && level_ > 0) --level_;
}

}  // namespace edgeward::policy
