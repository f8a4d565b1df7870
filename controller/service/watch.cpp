#include "controller/service/watch.hpp"

#include <utility>

namespace edgeward::controller {

Watch::Refusals Watch::refusals_of(const TrafficCounts& traffic) {
  Refusals refusals;
  for (const ConnectionCounts& counts : traffic.connections) {
    refusals.connections += counts.refused;
    refusals.connections_per_peer += counts.refused_peer;
    // An idle connection that ends is nobody refused.
    for (const TimedOut why : {TimedOut::handshake, TimedOut::request, TimedOut::write}) {
      refusals.timed_out += counts.timed_out[static_cast<std::size_t>(why)];
    }
  }
  return refusals;
}

std::vector<LogRecord> Watch::update(std::span<const EdgeView> edges, const TrafficCounts& traffic,
                                     std::int64_t now_ms) {
  std::vector<LogRecord> records;
  add_changes(edges, now_ms, records);
  if (refusals_told_at_ms_ && now_ms - *refusals_told_at_ms_ < kIntervalMs) return records;
  if (auto record = rest(traffic)) {
    records.push_back(std::move(*record));
    refusals_told_at_ms_ = now_ms;
  }
  return records;
}

std::optional<LogRecord> Watch::rest(const TrafficCounts& traffic) {
  const Refusals now = refusals_of(traffic);
  if (now == refusals_told_) return std::nullopt;
  const Refusals before = std::exchange(refusals_told_, now);
  return LogRecord{
      .level = LogLevel::warning,
      .message = "clients were refused",
      .fields = {{"connections", now.connections - before.connections},
                 {"connections_per_peer", now.connections_per_peer - before.connections_per_peer},
                 {"timed_out", now.timed_out - before.timed_out}}};
}

void Watch::add_changes(std::span<const EdgeView> edges, std::int64_t now_ms,
                        std::vector<LogRecord>& records) {
  if (now_ms - changes_since_ms_ >= kIntervalMs) {
    if (changes_left_out_ > 0) {
      records.push_back({.level = LogLevel::warning,
                         .message = "more edges changed their mode",
                         .fields = {{"changes", std::uint64_t{changes_left_out_}}}});
    }
    changes_since_ms_ = now_ms;
    changes_told_ = 0;
    changes_left_out_ = 0;
  }
  std::map<std::string, cache::EdgeMode, std::less<>> modes;
  for (const EdgeView& edge : edges) {
    const cache::EdgeMode now = edge.state.mode;
    modes.emplace(edge.name, now);
    const auto before = modes_.find(edge.name);
    if (before == modes_.end() || before->second == now) continue;
    if (changes_told_ == kChangesMax) {
      ++changes_left_out_;
      continue;
    }
    ++changes_told_;
    const bool is_bad = now == cache::EdgeMode::down || now == cache::EdgeMode::unknown;
    records.push_back({.level = is_bad ? LogLevel::warning : LogLevel::info,
                       .message = "an edge changed its mode",
                       .fields = {{"edge", edge.name},
                                  {"from", std::string(cache::name(before->second))},
                                  {"to", std::string(cache::name(now))},
                                  {"drained", edge.is_drained},
                                  {"load_ratio", edge.state.load_ratio}}});
  }
  modes_ = std::move(modes);
}

}  // namespace edgeward::controller
