#include "controller/service/hit_learning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cache/bytes.hpp"

namespace edgeward::controller {

using cache::EdgeId;

namespace {

/// Events that may wait to be learned: 40 MB, more than a second brings.
constexpr std::size_t kEventsWaitingMax = 1'000'000;

bool has_same_edges(const cache::Fleet& a, const cache::Fleet& b) {
  if (a.edges.size() != b.edges.size()) return false;
  for (std::size_t at = 0; at < a.edges.size(); ++at) {
    if (a.edges[at].name != b.edges[at].name || a.edges[at].point != b.edges[at].point) {
      return false;
    }
  }
  return true;
}

/// The edges that a saved state is of, a line each, and an empty line.
std::string heading(const cache::Fleet& fleet) {
  std::string text;
  for (const cache::Edge& edge : fleet.edges) {
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", edge.name, edge.point.lat_deg,
                   edge.point.lon_deg);
  }
  return text + "\n";
}

}  // namespace

HitLearning::HitLearning(std::shared_ptr<const cache::Fleet> fleet, const HitModelOptions& options,
                         double prior)
    : options_(options),
      fleet_(std::move(fleet)),
      learner_(fleet_->points(), {.tracked_contents = options.tracked_contents,
                                  .half_life_s = static_cast<double>(options.half_life_ms) / 1000,
                                  .prior = prior}),
      demand_(fleet_->edges.size()) {}

bool HitLearning::add(std::span<const cache::CacheEvent> events, const cache::Fleet& fleet) {
  const std::lock_guard lock(waiting_mutex_);
  if (waiting_.size() + events.size() > kEventsWaitingMax) return false;
  for (cache::CacheEvent event : events) {
    if (&fleet != fleet_.get()) {
      const auto edge = fleet_->find(fleet[event.edge].name);
      if (!edge) continue;
      event.edge = *edge;
    }
    waiting_.push_back(event);
  }
  return true;
}

void HitLearning::learn_waiting(std::int64_t now_ms) {
  std::vector<cache::CacheEvent> events;
  {
    const std::lock_guard lock(waiting_mutex_);
    events.swap(waiting_);
  }
  for (const cache::CacheEvent& event : events) {
    learner_.note(event);
    // A clock that is ahead at some edge must not end the hour for it.
    demand_[index(event.edge)].note(std::min(event.at_ms, now_ms), 1);
  }
}

void HitLearning::publish(std::int64_t now_ms) {
  published_at_ms_ = now_ms;
  latest_ = {.model = learner_.publish(now_ms), .fleet = fleet_, .hit_ratios = {}, .demand = {}};
  for (std::size_t at = 0; at < fleet_->edges.size(); ++at) {
    latest_.hit_ratios.push_back(learner_.hit_ratio(EdgeId{static_cast<std::uint16_t>(at)}));
    demand_[at].advance(now_ms);
  }
  latest_.demand = std::make_shared<const std::vector<policy::DemandProfile>>(demand_);
}

std::optional<HitLearning::Learned> HitLearning::learn(std::int64_t now_ms) {
  const std::lock_guard lock(learner_mutex_);
  learn_waiting(now_ms);
  if (published_at_ms_ && now_ms - *published_at_ms_ < options_.interval_ms) return std::nullopt;
  publish(now_ms);
  return latest_;
}

HitLearning::Learned HitLearning::replace(std::shared_ptr<const cache::Fleet> fleet,
                                          std::int64_t now_ms) {
  const std::lock_guard lock(learner_mutex_);
  learn_waiting(now_ms);
  const bool is_same = has_same_edges(*fleet_, *fleet);
  std::vector<EdgeId> from;
  for (const cache::Edge& edge : fleet->edges) {
    from.push_back(fleet_->find(edge.name).value_or(cache::kNoEdge));
  }
  if (!is_same) {
    learner_ = learner_.moved_to(fleet->points(), from);
    std::vector<policy::DemandProfile> moved(from.size());
    for (std::size_t at = 0; at < from.size(); ++at) {
      if (from[at] != cache::kNoEdge) moved[at] = demand_[index(from[at])];
    }
    demand_ = std::move(moved);
  }
  {
    const std::lock_guard waiting_lock(waiting_mutex_);
    // What came meanwhile.
    std::erase_if(waiting_, [&](cache::CacheEvent& event) {
      const auto edge = fleet->find(fleet_->edges[index(event.edge)].name);
      event.edge = edge.value_or(cache::kNoEdge);
      return !edge;
    });
    fleet_ = std::move(fleet);
  }
  if (is_same) {
    latest_.fleet = fleet_;
  } else {
    publish(now_ms);
  }
  return latest_;
}

std::string HitLearning::save() const {
  const std::lock_guard lock(learner_mutex_);
  cache::ByteWriter bytes;
  bytes.put_text(learner_.save());
  for (const policy::DemandProfile& demand : demand_) bytes.put_text(demand.save());
  return heading(*fleet_) + std::move(bytes).text();
}

bool HitLearning::restore(std::string_view saved) {
  const std::lock_guard lock(learner_mutex_);
  const std::string expected = heading(*fleet_);
  if (!saved.starts_with(expected)) return false;
  cache::ByteReader bytes(saved.substr(expected.size()));
  std::string_view part;
  std::string_view hits;
  if (!bytes.get_text(hits)) return false;
  std::vector<policy::DemandProfile> demand(demand_.size());
  for (policy::DemandProfile& edge : demand) {
    if (!bytes.get_text(part) || !edge.restore(part)) return false;
  }
  if (!bytes.is_at_end() || !learner_.restore(hits)) return false;
  demand_ = std::move(demand);
  return true;
}

}  // namespace edgeward::controller
