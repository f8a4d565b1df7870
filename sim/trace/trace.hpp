#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/eviction/policy.hpp"
#include "cache/ids.hpp"
#include "sim/logs/record.hpp"
#include "sim/trace/clients.hpp"
#include "sim/trace/column.hpp"
#include "sim/trace/time_steps.hpp"

namespace edgeward::sim {

/// A line that gave no request although it should have, for people to look at.
struct BadLine {
  std::string file;
  std::uint64_t line = 0;  ///< from 1
  std::string message;
};

/// What the input was. lines = requests + all skipped, for text.
struct TraceSummary {
  std::optional<std::uint64_t> lines;  ///< absent for binary traces
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;  ///< every request counts its object's size
  std::uint64_t unique_objects = 0;
  std::uint64_t footprint_bytes = 0;        ///< sum of the unique objects' sizes
  std::optional<std::int64_t> first_at_ms;  ///< absent where times are missing or not real
  std::optional<std::int64_t> last_at_ms;
  std::uint64_t went_back = 0;  ///< requests earlier than the one before them in the input
  std::array<std::uint64_t, kSkipReasons> skipped{};
  std::vector<BadLine> first_bad;  ///< the first few
  bool partial = false;            ///< reading was interrupted
};

/// A response that the log marks as uncacheable: always a miss, never admitted. It goes past the
/// policies, so it is kept apart from their stream.
struct UncacheableRequest {
  std::uint64_t stream_position = 0;  ///< how many cacheable accesses come before it
  std::uint64_t bytes = 0;            ///< its object's size
  std::uint32_t time = 0;             ///< as in Trace::times
  cache::ContentId content{};         ///< as in Trace::contents
};

/// A request log decoded once: flat columns over dense object numbers, in replay order. Read-only
/// after loading and shared by all runs.
///
/// The stream holds one access for each cacheable request; with chunks one for each chunk that the
/// request touches, and then `request_starts` has the stream position of each request's first
/// access.
struct Trace {
  explicit Trace(MemoryBudget& budget)
      : stream(budget),
        times(budget),
        request_starts(budget),
        recorded(budget),
        ttl_s(budget),
        requesters(budget) {}

  TraceSummary summary;
  std::vector<std::uint64_t> sizes_bytes;  ///< by ObjectIndex (of chunks, with chunks)
  Column<cache::ObjectIndex> stream;
  /// Time of each access, in units of time_unit_ms since first_at_ms, never decreasing; empty where
  /// times are not real.
  TimeSteps times;
  std::int64_t time_unit_ms = 1;
  Column<std::uint64_t> request_starts;         ///< empty without chunks
  std::vector<UncacheableRequest> uncacheable;  ///< by stream position
  /// What the log's own cache did: one entry a request (uncacheable ones too), in replay order;
  /// empty if the log does not say.
  Column<std::uint64_t> recorded;
  /// By access, the freshness lifetime stated then or last before; kNoTtl if none was. Empty unless
  /// asked for.
  Column<std::uint32_t> ttl_s;
  TraceClients requesters;  ///< empty unless asked for
  /// Id of each object, or of the content that a chunk is of. Empty unless asked for, with clients.
  std::vector<cache::ContentId> contents;

  static constexpr std::uint32_t kNoTtl = 0xFFFF'FFFF;

  [[nodiscard]] bool has_times() const { return summary.first_at_ms.has_value(); }
  [[nodiscard]] std::int64_t at_ms(std::uint32_t time) const {
    return *summary.first_at_ms + time * time_unit_ms;
  }
};

/// One entry of Trace::recorded: the bytes sent and what the cache did, in one word.
struct RecordedResponse {
  std::uint64_t sent_bytes = 0;  ///< below 2^62
  CacheStatus cache = CacheStatus::unknown;

  [[nodiscard]] std::uint64_t packed() const {
    return (sent_bytes << 2) | static_cast<std::uint64_t>(cache);
  }
  [[nodiscard]] static RecordedResponse unpacked(std::uint64_t word) {
    return {.sent_bytes = word >> 2, .cache = static_cast<CacheStatus>(word & 3)};
  }
};

}  // namespace edgeward::sim
