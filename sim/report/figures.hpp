#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/report/report.hpp"

namespace edgeward::sim {

// How figures are written for people. Absent ones are a dash.

/// 12345678 as "12,345,678".
[[nodiscard]] std::string thousands(std::uint64_t number);
/// 0.4266 as "42.66%".
[[nodiscard]] std::string percent(const std::optional<double>& ratio);
/// "3.1 Mbit/s".
[[nodiscard]] std::string bits_per_second(const std::optional<double>& bps);
/// 12345678 as "11.8 MiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
/// "+0.15 pp [-0.02, +0.31]", or that the run is the baseline.
[[nodiscard]] std::string change_text(const ReportedRun& run);

}  // namespace edgeward::sim
