#pragma once

#include <optional>
#include <string_view>

namespace edgeward::sim {

/// The places of a combined line, whatever stands in them:
///     front [time] between "request" tail
struct CombinedLine {
  std::string_view front;
  std::string_view time;
  std::string_view between;
  std::string_view request;       ///< without its quotes, escapes as they are
  std::string_view tail;          ///< status, bytes and more
  const char* problem = nullptr;  ///< null if all are there; else what is missing, for people
};

/// Text before the place that is missing is set, the rest is empty.
[[nodiscard]] CombinedLine split_combined(std::string_view line);

}  // namespace edgeward::sim
