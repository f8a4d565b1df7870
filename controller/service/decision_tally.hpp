#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "controller/dns/answerer.hpp"
#include "controller/service/decision_log.hpp"
#include "controller/service/publisher.hpp"
#include "policy/router.hpp"

namespace edgeward::controller {

/// What one worker decided since the last tick: counts of all of it, a sample for the publisher,
/// and what the decision log gets. Not thread-safe.
class DecisionTally {
 public:
  /// Takes decisions for the decision log; false if more wait than may. Does not wait for a disk.
  using Log = std::function<bool(LoggedDecisions)>;

  /// `logged_ratio`: the part of the decisions that the log gets. Without a log they are lost.
  DecisionTally(double logged_ratio, Log log);

  /// What is counted from now on was decided by this snapshot.
  void install(Publisher::Snapshot snapshot);
  /// All of it since the last call; the log gets its part.
  [[nodiscard]] WorkerTick take();
  /// Where whoever answers counts what else there is; take() takes it too.
  [[nodiscard]] TrafficCounts& traffic() { return tick_.traffic; }

  /// `key` is the content's.
  void count(const policy::Request& request, const policy::Decision& decision,
             std::string_view key);
  /// An answer over DNS, where a decision led to it with that.
  void count(const DnsOutcome& outcome, DnsTransport transport);

 private:
  void add(const policy::Request& request, const policy::Decision& decision);
  [[nodiscard]] bool takes_sample();
  void add_sample(const policy::Request& request, const policy::Client& client);
  void add_logged(LoggedDecision logged);
  void hand_over_logged();

  Log log_;
  Publisher::Snapshot snapshot_;
  WorkerTick tick_;
  DecisionSampler sampler_;
  std::vector<LoggedDecision> logged_;  ///< since the last tick
};

}  // namespace edgeward::controller
