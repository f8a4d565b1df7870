#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cache/edge.hpp"
#include "controller/log/log_record.hpp"
#include "controller/service/counts.hpp"
#include "controller/service/publisher.hpp"

namespace edgeward::controller {

/// Tells what is worth a line in the log between two ticks: edges that changed their mode, and,
/// summed up, clients that were refused. However much happens, it says little: kChangesMax lines of
/// edges and one of clients an interval; what is left out is counted. Not thread-safe; the caller
/// keeps the time.
class Watch {
 public:
  static constexpr std::int64_t kIntervalMs = 60'000;
  static constexpr std::size_t kChangesMax = 100;

  /// `edges` are those of the tick, `traffic` the sums since the start. An edge that is seen for
  /// the first time has changed nothing.
  [[nodiscard]] std::vector<LogRecord> update(std::span<const EdgeView> edges,
                                              const TrafficCounts& traffic, std::int64_t now_ms);
  /// What was not told yet of clients; for the end.
  [[nodiscard]] std::optional<LogRecord> rest(const TrafficCounts& traffic);

 private:
  /// Clients turned away so far.
  struct Refusals {
    std::uint64_t connections = 0;
    std::uint64_t connections_per_peer = 0;
    std::uint64_t timed_out = 0;

    bool operator==(const Refusals&) const = default;
  };
  [[nodiscard]] static Refusals refusals_of(const TrafficCounts& traffic);

  void add_changes(std::span<const EdgeView> edges, std::int64_t now_ms,
                   std::vector<LogRecord>& records);

  std::map<std::string, cache::EdgeMode, std::less<>> modes_;
  std::int64_t changes_since_ms_ = 0;  ///< when the interval of the next two began
  std::size_t changes_told_ = 0;
  std::size_t changes_left_out_ = 0;
  Refusals refusals_told_;
  std::optional<std::int64_t> refusals_told_at_ms_;
};

}  // namespace edgeward::controller
