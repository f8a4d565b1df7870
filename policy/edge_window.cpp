#include "policy/edge_window.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "cache/bytes.hpp"

namespace edgeward::policy {

namespace {

constexpr std::int64_t kWindowHourMs = 3'600'000;
constexpr std::int64_t kWindowMs = EdgeWindow::kHours * kWindowHourMs;
constexpr std::string_view kWindowMagic = "edgeward edge window 1\n";

/// The hour that a time is in. Times of the year 200,000 are as good as any later.
std::int32_t window_hour(std::int64_t at_ms) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() - EdgeWindow::kHours;
  const std::int64_t below = at_ms % kWindowHourMs < 0 ? 1 : 0;
  return static_cast<std::int32_t>(std::clamp(at_ms / kWindowHourMs - below, -kMost, kMost));
}

/// The first hour that begins at that time or later.
std::int64_t hour_from(std::int64_t at_ms) {
  const std::int64_t hour = window_hour(at_ms);
  return hour * kWindowHourMs < at_ms ? hour + 1 : hour;
}

std::size_t slot(std::int64_t hour) {
  return static_cast<std::size_t>((hour % EdgeWindow::kHours + EdgeWindow::kHours) %
                                  EdgeWindow::kHours);
}

std::optional<double> ratio_of(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

EdgeWindow::EdgeWindow(const EdgeWindowOptions& options) : options_(options) {
  options_.tracked_contents = std::max<std::size_t>(options_.tracked_contents, 1);
}

RequestCounts& RequestCounts::operator+=(const RequestCounts& other) {
  requests += other.requests;
  hits += other.hits;
  bytes += other.bytes;
  hit_bytes += other.hit_bytes;
  return *this;
}

std::optional<double> RequestCounts::hit_ratio() const {
  return ratio_of(hits, requests);
}

std::optional<double> RequestCounts::byte_hit_ratio() const {
  return ratio_of(hit_bytes, bytes);
}

void EdgeWindow::Misses::advance(std::int32_t to_hour) {
  if (to_hour <= hour) return;
  if (to_hour - std::int64_t{hour} >= kHours) {
    by_hour = {};
  } else {
    for (std::int64_t gone = hour + 1; gone <= to_hour; ++gone) by_hour[slot(gone)] = 0;
  }
  hour = to_hour;
}

std::uint64_t EdgeWindow::Misses::count(std::int64_t first_hour, std::int64_t last_hour) const {
  std::uint64_t sum = 0;
  const std::int64_t last = std::min<std::int64_t>(last_hour, hour);
  for (std::int64_t at = std::max(first_hour, hour - kHours + 1); at <= last; ++at) {
    sum += by_hour[slot(at)];
  }
  return sum;
}

std::uint64_t EdgeWindow::Misses::error_in(std::int64_t first_hour) const {
  return error_hour >= first_hour ? error : 0;
}

void EdgeWindow::note(const cache::CacheEvent& event) {
  const std::int32_t hour = window_hour(event.at_ms);
  if (newest_hour_ && hour <= *newest_hour_ - kHours) {
    ++late_;
    return;
  }
  newest_hour_ = std::max(newest_hour_.value_or(hour), hour);
  HourCounts& counted = hours_[slot(hour)];
  if (counted.hour != hour) counted = {.hour = hour, .counts = {}};
  counted.counts += {.requests = 1,
                     .hits = event.is_hit ? 1U : 0U,
                     .bytes = event.size_bytes,
                     .hit_bytes = event.is_hit ? event.size_bytes : 0};
  if (!event.is_hit) note_miss(event, hour);
}

void EdgeWindow::note_miss(const cache::CacheEvent& event, std::int32_t hour) {
  auto found = missed_.find(event.content);
  if (found == missed_.end()) {
    if (missed_.size() >= 2 * options_.tracked_contents) forget_least();
    const std::uint64_t error = uncounted_since(*newest_hour_ - kHours + 1);
    constexpr std::uint64_t kErrorCountMax = std::numeric_limits<std::uint32_t>::max();
    found =
        missed_
            .emplace(event.content,
                     Misses{.size_bytes = 0,
                            .by_hour = {},
                            .hour = *newest_hour_,
                            .error_hour = *newest_hour_,
                            .error = static_cast<std::uint32_t>(std::min(error, kErrorCountMax))})
            .first;
  }
  Misses& misses = found->second;
  misses.advance(*newest_hour_);
  std::uint16_t& count = misses.by_hour[slot(hour)];
  if (count < std::numeric_limits<std::uint16_t>::max()) ++count;
  if (event.size_bytes > 0) misses.size_bytes = event.size_bytes;
}

void EdgeWindow::forget_least() {
  const std::int64_t first_hour = *newest_hour_ - kHours + 1;
  const auto most_of = [&](const Misses& misses) {
    return misses.count(first_hour, *newest_hour_) + misses.error_in(first_hour);
  };
  std::vector<std::uint64_t> most;
  most.reserve(missed_.size());
  for (const auto& entry : missed_) most.push_back(most_of(entry.second));
  const std::size_t surplus = missed_.size() - options_.tracked_contents;
  const auto cut = most.begin() + static_cast<std::ptrdiff_t>(surplus - 1);
  std::nth_element(most.begin(), cut, most.end());
  // What equals the cut goes too: else many equals would all stay.
  boost::unordered::erase_if(missed_,
                             [&](const auto& entry) { return most_of(entry.second) <= *cut; });
  // Within an hour the cut only grows: all that stays, or comes, has more.
  forgotten_[slot(*newest_hour_)] = {.hour = *newest_hour_, .misses = *cut};
}

std::uint64_t EdgeWindow::uncounted_since(std::int64_t first_hour) const {
  std::uint64_t most = 0;
  for (const Forgotten& forgotten : forgotten_) {
    if (forgotten.hour >= first_hour) most = std::max(most, forgotten.misses);
  }
  return most;
}

RequestCounts EdgeWindow::counts(std::int64_t now_ms) const {
  RequestCounts sum;
  for (const HourCounts& each : hours(now_ms - kWindowMs, now_ms)) sum += each.counts;
  return sum;
}

std::vector<HourCounts> EdgeWindow::hours(std::int64_t from_ms, std::int64_t until_ms) const {
  std::vector<HourCounts> result;
  if (!newest_hour_) return result;
  const std::int64_t first = std::max(hour_from(from_ms), *newest_hour_ - kHours + 1);
  const std::int64_t end = std::min(hour_from(until_ms), std::int64_t{*newest_hour_} + 1);
  for (std::int64_t hour = first; hour < end; ++hour) {
    const HourCounts& counted = hours_[slot(hour)];
    if (counted.hour == hour && counted.counts.requests > 0) result.push_back(counted);
  }
  return result;
}

std::vector<MissedContent> EdgeWindow::missed(std::int64_t now_ms, std::uint64_t misses_min) const {
  std::vector<MissedContent> result;
  const std::int64_t first_hour = hour_from(now_ms - kWindowMs);
  const std::int64_t last_hour = hour_from(now_ms) - 1;
  for (const auto& entry : missed_) {
    const std::uint64_t misses = entry.second.count(first_hour, last_hour);
    if (misses == 0 || misses < misses_min) continue;
    result.push_back({.content = entry.first,
                      .size_bytes = entry.second.size_bytes,
                      .misses = misses,
                      .error = entry.second.error_in(first_hour)});
  }
  std::sort(result.begin(), result.end(), [](const MissedContent& a, const MissedContent& b) {
    return a.misses != b.misses ? a.misses > b.misses : a.content < b.content;
  });
  return result;
}

std::uint64_t EdgeWindow::uncounted(std::int64_t now_ms) const {
  return uncounted_since(hour_from(now_ms - kWindowMs));
}

std::string EdgeWindow::save() const {
  cache::ByteWriter bytes;
  bytes.put(hours_);
  bytes.put(forgotten_);
  bytes.put(newest_hour_.has_value());
  bytes.put(newest_hour_.value_or(0));
  bytes.put(late_);
  std::vector<std::pair<cache::ContentId, Misses>> entries(missed_.begin(), missed_.end());
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  bytes.put(std::uint64_t{entries.size()});
  for (const auto& entry : entries) {
    const Misses& misses = entry.second;
    bytes.put(entry.first);
    bytes.put(misses.size_bytes);
    bytes.put(misses.by_hour);
    bytes.put(misses.hour);
    bytes.put(misses.error_hour);
    bytes.put(misses.error);
  }
  return cache::sealed(kWindowMagic, std::move(bytes).text());
}

bool EdgeWindow::restore(std::string_view saved) {
  const auto content = cache::unsealed(kWindowMagic, saved);
  if (!content) return false;
  cache::ByteReader bytes(*content);
  EdgeWindow window(options_);
  bool has_newest = false;
  std::int32_t newest_hour = 0;
  std::uint64_t entries = 0;
  if (!bytes.get(window.hours_) || !bytes.get(window.forgotten_) || !bytes.get(has_newest) ||
      !bytes.get(newest_hour) || !bytes.get(window.late_) || !bytes.get(entries)) {
    return false;
  }
  if (entries > 0 && !has_newest) return false;
  if (has_newest) window.newest_hour_ = newest_hour;
  for (std::uint64_t i = 0; i < entries; ++i) {
    cache::ContentId id{};
    Misses misses;
    if (!bytes.get(id) || !bytes.get(misses.size_bytes) || !bytes.get(misses.by_hour) ||
        !bytes.get(misses.hour) || !bytes.get(misses.error_hour) || !bytes.get(misses.error)) {
      return false;
    }
    window.missed_.emplace(id, misses);
  }
  if (!bytes.is_at_end()) return false;
  *this = std::move(window);
  // It may have been saved by one that tracked more.
  if (missed_.size() > 2 * options_.tracked_contents) forget_least();
  return true;
}

}  // namespace edgeward::policy
