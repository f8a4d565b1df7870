#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "cache/catalog.hpp"

namespace edgeward::controller {

/// Where else the catalogue is.
enum class CatalogBackend : std::uint8_t {
  memory,  ///< nowhere
  redis,   ///< written to the Redis of control, for others to read
};
inline constexpr std::array kCatalogBackends{CatalogBackend::memory, CatalogBackend::redis};
[[nodiscard]] constexpr std::string_view name(CatalogBackend backend) {
  return backend == CatalogBackend::redis ? "redis" : "memory";
}

/// Everything that the operator may set about the catalogue: the key `catalog`.
struct CatalogOptions {
  std::optional<std::filesystem::path> file;  ///< a list taken in at the start and at reloads
  std::size_t entries_max = cache::Catalog::kEntriesMax;
  CatalogBackend store = CatalogBackend::memory;

  bool operator==(const CatalogOptions&) const = default;
};

}  // namespace edgeward::controller
