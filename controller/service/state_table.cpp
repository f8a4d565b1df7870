#include "controller/service/state_table.hpp"

namespace edgeward::controller {

using cache::EdgeMode;

bool StateTable::report(cache::EdgeId edge, const StateReport& report, std::int64_t now_ms) {
  KnownEdge& known = edges_[cache::index(edge)];
  const bool is_older =
      known.last && known.last->seq && report.seq && *report.seq < *known.last->seq;
  if (is_older) return false;
  const bool was_ready = known.last && known.last->mode == EdgeMode::ready;
  if (report.mode != EdgeMode::ready) {
    known.is_away = true;
  } else if (known.is_away && (!was_ready || is_silent(known, now_ms))) {
    known.ready_since_ms = now_ms;
  }
  known.last = report;
  known.heard_at_ms = now_ms;
  return true;
}

void StateTable::set_drained(cache::EdgeId edge, bool is_drained) {
  edges_[cache::index(edge)].is_drained = is_drained;
}

void StateTable::advance(std::int64_t now_ms) {
  for (KnownEdge& known : edges_) {
    if (is_silent(known, now_ms)) {
      known.is_away = true;
    } else if (known.is_away && known.last && known.last->mode == EdgeMode::ready &&
               now_ms - known.ready_since_ms >= rules_.recovery_hold_ms) {
      known.is_away = false;
    }
  }
}

EdgeMode StateTable::mode(const KnownEdge& edge) const {
  if (edge.is_drained) return EdgeMode::drain;
  if (!edge.last) return rules_.is_silent_ready ? EdgeMode::ready : EdgeMode::unknown;
  if (edge.last->mode != EdgeMode::ready) return edge.last->mode;
  return edge.is_away ? EdgeMode::unknown : EdgeMode::ready;
}

std::vector<cache::EdgeState> StateTable::states(std::int64_t now_ms) const {
  std::vector<cache::EdgeState> states;
  for (const KnownEdge& known : edges_) {
    cache::EdgeState state{.mode = mode(known), .seen_at_ms = now_ms};
    if (known.last) {
      state.load_ratio = known.last->load_ratio;
      state.bandwidth_used_bps = known.last->bandwidth_used_bps;
      state.seen_at_ms = known.heard_at_ms;
    }
    states.push_back(state);
  }
  return states;
}

}  // namespace edgeward::controller
