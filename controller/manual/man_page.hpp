#pragma once

#include <string>
#include <string_view>

#include "controller/manual/command_text.hpp"

namespace edgeward::controller {

/// edgeward(1): all commands on one page, in the man macros of roff; ASCII. `released` is
/// YYYY-MM-DD.
[[nodiscard]] std::string man_page(const CommandText& edgeward, std::string_view version,
                                   std::string_view released);

}  // namespace edgeward::controller
