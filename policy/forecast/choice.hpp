#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "policy/forecast/backtest.hpp"

namespace edgeward::policy {

/// A choice among models by what each said at the origins of one plan, and how far off it was.
class ModelChoice {
 public:
  /// No origin: of a choice by all of them.
  static constexpr std::size_t kNoOrigin = static_cast<std::size_t>(-1);

  ModelChoice(BacktestPlan plan, std::span<const double> observed)
      : plan_(std::move(plan)), observed_(observed) {}

  /// One more model's backtest.
  void add(std::vector<double> expected);

  /// A share for each model, summing to 1: inversely as its mean absolute error, recent origins
  /// counting more, to a power (Bates & Granger 1969; the power of 4 is sharper than theirs, as
  /// held-out windows want it); none for a model far behind the best one. Equal shares where
  /// nothing was compared.
  /// Errors at the origin `without` are not looked at.
  [[nodiscard]] std::vector<double> shares_by_error(std::size_t without = kNoOrigin) const;

  /// The rows of the mean that has these shares.
  [[nodiscard]] std::vector<double> combined(std::span<const double> shares) const;
  /// The rows of a choice by error, made for each origin by the errors at the others: what it is
  /// worth where it was not made.
  [[nodiscard]] std::vector<double> combined_by_error() const;

  [[nodiscard]] const BacktestPlan& plan() const { return plan_; }

 private:
  void add_row(std::size_t origin, std::span<const double> shares,
               std::vector<double>& result) const;

  BacktestPlan plan_;
  std::span<const double> observed_;
  std::vector<std::vector<double>> expected_;      ///< one backtest a model
  std::vector<std::vector<AccuracySums>> errors_;  ///< of a model at each origin
};

}  // namespace edgeward::policy
