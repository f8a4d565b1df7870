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
  /// One counted request.
  struct Row {
    std::int64_t at_ms = 0;
    std::uint64_t recorded = 0;  ///< RecordedResponse
    cache::ObjectIndex object = 0;
    std::uint32_t range = kWhole;  ///< index into ranges_
  };
  static constexpr std::uint32_t kWhole = 0xFFFF'FFFF;

  /// Body bytes asked for, both ends included.
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };

  struct SizeSeen {
    std::uint64_t full = kUnseen;  ///< largest body of a full (200) response
    std::uint64_t any = kUnseen;   ///< largest body of any response that had one
    std::uint64_t first = kUnseen;
  };
  static constexpr std::uint64_t kUnseen = ~std::uint64_t{0};

  [[nodiscard]] tl::expected<void, Skipped> add(const LogRecord& record);
  void note_size(const LogRecord& record, cache::ObjectIndex object);
  [[nodiscard]] std::uint32_t note_range(const LogRecord& record);
  void count_skipped(const Skipped& skipped, const std::string& path, std::uint64_t line);
  [[nodiscard]] std::uint64_t final_size(const SizeSeen& seen) const;
  void settle_objects();
  void write_rows();
  void write_row(const Row& row);
  void write_accesses(cache::ObjectIndex object, std::uint32_t range, std::uint32_t time);
  template <class Visit>
  void visit_in_order(Visit visit);

  Trace& trace_;
  const LoadOptions& options_;
  MemoryBudget& budget_;
  Progress& progress_;
  ObjectTable objects_;
  Column<Row> rows_;
  Column<Range> ranges_;
  std::vector<SizeSeen> sizes_seen_;
  std::vector<std::uint32_t> ttl_s_seen_;
  /// From the number an object had while reading to its number in the trace (its first chunk's,
  /// with chunks); kNoObject if its size was never seen.
  std::vector<cache::ObjectIndex> renumbered_;
  std::vector<std::uint64_t> object_sizes_;  ///< whole sizes by number while reading
  CacheKeyWriter key_writer_;
  std::string key_;
  TimeCheck times_;
  bool has_recorded_ = false;
};

}  // namespace edgeward::sim
