#include "geo/locator.hpp"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "geo/mmdb_writer.hpp"
#include "geo/prefix_overrides_file.hpp"
#include "geo/special_address.hpp"
#include "tests/geo/mmdb_bytes.hpp"
#include "tests/support.hpp"

namespace edgeward::geo {

namespace {

constexpr GeoPoint kBerlin{.lat_deg = 52.5, .lon_deg = 13.5};
constexpr GeoPoint kParis{.lat_deg = 48.75, .lon_deg = 2.25};

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

/// Databases and overrides made for one test.
class Setting {
 public:
  void add(const char* network, const MmdbRecord& record) {
    MmdbContents contents;
    contents.records = {record};
    contents.networks = {{.prefix = *IpPrefix::parse(network), .record = 0}};
    add_bytes(*write_mmdb(contents));
  }
  void add_bytes(const std::string& bytes) {
    std::string name = std::to_string(parts_.databases.size());
    name += ".mmdb";
    parts_.databases.push_back(*Mmdb::open(folder_.write(name, bytes).string()));
  }
  void override(const std::string& rows) {
    std::stringstream stream;
    stream << "prefix,lat,lon,country,edges\n" << rows;
    parts_.overrides = *read_prefix_overrides(stream, "own.csv");
  }
  void centres(const std::string& rows) {
    std::stringstream stream;
    stream << "country,lat,lon,radius_km\n" << rows;
    parts_.centres = *CountryCentres::read(stream, "countries.csv");
  }
  void fallback(const GeoPoint& point) { parts_.fallback = point; }

  [[nodiscard]] Located locate(const char* text) {
    return Locator(std::move(parts_)).locate(address(text));
  }

 private:
  test::TemporaryFolder folder_;
  Locator::Parts parts_;
};

/// The address one before or after.
IpAddress beside(IpAddress address, int step) {
  for (std::size_t i = 16; i-- > 0;) {
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] + step);
    if (address.bytes[i] != (step < 0 ? 0xFF : 0)) break;
  }
  return address;
}

MmdbRecord place(const GeoPoint& point, const char* country) {
  return {.point = point, .country = *parse_country(country)};
}

}  // namespace

TEST_CASE("nothing is known without sources") {
  const Located located = Setting().locate("192.0.2.1");
  CHECK(located.location == Location{});
  CHECK(located.network.text() == "192.0.2.1/32");
  CHECK(located.database == Located::kNone);
}

TEST_CASE("the first database that knows a point decides, others fill in") {
  Setting setting;
  setting.add("192.0.2.0/24", {.asn = 64500});
  setting.add("192.0.2.0/25", {.point = kBerlin, .city = "Berlin"});
  setting.add("192.0.0.0/16", place(kParis, "FR"));
  const Located located = setting.locate("192.0.2.1");
  CHECK(located.location == Location{.point = kBerlin,
                                     .country = *parse_country("FR"),
                                     .asn = 64500,
                                     .source = LocationSource::mmdb});
  CHECK(located.city == "Berlin");
  CHECK(located.database == 1);
  CHECK(located.network.text() == "192.0.2.0/25");
}

TEST_CASE("the country is of the database that decides, not of an earlier one") {
  Setting setting;
  setting.add("192.0.2.0/24", {.country = *parse_country("FR")});
  setting.add("192.0.2.0/24", place(kBerlin, "DE"));
  CHECK(setting.locate("192.0.2.1").location.country == *parse_country("DE"));
}

TEST_CASE("databases for one family each stand side by side") {
  const char* const text = GENERATE("192.0.2.1", "2001:db8::1");
  Setting setting;
  setting.add("192.0.2.0/24", place(kBerlin, "DE"));
  setting.add("2001:db8::/32", place(kParis, "FR"));
  const Located located = setting.locate(text);
  CHECK(located.location.point == (address(text).is_v4() ? kBerlin : kParis));
}

TEST_CASE("an override goes before databases, which fill in the rest") {
  Setting setting;
  setting.add("192.0.2.0/24",
              {.point = kParis, .country = *parse_country("FR"), .asn = 64500, .city = "Paris"});
  setting.override("192.0.2.0/28,52.5,13.5,DE,\n192.0.0.0/16,1,1,,\n");
  const Located located = setting.locate("192.0.2.1");
  CHECK(located.location == Location{.point = kBerlin,
                                     .country = *parse_country("DE"),
                                     .asn = 64500,
                                     .source = LocationSource::override});
  CHECK(located.city.empty());
  CHECK(located.network.text() == "192.0.2.0/28");
  CHECK(located.override_entry == 0);
}

TEST_CASE("a zone leaves the place to the databases") {
  Setting setting;
  setting.add("192.0.2.0/24", place(kParis, "FR"));
  setting.override("192.0.2.0/28,,,,fra1|ams1\n");
  const Located located = setting.locate("192.0.2.1");
  CHECK(located.override_entry == 0);
  CHECK(located.location.source == LocationSource::mmdb);
  CHECK(located.network.text() == "192.0.2.0/24");
}

TEST_CASE("a country alone is its centre, an unknown client the fallback") {
  const auto setting = [](Setting& made) {
    made.add("192.0.2.0/24", {.country = *parse_country("FR")});
    made.centres("FR,48.75,2.25,400\n");
    made.fallback(kBerlin);
  };
  Setting known;
  setting(known);
  const Located centre = known.locate("192.0.2.1");
  CHECK(centre.location == Location{.point = kParis,
                                    .accuracy_km = 400,
                                    .country = *parse_country("FR"),
                                    .source = LocationSource::country});
  CHECK(centre.network.text() == "192.0.2.0/24");
  Setting unknown;
  setting(unknown);
  const Located fallback = unknown.locate("192.0.3.1");
  CHECK(fallback.location == Location{.point = kBerlin, .source = LocationSource::fallback});
}

TEST_CASE("IPv4 inside IPv6 is located as IPv4") {
  const char* const text = GENERATE("2002:c000:201::1", "64:ff9b::192.0.2.1", "::ffff:192.0.2.1");
  Setting setting;
  setting.add("192.0.2.0/24", place(kBerlin, "DE"));
  CHECK(setting.locate(text).location.point == kBerlin);
}

TEST_CASE("a database that errs is told, and the next one answers") {
  Setting setting;
  setting.add_bytes(test::mmdb_of_one_record(
      test::mmdb_map({{"latitude", test::mmdb_double(91)}, {"longitude", test::mmdb_double(0)}})));
  setting.add("192.0.2.0/24", place(kBerlin, "DE"));
  const Located located = setting.locate("192.0.2.1");
  CHECK(located.location.point == kBerlin);
  CHECK(located.database == 1);
  REQUIRE(located.faults.size() == 1);
  CHECK(located.faults[0].database == 0);
  CHECK_THAT(located.faults[0].message, Catch::Contains("0.mmdb"));
}

TEST_CASE("blocks of special use begin and end where their registry says") {
  // IANA's special-purpose registries and RFC 1112's reserved block; each block's length.
  for (const char* const text :
       {"0.0.0.0/8",       "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",    "169.254.0.0/16",
        "172.16.0.0/12",   "192.0.0.0/24",   "192.0.2.0/24",  "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",   "::/127",         "100::/64",
        "2001:db8::/32",   "3fff::/20",      "fc00::/7",      "fe80::/10",      "ff00::/8"}) {
    CAPTURE(text);
    const IpPrefix block = *IpPrefix::parse(text);
    CHECK_FALSE(special_use(block.address).empty());
    CHECK_FALSE(special_use(block.last()).empty());
    // Beside it is none, but beyond the first and the last address there is nothing.
    const IpAddress before = beside(block.address, -1);
    const IpAddress after = beside(block.last(), 1);
    if (before != IpPrefix::around({}, 0).last()) CHECK(special_use(before).empty());
    if (after != IpAddress{}) CHECK(special_use(after).empty());
  }
}

TEST_CASE("addresses that are nowhere in particular are known by their use") {
  const auto use = [](const char* text) { return std::string(special_use(address(text))); };
  CHECK(use("10.255.255.255") == "private (RFC 1918)");
  CHECK(use("172.31.0.1") == "private (RFC 1918)");
  CHECK(use("172.32.0.1").empty());
  CHECK(use("127.0.0.1") == "loopback (RFC 1122)");
  CHECK(use("::1") == "loopback (RFC 4291)");
  CHECK(use("fe80::1") == "link-local (RFC 4291)");
  CHECK(use("8.8.8.8").empty());
  CHECK(use("2001:4860:4860::8888").empty());
}

}  // namespace edgeward::geo
