#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/logs/cache_key.hpp"
#include "sim/logs/line_parser.hpp"
#include "sim/progress.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// What counts as a request, which size an object has, how its key is formed.
struct LoadOptions {
  std::vector<std::string> inputs;  ///< files in order; "-" is standard input
  std::string format = "auto";      ///< a text format's name, or oracle_general
  ColumnChoice columns;
  CacheKeyRules key;
  std::vector<std::string> methods{"GET"};
  std::vector<int> statuses{200, 203, 206, 304, 301, 404, 410};
  /// Text: an object's size is the largest full (200) size seen, else the largest seen; `first`:
  /// the first seen. Binary traces: always the first.
  enum class ObjectSize : std::uint8_t { max, first };
  ObjectSize object_size = ObjectSize::max;
  std::uint64_t chunk_bytes = 0;  ///< 0: objects are cached whole
  bool unit_size = false;         ///< every object counts 1
  bool ttl_from_log = false;      ///< keep the freshness lifetimes that the log states
  bool with_clients = false;      ///< keep who asked, and which edge the log says served
};

/// Reads all inputs into one trace: text logs sorted by time (stable), binary traces in file order.
/// Throws InputError for unreadable input, an unknown format, or a file none of whose lines parse.
/// Stops early, with summary.partial, if progress says so.
[[nodiscard]] Trace load_trace(const LoadOptions& options, MemoryBudget& budget,
                               Progress& progress);

/// How many bad lines are kept for people to look at.
inline constexpr std::size_t kBadLinesShown = 5;

}  // namespace edgeward::sim
