#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include "cache/random.hpp"
#include "policy/forecast/forecaster.hpp"

namespace edgeward::policy {

inline constexpr std::int64_t kTestHourMs = 3'600'000;

inline ForecastOptions hourly(std::string model, std::size_t horizon = 24) {
  return {.model = std::move(model),
          .horizon = horizon,
          .periods_ms = {24 * kTestHourMs, 168 * kTestHourMs}};
}

/// Every model, whatever it is called.
inline std::vector<std::string> all_model_names() {
  const std::vector<std::int64_t> periods_ms{24 * kTestHourMs, 168 * kTestHourMs};
  return forecast_model_names(periods_ms);
}

/// A standard normal number (Box & Muller 1958).
inline double normal(cache::Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

struct TrafficOptions {
  std::size_t hours = 28 * 24;
  double level = 1000;
  double daily_swing = 0.5;
  double weekend_ratio = 0.7;
  double noise = 0.05;       ///< standard deviation of its logarithm
  double persistence = 0.7;  ///< of the noise, from hour to hour
  std::uint64_t seed = 1;
};

/// What an edge sees: a day, a quieter weekend, noise that persists, all by factors.
inline std::vector<double> traffic(const TrafficOptions& options) {
  cache::Random random(options.seed);
  std::vector<double> values;
  double noise = 0;
  for (std::size_t t = 0; t < options.hours; ++t) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(t % 24) / 24;
    const bool is_weekend = t / 24 % 7 >= 5;
    noise =
        options.persistence * noise +
        options.noise * std::sqrt(1 - options.persistence * options.persistence) * normal(random);
    values.push_back(options.level * (1 + options.daily_swing * std::sin(angle)) *
                     (is_weekend ? options.weekend_ratio : 1) * std::exp(noise));
  }
  return values;
}

}  // namespace edgeward::policy
