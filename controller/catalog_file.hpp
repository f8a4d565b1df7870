#pragma once

#include <string>
#include <vector>

#include "cache/catalog.hpp"
#include "controller/locator_loading.hpp"
#include "controller/service/catalog_options.hpp"
#include "sim/catalog_lines.hpp"

namespace edgeward::controller {

/// Says how many lines of a list were taken, how many not and why, the first of them, and which
/// fields nobody knows.
void tell(const std::string& path, const sim::CatalogReading& reading, const Talk& talk);

/// The list that the options name, if they do; of its contents as many as they allow. Says what was
/// wrong with it. Throws sim::InputError for a file that cannot be used.
[[nodiscard]] std::vector<cache::CatalogUpdate> read_catalog_file(const CatalogOptions& options,
                                                                  const Talk& talk);

}  // namespace edgeward::controller
