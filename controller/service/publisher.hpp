#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "controller/routing_setup.hpp"
#include "controller/service/counts.hpp"
#include "controller/service/hit_learning.hpp"
#include "controller/service/kept_state.hpp"
#include "controller/service/state_table.hpp"
#include "controller/tls/context.hpp"
#include "policy/decision.hpp"
#include "policy/demand.hpp"
#include "policy/load_control.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::controller {

/// Decisions about one edge.
struct EdgeCounts {
  std::uint64_t decisions = 0;  ///< that named it
  std::uint64_t wanted = 0;     ///< that would have named it were no edge full
  std::uint64_t refused = 0;    ///< of those wanted, that its admit share sent elsewhere

  EdgeCounts& operator+=(const EdgeCounts& other);
};

/// Decisions of one worker since it last told, for the publisher.
struct WorkerTick {
  std::shared_ptr<const policy::FleetPart> fleet;  ///< that edges and services are of
  std::vector<EdgeCounts> by_edge;
  DecisionCounts decisions;
  TrafficCounts traffic;
  std::uint64_t decided = 0;
  std::vector<policy::SampledRequest> sample;  ///< every `sample_stride`-th decision
  std::uint64_t sample_stride = 1;             ///< a power of two
};

/// Sums since the start.
struct Totals {
  DecisionCounts decisions;
  std::vector<std::string> services;  ///< names of those counted each by itself
  TrafficCounts traffic;
};

/// What came of the reloads so far.
struct ReloadStatus {
  std::uint64_t taken = 0;
  std::uint64_t refused = 0;
  std::int64_t taken_at_ms = 0;    ///< the last one; before there was any: the start
  std::int64_t refused_at_ms = 0;  ///< the last one; 0: none
  std::string last_error;          ///< of the last one; empty: it was taken, or there was none
};

/// One edge, for people and machines that ask how things are.
struct EdgeView {
  std::string name;
  cache::EdgeState state;  ///< as routing sees it
  policy::Exclusion exclusion = policy::Exclusion::none;
  bool is_drained = false;
  bool has_reported = false;
  double requests_per_second = 0;  ///< of clients sent to it in the last tick
  double fair_share = 0;           ///< requests a second it may take by the last tick's demand
  double max_load = 0;             ///< load ratio from which it gets no clients
  EdgeCounts counts;               ///< since the start, or since it came to the fleet
  /// Of those that wanted it in the last tick, the part that it took; 1 where none did.
  double admitted_ratio = 1;
  std::optional<double> hit_ratio;  ///< of the requests it reported lately; nothing: of none
};

/// The one writer of snapshots: takes in states and what workers decided, and makes a new snapshot
/// of them at every tick. Thread-safe; nothing here is called to decide, so that a lock may be
/// taken. The caller keeps the time.
class Publisher {
 public:
  using Snapshot = std::shared_ptr<const policy::Snapshot>;

  /// `version`: of the first snapshot.
  Publisher(Routing routing, const StateRules& rules, std::int64_t now_ms,
            std::uint64_t version = 1);

  [[nodiscard]] Snapshot current() const;

  enum class Taken : std::uint8_t { yes, older, no_such_edge };
  Taken report(const StateReport& report, std::int64_t now_ms);
  /// False if there is no such edge.
  bool set_drained(std::string_view edge, bool is_drained, std::int64_t now_ms);
  void add(WorkerTick tick);

  /// Publishes the next snapshot, `seconds` after the last one.
  Snapshot tick(std::int64_t now_ms, double seconds);
  /// Takes over a fleet, databases or options that were read anew; edges of the same name keep
  /// their state and counts. `hits` are for the same fleet. The next tick publishes them.
  void replace(Routing routing, const StateRules& rules, HitLearning::Learned hits,
               std::int64_t now_ms);
  /// What the next snapshot is to know of hits; passed over if it is of another fleet by now.
  void set_hits(HitLearning::Learned hits);
  /// What new connections are to speak TLS with, and does from the next tick on.
  void set_tls(TlsContexts tls);
  [[nodiscard]] TlsContexts tls() const;
  /// Notes a reload that was not taken over, and why.
  void refuse_reload(std::string error, std::int64_t now_ms);
  [[nodiscard]] ReloadStatus reloads() const;

  /// The demand that each edge of a fleet reported; both null before anything is known.
  struct Demand {
    std::shared_ptr<const cache::Fleet> fleet;
    std::shared_ptr<const std::vector<policy::DemandProfile>> profiles;
  };
  [[nodiscard]] Demand demand() const;

  [[nodiscard]] std::vector<EdgeView> edges(std::int64_t now_ms) const;
  [[nodiscard]] Totals totals() const;
  /// The location databases in force.
  [[nodiscard]] std::vector<DatabaseFacts> databases() const;
  /// What is known of each edge, in the fleet's order; and takes it up again. restore() says
  /// whether there is such an edge.
  [[nodiscard]] std::vector<NamedEdge> known() const;
  bool restore(const NamedEdge& edge);

 private:
  using ServiceSlots = std::array<std::size_t, kServicesCounted + 1>;

  [[nodiscard]] std::vector<policy::SampledRequest> merged_sample() const;
  ServiceSlots slots_of(const policy::FleetPart& fleet);

  mutable std::mutex mutex_;
  Routing routing_;
  StateTable table_;
  std::unique_ptr<policy::LoadControl> control_;
  policy::Snapshot next_;
  Snapshot current_;
  std::vector<Snapshot> retired_;        ///< that came before, while anybody else has them
  std::vector<WorkerTick> ticks_;        ///< since the last snapshot
  std::vector<EdgeCounts> ticked_;       ///< by edge, in the last tick
  double tick_seconds_ = 1;              ///< that it took
  std::vector<EdgeCounts> edge_totals_;  ///< by edge
  std::vector<std::optional<double>> hit_ratios_;  ///< by edge
  Demand demand_;
  Totals totals_;
  ReloadStatus reloads_;
  TlsContexts tls_;
};

}  // namespace edgeward::controller
