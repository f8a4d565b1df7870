#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace edgeward::controller {

/// How much goes to one network over UDP: the key `rate_limit`.
struct DnsRateLimits {
  unsigned responses_per_second = 0;  ///< to a /24 or /56, by each worker; 0: no limit
  unsigned slip = 2;                  ///< every n-th beyond is answered in short; 0: none is

  bool operator==(const DnsRateLimits&) const = default;
};

/// Everything that the operator may set about DNS answers: the key `dns`.
struct DnsOptions {
  std::int64_t ttl_ms = 30'000;           ///< of addresses, in whole seconds
  std::int64_t negative_ttl_ms = 60'000;  ///< of "there is none" (RFC 2308)
  unsigned answers_max = 2;               ///< edges that an answer names, best first
  bool takes_client_subnet = true;        ///< RFC 7871; else the resolver's address counts
  std::vector<std::string> zones;         ///< that hold services below their names
  std::vector<std::string> cnames;        ///< services answered by the name of one edge
  std::vector<std::string> name_servers;  ///< host names; none: `ns.` before a zone's name
  std::string nsid;  ///< who answers, for those who ask (RFC 5001); empty: no one
  /// Of the secrets that server cookies are made with; none: one at random, anew at each start.
  std::optional<std::filesystem::path> cookie_secret_file;
  DnsRateLimits rate_limit;

  bool operator==(const DnsOptions&) const = default;
};

}  // namespace edgeward::controller
