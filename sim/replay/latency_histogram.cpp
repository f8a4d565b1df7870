#include "sim/replay/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace edgeward::sim {

LatencyHistogram& LatencyHistogram::operator+=(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_us_ += other.sum_us_;
  return *this;
}

std::optional<double> LatencyHistogram::mean_ms() const {
  if (count_ == 0) return std::nullopt;
  return static_cast<double>(sum_us_) / static_cast<double>(count_) / 1000;
}

std::optional<double> LatencyHistogram::quantile_ms(double quantile) const {
  if (count_ == 0) return std::nullopt;
  const auto rank = std::max<std::uint64_t>(
      static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_))), 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return middle_us(i) / 1000;
  }
  return middle_us(kBuckets - 1) / 1000;
}

/// Below 2·kSteps each value has its own bucket; beyond, each octave has kSteps.
std::size_t LatencyHistogram::bucket(std::uint64_t us) {
  us = std::min(us, kUsMax);
  if (us < kSteps) return static_cast<std::size_t>(us);
  const unsigned octave = static_cast<unsigned>(std::bit_width(us)) - 1 - kStepBits;
  return static_cast<std::size_t>((std::uint64_t{octave} << kStepBits) + (us >> octave));
}

double LatencyHistogram::middle_us(std::size_t bucket) {
  if (bucket < 2 * kSteps) return static_cast<double>(bucket);
  const std::size_t octave = (bucket >> kStepBits) - 1;
  const auto low = static_cast<double>(kSteps + (bucket & (kSteps - 1)));
  return (low + 0.5) * std::exp2(static_cast<double>(octave)) - 0.5;
}

}  // namespace edgeward::sim
