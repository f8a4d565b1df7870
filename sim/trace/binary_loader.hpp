#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/input/byte_source.hpp"
#include "sim/progress.hpp"
#include "sim/trace/object_table.hpp"
#include "sim/trace/times.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// Reads `oracle_general` traces (libCacheSim's format): 24-byte little-endian records of u32 time
/// in s, u64 object id, u32 size in bytes, i64 index of the next access, which is not read. An
/// object keeps the size it had first. A cut last record is counted as a bad line. Records say
/// nothing of clients: where they are asked for, all are the one of whom nothing is known.
class BinaryLoader {
 public:
  static constexpr std::size_t kRecordBytes = 24;

  BinaryLoader(Trace& trace, bool with_clients, Progress& progress)
      : trace_(trace), with_clients_(with_clients), progress_(progress) {}

  /// True if the first bytes of an input look like such records: not text, and next-access indices
  /// and times as a writer would produce them.
  [[nodiscard]] static bool recognises(std::string_view first_bytes);

  /// Appends one file.
  void append(ByteSource& source, const std::string& path);

  /// Drops times that are no times, fills the summary.
  void finish();

 private:
  void append_records(const char* bytes, std::size_t records);

  Trace& trace_;
  bool with_clients_;
  Progress& progress_;
  ObjectTable objects_;
  TimeCheck times_;
  std::uint32_t first_time_s_ = 0;
  std::uint32_t latest_time_s_ = 0;
};

}  // namespace edgeward::sim
