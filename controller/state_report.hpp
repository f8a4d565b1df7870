#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cache/edge.hpp"

namespace edgeward::controller {

/// What an edge says of itself: the body of `POST /v1/state`.
struct StateReport {
  std::string edge;
  std::optional<std::uint64_t> seq;   ///< grows with each report; an older one is out of date
  std::optional<std::int64_t> at_ms;  ///< since the epoch; absent: the moment it arrives
  double load_ratio = 0;
  std::uint64_t bandwidth_used_bps = 0;
  std::uint64_t used_bytes = 0;
  cache::EdgeMode mode = cache::EdgeMode::ready;

  bool operator==(const StateReport&) const = default;
};

/// {"edge":"fra1","seq":17,"at":S,"load_ratio":0.4,"bandwidth_used_bps":N,"used_bytes":N,
/// "mode":"ready"}: all but `edge` may be absent, nothing else may be there; `at` in seconds. On
/// error, what was found and what was expected.
[[nodiscard]] tl::expected<StateReport, std::string> parse_state_report(std::string_view json);

/// Reads reports, one a line (blank ones pass). Throws ConfigError with every line that is none, is
/// of no edge of the fleet, or is out of date.
[[nodiscard]] std::vector<StateReport> parse_state_reports(std::string_view text,
                                                           const std::string& file,
                                                           const cache::Fleet& fleet);

/// States by edge: what the last report of each says; ready and idle where there is none. A report
/// without a time, and an edge without a report, is of `now_ms`.
[[nodiscard]] std::vector<cache::EdgeState> states_of(std::span<const StateReport> reports,
                                                      const cache::Fleet& fleet,
                                                      std::int64_t now_ms);

}  // namespace edgeward::controller
