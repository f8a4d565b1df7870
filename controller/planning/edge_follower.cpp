#include "controller/planning/edge_follower.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

/// Entries that are read at once, and rounds of them before the next edge's turn.
constexpr std::size_t kEntriesAtOnce = 64;
constexpr int kReadsATurn = 16;
/// Requests that may wait for whoever plans: beyond them they stay in the store.
constexpr std::size_t kWaitingMax = 200'000;
/// Requests of another controller of this name that did not forget them for so long come here.
constexpr std::int64_t kIdleMs = 30'000;
constexpr std::int64_t kCompareEveryMs = 30'000;

std::int64_t steady_ms() {
  return static_cast<std::int64_t>(steady_seconds() * 1000);
}

}  // namespace

EdgeFollower::EdgeFollower(std::unique_ptr<cache::EdgeStore> store,
                           std::shared_ptr<const cache::Fleet> fleet, std::vector<Following> edges,
                           FollowSinks sinks, FollowOptions options, const Log& log)
    : store_(std::move(store)),
      fleet_(std::move(fleet)),
      edges_(std::move(edges)),
      sinks_(std::move(sinks)),
      options_(std::move(options)),
      log_(log),
      thread_([this] { run(); }) {}

EdgeFollower::~EdgeFollower() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void EdgeFollower::run() {
  std::int64_t compared_at_ms = steady_ms();
  while (true) {
    const bool compares = steady_ms() - compared_at_ms >= kCompareEveryMs;
    if (compares) compared_at_ms = steady_ms();
    for (const Following& edge : edges_) {
      {
        const std::lock_guard lock(mutex_);
        if (is_ending_) return;
      }
      follow(edge, compares);
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(options_.interval_ms),
                   [this] { return is_ending_; });
    if (is_ending_) return;
  }
}

void EdgeFollower::follow(const Following& edge, bool compares_inventory) {
  const auto read = read_all(edge, compares_inventory);
  bool was_away = false;
  {
    const std::lock_guard lock(edge.to->mutex);
    was_away = !edge.to->error.empty();
    edge.to->was_read = read.has_value();
    edge.to->error = read ? std::string() : read.error().message;
  }
  if (read && was_away) {
    log_.write({.message = "an edge's store is back", .fields = {{"edge", edge.name}}});
  } else if (!read && !was_away) {
    log_.write({.level = LogLevel::warning,
                .message = "an edge's store cannot be read",
                .fields = {{"edge", edge.name}, {"error", read.error().message}}});
  }
}

cache::Stored<cache::Done> EdgeFollower::read_all(const Following& edge, bool compares_inventory) {
  if (auto read = read_report(edge); !read) return read;
  if (auto read = read_requests(edge); !read) return read;
  return read_inventory(edge, compares_inventory);
}

cache::Stored<cache::Done> EdgeFollower::read_report(const Following& edge) {
  const auto report = store_->report(edge.name);
  if (!report) return tl::unexpected(report.error());
  if (!*report) return cache::Done{};
  bool is_new = false;
  {
    const std::lock_guard lock(edge.to->mutex);
    is_new = edge.to->report != *report;
    edge.to->report = *report;
  }
  if (is_new) sinks_.report(edge.name, **report);
  return cache::Done{};
}

cache::Stored<cache::Done> EdgeFollower::read_requests(const Following& edge) {
  for (int turn = 0; turn < kReadsATurn; ++turn) {
    {
      const std::lock_guard lock(edge.to->mutex);
      if (edge.to->requests.size() >= kWaitingMax) return cache::Done{};
    }
    auto read = store_->read_requests(edge.name, options_.group, options_.consumer, kEntriesAtOnce,
                                      kIdleMs);
    if (!read) return tl::unexpected(read.error());
    if (!take(edge, *read)) return cache::Done{};
    if (read->batches.empty()) return cache::Done{};
    std::vector<std::string> entries;
    for (cache::RequestBatch& batch : read->batches) entries.push_back(std::move(batch.entry));
    const auto forgotten = store_->forget_requests(edge.name, options_.group, entries);
    if (!forgotten) return forgotten;
  }
  return cache::Done{};
}

/// False if there is no room for them.
bool EdgeFollower::take(const Following& edge, cache::RequestBatches& read) {
  events_.clear();
  std::int64_t last_at_ms = 0;
  for (const cache::RequestBatch& batch : read.batches) {
    for (const cache::EdgeRequest& request : batch.requests) {
      events_.push_back({.at_ms = request.at_ms,
                         .edge = edge.edge,
                         .content = request.content,
                         .size_bytes = request.size_bytes,
                         .is_hit = request.is_hit});
      last_at_ms = std::max(last_at_ms, request.at_ms);
    }
  }
  if (!events_.empty() && !sinks_.learn(events_, *fleet_)) return false;
  const std::lock_guard lock(edge.to->mutex);
  FollowedEdge& to = *edge.to;
  to.lost_entries += read.lost_entries;
  to.bad_entries += read.bad_entries;
  to.requests_read += events_.size();
  if (!events_.empty()) to.lag_ms = std::max<std::int64_t>(wall_ms() - last_at_ms, 0);
  std::size_t at = 0;
  for (cache::RequestBatch& batch : read.batches) {
    for (cache::EdgeRequest& request : batch.requests) {
      to.requests.push_back({.event = events_[at++], .key = std::move(request.key)});
    }
  }
  return true;
}

cache::Stored<cache::Done> EdgeFollower::read_inventory(const Following& edge, bool compares) {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  {
    const std::lock_guard lock(edge.to->inventory_mutex);
    const auto read = compares ? edge.to->inventory.compare(*store_, edge.name)
                               : edge.to->inventory.follow(*store_, edge.name);
    if (!read) return read;
    objects = edge.to->inventory.size();
    bytes = edge.to->inventory.used_bytes();
  }
  const std::lock_guard lock(edge.to->mutex);
  edge.to->held_objects = objects;
  edge.to->held_bytes = bytes;
  return cache::Done{};
}

}  // namespace edgeward::controller
