#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "cache/edge.hpp"
#include "policy/decision.hpp"
#include "sim/replay/fleet_model.hpp"
#include "sim/replay/holders.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// One request of a tick, and where it was sent.
struct RoutedRequest {
  std::int64_t at_ms = 0;   ///< since the Unix epoch
  std::uint64_t begin = 0;  ///< of its accesses in Trace::stream
  std::uint64_t bytes = 0;
  cache::ContentId content{};
  std::uint32_t accesses = 0;  ///< 0: uncacheable
  std::uint32_t time = 0;      ///< in the trace's units
  std::uint32_t client = 0;
  std::uint16_t recorded = 0;  ///< edge name of the log
  cache::EdgeId edge = cache::kNoEdge;
  policy::Reason reason = policy::Reason::no_edge;
};

/// What is known of the fleet when a tick begins.
struct TickStart {
  std::int64_t at_ms = 0;  ///< since the Unix epoch
  std::span<const cache::EdgeState> states;
  bool is_after_gap = false;  ///< there were no requests for a while: nothing is loaded any more
  /// Objects asked for in the tick, each once; their rows in `holders` are true. Empty unless the
  /// steering asked for them.
  std::span<const cache::ObjectIndex> objects;
  const Holders* holders = nullptr;
};

/// Sends requests to edges: the seam between a routing and the caches. One instance a run.
class Steering {
 public:
  virtual ~Steering() = default;

  /// Whether it reads TickStart::objects and holders.
  [[nodiscard]] virtual bool needs_holders() const = 0;
  /// Takes in what is known; nothing else passes until the next tick begins.
  virtual void begin(const TickStart& start) = 0;
  /// Sets edge and reason. Each request is decided by itself, so that parts of a tick may be
  /// routed at once, by several threads.
  virtual void route(std::span<RoutedRequest> requests) const = 0;
  /// Learns from all requests of the tick, routed, the states that they made, and how long it
  /// lasted.
  virtual void end(std::span<const RoutedRequest> requests,
                   std::span<const cache::EdgeState> states, std::int64_t duration_ms) = 0;
};

/// The model must have been made for that routing.
[[nodiscard]] std::unique_ptr<Steering> make_steering(Routing routing, const FleetModel& model,
                                                      const Trace& trace);

/// To the edge that the log names; none where that is down or not of the fleet.
[[nodiscard]] std::unique_ptr<Steering> make_recorded_steering(const FleetModel& model);

}  // namespace edgeward::sim
