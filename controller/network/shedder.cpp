#include "controller/network/shedder.hpp"

#include <algorithm>

namespace edgeward::controller {

namespace {

constexpr std::int64_t kWindowMs = 100;
constexpr double kJudgedMsMin = 40;
constexpr double kSettleMs = 300;   ///< in which a delay is to be what it may be
constexpr double kShareMin = 0.05;  ///< some are taken, so that the end is noticed
/// Of the share that was taken before. What is read together is done faster, so that the first
/// measurements promise less than there will be.
constexpr double kLessAtOnce = 0.5;
/// By what part the share grows in a millisecond: below what was too much, near that, and above,
/// where it is not any more.
constexpr double kMorePerMsBelow = 5e-3;
constexpr double kMorePerMsNear = 4e-4;
constexpr double kMorePerMsAbove = 1.5e-3;
constexpr double kBelow = 0.8;
constexpr double kAbove = 1.25;
/// Of what a measurement promises, a share that is too much for certain.
constexpr double kKneeOfDone = 2;
/// Of the longest delay allowed, what all of a window must have waited for it to be overload.
constexpr double kLeastWait = 0.25;
/// What waits so many times as long as it may has no need of others that waited.
constexpr double kLongWait = 5;
constexpr double kFalls = 0.97;  ///< what waits is being worked off, noise aside

}  // namespace

std::optional<std::size_t> Shedder::begin(std::int64_t now_ms) {
  note(now_ms);
  begun_ms_ = now_ms;
  const auto oldest = std::min_element(
      under_way_.begin(), under_way_.end(),
      [](const auto& a, const auto& b) { return a && (!b || a->begun_ms < b->begun_ms); });
  // What it would say if it ended now is the least that it will say.
  if (*oldest && static_cast<double>(now_ms - (*oldest)->begun_ms) > delay_max_ms_) {
    judge(**oldest, now_ms);
  }
  const auto free = std::find(under_way_.begin(), under_way_.end(), std::nullopt);
  if (free == under_way_.end()) return std::nullopt;
  *free = {.begun_ms = now_ms, .taken_ms = taken_ms_};
  return static_cast<std::size_t>(free - under_way_.begin());
}

void Shedder::end(std::size_t number, std::int64_t now_ms) {
  note(now_ms);
  const Measurement ended = *under_way_[number];
  under_way_[number].reset();
  judge(ended, now_ms);
  window_.push_back({.measured = ended, .ended_ms = now_ms});
}

void Shedder::note(std::int64_t now_ms) {
  if (noted_ms_ > 0) taken_ms_ += share_ * static_cast<double>(now_ms - noted_ms_);
  noted_ms_ = now_ms;
  turn_ = static_cast<double>(now_ms / (kRetryAfterSeconds * 1000)) * kGolden;
}

/// By what came until that measurement began and is done now.
void Shedder::judge(const Measurement& measured, std::int64_t now_ms) {
  while (window_.size() > 1 && window_[1].ended_ms <= now_ms - kWindowMs) {
    window_.erase(window_.begin());
  }
  if (delay_max_ms_ == 0 || window_.empty()) return;
  const Ended& first = window_.front();
  const auto took_ms = static_cast<double>(now_ms - first.ended_ms);
  const auto came_ms = static_cast<double>(measured.begun_ms - first.measured.begun_ms);
  if (took_ms < kJudgedMsMin || came_ms <= 0) return;
  const auto waited_ms = static_cast<double>(now_ms - measured.begun_ms);
  // What comes now has before it what came meanwhile.
  const double waits_ms = waited_ms * took_ms / came_ms;
  const std::int64_t passed_ms = std::min(now_ms - judged_ms_, kWindowMs);
  judged_ms_ = now_ms;
  if (waits_ms <= delay_max_ms_) {
    const double more = share_ <= kBelow * knee_   ? kMorePerMsBelow
                        : share_ <= kAbove * knee_ ? kMorePerMsNear
                                                   : kMorePerMsAbove;
    share_ = std::min(share_ * (1 + more * static_cast<double>(passed_ms)), 1.0);
    return;
  }
  const bool is_long = waited_ms > kLongWait * delay_max_ms_;
  const double least_wait_ms = kLeastWait * delay_max_ms_;
  const bool have_all_waited =
      std::all_of(window_.begin(), window_.end(),
                  [least_wait_ms](const Ended& one) { return one.waited_ms() > least_wait_ms; });
  const bool is_overload = is_long || (waited_ms > least_wait_ms && have_all_waited);
  if (!is_overload || took_ms <= kFalls * came_ms || measured.begun_ms < lessened_ms_) return;
  const double done = (measured.taken_ms - first.measured.taken_ms) / took_ms;
  const double wanted = done * (1 + (delay_max_ms_ - waits_ms) / kSettleMs);
  knee_ = std::min(share_, kKneeOfDone * done);
  share_ = std::clamp(wanted, std::max(is_long ? 0 : kLessAtOnce * share_, kShareMin),
                      std::max(share_, kShareMin));
  lessened_ms_ = now_ms;
}

}  // namespace edgeward::controller
