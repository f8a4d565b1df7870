#include "controller/service/publisher.hpp"

#include <algorithm>
#include <iterator>
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

EdgeCounts& EdgeCounts::operator+=(const EdgeCounts& other) {
  decisions += other.decisions;
  wanted += other.wanted;
  refused += other.refused;
  return *this;
}

Publisher::Publisher(Routing routing, const StateRules& rules, std::int64_t now_ms,
                     std::uint64_t version)
    : routing_(std::move(routing)),
      table_(routing_.fleet->edges.size(), rules),
      control_(std::make_unique<policy::LoadControl>(routing_.fleet->edges.size())),
      next_(make_snapshot(routing_, table_.states(now_ms), now_ms, version)),
      current_(std::make_shared<const policy::Snapshot>(next_)),
      ticked_(routing_.fleet->edges.size()),
      edge_totals_(routing_.fleet->edges.size()),
      hit_ratios_(routing_.fleet->edges.size()) {
  reloads_.taken_at_ms = now_ms;
  slots_of(*routing_.part);
}

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
  totals_.traffic += tick.traffic;
  totals_.decisions.add(tick.decisions, slots_of(*tick.fleet));
  // What was decided before a reload counts other edges.
  const bool is_current = tick.fleet == routing_.part;
  const std::vector<cache::Edge>& edges = tick.fleet->fleet().edges;
  for (std::size_t at = 0; at < edges.size(); ++at) {
    const EdgeCounts& counts = tick.by_edge[at];
    if (counts.decisions == 0 && counts.wanted == 0) continue;
    const auto edge = is_current ? edge_id(at) : routing_.fleet->find(edges[at].name);
    if (edge) edge_totals_[cache::index(*edge)] += counts;
  }
  if (is_current) ticks_.push_back(std::move(tick));
}

/// Where each of a fleet's services is counted: a name keeps its place for good, so that no reload
/// adds one service's decisions to another's, and those that come when all places are taken share
/// the last one.
Publisher::ServiceSlots Publisher::slots_of(const policy::FleetPart& fleet) {
  ServiceSlots slots;
  slots.fill(kOtherServices);
  std::vector<std::string>& names = totals_.services;
  const std::vector<policy::Service>& services = fleet.options().services;
  for (std::size_t i = 0; i < std::min(services.size(), kServicesCounted); ++i) {
    auto found = std::find(names.begin(), names.end(), services[i].name);
    if (found == names.end() && names.size() < kServicesCounted) {
      found = names.insert(found, services[i].name);
    }
    if (found != names.end()) slots[i] = static_cast<std::size_t>(found - names.begin());
  }
  return slots;
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
  // Parts that go with their last snapshot, hundreds of megabytes at times, are given back by this
  // thread and outside of the lock: no worker is to wait for that.
  std::vector<Snapshot> gone;
  const std::lock_guard lock(mutex_);
  const auto is_wanted = [](const Snapshot& snapshot) { return snapshot.use_count() > 1; };
  const auto first_gone = std::partition(retired_.begin(), retired_.end(), is_wanted);
  gone.assign(std::move_iterator(first_gone), std::move_iterator(retired_.end()));
  retired_.erase(first_gone, retired_.end());
  retired_.push_back(std::move(current_));
  table_.advance(now_ms);
  const std::vector<cache::EdgeState> states = table_.states(now_ms);
  ticked_.assign(states.size(), {});
  tick_seconds_ = seconds;
  double decided = 0;
  for (const WorkerTick& tick : ticks_) {
    decided += static_cast<double>(tick.decided);
    for (std::size_t i = 0; i < ticked_.size(); ++i) ticked_[i] += tick.by_edge[i];
  }
  std::vector<double> rates;
  for (const EdgeCounts& counts : ticked_) {
    rates.push_back(static_cast<double>(counts.decisions) / seconds);
  }
  const std::vector<policy::SampledRequest> sample = merged_sample();
  const double each = sample.empty() ? 0 : decided / static_cast<double>(sample.size()) / seconds;
  control_->update({.at_ms = now_ms,
                    .states = states,
                    .requests_per_second = rates,
                    .sample = sample,
                    .sampled_requests_per_second = each},
                   next_);
  ticks_.clear();
  ++next_.version;
  next_.published_at_ms = now_ms;
  current_ = std::make_shared<const policy::Snapshot>(next_);
  return current_;
}

void Publisher::replace(Routing routing, const StateRules& rules, HitLearning::Learned hits,
                        std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const std::size_t edges = routing.fleet->edges.size();
  StateTable table(edges, rules);
  std::vector<EdgeCounts> ticked(edges);
  std::vector<EdgeCounts> totals(edges);
  for (std::size_t at = 0; at < edges; ++at) {
    const auto before = routing_.fleet->find(routing.fleet->edges[at].name);
    if (!before) continue;
    table.set(edge_id(at), table_[*before]);
    ticked[at] = ticked_[cache::index(*before)];
    totals[at] = edge_totals_[cache::index(*before)];
  }
  table_ = std::move(table);
  ticked_ = std::move(ticked);
  edge_totals_ = std::move(totals);
  // Loads and shares are kept as far as they speak of the same edges and areas.
  const bool is_same = has_same_names(*routing_.fleet, *routing.fleet);
  if (!is_same || routing_.map != routing.map) control_->forget_shares();
  if (!is_same) control_ = std::make_unique<policy::LoadControl>(edges);
  routing_ = std::move(routing);
  next_.fleet = routing_.part;
  next_.rtts = routing_.rtts;
  next_.hits = std::move(hits.model);
  hit_ratios_ = std::move(hits.hit_ratios);
  hit_ratios_.resize(routing_.fleet->edges.size());
  demand_ = {.fleet = routing_.fleet, .profiles = std::move(hits.demand)};
  ticks_.clear();
  ++reloads_.taken;
  reloads_.taken_at_ms = now_ms;
  reloads_.last_error.clear();
  slots_of(*routing_.part);
}

void Publisher::set_hits(HitLearning::Learned hits) {
  const std::lock_guard lock(mutex_);
  if (hits.fleet != routing_.fleet) return;
  next_.hits = std::move(hits.model);
  hit_ratios_ = std::move(hits.hit_ratios);
  demand_ = {.fleet = std::move(hits.fleet), .profiles = std::move(hits.demand)};
}

Publisher::Demand Publisher::demand() const {
  const std::lock_guard lock(mutex_);
  return demand_;
}

void Publisher::set_tls(TlsContexts tls) {
  const std::lock_guard lock(mutex_);
  tls_ = std::move(tls);
}

TlsContexts Publisher::tls() const {
  const std::lock_guard lock(mutex_);
  return tls_;
}

void Publisher::refuse_reload(std::string error, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  ++reloads_.refused;
  reloads_.refused_at_ms = now_ms;
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
    const cache::Edge& edge = routing_.fleet->edges[at];
    const EdgeCounts& ticked = ticked_[at];
    const double refused_ratio = static_cast<double>(ticked.refused) /
                                 static_cast<double>(std::max<std::uint64_t>(ticked.wanted, 1));
    views.push_back({.name = edge.name,
                     .state = states[at],
                     .exclusion = edge.is_shield ? policy::Exclusion::shield : live[at].exclusion,
                     .is_drained = known.is_drained,
                     .has_reported = known.last.has_value(),
                     .requests_per_second = static_cast<double>(ticked.decisions) / tick_seconds_,
                     .fair_share = control_->fair_share()[at],
                     .max_load = edge.max_load,
                     .counts = edge_totals_[at],
                     .admitted_ratio = 1 - refused_ratio,
                     .hit_ratio = hit_ratios_[at]});
  }
  return views;
}

Totals Publisher::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

std::vector<DatabaseFacts> Publisher::databases() const {
  const std::lock_guard lock(mutex_);
  return routing_.databases;
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
