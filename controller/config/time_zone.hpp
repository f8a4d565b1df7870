#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace edgeward::controller {

/// What is wrong with the name of a time zone, and what to write instead; nothing if it is an IANA
/// name. Looked up in TZDIR or /usr/share/zoneinfo; where the system has none, only its form is
/// checked.
[[nodiscard]] std::optional<std::string> time_zone_fault(std::string_view name);

/// What is missing before local times can be told; nothing where the system has time zones.
[[nodiscard]] std::optional<std::string> missing_time_zones();

}  // namespace edgeward::controller
