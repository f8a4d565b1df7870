#pragma once

#include <cstdint>

namespace edgeward::controller {

/// What this process uses, as Linux tells it (proc(5)); 0 where it does not. Costs a walk through
/// the open files.
struct ProcessUsage {
  double cpu_seconds = 0;
  double started_at_s = 0;  ///< since the epoch
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t open_files_max = 0;
  std::uint64_t threads = 0;
};
[[nodiscard]] ProcessUsage process_usage();

}  // namespace edgeward::controller
