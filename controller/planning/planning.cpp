#include "controller/planning/planning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>

#include "controller/terminal.hpp"

namespace edgeward::controller {

using cache::EdgeId;

namespace {

/// How often the thread looks what there is to do.
constexpr std::int64_t kStepMs = 100;
constexpr std::int64_t kRepublishMs = 1000;
constexpr std::int64_t kCheckMs = 2000;
constexpr std::int64_t kTellMs = 1000;
constexpr std::size_t kFollowersMax = 32;
/// Requests told otherwise than through stores that may wait.
constexpr std::size_t kAddedMax = 1'000'000;
/// Plans whose prediction is kept, of each edge: a week of hours.
constexpr std::size_t kCalibrationsMax = 168;

std::int64_t steady_now_ms() {
  return static_cast<std::int64_t>(steady_seconds() * 1000);
}

EdgeId numbered(std::size_t at) {
  return EdgeId{static_cast<std::uint16_t>(at)};
}

}  // namespace

Planning::Planning(PlanningParts parts, std::shared_ptr<const cache::Fleet> fleet, const Log& log)
    : parts_(std::move(parts)),
      log_(log),
      store_(parts_.make_store()),
      lease_(parts_.make_lease()),
      added_fleet_(fleet),
      status_(std::make_shared<const PlanStatus>()) {
  begin(std::move(fleet));
  tell_status();
  thread_ = std::thread([this] { loop(); });
}

Planning::~Planning() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
  followers_.clear();
  if (epoch_) (void)lease_->release(parts_.options.controller);
}

void Planning::add(std::span<const cache::CacheEvent> events, const cache::Fleet& fleet) {
  const std::lock_guard lock(mutex_);
  if (added_.size() + events.size() > kAddedMax) return;
  for (cache::CacheEvent event : events) {
    const auto edge = added_fleet_->find(fleet[event.edge].name);
    if (!edge) continue;
    event.edge = *edge;
    added_.push_back(event);
  }
}

void Planning::replace(std::shared_ptr<const cache::Fleet> fleet) {
  const std::lock_guard lock(mutex_);
  next_fleet_ = std::move(fleet);
}

std::uint64_t Planning::run(bool is_dry) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++runs_;
    asked_.push_back({.run = number, .is_dry = is_dry});
  }
  wake_.notify_all();
  return number;
}

std::uint64_t Planning::optimize(const OptimizeRequest& request) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++runs_;
    asked_.push_back({.run = number, .is_dry = false, .optimize = request});
  }
  wake_.notify_all();
  return number;
}

std::shared_ptr<const OptimizingRun> Planning::optimizing() const {
  const std::lock_guard lock(mutex_);
  return optimizing_;
}

std::shared_ptr<const PlanStatus> Planning::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Planning::begin(std::shared_ptr<const cache::Fleet> fleet) {
  followers_.clear();
  fleet_ = std::move(fleet);
  maker_ = std::make_unique<PlanMaker>(parts_.options, fleet_);
  planned_ = std::vector<EdgePlanning>(fleet_->edges.size());
  followed_.clear();
  std::map<std::string, std::vector<Following>> by_store;
  for (std::size_t at = 0; at < fleet_->edges.size(); ++at) {
    const std::string& name = fleet_->edges[at].name;
    if (const auto profile = parts_.profile_of(name)) {
      maker_->demand().set_profile(numbered(at), *profile);
    }
    followed_.push_back(std::make_unique<FollowedEdge>());
    by_store[parts_.store_of(name)].push_back(
        {.name = name, .edge = numbered(at), .to = followed_.back().get()});
  }
  // More stores than threads: some share one.
  std::vector<std::vector<Following>> shares(std::min(by_store.size(), kFollowersMax));
  std::size_t next = 0;
  for (auto& [store, edges] : by_store) {
    std::vector<Following>& share = shares[next++ % shares.size()];
    std::move(edges.begin(), edges.end(), std::back_inserter(share));
  }
  for (std::vector<Following>& share : shares) {
    followers_.push_back(
        std::make_unique<EdgeFollower>(parts_.make_store(), fleet_, std::move(share), parts_.sinks,
                                       FollowOptions{.interval_ms = parts_.follow_interval_ms,
                                                     .group = parts_.options.controller,
                                                     .consumer = parts_.options.controller},
                                       log_));
  }
}

void Planning::loop() {
  const std::int64_t interval_ms = parts_.options.planner.interval_ms;
  next_plan_ms_ = (wall_ms() / interval_ms + 1) * interval_ms;
  while (true) {
    std::vector<Asked> asked;
    std::shared_ptr<const cache::Fleet> fleet;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(kStepMs),
                     [this] { return is_ending_ || !asked_.empty(); });
      if (is_ending_) return;
      asked.swap(asked_);
      fleet.swap(next_fleet_);
    }
    if (fleet) begin(std::move(fleet));
    const std::int64_t now_ms = wall_ms();
    bool has_news = !asked.empty();
    drain(now_ms);
    keep_lease();
    if (now_ms >= next_plan_ms_) {
      has_news = true;
      next_plan_ms_ = (now_ms / interval_ms + 1) * interval_ms;
      // Whoever does not plan learns all the same, to be ready when it is its turn.
      maker_->judge(now_ms, held());
      if (parts_.options.mode != PlanMode::none && epoch_) make_plans(now_ms, {});
    }
    for (const Asked& one : asked) {
      if (one.optimize) {
        optimize_now(now_ms, one);
      } else {
        make_plans(now_ms, one);
      }
    }
    measure(now_ms);
    publish_waiting(now_ms);
    check_published();
    if (has_news || steady_now_ms() - told_at_ms_ >= kTellMs) tell_status();
  }
}

/// Learns from what was told since the last time.
void Planning::drain(std::int64_t now_ms) {
  std::vector<cache::CacheEvent> added;
  {
    const std::lock_guard lock(mutex_);
    added.swap(added_);
    if (added_fleet_ != fleet_) {
      for (cache::CacheEvent& event : added) {
        event.edge = fleet_->find((*added_fleet_)[event.edge].name).value_or(cache::kNoEdge);
      }
      added_fleet_ = fleet_;
    }
  }
  for (cache::CacheEvent& event : added) {
    if (event.edge == cache::kNoEdge) continue;
    event.at_ms = std::min(event.at_ms, now_ms);
    maker_->note(event, "");
  }
  for (std::size_t at = 0; at < followed_.size(); ++at) {
    std::vector<FollowedRequest> requests;
    std::uint64_t capacity_bytes = 0;
    {
      const std::lock_guard lock(followed_[at]->mutex);
      requests.swap(followed_[at]->requests);
      if (followed_[at]->report) capacity_bytes = followed_[at]->report->capacity_bytes;
    }
    maker_->set_capacity(numbered(at), capacity_bytes);
    for (FollowedRequest& request : requests) {
      // A clock that is ahead at some edge must not end the hour for it.
      request.event.at_ms = std::min(request.event.at_ms, now_ms);
      maker_->note(request.event, request.key);
    }
  }
}

HeldSize Planning::held() const {
  return [this](EdgeId edge, cache::ContentId content) {
    FollowedEdge& followed = *followed_[cache::index(edge)];
    const std::lock_guard lock(followed.inventory_mutex);
    return followed.inventory.find(content);
  };
}

void Planning::keep_lease() {
  if (parts_.options.mode == PlanMode::none) return;
  const std::int64_t now_ms = steady_now_ms();
  if (epoch_ && now_ms >= lease_ends_ms_) {
    epoch_.reset();
    log_.write({.level = LogLevel::warning, .message = "the planners' lease has run out"});
  }
  const std::int64_t lease_ms = parts_.options.lease_ms;
  if (lease_tried_ms_ != 0 && now_ms - lease_tried_ms_ < lease_ms / 4) return;
  lease_tried_ms_ = now_ms;
  // Also renews.
  const auto acquired = lease_->acquire(parts_.options.controller, lease_ms);
  if (!acquired) return;
  if (*acquired && !epoch_) {
    log_.write({.message = "this controller plans", .fields = {{"epoch", **acquired}}});
  } else if (!*acquired && epoch_) {
    log_.write({.message = "another controller plans"});
  }
  epoch_ = *acquired;
  lease_ends_ms_ = now_ms + lease_ms;
}

void Planning::make_plans(std::int64_t now_ms, const Asked& asked) {
  const double begun_s = steady_seconds();
  const std::int64_t valid_until_ms = now_ms + 2 * parts_.options.planner.interval_ms;
  std::vector<MadePlan> plans = maker_->make(now_ms, valid_until_ms, held(), asked.is_dry);
  PlanRun run{.run = asked.run, .is_dry = asked.is_dry, .at_ms = now_ms, .edges = {}};
  if (asked.run == 0) {
    const std::lock_guard lock(mutex_);
    run.run = ++runs_;
  }
  for (const MadePlan& made : plans) run.edges.push_back(made.report);
  run.duration_ms = std::llround((steady_seconds() - begun_s) * 1000);
  if (asked.is_dry || !epoch_) {
    run.is_dry = true;
    last_dry_ = std::move(run);
    return;
  }
  note_calibration(now_ms, plans);
  for (std::size_t at = 0; at < plans.size(); ++at) {
    EdgePlanning& edge = planned_[at];
    // Where nothing was to be done and nothing is, there is no need to say so.
    const bool is_idle =
        plans[at].plan.actions.empty() && (!edge.made || edge.made->plan.actions.empty());
    maker_->adopt(plans[at]);
    edge.made = std::move(plans[at]);
    edge.is_published = is_idle;
    edge.tried_at_ms = 0;
    edge.error.clear();
  }
  tell_run(run);
  last_ = std::move(run);
}

/// Strategies of all edges as they are now, and plans that go by them at once.
void Planning::optimize_now(std::int64_t now_ms, const Asked& asked) {
  running_ = begin_optimizing(*asked.optimize, asked.run, now_ms, *fleet_, held(), *maker_);
  if (epoch_) make_plans(now_ms, {});
  tell_optimizing();
}

void Planning::measure(std::int64_t now_ms) {
  if (!running_ || running_->is_measured || now_ms < running_->measured_at_ms) return;
  end_optimizing(*fleet_, *maker_, *running_);
  if (running_->is_rolled_back) {
    log_.write({.level = LogLevel::warning,
                .message = "plans lost against edges without them: they are rolled back"});
    if (epoch_) make_plans(now_ms, {});
  }
  tell_optimizing();
}

void Planning::tell_optimizing() {
  auto told = std::make_shared<const OptimizingRun>(*running_);
  const std::lock_guard lock(mutex_);
  optimizing_ = std::move(told);
}

/// What came of the plan before this one, beside what it was to bring.
void Planning::note_calibration(std::int64_t now_ms, std::span<const MadePlan> plans) {
  for (std::size_t at = 0; at < plans.size(); ++at) {
    std::deque<Calibration>& kept = planned_[at].calibration;
    const PlanMaker::Realised realised = maker_->take_realised(numbered(at));
    if (!kept.empty()) {
      kept.back().requests = realised.requests;
      if (realised.requests > 0) {
        kept.back().realised =
            static_cast<double>(realised.hits) / static_cast<double>(realised.requests);
      }
    }
    kept.push_back({.at_ms = now_ms, .predicted = plans[at].report.hit_ratio_after});
    if (kept.size() > kCalibrationsMax) kept.pop_front();
  }
}

void Planning::publish_waiting(std::int64_t now_ms) {
  for (std::size_t at = 0; at < planned_.size() && epoch_; ++at) {
    EdgePlanning& edge = planned_[at];
    if (edge.is_published || !edge.made || now_ms >= edge.made->plan.valid_until_ms) continue;
    const std::int64_t steady_ms = steady_now_ms();
    if (edge.tried_at_ms != 0 && steady_ms - edge.tried_at_ms < kRepublishMs) continue;
    edge.tried_at_ms = steady_ms;
    edge.made->plan.epoch = *epoch_;
    const std::string& name = fleet_->edges[at].name;
    const auto published = store_->publish(name, edge.made->plan);
    // Waiting for a store must not cost the lease.
    keep_lease();
    if (published) {
      edge.is_published = true;
      edge.error.clear();
      continue;
    }
    edge.error = published.error().message;
    if (published.error().fault == cache::StoreFault::stale_epoch) {
      epoch_.reset();
      log_.write({.level = LogLevel::warning,
                  .message = "a later planner has published: this one stops",
                  .fields = {{"edge", name}}});
    }
  }
}

/// What has become of plans; one that a store has lost is published again.
void Planning::check_published() {
  const std::int64_t now_ms = steady_now_ms();
  if (now_ms - checked_at_ms_ < kCheckMs) return;
  checked_at_ms_ = now_ms;
  for (std::size_t at = 0; at < planned_.size(); ++at) {
    {
      const std::lock_guard lock(followed_[at]->mutex);
      if (!followed_[at]->was_read) continue;
    }
    EdgePlanning& edge = planned_[at];
    const auto summary = store_->plan(fleet_->edges[at].name);
    if (!summary) continue;
    edge.summary = *summary;
    if (!epoch_ || !edge.is_published || edge.made->plan.actions.empty()) continue;
    const bool is_there = *summary && (*summary)->id == edge.made->plan.id &&
                          (*summary)->status == cache::PlanStatus::complete;
    if (is_there) continue;
    edge.is_published = false;
    log_.write({.level = LogLevel::warning,
                .message = "an edge's store has lost its plan: it is published again",
                .fields = {{"edge", fleet_->edges[at].name}}});
  }
}

void Planning::tell_run(const PlanRun& run) {
  ActionSum prefetch;
  ActionSum evict;
  for (const EdgePlanReport& edge : run.edges) {
    prefetch.contents += edge.prefetch.contents;
    prefetch.bytes += edge.prefetch.bytes;
    evict.contents += edge.evict.contents;
  }
  log_.write({.message = "plans were made",
              .fields = {{"edges", std::uint64_t{run.edges.size()}},
                         {"prefetches", prefetch.contents},
                         {"prefetch_bytes", prefetch.bytes},
                         {"evictions", evict.contents},
                         {"duration_ms", run.duration_ms}}});
}

void Planning::tell_status() {
  told_at_ms_ = steady_now_ms();
  PlanStatus status{.mode = parts_.options.mode,
                    .controller = parts_.options.controller,
                    .is_leader = epoch_.has_value(),
                    .epoch = epoch_.value_or(0),
                    .next_at_ms = next_plan_ms_,
                    .edges = {},
                    .last = last_,
                    .last_dry = last_dry_};
  for (std::size_t at = 0; at < planned_.size(); ++at) {
    const EdgePlanning& planned = planned_[at];
    EdgeProgress progress{.edge = fleet_->edges[at].name,
                          .error = planned.error,
                          .plan = planned.summary,
                          .is_published = planned.is_published && planned.made.has_value(),
                          .share = maker_->share(numbered(at)),
                          .calibration = planned.calibration};
    FollowedEdge& followed = *followed_[at];
    {
      const std::lock_guard lock(followed.mutex);
      progress.is_reachable = followed.was_read;
      if (!followed.error.empty()) progress.error = followed.error;
      progress.lag_ms = followed.lag_ms;
      progress.requests = followed.requests_read;
      progress.lost_entries = followed.lost_entries;
      progress.bad_entries = followed.bad_entries;
      progress.held_objects = followed.held_objects;
      progress.held_bytes = followed.held_bytes;
    }
    status.edges.push_back(std::move(progress));
  }
  const std::lock_guard lock(mutex_);
  status_ = std::make_shared<const PlanStatus>(std::move(status));
}

}  // namespace edgeward::controller
