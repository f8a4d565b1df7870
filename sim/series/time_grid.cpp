#include "sim/series/time_grid.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace edgeward::sim {

namespace {

constexpr std::int64_t kSecondMs = 1000;
constexpr std::int64_t kMinuteMs = 60 * kSecondMs;
constexpr std::int64_t kUsualStepsMs[] = {
    kSecondMs,   5 * kSecondMs, 10 * kSecondMs, 15 * kSecondMs,  30 * kSecondMs,
    kMinuteMs,   5 * kMinuteMs, 10 * kMinuteMs, 15 * kMinuteMs,  30 * kMinuteMs,
    kHourMs,     2 * kHourMs,   3 * kHourMs,    4 * kHourMs,     6 * kHourMs,
    8 * kHourMs, 12 * kHourMs,  24 * kHourMs,   7 * 24 * kHourMs};

/// A gap may have so many steps, and so many more for each sample; 100 days of an hourly series
/// that has a single sample on either side are one thing, a thousand years another.
constexpr std::int64_t kGapStepsMin = 2500;
constexpr std::int64_t kGapStepsPerSample = 10;

/// A series that is thinner is no regular one.
constexpr std::size_t kSpanStepsMin = 10'000;
constexpr std::size_t kSpanStepsPerSample = 100;

std::int64_t usual(std::int64_t difference_ms) {
  for (const std::int64_t step_ms : kUsualStepsMs) {
    if (std::abs(difference_ms - step_ms) * 100 <= step_ms) return step_ms;
  }
  return difference_ms;
}

/// The most frequent of values; the smallest of equally frequent ones. Sorts them.
std::int64_t most_frequent(std::vector<std::int64_t>& values) {
  std::sort(values.begin(), values.end());
  std::int64_t best = values.front();
  std::ptrdiff_t best_count = 0;
  for (auto begin = values.begin(); begin != values.end();) {
    const auto end = std::upper_bound(begin, values.end(), *begin);
    if (end - begin > best_count) {
      best = *begin;
      best_count = end - begin;
    }
    begin = end;
  }
  return best;
}

/// Of the stretches between absurd gaps the one with most samples; the first of equals.
std::size_t leave_out_strays(std::vector<Sample>& samples, std::int64_t step_ms) {
  const std::int64_t gap_steps_max =
      kGapStepsMin + kGapStepsPerSample * static_cast<std::int64_t>(samples.size());
  std::size_t best_begin = 0;
  std::size_t best_size = 0;
  std::size_t begin = 0;
  for (std::size_t i = 1; i <= samples.size(); ++i) {
    const bool ends =
        i == samples.size() || (samples[i].at_ms - samples[i - 1].at_ms) / step_ms > gap_steps_max;
    if (!ends) continue;
    if (i - begin > best_size) {
      best_begin = begin;
      best_size = i - begin;
    }
    begin = i;
  }
  const std::size_t strays = samples.size() - best_size;
  if (strays > 0) {
    samples =
        std::vector<Sample>(samples.begin() + static_cast<std::ptrdiff_t>(best_begin),
                            samples.begin() + static_cast<std::ptrdiff_t>(best_begin + best_size));
  }
  return strays;
}

std::int64_t phase_of(const std::vector<Sample>& samples, std::int64_t step_ms) {
  std::vector<std::int64_t> phases;
  phases.reserve(samples.size());
  for (const Sample& sample : samples) phases.push_back(sample.at_ms % step_ms);
  return most_frequent(phases);
}

}  // namespace

void trim_ends(SampledSeries& series) {
  const auto is_known = [](double value) { return !std::isnan(value); };
  auto& values = series.values;
  const auto first = std::find_if(values.begin(), values.end(), is_known);
  if (series.first_at_ms) *series.first_at_ms += (first - values.begin()) * series.step_ms;
  values.erase(values.begin(), first);
  while (!values.empty() && !is_known(values.back())) values.pop_back();
}

std::int64_t step_of(const std::vector<Sample>& samples) {
  std::vector<std::int64_t> differences;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    const std::int64_t difference_ms = samples[i].at_ms - samples[i - 1].at_ms;
    if (difference_ms > 0) differences.push_back(usual(difference_ms));
  }
  if (differences.empty()) return kHourMs;
  const std::int64_t mode_ms = most_frequent(differences);
  for (auto begin = differences.begin(); begin != differences.end();) {
    const auto end = std::upper_bound(begin, differences.end(), *begin);
    if (static_cast<std::size_t>(end - begin) * 10 >= differences.size()) return *begin;
    begin = end;
  }
  return mode_ms;
}

SampledSeries on_grid(std::string name, std::vector<Sample> samples,
                      std::array<std::uint64_t, kSeriesFaults>& faults) {
  const auto count = [&faults](SeriesFault fault) -> std::uint64_t& {
    return faults[static_cast<std::size_t>(fault)];
  };
  SampledSeries series{.name = std::move(name)};
  if (samples.empty()) return series;
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample& a, const Sample& b) { return a.at_ms < b.at_ms; });
  series.step_ms = step_of(samples);
  count(SeriesFault::stray) += leave_out_strays(samples, series.step_ms);
  const std::int64_t phase_ms = phase_of(samples, series.step_ms);
  const auto step_at = [&](std::int64_t at_ms) {
    return (at_ms - phase_ms + series.step_ms / 2 + series.step_ms) / series.step_ms - 1;
  };
  const std::int64_t first = step_at(samples.front().at_ms);
  series.first_at_ms = first * series.step_ms + phase_ms;
  const auto steps = static_cast<std::size_t>(step_at(samples.back().at_ms) - first + 1);
  if (steps > std::min(kSeriesValuesMax, kSpanStepsMin + kSpanStepsPerSample * samples.size())) {
    count(SeriesFault::stray) += samples.size();
    return series;
  }
  series.values.assign(steps, std::nan(""));

  for (std::size_t begin = 0; begin < samples.size();) {
    const std::int64_t step = step_at(samples[begin].at_ms);
    double sum = 0;
    std::size_t known = 0;
    std::size_t end = begin;
    for (; end < samples.size() && step_at(samples[end].at_ms) == step; ++end) {
      if ((samples[end].at_ms - phase_ms) % series.step_ms != 0) ++count(SeriesFault::off_grid);
      if (std::isnan(samples[end].value)) continue;
      sum += samples[end].value;
      ++known;
    }
    count(SeriesFault::duplicate) += end - begin - 1;
    if (known > 0) {
      series.values[static_cast<std::size_t>(step - first)] = sum / static_cast<double>(known);
    }
    begin = end;
  }
  trim_ends(series);
  for (const double value : series.values) {
    if (std::isnan(value)) ++count(SeriesFault::missing);
  }
  return series;
}

}  // namespace edgeward::sim
