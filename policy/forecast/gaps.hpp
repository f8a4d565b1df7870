#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace edgeward::policy {

/// Fills what is NaN: with the mean of the nearest known values whole periods before and after (the
/// longest period first that has one on a side, within kGapPeriodsMax), else on the straight line
/// between the neighbours, else with the nearest known value; with 0 where nothing is known.
/// Returns how many were filled.
std::size_t fill_gaps(std::span<double> values, std::span<const std::size_t> periods);

}  // namespace edgeward::policy
