#pragma once

#include <string>
#include <string_view>

#include "controller/config/config_file.hpp"
#include "controller/locator_loading.hpp"

namespace edgeward::controller {

/// One sentence on stderr, escaped.
void say(std::string_view sentence);

/// The configuration that `--config` and `--fleet` choose, either of which may be empty: the fleet
/// file stands in for the configuration's fleet; without a configuration the shipped location
/// database is used, without both the made-up fleet. Says what is used that nobody named.
[[nodiscard]] Config load_chosen_config(const std::string& config_file,
                                        const std::string& fleet_file, const Talk& talk = say,
                                        const CheckTls& check_tls = {});

}  // namespace edgeward::controller
