#pragma once

#include <cstdint>

#include "cache/ids.hpp"
#include "geo/ip_address.hpp"

namespace edgeward::policy {

/// One request for one content: the same value whether it came from HTTP, DNS, a log line or the
/// generator.
struct Request {
  std::int64_t at_ms = 0;  ///< milliseconds since the Unix epoch, UTC
  geo::IpAddress client;
  cache::ContentId content{};  ///< 0: not known (a DNS query names none)
  std::uint64_t size_bytes = 0;
  std::uint16_t service = 0;  ///< index into RoutingOptions::services

  bool operator==(const Request&) const = default;
};

}  // namespace edgeward::policy
