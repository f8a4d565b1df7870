#pragma once

#include <cstdint>
#include <deque>

#include "cache/edge.hpp"
#include "cache/store/edge_values.hpp"
#include "controller/agent/agent_options.hpp"
#include "controller/agent/holdings.hpp"
#include "controller/agent/tasks.hpp"
#include "controller/log/log.hpp"

namespace edgeward::controller {

/// Tells controllers through the store how the edge is and what it was asked for. While the store
/// is away requests wait, the latest of them; what had to be forgotten is counted.
class Reporter {
 public:
  /// That wait to be told of: a few minutes of a busy edge.
  static constexpr std::size_t kWaitingMax = 65'536;

  Reporter(Tasks& tasks, Holdings& holdings, const cache::Edge& edge, const AgentOptions& options,
           const Log& log);

  void note(cache::EdgeRequest request);
  void note_sent(std::uint64_t bytes) { sent_bytes_ += bytes; }
  void run(Tasks::Yield yield);
  /// What is left, and that the edge gets no more clients.
  void finish(Tasks::Yield yield);

  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  [[nodiscard]] std::uint64_t hits() const { return hits_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  void tell_state(cache::EdgeMode mode, double seconds, Tasks::Yield yield);
  void tell_requests(Tasks::Yield yield);

  Tasks& tasks_;
  Holdings& holdings_;
  const cache::Edge& edge_;
  const AgentOptions& options_;
  const Log& log_;
  std::deque<cache::EdgeRequest> waiting_;
  std::uint64_t seq_;
  std::uint64_t requests_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t told_requests_ = 0;  ///< when the last state was told
  std::uint64_t told_bytes_ = 0;
  bool is_away_ = false;
  bool is_telling_ = false;  ///< what two told at once would be told twice
  bool is_finishing_ = false;
  Signal told_;
};

}  // namespace edgeward::controller
