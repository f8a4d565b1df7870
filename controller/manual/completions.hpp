#pragma once

#include <string>

#include "controller/manual/command_text.hpp"

namespace edgeward::controller {

// What a shell completes after `edgeward`: commands, options, the values of options that have
// choices, and files where a file is named.
[[nodiscard]] std::string bash_completion(const CommandText& edgeward);
[[nodiscard]] std::string zsh_completion(const CommandText& edgeward);
[[nodiscard]] std::string fish_completion(const CommandText& edgeward);

}  // namespace edgeward::controller
