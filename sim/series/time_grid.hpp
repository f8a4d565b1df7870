#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/series/series_table.hpp"

namespace edgeward::sim {

/// One value of a series as it was read.
struct Sample {
  std::int64_t at_ms = 0;
  double value = 0;  ///< NaN: told to be missing
};

/// Takes missing values off both ends.
void trim_ends(SampledSeries& series);

/// The step of times: the smallest difference that at least a tenth of the consecutive distinct
/// times have, else the most frequent one; differences within 1 % of a usual step (1, 5, 10, 15, 30
/// s and min; 1, 2, 3, 4, 6, 8, 12 h; days) are that. An hour where there is no difference.
/// `samples`: in order of time.
[[nodiscard]] std::int64_t step_of(const std::vector<Sample>& samples);

/// Puts samples, in any order, on a grid of one step: the phase that most times have; several
/// values of a step are averaged. Samples beyond a gap that is absurdly long for their number are
/// left out, and all of them where they are too thin for a regular series. Counts in `faults` what
/// it did. No values where no sample is left that has one.
[[nodiscard]] SampledSeries on_grid(std::string name, std::vector<Sample> samples,
                                    std::array<std::uint64_t, kSeriesFaults>& faults);

}  // namespace edgeward::sim
