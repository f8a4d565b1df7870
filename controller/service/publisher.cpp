#include "controller/service/publisher.hpp"

#include <algorithm>
#include <utility>

namespace edgeward::controller {

using cache::EdgeId;

namespace {

EdgeId edge_id(std::size_t at) {
  return EdgeId{static_cast<std::uint16_t>(at)};
}

bool has_same_names(const cache::Fleet& a, const cache::Fleet& b) {
  return std::equal(
      a.edges.begin(), a.edges.end(), b.edges.begin(), b.edges.end(),
      [](const cache::Edge& one, const cache::Edge& other) { return one.name == other.name; });
}

}  // namespace

Publisher::Publisher(Routing routing, const StateRules& rules, std::int64_t now_ms)
    : routing_(std::move(routing)),
      table_(routing_.fleet->edges.size(), rules),
      control_(std::make_unique<policy::LoadControl>(routing_.fleet->edges.size())),
      next_(make_snapshot(routing_, table_.states(now_ms), now_ms, 1)),
      current_(std::make_shared<const policy::Snapshot>(next_)),
      rates_(routing_.fleet->edges.size()),
      hit_ratios_(routing_.fleet->edges.size()) {}

Publisher::Snapshot Publisher::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Publisher::Taken Publisher::report(const StateReport& report, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto edge = routing_.fleet->find(report.edge);
  if (!edge) return Taken::no_such_edge;
  return table_.report(*edge, report, now_ms) ? Taken::yes : Taken::older;
}

bool Publisher::set_drained(std::string_view edge, bool is_drained, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto found = routing_.fleet->find(edge);
  if (found) table_.set_drained(*found, is_drained, now_ms);
  return found.has_value();
}

void Publisher::add(WorkerTick tick) {
  const std::lock_guard lock(mutex_);
  totals_.decisions += tick.decisions;
  for (std::size_t i = 0; i < kReasonCount; ++i) totals_.by_reason[i] += tick.by_reason[i];
  for (std::size_t i = 0; i < kDnsCodes; ++i) totals_.dns_by_code[i] += tick.dns_by_code[i];
  for (std::size_t i = 0; i < kDnsLimitedCount; ++i) totals_.dns_limited[i] += tick.dns_limited[i];
  for (std::size_t i = 0; i < totals_.http_by_class.size(); ++i) {
    totals_.http_by_class[i] += tick.http_by_class[i];
  }
  // What was decided before a reload counts other edges.
  if (tick.fleet == routing_.part) ticks_.push_back(std::move(tick));
}

std::vector<policy::SampledRequest> Publisher::merged_sample() const {
  std::uint64_t stride = 1;
  for (const WorkerTick& tick : ticks_) stride = std::max(stride, tick.sample_stride);
  std::vector<policy::SampledRequest> sample;
  for (const WorkerTick& tick : ticks_) {
    // All are to stand for equally many.
    const std::size_t step = static_cast<std::size_t>(stride / tick.sample_stride);
    for (std::size_t i = 0; i < tick.sample.size(); i += step) sample.push_back(tick.sample[i]);
  }
  return sample;
}

Publisher::Snapshot Publisher::tick(std::int64_t now_ms, double seconds) {
  const std::lock_guard lock(mutex_);
  table_.advance(now_ms);
  const std::vector<cache::EdgeState> states = table_.states(now_ms);
  rates_.assign(states.size(), 0);
  double decided = 0;
  for (const WorkerTick& tick : ticks_) {
    decided += static_cast<double>(tick.decisions);
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      rates_[i] += static_cast<double>(tick.by_edge[i]) / seconds;
    }
  }
  const std::vector<policy::SampledRequest> sample = merged_sample();
  const double each = sample.empty() ? 0 : decided / static_cast<double>(sample.size()) / seconds;
  control_->update({.at_ms = now_ms,
                    .states = states,
                    .requests_per_second = rates_,
                    .sample = sample,
                    .sampled_requests_per_second = each},
                   next_);
  ticks_.clear();
  ++next_.version;
  next_.published_at_ms = now_ms;
  current_ = std::make_shared<const policy::Snapshot>(next_);
  return current_;
}

void Publisher::replace(Routing routing, const StateRules& rules, HitLearning::Learned hits) {
  const std::lock_guard lock(mutex_);
  StateTable table(routing.fleet->edges.size(), rules);
  for (std::size_t at = 0; at < routing.fleet->edges.size(); ++at) {
    const auto before = routing_.fleet->find(routing.fleet->edges[at].name);
    if (before) table.set(edge_id(at), table_[*before]);
  }
  table_ = std::move(table);
  // Loads and shares are kept as far as they speak of the same edges and areas.
  const bool is_same = has_same_names(*routing_.fleet, *routing.fleet);
  if (!is_same || routing_.map != routing.map) control_->forget_shares();
  if (!is_same) {
    control_ = std::make_unique<policy::LoadControl>(routing.fleet->edges.size());
    rates_.assign(routing.fleet->edges.size(), 0);
  }
  routing_ = std::move(routing);
  next_.fleet = routing_.part;
  next_.rtts = routing_.rtts;
  next_.hits = std::move(hits.model);
  hit_ratios_ = std::move(hits.hit_ratios);
  hit_ratios_.resize(routing_.fleet->edges.size());
  ticks_.clear();
  ++reloads_.taken;
  reloads_.last_error.clear();
}

void Publisher::set_hits(HitLearning::Learned hits) {
  const std::lock_guard lock(mutex_);
  if (hits.fleet != routing_.fleet) return;
  next_.hits = std::move(hits.model);
  hit_ratios_ = std::move(hits.hit_ratios);
}

void Publisher::refuse_reload(std::string error) {
  const std::lock_guard lock(mutex_);
  ++reloads_.refused;
  reloads_.last_error = std::move(error);
}

ReloadStatus Publisher::reloads() const {
  const std::lock_guard lock(mutex_);
  return reloads_;
}

std::vector<EdgeView> Publisher::edges(std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  const std::vector<cache::EdgeState> states = table_.states(now_ms);
  const std::vector<policy::LiveEdge> live = policy::live_edges(*routing_.part, states, now_ms);
  std::vector<EdgeView> views;
  for (std::size_t at = 0; at < states.size(); ++at) {
    const KnownEdge& known = table_[edge_id(at)];
    const bool is_shield = routing_.fleet->edges[at].is_shield;
    views.push_back({.name = routing_.fleet->edges[at].name,
                     .state = states[at],
                     .exclusion = is_shield ? policy::Exclusion::shield : live[at].exclusion,
                     .is_drained = known.is_drained,
                     .has_reported = known.last.has_value(),
                     .requests_per_second = rates_[at],
                     .fair_share = control_->fair_share()[at],
                     .hit_ratio = hit_ratios_[at]});
  }
  return views;
}

Totals Publisher::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

std::vector<NamedEdge> Publisher::known() const {
  const std::lock_guard lock(mutex_);
  std::vector<NamedEdge> all;
  for (std::size_t at = 0; at < routing_.fleet->edges.size(); ++at) {
    all.push_back({.name = routing_.fleet->edges[at].name, .known = table_[edge_id(at)]});
  }
  return all;
}

bool Publisher::restore(const NamedEdge& edge) {
  const std::lock_guard lock(mutex_);
  const auto found = routing_.fleet->find(edge.name);
  if (found) table_.set(*found, edge.known);
  return found.has_value();
}

}  // namespace edgeward::controller
