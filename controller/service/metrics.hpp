#pragma once

#include <cstdint>
#include <string>

#include "controller/service/publisher.hpp"

namespace edgeward::controller {

/// Everything that is counted and measured, in Prometheus' text format (version 0.0.4). Counts are
/// those of the last tick.
[[nodiscard]] std::string metrics_text(const Publisher& publisher, std::int64_t now_ms);

}  // namespace edgeward::controller
