#pragma once

#include <vector>

#include "sim/replay/cells.hpp"
#include "sim/replay/replay.hpp"
#include "sim/replay/steering.hpp"
#include "sim/replay/tally.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// Replays the trace through a fleet, with one routing and one kind of cache at every edge. The
/// virtual clock moves in ticks (stretches without requests are skipped at once):
///
/// 0. With plans: when it is time, each edge gets one, made of what was seen before this tick; what
/// a plan says is carried out.
/// 1. What is known (loads, inventories) is frozen, and every request of the tick is sent to an
/// edge.
/// 2. Each edge's policy replays its accesses, in order of time.
/// 3. Requests are settled in the trace's order: an object that is being fetched is no hit but
/// waits
///    (delayed hit); a miss is fetched from origin, parent or peer, as the edge's `fill` says. A
///    parent sees its children's misses in that order, among its own clients' requests.
/// 4. Loads, hits and demand go into what is known next.
///
/// Ticks end early where an edge fails or comes back and where the warm-up ends. Stops as replay()
/// does, at the end of a cell.
[[nodiscard]] RunResult replay_fleet(const Trace& trace, const std::vector<Cell>& cells,
                                     const RunSpec& spec, const ReplayOptions& options,
                                     Steering& steering, Tally& tally);

}  // namespace edgeward::sim
