#include "controller/service/hit_learning.hpp"

#include <fmt/format.h>

#include <utility>

namespace edgeward::controller {

using cache::EdgeId;

namespace {

/// Events that may wait to be learned: 40 MB, more than a second brings.
constexpr std::size_t kWaitingMax = 1'000'000;

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
                                  .prior = prior}) {}

bool HitLearning::add(std::span<const cache::CacheEvent> events, const cache::Fleet& fleet) {
  const std::lock_guard lock(waiting_mutex_);
  if (waiting_.size() + events.size() > kWaitingMax) return false;
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

void HitLearning::learn_waiting() {
  std::vector<cache::CacheEvent> events;
  {
    const std::lock_guard lock(waiting_mutex_);
    events.swap(waiting_);
  }
  for (const cache::CacheEvent& event : events) learner_.note(event);
}

void HitLearning::publish(std::int64_t now_ms) {
  published_at_ms_ = now_ms;
  latest_ = {.model = learner_.publish(now_ms), .fleet = fleet_, .hit_ratios = {}};
  for (std::size_t at = 0; at < fleet_->edges.size(); ++at) {
    latest_.hit_ratios.push_back(learner_.hit_ratio(EdgeId{static_cast<std::uint16_t>(at)}));
  }
}

std::optional<HitLearning::Learned> HitLearning::learn(std::int64_t now_ms) {
  const std::lock_guard lock(learner_mutex_);
  learn_waiting();
  if (published_at_ms_ && now_ms - *published_at_ms_ < options_.interval_ms) return std::nullopt;
  publish(now_ms);
  return latest_;
}

HitLearning::Learned HitLearning::replace(std::shared_ptr<const cache::Fleet> fleet,
                                          std::int64_t now_ms) {
  const std::lock_guard lock(learner_mutex_);
  learn_waiting();
  const bool is_same = has_same_edges(*fleet_, *fleet);
  std::vector<EdgeId> from;
  for (const cache::Edge& edge : fleet->edges) {
    from.push_back(fleet_->find(edge.name).value_or(cache::kNoEdge));
  }
  if (!is_same) learner_ = learner_.moved_to(fleet->points(), from);
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
  return heading(*fleet_) + learner_.save();
}

bool HitLearning::restore(std::string_view saved) {
  const std::lock_guard lock(learner_mutex_);
  const std::string expected = heading(*fleet_);
  return saved.starts_with(expected) && learner_.restore(saved.substr(expected.size()));
}

}  // namespace edgeward::controller
