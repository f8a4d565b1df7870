#include "cache/ids.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>
#include <system_error>

namespace edgeward::cache {

ContentId content_id(std::string_view canonical_key) {
  return ContentId{XXH3_64bits(canonical_key.data(), canonical_key.size())};
}

std::string to_hex(ContentId id) {
  return fmt::format("{:016x}", static_cast<std::uint64_t>(id));
}

std::optional<ContentId> parse_hex(std::string_view text) {
  constexpr std::size_t kDigits = 16;
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || text.size() != kDigits) return std::nullopt;
  return ContentId{id};
}

}  // namespace edgeward::cache
