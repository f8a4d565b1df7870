#include "sim/logs/record.hpp"

#include <array>

namespace edgeward::sim {

std::string_view name(SkipReason reason) {
  static constexpr std::array<std::string_view, kSkipReasons> kNames{
      "header", "comment", "blank",   "bad_line", "method",
      "status", "no_key",  "no_time", "no_size",  "internal"};
  return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace edgeward::sim
