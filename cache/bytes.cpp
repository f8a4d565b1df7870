#include "cache/bytes.hpp"

#include <xxhash.h>

namespace edgeward::cache {

std::string sealed(std::string_view magic, std::string_view content) {
  std::string bytes(magic);
  bytes += content;
  const std::uint64_t checksum = XXH3_64bits(bytes.data(), bytes.size());
  bytes.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return bytes;
}

std::optional<std::string_view> unsealed(std::string_view magic, std::string_view bytes) {
  std::uint64_t checksum = 0;
  if (!bytes.starts_with(magic) || bytes.size() < magic.size() + sizeof checksum) {
    return std::nullopt;
  }
  const std::string_view signed_part = bytes.substr(0, bytes.size() - sizeof checksum);
  std::memcpy(&checksum, bytes.data() + signed_part.size(), sizeof checksum);
  if (checksum != XXH3_64bits(signed_part.data(), signed_part.size())) return std::nullopt;
  return signed_part.substr(magic.size());
}

}  // namespace edgeward::cache
