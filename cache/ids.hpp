#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgeward::cache {

/// Names a content everywhere: XXH3_64 of its canonical key, seed 0. Binary traces keep their own
/// 64-bit ids. Two different keys share an id with probability about n²/2^65 for n contents.
enum class ContentId : std::uint64_t {};

/// Dense number of a content within one replay, 0 .. unique_objects - 1, in order of first
/// appearance. All per-object state is an array indexed by it.
using ObjectIndex = std::uint32_t;
inline constexpr ObjectIndex kNoObject = 0xFFFF'FFFF;

/// The id of a canonical key.
[[nodiscard]] ContentId content_id(std::string_view canonical_key);

/// 16 lowercase hexadecimal digits.
[[nodiscard]] std::string to_hex(ContentId id);
/// Of 16 hexadecimal digits; nothing for anything else.
[[nodiscard]] std::optional<ContentId> parse_hex(std::string_view text);

}  // namespace edgeward::cache
