#include "controller/service/state_table.hpp"

#include <algorithm>

namespace edgeward::controller {

using cache::EdgeMode;

namespace {

/// What an edge gets at the beginning of its slow start: enough to be seen to work.
constexpr double kAdmitMin = 0.05;

}  // namespace

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

void StateTable::set_drained(cache::EdgeId edge, bool is_drained, std::int64_t now_ms) {
  KnownEdge& known = edges_[cache::index(edge)];
  if (known.is_drained && !is_drained) known.back_since_ms = now_ms;
  known.is_drained = is_drained;
}

void StateTable::advance(std::int64_t now_ms) {
  for (KnownEdge& known : edges_) {
    if (is_silent(known, now_ms)) {
      known.is_away = true;
    } else if (known.is_away && known.last && known.last->mode == EdgeMode::ready &&
               now_ms - known.ready_since_ms >= rules_.recovery_hold_ms) {
      known.is_away = false;
      known.back_since_ms = now_ms;
    }
  }
}

double StateTable::admit_ratio(const KnownEdge& edge, std::int64_t now_ms) const {
  const std::int64_t since_ms = now_ms - edge.back_since_ms;
  if (since_ms >= rules_.slow_start_ms) return 1;
  const double part = static_cast<double>(since_ms) / static_cast<double>(rules_.slow_start_ms);
  return std::clamp(part, kAdmitMin, 1.0);
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
    cache::EdgeState state{
        .mode = mode(known), .seen_at_ms = now_ms, .admit_ratio = admit_ratio(known, now_ms)};
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
