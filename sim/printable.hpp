#pragma once

#include <string>
#include <string_view>

namespace edgeward::sim {

/// Text of any origin, made safe for a terminal: control characters, bytes that are no valid UTF-8,
/// the C1 and the bidirectional controls are shown as \xHH; long texts are cut.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace edgeward::sim
