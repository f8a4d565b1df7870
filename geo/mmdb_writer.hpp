#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "geo/ip_prefix.hpp"
#include "geo/mmdb_record.hpp"

namespace edgeward::geo {

/// What a database is made of.
struct MmdbContents {
  struct Network {
    IpPrefix prefix;
    std::uint32_t record = 0;  ///< index into records
  };

  std::vector<MmdbRecord> records;
  /// In any order. The longest prefix that holds an address decides; of equal ones the last.
  std::vector<Network> networks;
  std::string type = "Edgeward-City";
  std::string description;         ///< in English
  std::uint64_t build_time_s = 1;  ///< Unix time; readers refuse 0
};

/// Why a database cannot hold that network on its own; empty if it can. IPv4 is kept at ::/96, and
/// repeated at ::ffff:0:0/96, 2002::/16 and 2001::/32: nothing else can be there.
[[nodiscard]] std::string_view mmdb_network_fault(const IpPrefix& prefix);

/// Writes a database in the MaxMind DB format 2.0: one IPv6 tree with IPv4 in it and the usual
/// aliases; flat records with the fields that are known of country_code, city, latitude and
/// longitude (32-bit floats, so off by up to 0.5 m), autonomous_system_number. Made small: sibling
/// networks with the same record are one, equal subtrees are stored once (which the format allows,
/// since records are plain node numbers), repeated values are pointers, and numbers in the tree are
/// as narrow as they can be. The same contents give the same bytes.
///
/// An error for a network that mmdb_network_fault refuses, or contents that do not fit the format.
[[nodiscard]] tl::expected<std::string, std::string> write_mmdb(const MmdbContents& contents);

}  // namespace edgeward::geo
