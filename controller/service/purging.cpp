#include "controller/service/purging.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "cache/ids.hpp"
#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

/// An edge that was away for so long is not waited for any more.
constexpr std::int64_t kAnswersKeptMs = 7 * 86'400'000LL;
/// How soon purges of other controllers are known.
constexpr std::int64_t kFollowEveryMs = 1000;
constexpr std::size_t kFollowed = 16;
/// Answers are looked at ever more rarely: when a quarter more of the time since has passed.
constexpr std::int64_t kLookEveryMinMs = 50;
constexpr std::int64_t kLookEveryMaxMs = 10'000;
/// Between two attempts at a store that is away.
constexpr cache::BackoffOptions kPauses{100, 2000};

std::int64_t monotonic_ms() {
  return static_cast<std::int64_t>(steady_seconds() * 1000);
}

std::string new_id() {
  std::random_device random;
  const std::uint64_t high = random();
  return cache::to_hex(cache::ContentId{high << 32U | random()});
}

}  // namespace

std::string_view name(PurgeState state) {
  switch (state) {
    case PurgeState::waiting:
      return "waiting";
    case PurgeState::under_way:
      return "under_way";
    case PurgeState::done:
      return "done";
    case PurgeState::forgotten:
      return "forgotten";
  }
  return "forgotten";
}

Purging::Purging(std::unique_ptr<cache::PurgeStore> store, const Log& log)
    : store_(std::move(store)), log_(log), backoff_(kPauses, std::random_device{}()) {
  thread_ = std::thread([this] { run(); });
}

Purging::~Purging() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (waiting_.empty()) return;
  log_.write({.level = LogLevel::error,
              .message = "purges are lost: Redis was away since they were asked for",
              .fields = {{"purges", std::uint64_t{waiting_.size()}}}});
}

std::optional<PurgeView> Purging::add(cache::Purge purge, const std::vector<std::string>& awaited) {
  purge.id = new_id();
  PurgeView view;
  for (const std::string& edge : awaited) view.status.answers.push_back({edge, std::nullopt});
  std::sort(view.status.answers.begin(), view.status.answers.end(),
            [](const auto& a, const auto& b) { return a.edge < b.edge; });
  view.status.purge = std::move(purge);
  const std::string& id = view.status.purge.id;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kWaitingMax) return std::nullopt;
    known_[id] = {.view = view};
    order_.push_back(id);
    waiting_.push_back(id);
    is_wanted_ = true;
    forget_oldest();
  }
  wake_.notify_one();
  log_.write({.message = "a purge was asked for",
              .fields = {{"id", id},
                         {"kind", std::string(name(view.status.purge.kind))},
                         {"text", view.status.purge.text},
                         {"edges", std::uint64_t{awaited.size()}}}});
  return view;
}

void Purging::want() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_wanted_, true)) return;
  }
  wake_.notify_one();
}

bool Purging::has_read() const {
  const std::lock_guard lock(mutex_);
  return has_read_;
}

std::optional<PurgeView> Purging::find(std::string_view id) {
  want();
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(id);
  return found == known_.end() ? std::nullopt : std::optional(found->second.view);
}

std::vector<PurgeView> Purging::latest() {
  want();
  const std::lock_guard lock(mutex_);
  std::vector<PurgeView> views;
  for (auto id = order_.rbegin(); id != order_.rend(); ++id) {
    views.push_back(known_.find(*id)->second.view);
  }
  // Those of others come to be known later than they were asked for.
  std::stable_sort(views.begin(), views.end(), [](const PurgeView& a, const PurgeView& b) {
    return a.status.purge.at_ms > b.status.purge.at_ms;
  });
  return views;
}

std::string Purging::store_error() const {
  const std::lock_guard lock(mutex_);
  return store_error_;
}

/// Never one that waits: there are fewer of those than may be known.
void Purging::forget_oldest() {
  while (order_.size() > kKnownMax) {
    const auto oldest = std::find_if(order_.begin(), order_.end(), [this](const std::string& id) {
      return std::find(waiting_.begin(), waiting_.end(), id) == waiting_.end();
    });
    known_.erase(*oldest);
    order_.erase(oldest);
  }
}

void Purging::run() {
  {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return is_wanted_ || is_ending_; });
    if (!is_wanted_) return;
  }
  while (true) {
    const std::int64_t rest_ms = work();
    std::unique_lock lock(mutex_);
    const bool is_away = !store_error_.empty();
    wake_.wait_for(lock, std::chrono::milliseconds(rest_ms),
                   [&] { return is_ending_ || (!is_away && !waiting_.empty()); });
    if (is_ending_ && (waiting_.empty() || is_away)) return;
  }
}

std::int64_t Purging::work() {
  const std::int64_t now_ms = monotonic_ms();
  if (!tell() || !follow(now_ms) || !look(now_ms)) return backoff_.next_ms();
  backoff_.reset();
  const std::lock_guard lock(mutex_);
  std::int64_t next_ms = follow_at_ms_;
  for (const auto& [id, known] : known_) {
    if (known.view.state == PurgeState::under_way) next_ms = std::min(next_ms, known.look_at_ms);
  }
  return std::max<std::int64_t>(next_ms - monotonic_ms(), 1);
}

/// What waits goes to the store, in its order. False where that is away.
bool Purging::tell() {
  while (true) {
    PurgeView view;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return true;
      view = known_.find(waiting_.front())->second.view;
    }
    std::vector<std::string> awaited;
    for (const cache::PurgeAnswer& answer : view.status.answers) awaited.push_back(answer.edge);
    // Where it is not known whether it was told, the next attempt finds it told.
    if (!is_good(store_->ask(view.status.purge, awaited, kAnswersKeptMs))) return false;
    const std::lock_guard lock(mutex_);
    Known& known = known_.find(waiting_.front())->second;
    known.view.state = known.view.status.answers.empty() ? PurgeState::done : PurgeState::under_way;
    known.told_at_ms = monotonic_ms();
    known.look_at_ms = known.told_at_ms + kLookEveryMinMs;
    waiting_.pop_front();
  }
}

/// What other controllers asked for, and this one before it was started.
bool Purging::follow(std::int64_t now_ms) {
  if (now_ms < follow_at_ms_) return true;
  const auto knows = [this](const cache::Purge& purge) {
    const std::lock_guard lock(mutex_);
    return known_.contains(purge.id);
  };
  auto latest = store_->latest(kFollowed);
  if (latest && latest->size() == kFollowed && !knows(latest->back())) {
    latest = store_->latest(kKnownMax);
  }
  if (!is_good(latest)) return false;
  for (auto purge = latest->rbegin(); purge != latest->rend(); ++purge) {
    if (!knows(*purge) && !learn(*purge, now_ms)) return false;
  }
  follow_at_ms_ = now_ms + kFollowEveryMs;
  const std::lock_guard lock(mutex_);
  has_read_ = true;
  return true;
}

bool Purging::learn(const cache::Purge& purge, std::int64_t now_ms) {
  auto status = store_->status(purge.id);
  if (!is_good(status)) return false;
  Known known{.view = {.status = {.purge = purge, .answers = {}}, .state = PurgeState::forgotten},
              .told_at_ms = now_ms,
              .look_at_ms = now_ms + kLookEveryMinMs};
  if (*status) {
    known.view.status.answers = std::move((*status)->answers);
    known.view.state = known.view.status.pending() == 0 ? PurgeState::done : PurgeState::under_way;
  }
  const std::lock_guard lock(mutex_);
  known_[purge.id] = std::move(known);
  order_.push_back(purge.id);
  forget_oldest();
  return true;
}

/// At the answers to those whose time has come.
bool Purging::look(std::int64_t now_ms) {
  Ids due;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, known] : known_) {
      const bool is_under_way = known.view.state == PurgeState::under_way;
      if (is_under_way && known.look_at_ms <= now_ms) due.push_back(id);
    }
  }
  for (const std::string& id : due) {
    auto status = store_->status(id);
    if (!is_good(status)) return false;
    const PurgeState state = !*status                    ? PurgeState::forgotten
                             : (*status)->pending() == 0 ? PurgeState::done
                                                         : PurgeState::under_way;
    if (state == PurgeState::done) {
      log_.write({.message = "a purge is done",
                  .fields = {{"id", id},
                             {"edges", std::uint64_t{(*status)->answers.size()}},
                             {"objects", (*status)->removed()}}});
    }
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(id);
    if (found == known_.end()) continue;
    Known& known = found->second;
    known.view.state = state;
    if (*status) known.view.status.answers = std::move((*status)->answers);
    known.look_at_ms =
        now_ms + std::clamp((now_ms - known.told_at_ms) / 4, kLookEveryMinMs, kLookEveryMaxMs);
  }
  return true;
}

/// Says once that the store is away, and that it is back.
template <class Value>
bool Purging::is_good(const cache::Stored<Value>& stored) {
  std::string error;
  if (!stored) error = stored.error().message;
  bool was_away = false;
  {
    const std::lock_guard lock(mutex_);
    was_away = !store_error_.empty();
    store_error_ = error;
  }
  if (!stored && !was_away) {
    log_.write({.level = LogLevel::warning,
                .message = "Redis takes no purges: they wait",
                .fields = {{"fault", std::string(name(stored.error().fault))}, {"error", error}}});
  }
  if (stored && was_away) log_.write({.message = "Redis takes purges again"});
  return stored.has_value();
}

}  // namespace edgeward::controller
