#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "controller/dns/cookie.hpp"
#include "geo/ip_address.hpp"

namespace edgeward::controller {

/// Types and codes that are named here (IANA, "Domain Name System (DNS) Parameters").
enum class DnsType : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  hinfo = 13,
  aaaa = 28,
  opt = 41,
  ixfr = 251,
  axfr = 252,
  any = 255,
};
enum class DnsCode : std::uint16_t {
  noerror = 0,
  formerr = 1,
  servfail = 2,
  nxdomain = 3,
  notimp = 4,
  refused = 5,
  badvers = 16,
  badcookie = 23,
};
enum class DnsOption : std::uint16_t {
  nsid = 3,
  client_subnet = 8,
  cookie = 10,
};
inline constexpr std::size_t kDnsHeaderBytes = 12;
inline constexpr std::size_t kDnsLabelBytesMax = 63;
inline constexpr std::uint16_t kDnsClassIn = 1;
inline constexpr std::uint16_t kDnsClassAny = 255;

/// The client subnet of a query (RFC 7871 §6).
struct ClientSubnet {
  bool is_v4 = true;
  std::uint8_t source_bits = 0;  ///< of the family's own length
  geo::IpAddress address;        ///< bits past them are 0
};

/// One query as it came over the wire, taken apart. Spans point into its bytes.
struct DnsQuery {
  static constexpr std::size_t kNameBytesMax = 255;

  std::uint16_t id = 0;
  std::uint8_t opcode = 0;
  bool recursion_desired = false;
  /// Name, type and class as sent; empty: not readable, or not there in a query that wants nothing
  /// but a cookie (RFC 7873 §5.4).
  std::span<const std::uint8_t> question;
  std::size_t name_bytes = 0;                      ///< of the question, its last 0 included
  std::array<std::uint8_t, kNameBytesMax> name{};  ///< in lower case, in wire form
  std::uint16_t type = 0;
  std::uint16_t class_code = 0;

  bool has_edns = false;
  std::uint8_t edns_version = 0;
  bool dnssec_ok = false;             ///< the DO bit, which an answer repeats (RFC 3225 §3)
  std::uint16_t udp_bytes_max = 512;  ///< the answer the client takes
  std::optional<ClientSubnet> subnet;
  std::optional<DnsCookie> cookie;  ///< the first, if there are several
  bool wants_nsid = false;          ///< RFC 5001

  /// What is wrong with it; noerror: nothing is.
  DnsCode fault = DnsCode::noerror;
};

/// Takes a query apart (RFC 1035 §4, RFC 5001, RFC 6891, RFC 7871, RFC 7873). Nothing where no
/// answer is due: fewer than twelve bytes, or an answer itself. Reads no byte outside the message,
/// follows no compression: a question needs none. Unknown options are passed over.
[[nodiscard]] std::optional<DnsQuery> parse_dns_query(std::span<const std::uint8_t> message);

}  // namespace edgeward::controller
