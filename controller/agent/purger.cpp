#include "controller/agent/purger.hpp"

#include <algorithm>
#include <utility>

namespace edgeward::controller {

namespace {

constexpr std::size_t kPurgesAtOnce = 64;
/// Removals beside one another: enough to keep the store's threads busy, few enough to leave most
/// of their queues to clients.
constexpr std::size_t kRemovalsAtOnce = 16;

}  // namespace

Purger::Purger(Tasks& tasks, Holdings& holdings, Fills& fills, PurgeThreads& store,
               std::string_view edge, const AgentOptions& options, const Log& log)
    : tasks_(tasks),
      holdings_(holdings),
      fills_(fills),
      store_(store),
      edge_(edge),
      options_(options),
      log_(log),
      taken_(tasks.context()) {}

void Purger::catch_up(Tasks::Yield yield) {
  while (take(yield)) {
  }
}

void Purger::read(Tasks::Yield yield) {
  while (!tasks_.is_ending()) {
    if (take(yield)) continue;
    if (!tasks_.sleep(options_.purge_interval_ms, yield)) break;
  }
  taken_.notify();
}

void Purger::run(Tasks::Yield yield) {
  while (!tasks_.is_ending()) {
    if (waiting_.empty()) {
      taken_.wait(yield);
    } else if (finish(waiting_.front(), yield)) {
      waiting_.pop_front();
    }
  }
}

/// Whether there may be more at once.
bool Purger::take(Tasks::Yield yield) {
  if (waiting_.size() >= cache::kPurgesMax) return false;
  if (!read_to_) {
    auto position = store_.run([](cache::EdgePurges& store) { return store.position(); }, yield);
    if (!is_good(position)) return false;
    read_to_ = std::move(*position);
  }
  const auto news = store_.run(
      [after = *read_to_](cache::EdgePurges& store) { return store.purges(after, kPurgesAtOnce); },
      yield);
  if (!is_good(news) || news->last == *read_to_) return false;
  if (news->lost_before_ms) {
    log_.write({.level = LogLevel::warning,
                .message = "purges were missed: all that is older than the first known one goes"});
    begin({.at_ms = *news->lost_before_ms - cache::kClockErrorMaxMs,
           .kind = cache::PurgeKind::prefix,
           .text = {},
           .edges = {}});
  }
  for (const cache::Purge& purge : news->purges) {
    if (is_for(purge, edge_)) begin(purge);
  }
  read_to_ = news->last;
  Work end;
  end.position = news->last;
  waiting_.push_back(std::move(end));
  taken_.notify();
  return true;
}

void Purger::begin(cache::Purge purge) {
  Work work;
  work.fetched = fills_.discard(purge);
  work.held = holdings_.condemn(purge);
  work.purge = std::move(purge);
  waiting_.push_back(std::move(work));
}

/// False where the agent ends before.
bool Purger::finish(const Work& work, Tasks::Yield yield) {
  remove(work, yield);
  if (tasks_.is_ending()) return false;
  const std::uint64_t objects = work.held.size() + work.fetched.size();
  counts_.objects += objects;
  if (!work.position.empty()) {
    // Where it is not kept more is done again after a crash.
    (void)store_.run(
        [entry = work.position](cache::EdgePurges& store) { return store.set_position(entry); },
        yield);
  }
  if (work.purge.id.empty()) return true;
  ++counts_.purges;
  log_.write({.message = "purged",
              .fields = {{"id", work.purge.id},
                         {"kind", std::string(name(work.purge.kind))},
                         {"text", work.purge.text},
                         {"objects", objects}}});
  const auto acknowledge = [&] {
    return is_good(
        store_.run([id = work.purge.id,
                    objects](cache::EdgePurges& store) { return store.acknowledge(id, objects); },
                   yield));
  };
  return persist(acknowledge, yield);
}

/// Until all of it is gone or the agent ends.
void Purger::remove(const Work& work, Tasks::Yield yield) {
  const std::size_t count = work.held.size() + work.fetched.size();
  std::size_t next = 0;
  std::size_t running = std::min(count, kRemovalsAtOnce);
  Signal ended(tasks_.context());
  const auto remove_one = [&](std::size_t i, Tasks::Yield own) {
    if (i < work.held.size()) return holdings_.remove(work.held[i], own).has_value();
    return fills_.clear(*work.fetched[i - work.held.size()], own).has_value();
  };
  for (std::size_t worker = 0, workers = running; worker < workers; ++worker) {
    tasks_.start([&](Tasks::Yield own) {
      while (next < count) {
        const std::size_t i = next++;
        if (!persist([&] { return remove_one(i, own); }, own)) break;
      }
      --running;
      ended.notify();
    });
  }
  while (running > 0) ended.wait(yield);
}

/// Again with growing pauses until it is done; false where the agent ends before.
template <class Attempt>
bool Purger::persist(Attempt attempt, Tasks::Yield yield) {
  cache::Backoff backoff(options_.retry, ++seed_);
  while (!attempt()) {
    if (!tasks_.sleep(backoff.next_ms(), yield)) return false;
  }
  return true;
}

/// Says once that the store is away, and that it is back.
template <class Value>
bool Purger::is_good(const cache::Stored<Value>& stored) {
  if (!stored && !is_away_) {
    log_.write({.level = LogLevel::warning,
                .message = "purges cannot be read: what is purged now is served until they can",
                .fields = {{"fault", std::string(name(stored.error().fault))},
                           {"error", stored.error().message}}});
  }
  if (stored && is_away_) log_.write({.message = "purges can be read again"});
  is_away_ = !stored;
  return stored.has_value();
}

}  // namespace edgeward::controller
