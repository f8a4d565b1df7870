#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "controller/http/request.hpp"
#include "geo/ip_address.hpp"
#include "geo/ip_prefix.hpp"

namespace edgeward::controller {

/// The field in which trusted proxies say for whom they ask. Only one: what the proxy does not set
/// it may pass on as the client wrote it.
enum class ProxyField : std::uint8_t { x_forwarded_for, forwarded };
[[nodiscard]] std::string_view name(ProxyField field);

/// Whose word is taken for a client's address.
struct TrustRules {
  std::vector<geo::IpPrefix> callers;  ///< may ask for any client: `client=`, batches
  std::vector<geo::IpPrefix> proxies;
  ProxyField proxy_field = ProxyField::x_forwarded_for;

  bool operator==(const TrustRules&) const = default;
};

[[nodiscard]] bool is_among(const geo::IpAddress& address,
                            const std::vector<geo::IpPrefix>& prefixes);

/// The address that a request comes from: the peer's, or if that is a trusted proxy the last in its
/// list that is none. What stands further left anyone may have written.
[[nodiscard]] geo::IpAddress client_of(const geo::IpAddress& peer, const HttpRequest& request,
                                       const TrustRules& rules);

}  // namespace edgeward::controller
