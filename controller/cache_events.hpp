#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "cache/hit_learner.hpp"
#include "sim/logs/cache_key.hpp"

namespace edgeward::controller {

/// Why a line of `POST /v1/events` told nothing.
enum class EventFault : std::uint8_t {
  bad_line,      ///< no JSON object, or a field is there twice
  no_edge,       ///< `edge` is absent or no text
  unknown_edge,  ///< no edge of that name
  no_key,        ///< `key` is absent, no text, or longer than any
  bad_time,      ///< `at` is no time, lies ahead, or is older than kEventAgeMaxMs
  bad_client,    ///< `client` is neither address nor prefix
  bad_size,      ///< `size_bytes` is no whole number
  no_hit,        ///< `hit` is absent, or neither true nor false
};
inline constexpr std::size_t kEventFaults = 8;
[[nodiscard]] std::string_view name(EventFault fault);

inline constexpr std::int64_t kEventAgeMaxMs = 86'400'000;
/// Clocks differ.
inline constexpr std::int64_t kEventAheadMaxMs = 60'000;

/// What a body told: lines that are not blank = events + all faults.
struct EventReading {
  std::vector<cache::CacheEvent> events;
  std::array<std::uint64_t, kEventFaults> faults{};
};

/// Reads what edges say of their requests, a JSON object a line:
/// {"at":S,"edge":"fra1","client":"192.0.2.0/24","key":"/a","size_bytes":N,"hit":true}. `at` may be
/// absent: now; so may client and size_bytes. Other fields are passed over. Keeps buffers between
/// bodies; not thread-safe.
class EventReader {
 public:
  EventReader();
  ~EventReader();
  EventReader(EventReader&&) noexcept;
  EventReader& operator=(EventReader&&) noexcept;

  [[nodiscard]] EventReading read(std::string_view body, const cache::Fleet& fleet,
                                  std::int64_t now_ms);

 private:
  struct Json;
  std::unique_ptr<Json> json_;
};

}  // namespace edgeward::controller
