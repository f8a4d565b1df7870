#include "sim/replay/edge_delay.hpp"

#include <algorithm>
#include <cmath>

#include "policy/snapshot.hpp"

namespace edgeward::sim {

namespace {

/// A full link still moves something: this part of its bandwidth.
constexpr double kFreeBandwidthMin = 0.01;

}  // namespace

EdgeDelay edge_delay(const cache::Edge& edge, const cache::EdgeState& state) {
  const auto bandwidth_bps = static_cast<double>(edge.bandwidth_bps);
  const double free_bps = std::max(bandwidth_bps - static_cast<double>(state.bandwidth_used_bps),
                                   bandwidth_bps * kFreeBandwidthMin);
  const double queue_ms = policy::erlang_c_wait_ms(state.load_ratio, edge.servers, edge.service_ms);
  constexpr double kBitUsPerByteSecond = 8e6;
  return {.queue_us = std::llround(queue_ms * 1000),
          .us_per_byte = free_bps > 0 ? kBitUsPerByteSecond / free_bps : 0};
}

}  // namespace edgeward::sim
