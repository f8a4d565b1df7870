#include "policy/content_demand.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace edgeward::policy {

namespace {

/// The short half-life is an eighth of the long one: what is left of the one to this power is what
/// is left of the other.
constexpr int kShortPower = 8;

float to_the_eighth(float value) {
  static_assert(kShortPower == 8);
  const float squared = value * value;
  const float fourth = squared * squared;
  return fourth * fourth;
}

constexpr double kTrendMin = 0.5;
constexpr double kTrendMax = 3;
/// Recent requests that a trend needs to be believed by half.
constexpr double kTrendShrink = 4;

}  // namespace

std::int32_t ContentDemand::seconds(std::int64_t at_ms) const {
  // Thirty-four years: differences fit too.
  constexpr std::int64_t kMost = (std::int64_t{1} << 30) - 1;
  return static_cast<std::int32_t>(
      std::clamp((at_ms - origin_ms_.value_or(at_ms)) / 1000, -kMost, kMost));
}

float ContentDemand::decay(std::int32_t seconds) const {
  if (seconds <= 0) return 1;
  return std::exp2(-static_cast<float>(seconds) / static_cast<float>(options_.half_life_s));
}

void ContentDemand::note(cache::ContentId content, std::uint64_t size_bytes, std::int64_t at_ms) {
  if (!origin_ms_) origin_ms_ = at_ms;
  const std::int32_t at_s = seconds(at_ms);
  total_ = total_ * decay(at_s - total_at_s_) + 1;
  total_at_s_ = std::max(total_at_s_, at_s);
  const auto found = entries_.find(content);
  if (found != entries_.end()) {
    Entry& entry = found->second;
    const float left = decay(at_s - entry.at_s);
    entry.count = entry.count * left + 1;
    entry.recent = entry.recent * to_the_eighth(left) + 1;
    entry.error *= left;
    entry.at_s = std::max(entry.at_s, at_s);
    if (size_bytes > 0) entry.size_bytes = size_bytes;
    return;
  }
  if (entries_.size() >= 2 * options_.tracked_contents) forget_least(at_s);
  entries_.emplace(content, Entry{.size_bytes = size_bytes,
                                  .count = 1,
                                  .recent = 1,
                                  .error = uncounted_ * decay(at_s - uncounted_at_s_),
                                  .at_s = at_s,
                                  .first_at_s = at_s});
}

void ContentDemand::forget_least(std::int32_t now_s) {
  const auto most_of = [&](const Entry& entry) {
    return (entry.count + entry.error) * decay(now_s - entry.at_s);
  };
  std::vector<float> most;
  most.reserve(entries_.size());
  for (const auto& entry : entries_) most.push_back(most_of(entry.second));
  const std::size_t surplus = entries_.size() - options_.tracked_contents;
  const auto cut = most.begin() + static_cast<std::ptrdiff_t>(surplus - 1);
  std::nth_element(most.begin(), cut, most.end());
  // What equals the cut goes too: else many equals would all stay.
  boost::unordered::erase_if(entries_,
                             [&](const auto& entry) { return most_of(entry.second) <= *cut; });
  uncounted_ = std::max(*cut, uncounted_ * decay(now_s - uncounted_at_s_));
  uncounted_at_s_ = now_s;
}

double ContentDemand::window_s(double half_life_s, double age_s) const {
  return half_life_s / std::log(2.0) * (1 - std::exp2(-age_s / half_life_s));
}

ContentDemand::Known ContentDemand::known(const Entry& entry, std::int64_t now_ms) const {
  const std::int32_t now_s = seconds(now_ms);
  const float left = decay(now_s - entry.at_s);
  const double count = entry.count * left;
  const double recent = entry.recent * to_the_eighth(left);
  // A content that is new was not asked for before, but one request a moment ago is no rate: it is
  // taken to have been there for two short half-lives, if anything was.
  const double short_s = options_.half_life_s / kShortPower;
  const double age_s =
      std::min(std::max(static_cast<double>(now_s - entry.first_at_s), 2 * short_s),
               std::max(static_cast<double>(now_s), 1.0));
  // Of contents that were asked for n times, most are rarer than that says, and were lucky: what is
  // to come is less than n, the more so the smaller n is (Good, Biometrika 40, 1953).
  const double expected_count = count * count / (count + 1);
  Known result{.size_bytes = entry.size_bytes,
               .per_second = expected_count / window_s(options_.half_life_s, age_s),
               .count = count,
               .error = entry.error * left};
  const double recent_per_second = recent / window_s(short_s, age_s);
  const double plain_per_second = count / window_s(options_.half_life_s, age_s);
  if (plain_per_second > 0) {
    const double ratio = recent_per_second / plain_per_second;
    const double expected = plain_per_second * window_s(short_s, age_s);
    const double weight = expected / (expected + kTrendShrink);
    result.trend = std::clamp(1 + weight * (ratio - 1), kTrendMin, kTrendMax);
  }
  return result;
}

std::optional<ContentDemand::Known> ContentDemand::find(cache::ContentId content,
                                                        std::int64_t now_ms) const {
  const auto found = entries_.find(content);
  if (found == entries_.end()) return std::nullopt;
  return known(found->second, now_ms);
}

double ContentDemand::total(std::int64_t now_ms) const {
  return total_ * decay(seconds(now_ms) - total_at_s_);
}

double ContentDemand::per_second(std::int64_t now_ms) const {
  const double age_s = std::max(static_cast<double>(seconds(now_ms)), 1.0);
  return total(now_ms) / window_s(options_.half_life_s, age_s);
}

double ContentDemand::uncounted(std::int64_t now_ms) const {
  return uncounted_ * decay(seconds(now_ms) - uncounted_at_s_);
}

}  // namespace edgeward::policy
