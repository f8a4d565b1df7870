#include "controller/catalog_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "sim/input/byte_source.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

void tell(const std::string& path, const sim::CatalogReading& reading, const Talk& talk) {
  for (const auto& bad : reading.first_bad) {
    talk(sim::printable(fmt::format("{}:{}: {}", path, bad.line, bad.message)));
  }
  if (!reading.unknown.empty()) {
    talk(sim::printable(
        fmt::format("{}: passed over, since nobody knows them: {}; known are key, size_bytes, "
                    "duration_min, type, created_at, last_viewed_at, views, rating",
                    path, fmt::join(reading.unknown, ", "))));
  }
  std::string refused;
  for (std::size_t i = 0; i < sim::kCatalogFaults; ++i) {
    if (reading.faults[i] == 0) continue;
    refused += fmt::format(", {} {}", reading.faults[i], name(static_cast<sim::CatalogFault>(i)));
  }
  talk(fmt::format("{}: {} of {} lines taken{}", path, reading.taken, reading.lines, refused));
}

std::vector<cache::CatalogUpdate> read_catalog_file(const CatalogOptions& options,
                                                    const Talk& talk) {
  std::vector<cache::CatalogUpdate> contents;
  if (!options.file) return contents;
  const std::string path = options.file->string();
  std::uint64_t dropped = 0;
  const auto source = sim::open_input(path);
  const sim::CatalogReading reading =
      sim::read_catalog(*source, path, [&](cache::CatalogUpdate update) {
        if (contents.size() < options.entries_max) {
          contents.push_back(std::move(update));
        } else {
          ++dropped;
        }
      });
  tell(path, reading, talk);
  if (dropped > 0) {
    talk(fmt::format("{}: {} lines beyond catalog.entries_max ({}) dropped", path, dropped,
                     options.entries_max));
  }
  return contents;
}

}  // namespace edgeward::controller
