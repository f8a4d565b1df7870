#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "cache/catalog.hpp"
#include "cache/ids.hpp"
#include "cache/store/store_error.hpp"

namespace edgeward::cache {

/// Where a catalogue is written for others to read. Whatever is done may be done twice. The calling
/// thread waits; not thread-safe.
class CatalogStore {
 public:
  virtual ~CatalogStore() = default;

  /// Takes the place of what is there of each. After an error some may have been written.
  [[nodiscard]] virtual Stored<Done> put(std::span<const RankedEntry> entries) = 0;
  [[nodiscard]] virtual Stored<Done> remove(std::span<const ContentId> contents) = 0;

  [[nodiscard]] virtual Stored<std::optional<RankedEntry>> get(ContentId content) = 0;
  /// Best first; of equals the one with the greater id.
  [[nodiscard]] virtual Stored<std::vector<RankedEntry>> most_popular(std::size_t count) = 0;
};

}  // namespace edgeward::cache
