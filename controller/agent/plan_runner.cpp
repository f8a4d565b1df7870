#include "controller/agent/plan_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

constexpr std::string_view kConsumer = "agent";
/// Actions that are asked for at once: evictions are done as they come.
constexpr std::size_t kActionsAtOnce = 64;
/// One that was begun so often has ended the agent each time.
constexpr std::uint64_t kDeliveriesMax = 16;
constexpr std::string_view kPlanHasEnded = "its plan has ended";

}  // namespace

PlanRunner::PlanRunner(Tasks& tasks, Holdings& holdings, Fills& fills, const AgentOptions& options,
                       const Log& log)
    : tasks_(tasks), holdings_(holdings), fills_(fills), options_(options), log_(log) {}

void PlanRunner::run(Tasks::Yield yield) {
  while (!is_ending()) {
    if (step(yield)) continue;
    if (!tasks_.sleep(options_.plan_interval_ms, yield)) return;
  }
}

/// Whether there may be more to do at once.
bool PlanRunner::step(Tasks::Yield yield) {
  if (begun_.size() >= options_.prefetches_max) return false;
  if (waiting_.empty()) waiting_ = more_actions(kActionsAtOnce, yield);
  if (waiting_.empty()) return false;
  // Read after the actions: it is theirs, or later.
  const auto plan =
      holdings_.store().run([](cache::AgentStore& store) { return store.plan(); }, yield);
  if (!plan) return false;
  const bool is_writing = *plan && (*plan)->status == cache::PlanStatus::writing;
  std::size_t taken = 0;
  while (taken < waiting_.size() && begun_.size() < options_.prefetches_max && !is_ending()) {
    const cache::PlannedAction action = waiting_[taken];
    const bool is_of_plan = *plan && action.plan == (*plan)->id;
    if (is_of_plan && is_writing) break;
    ++taken;
    if (is_of_plan) {
      take(action, yield);
    } else {
      drop(action, yield);
    }
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
  return taken > 0;
}

/// First those that a run before this one had begun; now and then those that somehow were left.
PlanRunner::Actions PlanRunner::more_actions(std::size_t count, Tasks::Yield yield) {
  const auto now_ms = static_cast<std::int64_t>(steady_seconds() * 1000);
  if (has_more_to_claim_ || now_ms - claimed_at_ms_ >= options_.claim_after_ms) {
    const std::int64_t idle_ms = has_claimed_ ? options_.claim_after_ms : 0;
    auto claimed = holdings_.store().run(
        [count, idle_ms](cache::AgentStore& store) {
          return store.claim_actions(kConsumer, count, idle_ms);
        },
        yield);
    if (!claimed) return {};
    // All of them at the start, since those of later would be in time before them.
    has_more_to_claim_ = !has_claimed_ && claimed->size() == count;
    if (!has_more_to_claim_) has_claimed_ = true;
    claimed_at_ms_ = now_ms;
    std::erase_if(*claimed, [this](const auto& action) { return begun_.contains(action.entry); });
    if (!claimed->empty()) return std::move(*claimed);
  }
  auto fresh = holdings_.store().run(
      [count](cache::AgentStore& store) { return store.next_actions(kConsumer, count); }, yield);
  return fresh ? std::move(*fresh) : Actions();
}

void PlanRunner::take(const cache::PlannedAction& action, Tasks::Yield yield) {
  if (!begun_.insert(action.entry).second) return;
  if (action.action.kind == cache::ActionKind::evict) {
    // In its place: what comes after may need the room.
    execute(action, yield);
    return;
  }
  tasks_.start([this, action](Tasks::Yield own) { execute(action, own); });
}

void PlanRunner::execute(const cache::PlannedAction& action, Tasks::Yield yield) {
  cache::Backoff backoff(options_.retry, ++seed_);
  std::optional<Failure> failure;
  for (unsigned attempts = 0; attempts < options_.attempts_max;) {
    if (wall_ms() >= action.deadline_ms) {
      if (!failure) failure = Failure{std::string(kPlanHasEnded), false};
      break;
    }
    failure = attempt(action, yield);
    if (is_ending()) break;  // whoever comes next does it, or finds it done
    if (!failure || !failure->may_pass) break;
    // The store is waited for until the plan ends; it is what would be told, too.
    attempts += failure->is_store_away ? 0 : 1;
    if (attempts < options_.attempts_max && !tasks_.sleep(backoff.next_ms(), yield)) break;
  }
  if (!is_ending() || !failure) close(action, failure, yield);
  begun_.erase(action.entry);
}

std::optional<PlanRunner::Failure> PlanRunner::attempt(const cache::PlannedAction& action,
                                                       Tasks::Yield yield) {
  if (action.deliveries > kDeliveriesMax) {
    return Failure{
        fmt::format("it was begun {} times and never came to its end", action.deliveries - 1),
        false};
  }
  if (action.action.kind == cache::ActionKind::prefetch) return prefetch(action, yield);
  holdings_.index().protect(action.action.content, 0);
  const auto removed = holdings_.remove(action.action.content, yield);
  if (removed) return std::nullopt;
  return Failure{.error = removed.error().message,
                 .is_store_away = is_passing(removed.error().fault)};
}

std::optional<PlanRunner::Failure> PlanRunner::prefetch(const cache::PlannedAction& action,
                                                        Tasks::Yield yield) {
  const cache::Action& wanted = action.action;
  if (cache::content_id(wanted.key) != wanted.content) {
    return Failure{fmt::format("{} is not the content of this key", to_hex(wanted.content)), false};
  }
  if (wanted.size_bytes > holdings_.capacity_bytes()) {
    return Failure{fmt::format("it has {} bytes, and the edge {}", wanted.size_bytes,
                               holdings_.capacity_bytes()),
                   false};
  }
  const auto* const held = holdings_.index().find(wanted.content);
  if (held != nullptr && wall_ms() < held->meta.fresh_until_ms) {
    holdings_.index().protect(wanted.content, action.deadline_ms);
    return std::nullopt;
  }
  if (!wait_for_turn(wanted.size_bytes, yield)) return Failure{"the agent ends"};
  if (wall_ms() >= action.deadline_ms) return Failure{std::string(kPlanHasEnded), false};
  const auto fill = fills_.fetch(wanted.content, wanted.key);
  if (fill == nullptr) return Failure{"too much is being fetched"};
  // Before it is stored, so that it is never held without.
  fill->protected_until_ms = action.deadline_ms;
  fills_.wait_for_head(*fill, yield);
  if (!fill->head || fill->is_kept) fills_.wait_for_end(*fill, yield);
  if (!fill->is_purged && (fill->is_stored || fill->is_not_modified)) {
    holdings_.index().protect(wanted.content, action.deadline_ms);
    return std::nullopt;
  }
  if (!fill->not_kept.empty()) {
    return Failure{fill->not_kept, fill->may_be_kept_later, fill->is_store_away};
  }
  return Failure{fill->error ? fill->error->detail : "it was not kept"};
}

/// Prefetches leave room for clients: together they take no more than their part of the bandwidth.
bool PlanRunner::wait_for_turn(std::uint64_t bytes, Tasks::Yield yield) {
  const double now_s = steady_seconds();
  const double wait_s = std::max(free_at_s_ - now_s, 0.0);
  free_at_s_ = std::max(free_at_s_, now_s) +
               8 * static_cast<double>(bytes) / static_cast<double>(options_.prefetch_bps);
  return wait_s <= 0 || tasks_.sleep(static_cast<std::int64_t>(wait_s * 1000), yield);
}

/// Until the store has taken it: what it does not know to be done would be done again.
void PlanRunner::close(const cache::PlannedAction& action, const std::optional<Failure>& failure,
                       Tasks::Yield yield) {
  cache::Backoff backoff(options_.retry, ++seed_);
  const std::int64_t at_ms = wall_ms();
  while (true) {
    const auto closed = holdings_.store().run(
        [action, failure, at_ms](cache::AgentStore& store) {
          return failure ? store.give_up(action, failure->error, at_ms) : store.finish(action);
        },
        yield);
    if (closed && !*closed) return;  // it was closed before
    if (closed) break;
    if (!tasks_.sleep(backoff.next_ms(), yield)) return;
  }
  if (failure) {
    ++counts_.given_up;
    return tell(action, *failure);
  }
  ++(action.action.kind == cache::ActionKind::prefetch ? counts_.prefetched : counts_.evicted);
}

/// All of them are dead letters; the log has one a minute.
void PlanRunner::tell(const cache::PlannedAction& action, const Failure& failure) {
  constexpr double kTellEveryS = 60;
  const double now_s = steady_seconds();
  if (told_at_s_ && now_s - *told_at_s_ < kTellEveryS) return;
  told_at_s_ = now_s;
  log_.write({.level = LogLevel::warning,
              .message = "an action was given up",
              .fields = {{"kind", std::string(name(action.action.kind))},
                         {"key", action.action.key},
                         {"error", failure.error},
                         {"given_up", counts_.given_up}}});
}

void PlanRunner::drop(const cache::PlannedAction& action, Tasks::Yield yield) {
  const auto dropped = holdings_.store().run(
      [action](cache::AgentStore& store) { return store.drop(std::vector{action}); }, yield);
  // One that stays comes again, and is dropped then.
  if (dropped) ++counts_.dropped;
}

}  // namespace edgeward::controller
