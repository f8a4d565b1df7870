#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/edge.hpp"
#include "controller/state_report.hpp"

namespace edgeward::controller {

/// How reports become states.
struct StateRules {
  std::int64_t silent_after_ms = 15'000;  ///< an edge not heard of for longer is unknown
  /// An edge that was away is taken back once it has been ready for so long without a break: one
  /// that comes and goes stays away.
  std::int64_t recovery_hold_ms = 15'000;
  /// What an edge is taken for that never reported: ready and idle, else unknown.
  bool is_silent_ready = false;
  /// For so long an edge that is taken back gets a growing part of its clients.
  std::int64_t slow_start_ms = 0;

  bool operator==(const StateRules&) const = default;
};

/// What is known of one edge.
struct KnownEdge {
  std::optional<StateReport> last;  ///< its last report
  std::int64_t heard_at_ms = 0;     ///< when that came
  bool is_drained = false;          ///< by the operator, whatever it reports
  bool is_away = false;             ///< it was not ready, or silent, and is not taken back yet
  std::int64_t ready_since_ms = 0;  ///< while away: from when on it has been ready
  std::int64_t back_since_ms = 0;   ///< when it was taken back last; 0: it was never away

  bool operator==(const KnownEdge&) const = default;
};

/// What edges say of themselves, and what the operator says of them. Not thread-safe. Times are ms
/// since the epoch and given by the caller.
class StateTable {
 public:
  StateTable(std::size_t edges, const StateRules& rules) : rules_(rules), edges_(edges) {}

  /// Takes a report; false if one with a greater seq has come before.
  bool report(cache::EdgeId edge, const StateReport& report, std::int64_t now_ms);
  void set_drained(cache::EdgeId edge, bool is_drained, std::int64_t now_ms);
  /// Takes over what is known of an edge from another table.
  void set(cache::EdgeId edge, const KnownEdge& known) { edges_[cache::index(edge)] = known; }

  /// Notes who has fallen silent, and takes back who has been ready long enough.
  void advance(std::int64_t now_ms);
  /// What routing is to see, as of the last advance().
  [[nodiscard]] std::vector<cache::EdgeState> states(std::int64_t now_ms) const;
  [[nodiscard]] const KnownEdge& operator[](cache::EdgeId edge) const {
    return edges_[cache::index(edge)];
  }

 private:
  [[nodiscard]] bool is_silent(const KnownEdge& edge, std::int64_t now_ms) const {
    return edge.last && now_ms - edge.heard_at_ms > rules_.silent_after_ms;
  }
  [[nodiscard]] double admit_ratio(const KnownEdge& edge, std::int64_t now_ms) const;
  [[nodiscard]] cache::EdgeMode mode(const KnownEdge& edge) const;

  StateRules rules_;
  std::vector<KnownEdge> edges_;
};

}  // namespace edgeward::controller
