#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "sim/input/byte_source.hpp"
#include "sim/trace/load.hpp"
#include "sim/trace/object_table.hpp"
#include "sim/trace/times.hpp"

namespace edgeward::sim {

/// Reads text logs: line → record → counted request → row. Sizes and order are only known at the
/// end, so rows wait in a column (spooled to disk beyond the memory budget) until finish() sorts
/// them by time and writes the trace.
class TextLoader {
 public:
  TextLoader(Trace& trace, const LoadOptions& options, MemoryBudget& budget, Progress& progress);

  /// Appends one file. Throws InputError if it has lines but none that parses.
  void append(ByteSource& source, const std::string& path, const LogFormat& format);

  /// Sorts, drops requests whose object's size was never seen, fills the trace and its summary.
  void finish();

 private:
  static constexpr std::uint64_t kUnseen = ~std::uint64_t{0};

  /// One counted request.
  struct Row {
    std::int64_t at_ms = 0;
    std::uint64_t recorded = 0;  ///< RecordedResponse
    cache::ObjectIndex object = 0;
    std::uint32_t extra = kNoExtra;  ///< index into extras_
  };
  static constexpr std::uint32_t kNoExtra = 0xFFFF'FFFF;

  /// What few requests have, or few replays want.
  struct Extra {
    std::uint64_t first = 0;  ///< body bytes asked for, both ends included
    std::uint64_t last = kUnseen;
    std::uint32_t ttl_s = Trace::kNoTtl;
    std::uint32_t client = 0;  ///< as in TraceClients
    std::uint16_t edge = 0;
  };

  struct SizeSeen {
    std::uint64_t full = kUnseen;  ///< largest body of a full (200) response
    std::uint64_t any = kUnseen;   ///< largest body of any response that had one
    std::uint64_t first = kUnseen;
    std::uint64_t extent = 0;  ///< end of the farthest range served
  };

  [[nodiscard]] tl::expected<void, Skipped> add(const LogRecord& record);
  void note_size(const LogRecord& record, cache::ObjectIndex object);
  [[nodiscard]] std::uint32_t note_extra(const LogRecord& record);
  void count_skipped(const Skipped& skipped, const std::string& path, std::uint64_t line);
  [[nodiscard]] std::uint64_t final_size(const SizeSeen& seen) const;
  void settle_objects();
  void write_rows();
  void write_row(const Row& row);
  void write_accesses(const Row& row, std::uint32_t time);
  template <class Visit>
  void visit_in_order(Visit visit);

  Trace& trace_;
  const LoadOptions& options_;
  MemoryBudget& budget_;
  Progress& progress_;
  ObjectTable objects_;
  Column<Row> rows_;
  Column<Extra> extras_;
  std::vector<SizeSeen> sizes_seen_;
  std::vector<std::uint32_t> ttl_s_stated_;  ///< by number while reading: the last one so far
  /// From the number an object had while reading to its number in the trace (its first chunk's,
  /// with chunks); kNoObject if its size was never seen.
  std::vector<cache::ObjectIndex> renumbered_;
  std::vector<std::uint64_t> object_sizes_;  ///< whole sizes by number while reading
  CacheKeyWriter key_writer_;
  std::string key_;
  TimeCheck times_;
  bool has_recorded_ = false;
  ClientTable clients_;
  EdgeNameTable edge_names_;
  std::vector<cache::ContentId> contents_;  ///< by number while reading, with clients
};

}  // namespace edgeward::sim
