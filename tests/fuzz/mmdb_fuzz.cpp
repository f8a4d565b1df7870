// Bytes as a geolocation database, as a user would name the file: opening, looking up, walking the
// tree and reading its records. The first four bytes are an address to look up.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "geo/mmdb.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward;
using fuzz::require;

void check_record(const geo::Mmdb::Record& record) {
  require(!record.point || geo::is_valid(*record.point), "a place on Earth");
  require(record.accuracy_km >= 0 && record.accuracy_km <= geo::kDistanceKmMax, "an accuracy");
  require(record.city.size() <= geo::Mmdb::Record::kCityBytesMax, "a short name");
}

void check_find(const geo::Mmdb& database, const geo::IpAddress& address) {
  const auto found = database.find(address);
  if (!found) {
    require(found.error().starts_with(database.path()), "an error names the file");
    return;
  }
  if (!*found) return;
  require((*found)->network.contains(address), "the network holds the address");
  check_record((*found)->record);
}

/// Every network, in order; what is found is what is visited, in a tree that is in order.
void check_visit(const geo::Mmdb& database) {
  constexpr std::size_t kLookUpsMax = 50;
  std::size_t networks = 0;
  geo::IpAddress last;
  const auto done = database.visit([&](const geo::Mmdb::Network& network) {
    require(network.prefix == geo::IpPrefix::around(network.prefix.address, network.prefix.length),
            "no host bits");
    require(networks == 0 || last.bytes < network.prefix.address.bytes, "in order");
    last = network.prefix.last();
    if (++networks > kLookUpsMax) return;
    const auto record = database.read(network.offset);
    if (record) check_record(*record);
    const auto found = database.find(network.prefix.address);
    require(found.has_value() == record.has_value(), "found where it is visited");
    if (!found) return;
    require(found->has_value() && (*found)->record == *record, "the record that is visited");
    require((*found)->network == network.prefix, "the network that is visited");
  });
  if (!done) require(done.error().starts_with(database.path()), "an error names the file");
}

}  // namespace

/// libmaxminddb 1.7 loses 4.6 kB where a description in the metadata is not what it should be: once
/// for each attempt to open such a file, which is then refused.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: the sanitizer's name
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libmaxminddb\n";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const int file = memfd_create("database", MFD_CLOEXEC);
  require(file >= 0, "memfd_create");
  require(write(file, data + 4, size - 4) == static_cast<ssize_t>(size - 4), "write");
  const auto database = geo::Mmdb::open("/proc/self/fd/" + std::to_string(file));
  if (database) {
    std::uint32_t v4 = 0;
    geo::IpAddress v6{.bytes = {0x20, 0x01, 0x0D, 0xB8}};
    for (std::size_t i = 0; i < 4; ++i) {
      v4 = v4 << 8 | data[i];
      v6.bytes[i] = data[i];
    }
    check_find(*database, geo::IpAddress::v4(v4));
    check_find(*database, v6);
    check_visit(*database);
  }
  close(file);
  return 0;
}
