#pragma once

#include <cstdint>

#include "cache/edge.hpp"

namespace edgeward::sim {

/// What a client waits for at an edge, beside the way and a fetch. The same for every routing, so
/// that their latencies compare.
struct EdgeDelay {
  std::int64_t queue_us = 0;  ///< Erlang C at the tick's load
  double us_per_byte = 0;     ///< at the bandwidth that the tick's requests leave free

  bool operator==(const EdgeDelay&) const = default;
};

[[nodiscard]] EdgeDelay edge_delay(const cache::Edge& edge, const cache::EdgeState& state);

}  // namespace edgeward::sim
