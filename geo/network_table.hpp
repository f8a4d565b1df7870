#pragma once

#include <iosfwd>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "geo/mmdb.hpp"
#include "geo/mmdb_writer.hpp"

namespace edgeward::geo {

/// Reads networks from CSV, as CsvReader reads, with the columns
///
///     network,lat,lon,country,asn,city
///
/// of which `network` is required. Networks may lie in one another (the longest decides), but one
/// given twice is an error, and so is a row that says nothing, a network that the format cannot
/// hold (mmdb_network_fault), and the point 0,0, which databases use for "not known". On errors,
/// all of them, "file:line: message".
[[nodiscard]] tl::expected<MmdbContents, std::vector<std::string>> read_network_table(
    std::istream& stream, const std::string& name);

/// Adds what a database holds; where networks of several overlap, the longest decides, of equal
/// ones the last. Networks where the format repeats IPv4 are left out. An error names the file.
[[nodiscard]] tl::expected<void, std::string> add_networks(const Mmdb& database,
                                                           MmdbContents& contents);

}  // namespace edgeward::geo
