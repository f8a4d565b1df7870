// What operators write about addresses. The first byte picks: a prefix, an override file, country
// centres, or a table of networks, which is then written as a database and read back.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "geo/country_centres.hpp"
#include "geo/csv_reader.hpp"
#include "geo/ip_prefix.hpp"
#include "geo/mmdb.hpp"
#include "geo/mmdb_writer.hpp"
#include "geo/network_table.hpp"
#include "geo/prefix_map.hpp"
#include "geo/prefix_overrides_file.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward;
using fuzz::require;

void check_errors(const std::vector<std::string>& errors) {
  require(!errors.empty() && errors.size() <= geo::CsvReader::kErrorsMax, "some errors");
  for (const std::string& error : errors) require(error.starts_with("input:"), "file and line");
}

void check_prefix(std::string_view text) {
  const auto prefix = geo::IpPrefix::parse(text);
  if (!prefix) return;
  require(geo::IpPrefix::parse(prefix->text()) == prefix, "reads back as it is written");
  require(prefix->contains(prefix->address) && prefix->contains(prefix->last()), "holds its ends");
  (void)prefix->address.unwrapped();
}

void check_overrides(std::istream& stream) {
  const auto overrides = geo::read_prefix_overrides(stream, "input");
  if (!overrides) return check_errors(overrides.error());
  std::vector<geo::IpPrefix> prefixes;
  for (const auto& entry : overrides->entries) {
    const bool has_place = entry.location.source == geo::LocationSource::override;
    const bool has_zone = entry.zone != geo::PrefixOverrides::kNoZone;
    require(has_place || has_zone, "says something");
    require(geo::is_valid(entry.location.point), "a place on Earth");
    require(!has_zone || !overrides->zones.at(entry.zone).empty(), "edges");
    prefixes.push_back(entry.prefix);
  }
  const geo::PrefixMap map(prefixes);
  for (const geo::IpPrefix& prefix : prefixes) {
    for (const geo::IpAddress& address : {prefix.address, prefix.last()}) {
      const auto found = map.find(address);
      require(found && prefixes[*found].length >= prefix.length, "the longest that holds it");
      require(prefixes[*found].contains(address), "holds it");
    }
  }
}

void check_centres(std::istream& stream) {
  const auto centres = geo::CountryCentres::read(stream, "input");
  if (!centres) return check_errors(centres.error());
  std::istringstream again(centres->csv());
  const auto reread = geo::CountryCentres::read(again, "input");
  require(reread && reread->size() == centres->size(), "reads back as it is written");
}

void check_table(std::istream& stream) {
  const auto contents = geo::read_network_table(stream, "input");
  if (!contents) return check_errors(contents.error());
  const auto bytes = geo::write_mmdb(*contents);
  require(bytes.has_value(), "what is read can be written");
  const int file = memfd_create("database", MFD_CLOEXEC);
  require(file >= 0, "memfd_create");
  require(write(file, bytes->data(), bytes->size()) == static_cast<ssize_t>(bytes->size()),
          "write");
  const auto database = geo::Mmdb::open("/proc/self/fd/" + std::to_string(file));
  require(database.has_value(), "what is written can be opened");
  std::vector<geo::IpPrefix> prefixes;
  for (const auto& network : contents->networks) prefixes.push_back(network.prefix);
  const geo::PrefixMap map(prefixes);
  for (const geo::IpPrefix& prefix : prefixes) {
    const auto found = database->find(prefix.last());
    require(found && *found, "found");
    const auto& expected = contents->records[contents->networks[*map.find(prefix.last())].record];
    require((*found)->record.country == expected.country, "its country");
    require((*found)->record.asn == expected.asn, "its ASN");
    require((*found)->record.city == expected.city, "its city");
  }
  close(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  std::istringstream stream(text);
  switch (data[0] % 4) {
    case 0:
      check_prefix(text);
      break;
    case 1:
      check_overrides(stream);
      break;
    case 2:
      check_centres(stream);
      break;
    default:
      check_table(stream);
      break;
  }
  return 0;
}
