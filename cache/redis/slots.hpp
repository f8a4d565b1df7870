#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cache/redis/options.hpp"

namespace edgeward::cache::redis {

inline constexpr std::uint16_t kSlots = 16'384;

/// The slot of a key: CRC-16/XMODEM of its hash tag, what stands between the first '{' and the next
/// '}' if that is anything, else of the whole key (Redis cluster specification, "Hash tags").
[[nodiscard]] std::uint16_t slot_of(std::string_view key);

/// Where an error answer sends a command.
struct Redirection {
  std::uint16_t slot = 0;
  Address address;
  bool is_ask = false;  ///< for this command alone, after ASKING; else from now on

  bool operator==(const Redirection&) const = default;
};
/// Of `MOVED 3999 127.0.0.1:6381` or `ASK …`; nothing for any other text. A node that does not know
/// its own host leaves it out: it is that of `from` then.
[[nodiscard]] std::optional<Redirection> parse_redirection(std::string_view text,
                                                           const Address& from);

}  // namespace edgeward::cache::redis
