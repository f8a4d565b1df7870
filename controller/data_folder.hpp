#pragma once

#include <filesystem>

namespace edgeward::controller {

/// Where the data lies that Edgeward ships (world database, country centres, demo fleet):
/// $EDGEWARD_DATA_DIR if that is set, else share/edgeward beside the bin folder of the running
/// program, else the data folder of the source tree it was built from. Throws sim::InputError,
/// naming all three, where there is none.
[[nodiscard]] std::filesystem::path data_folder();

}  // namespace edgeward::controller
