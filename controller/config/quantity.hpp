#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cache/edge.hpp"

namespace edgeward::controller {

// Quantities as configurations write them: a number and, always, its unit. The texts made here read
// back to the same number, in the largest unit that divides it.

/// Whole bytes: 2TiB, 1.5GiB, 500GB, 1000000B.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string size_text(std::uint64_t bytes);

/// Bits a second, decimal: 100Gbps, 2.5Gbps, 800Mbps, 64kbps, 1bps.
[[nodiscard]] std::optional<std::uint64_t> parse_bandwidth(std::string_view text);
[[nodiscard]] std::string bandwidth_text(std::uint64_t bps);

/// Milliseconds: 250ms, 15s, 5m, 2h, 7d.
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text);
[[nodiscard]] std::string duration_text(std::int64_t ms);

/// From one time of the day to another, hours and minutes: 01:00-07:00, 22:30-06:00, 00:00-24:00.
[[nodiscard]] std::optional<cache::DailyHours> parse_daily_hours(std::string_view text);
[[nodiscard]] std::string daily_hours_text(const cache::DailyHours& hours);

/// A finite decimal number, and nothing else.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

}  // namespace edgeward::controller
