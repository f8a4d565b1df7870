#include "controller/service/decision_tally.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "cache/ids.hpp"

namespace edgeward::controller {

namespace {

/// Decisions of a tick that are kept as a sample.
constexpr std::size_t kSampleMax = 256;
/// Decisions of a tick that are logged.
constexpr std::size_t kLoggedMax = 20'000;

}  // namespace

DecisionTally::DecisionTally(double logged_ratio, Log log)
    : log_(std::move(log)), sampler_(logged_ratio, std::random_device{}()) {}

void DecisionTally::install(Publisher::Snapshot snapshot) {
  const bool is_new_fleet = snapshot_ == nullptr || snapshot_->fleet != snapshot->fleet;
  snapshot_ = std::move(snapshot);
  if (!is_new_fleet) return;
  tick_.fleet = snapshot_->fleet;
  tick_.by_edge.assign(snapshot_->fleet->fleet().edges.size(), {});
}

WorkerTick DecisionTally::take() {
  hand_over_logged();
  WorkerTick next{.fleet = tick_.fleet, .by_edge = std::vector<EdgeCounts>(tick_.by_edge.size())};
  next.sample.reserve(kSampleMax);
  return std::exchange(tick_, std::move(next));
}

void DecisionTally::hand_over_logged() {
  if (logged_.empty()) return;
  const std::size_t count = logged_.size();
  const bool is_taken = log_ && log_({snapshot_, std::exchange(logged_, {})});
  (is_taken ? tick_.traffic.logged_decisions : tick_.traffic.unlogged_decisions) += count;
  logged_.clear();
}

void DecisionTally::count(const policy::Request& request, const policy::Decision& decision,
                          std::string_view key) {
  add(request, decision);
  const bool is_sampled = takes_sample();
  const bool is_logged = sampler_.takes();
  if (!is_sampled && !is_logged) return;
  const policy::Client client = policy::locate(request.client, snapshot_->fleet->map());
  if (is_sampled) add_sample(request, client);
  if (is_logged) add_logged({request, client, decision, std::string(key)});
}

void DecisionTally::count(const DnsOutcome& outcome, DnsTransport transport) {
  DnsCounts& counts = tick_.traffic.at(transport);
  ++counts.limited[static_cast<std::size_t>(outcome.limited)];
  if (outcome.limited == DnsLimited::dropped) return;
  ++counts.by_code[std::min(static_cast<std::size_t>(outcome.code), kDnsCodes - 1)];
  if (!outcome.decision) return;
  add(outcome.request, *outcome.decision);
  if (takes_sample()) add_sample(outcome.request, outcome.client);
  if (sampler_.takes()) add_logged({outcome.request, outcome.client, *outcome.decision, {}});
}

void DecisionTally::add(const policy::Request& request, const policy::Decision& decision) {
  tick_.decisions.add(request.service, snapshot_->fleet->sites()[decision.cell].source,
                      decision.reason);
  if (decision.edge != cache::kNoEdge) ++tick_.by_edge[cache::index(decision.edge)].decisions;
  if (decision.wanted == cache::kNoEdge) return;
  EdgeCounts& wanted = tick_.by_edge[cache::index(decision.wanted)];
  ++wanted.wanted;
  if (decision.edge != decision.wanted) ++wanted.refused;
}

bool DecisionTally::takes_sample() {
  return tick_.decided++ % tick_.sample_stride == 0;
}

void DecisionTally::add_sample(const policy::Request& request, const policy::Client& client) {
  tick_.sample.push_back({request, client});
  if (tick_.sample.size() < kSampleMax) return;
  for (std::size_t i = 0; 2 * i < tick_.sample.size(); ++i) tick_.sample[i] = tick_.sample[2 * i];
  tick_.sample.resize((tick_.sample.size() + 1) / 2);
  tick_.sample_stride *= 2;
}

void DecisionTally::add_logged(LoggedDecision logged) {
  if (logged_.size() < kLoggedMax) {
    logged_.push_back(std::move(logged));
  } else {
    ++tick_.traffic.unlogged_decisions;
  }
}

}  // namespace edgeward::controller
