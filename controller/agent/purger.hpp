#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/store/purge_store.hpp"
#include "controller/agent/agent_options.hpp"
#include "controller/agent/fills.hpp"
#include "controller/agent/holdings.hpp"
#include "controller/agent/store_threads.hpp"
#include "controller/agent/tasks.hpp"
#include "controller/log/log.hpp"

namespace edgeward::controller {

struct PurgeCounts {
  std::uint64_t purges = 0;
  std::uint64_t objects = 0;  ///< held or being fetched
};

/// Removes what controllers purge. What a purge is of is served to nobody from the moment on that
/// it is read, however long the removal takes; it is answered once all of it is out of the store.
/// What was not answered when the agent ended is done again by the next. What was stored after a
/// purge stays.
class Purger {
 public:
  Purger(Tasks& tasks, Holdings& holdings, Fills& fills, PurgeThreads& store, std::string_view edge,
         const AgentOptions& options, const Log& log);

  /// Takes up what was purged while the agent was away, if that can be read: before clients are
  /// served.
  void catch_up(Tasks::Yield yield);
  /// Takes up what is purged.
  void read(Tasks::Yield yield);
  /// Removes and answers what was taken up, in its order.
  void run(Tasks::Yield yield);

  [[nodiscard]] const PurgeCounts& counts() const { return counts_; }

 private:
  /// One purge on its way.
  struct Work {
    cache::Purge purge;  ///< without an id nobody waits for an answer
    std::vector<HeldVersion> held;
    std::vector<std::shared_ptr<Fill>> fetched;
    std::string position;  ///< to which the edge has come with it; empty: that of one after it
  };

  [[nodiscard]] bool take(Tasks::Yield yield);
  void begin(cache::Purge purge);
  [[nodiscard]] bool finish(const Work& work, Tasks::Yield yield);
  void remove(const Work& work, Tasks::Yield yield);
  template <class Attempt>
  bool persist(Attempt attempt, Tasks::Yield yield);
  template <class Value>
  bool is_good(const cache::Stored<Value>& stored);

  Tasks& tasks_;
  Holdings& holdings_;
  Fills& fills_;
  PurgeThreads& store_;
  std::string edge_;
  const AgentOptions& options_;
  const Log& log_;
  std::optional<std::string> read_to_;  ///< the last entry that was taken up; at first not known
  std::deque<Work> waiting_;
  Signal taken_;
  bool is_away_ = false;
  std::uint64_t seed_ = 0;
  PurgeCounts counts_;
};

}  // namespace edgeward::controller
