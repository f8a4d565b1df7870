#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "policy/plan_selection.hpp"

namespace edgeward::policy {

/// What part of an edge's cache plans may have: as much as lately did best in shadow caches, small
/// simulated ones that see a sample of the edge's requests, one for each part that is on offer and
/// one of them without plans.
///
/// Nothing until plans are ahead beyond doubt (twice the standard error over at least three
/// intervals; recent ones count most), then at once the part that is ahead most: smaller ones may
/// well lose where a large one wins, since what is kept is lost to the policy. It stays until
/// another is ahead of it by a percent of the demand, or it is not ahead any more. Where the
/// part that is in use loses significantly against no plans over two intervals it is halved, over
/// four it is nothing, whatever the past says.
///
/// Whatever shadows say, what the edge itself has lost against the one without plans since the
/// beginning is bounded: at one in two thousand of all its requests, or half a percent of all their
/// bytes, plans end for a day of intervals.
///
/// An edge of few requests learns from the others: what plans did at all of them together is a
/// prior for what they do here (normal, its spread two fifths of its mean), which the edge's own
/// evidence overrules.
class PlanBudget {
 public:
  static constexpr std::array<double, 5> kShares{0, 0.125, 0.25, 0.5, 0.9};
  static constexpr std::size_t kLevels = kShares.size();

  /// What one shadow cache did in one interval.
  struct Outcome {
    std::uint64_t hits = 0;
    std::uint64_t hit_bytes = 0;
    std::uint64_t prefetched_bytes = 0;  ///< fetched ahead: no saving, before it is asked for
  };
  struct Interval {
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
    std::array<Outcome, kLevels> outcomes{};  ///< by level, the first without plans
    Outcome realised;                         ///< of the edge's own cache, the same requests

    Interval& operator+=(const Interval& other);
  };

  explicit PlanBudget(PlanObjective objective) : objective_(objective) {}

  /// An interval of plans is over; one without requests says nothing. `fleet` has noted the sum of
  /// this interval over all edges; null: there are no others.
  void note(const Interval& interval, const PlanBudget* fleet = nullptr);

  [[nodiscard]] double share() const { return kShares[level_]; }
  [[nodiscard]] std::size_t level() const { return level_; }
  /// By how much that level's hit ratio has been above that without plans, recent intervals most.
  [[nodiscard]] double hit_ratio_gain(std::size_t level) const { return gains_[level].hits.mean(); }

 private:
  /// A weighted mean of differences and its standard error.
  struct Mean {
    double weight = 0;
    double weight_squared = 0;
    double sum = 0;
    double sum_squared = 0;  ///< of weight² · value²
    double cross = 0;        ///< of weight² · value

    void add(double value, double weight_of_it, double keep);
    [[nodiscard]] double mean() const { return weight > 0 ? sum / weight : 0; }
    [[nodiscard]] double standard_error() const;
    [[nodiscard]] double intervals() const;
  };
  struct Gain {
    Mean hits;
    Mean bytes;
  };

  struct Estimate {
    double mean = 0;
    double error = 0;
  };

  [[nodiscard]] const Mean& objective_of(const Gain& gain) const;
  [[nodiscard]] const Mean& other_of(const Gain& gain) const;
  [[nodiscard]] bool has_enough(std::size_t level, double requests) const;
  [[nodiscard]] Estimate estimate(std::size_t level, const PlanBudget* fleet) const;
  /// Of the ratio that plans are not made for.
  [[nodiscard]] bool does_not_cost(std::size_t level) const;
  [[nodiscard]] std::size_t best_level(const PlanBudget* fleet) const;
  /// Adds what the edge itself gained; true if it has lost all that it may.
  [[nodiscard]] bool has_spent(const Interval& interval);
  [[nodiscard]] bool has_lost(const Interval& interval) const;

  PlanObjective objective_;
  std::array<Gain, kLevels> gains_{};
  std::size_t level_ = 0;
  unsigned losses_ = 0;  ///< intervals in a row
  // Since the beginning.
  double requests_ = 0;
  double bytes_ = 0;
  double hits_gained_ = 0;
  double bytes_gained_ = 0;
  unsigned resting_ = 0;  ///< intervals yet without plans
};

}  // namespace edgeward::policy
