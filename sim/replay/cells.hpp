#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// How much of the start is replayed but not counted.
struct WarmUp {
  double requests_ratio = 0;     ///< share of the requests, floored …
  std::int64_t duration_ms = 0;  ///< … or time since the first request; the other is 0
};

/// A stretch of consecutive requests: the unit in which runs are counted. Cells cover the trace in
/// order; none is empty; each lies within one five-minute window (with has_windows) and wholly
/// before or after the end of the warm-up.
struct Cell {
  std::uint64_t stream_begin = 0;  ///< positions in Trace::stream
  std::uint64_t stream_end = 0;
  std::uint64_t requests = 0;  ///< uncacheable ones included
  std::uint64_t bytes = 0;
  std::uint64_t uncacheable = 0;
  std::int64_t window = 0;  ///< five-minute window since the Unix epoch; 0 without windows
  bool is_counted = true;   ///< false within the warm-up
  // What the log's own cache did, of the requests for which it says.
  std::uint64_t recorded_requests = 0;
  std::uint64_t recorded_hits = 0;
  std::uint64_t recorded_uncacheable = 0;
  std::uint64_t recorded_bytes = 0;  ///< bytes sent
  std::uint64_t recorded_hit_bytes = 0;
};

inline constexpr std::int64_t kWindowMs = 5 * 60 * 1000;
/// Windows that a trace may span: nine years. Beyond, cells would be as many as requests in the
/// worst case, so they are cut by count and there are no origin rates.
inline constexpr std::int64_t kWindowsMax = 1'000'000;

/// Whether cells lie within five-minute windows: times are real and span at most kWindowsMax.
[[nodiscard]] bool has_windows(const Trace& trace);

/// Cuts a trace into cells: of equal length in time (at most five minutes, at least a second, so
/// that there are about 500 or more) where times are real and span long enough, else of equal
/// request counts.
[[nodiscard]] std::vector<Cell> make_cells(const Trace& trace, const WarmUp& warm_up);

}  // namespace edgeward::sim
