#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache/parameters.hpp"
#include "sim/replay/accountant.hpp"
#include "sim/replay/cells.hpp"
#include "sim/report/report.hpp"

namespace edgeward::controller {

// How option texts are read. All throw cache::ParameterError with the option's name, what was found
// and what was expected.

/// "a,b,c"; empty parts are errors.
[[nodiscard]] std::vector<std::string> split_list(std::string_view option, std::string_view text,
                                                  char separator);

/// "90s", "5m", "2h", "7d", "250ms"; a bare number is seconds.
[[nodiscard]] std::int64_t parse_duration_ms(std::string_view option, std::string_view text);

/// "0", "20%" of the requests, or a duration.
[[nodiscard]] sim::WarmUp parse_warm_up(std::string_view text);

/// "none", "log", or a duration.
[[nodiscard]] sim::Freshness parse_ttl(std::string_view text);

/// Bytes with or without a unit: 1000000, 64KiB, 1.5GiB.
[[nodiscard]] std::uint64_t parse_bytes(std::string_view option, std::string_view text);

/// Bytes, or percent of the footprint, floored.
[[nodiscard]] std::uint64_t parse_capacity(std::string_view text, std::uint64_t footprint_bytes);

/// "0.5pp" (percentage points) or a ratio: 0.005.
[[nodiscard]] double parse_points(std::string_view option, std::string_view text);

/// "policy=lru,admission=none,routing=nearest".
[[nodiscard]] sim::BaselineChoice parse_baseline(std::string_view text);

}  // namespace edgeward::controller
