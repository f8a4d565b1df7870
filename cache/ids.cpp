#include "cache/ids.hpp"

#include <fmt/format.h>
#include <xxhash.h>

namespace edgeward::cache {

ContentId content_id(std::string_view canonical_key) {
  return ContentId{XXH3_64bits(canonical_key.data(), canonical_key.size())};
}

std::string to_hex(ContentId id) {
  return fmt::format("{:016x}", static_cast<std::uint64_t>(id));
}

}  // namespace edgeward::cache
