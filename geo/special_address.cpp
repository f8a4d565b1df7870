#include "geo/special_address.hpp"

#include <vector>

#include "geo/ip_prefix.hpp"

namespace edgeward::geo {

namespace {

struct Special {
  IpPrefix prefix;
  std::string_view use;
};

const std::vector<Special>& registry() {
  const auto at = [](std::string_view prefix, std::string_view use) {
    return Special{.prefix = *IpPrefix::parse(prefix), .use = use};
  };
  static const std::vector<Special> entries{
      at("0.0.0.0/8", "this network (RFC 791)"),
      at("10.0.0.0/8", "private (RFC 1918)"),
      at("100.64.0.0/10", "carrier-grade NAT (RFC 6598)"),
      at("127.0.0.0/8", "loopback (RFC 1122)"),
      at("169.254.0.0/16", "link-local (RFC 3927)"),
      at("172.16.0.0/12", "private (RFC 1918)"),
      at("192.0.0.0/24", "protocol assignments (RFC 6890)"),
      at("192.0.2.0/24", "documentation (RFC 5737)"),
      at("192.168.0.0/16", "private (RFC 1918)"),
      at("198.18.0.0/15", "benchmarking (RFC 2544)"),
      at("198.51.100.0/24", "documentation (RFC 5737)"),
      at("203.0.113.0/24", "documentation (RFC 5737)"),
      at("224.0.0.0/4", "multicast (RFC 5771)"),
      at("240.0.0.0/4", "reserved (RFC 1112)"),
      at("::/128", "unspecified (RFC 4291)"),
      at("::1/128", "loopback (RFC 4291)"),
      at("100::/64", "discarded (RFC 6666)"),
      at("2001:db8::/32", "documentation (RFC 3849)"),
      at("3fff::/20", "documentation (RFC 9637)"),
      at("fc00::/7", "private (RFC 4193)"),
      at("fe80::/10", "link-local (RFC 4291)"),
      at("ff00::/8", "multicast (RFC 4291)"),
  };
  return entries;
}

}  // namespace

std::string_view special_use(const IpAddress& address) {
  for (const Special& entry : registry()) {
    if (entry.prefix.contains(address)) return entry.use;
  }
  return {};
}

}  // namespace edgeward::geo
