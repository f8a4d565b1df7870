#pragma once

#include <string_view>

#include "geo/ip_address.hpp"

namespace edgeward::geo {

/// What an address is for that is nowhere in particular: "private (RFC 1918)", "loopback", … after
/// IANA's registries of special-purpose addresses (RFC 6890). Empty for all others.
[[nodiscard]] std::string_view special_use(const IpAddress& address);

}  // namespace edgeward::geo
