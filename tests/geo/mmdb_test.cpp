#include "geo/mmdb.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "tests/geo/mmdb_bytes.hpp"
#include "tests/support.hpp"

namespace edgeward::geo {

namespace {

using test::mmdb_double;
using test::mmdb_float;
using test::mmdb_map;
using test::mmdb_text;
using test::mmdb_uint16;
using test::mmdb_uint32;

struct Written {
  explicit Written(const std::string& bytes) : path(folder.write("test.mmdb", bytes).string()) {}

  test::TemporaryFolder folder;
  std::string path;
};

/// What a file of that one record says of 192.0.2.1.
tl::expected<std::optional<Mmdb::Found>, std::string> found_in(const std::string& data) {
  const Written file(test::mmdb_of_one_record(data));
  const auto database = Mmdb::open(file.path);
  if (!database) return tl::unexpected(database.error());
  return database->find(*IpAddress::parse("192.0.2.1"));
}

Mmdb::Record record_in(const std::string& data) {
  const auto found = found_in(data);
  INFO((found ? "" : found.error()));
  REQUIRE(found);
  REQUIRE(*found);
  return (*found)->record;
}

std::string fault_in(const std::string& data) {
  const auto found = found_in(data);
  REQUIRE_FALSE(found);
  CHECK_THAT(found.error(), Catch::Contains("test.mmdb"));
  return found.error();
}

std::string flat_place(const std::string& lat, const std::string& lon) {
  return mmdb_map({{"latitude", lat}, {"longitude", lon}});
}

std::vector<std::string> visited(const Mmdb& database) {
  std::vector<std::string> prefixes;
  const auto done = database.visit(
      [&](const Mmdb::Network& network) { prefixes.push_back(network.prefix.text()); });
  INFO((done ? "" : done.error()));
  REQUIRE(done);
  return prefixes;
}

}  // namespace

TEST_CASE("a flat record is read") {
  const auto record = record_in(mmdb_map({{"country_code", mmdb_text("DE")},
                                          {"city", mmdb_text("Berlin")},
                                          {"state1", mmdb_text("Berlin")},
                                          {"latitude", mmdb_float(52.5F)},
                                          {"longitude", mmdb_float(13.25F)},
                                          {"autonomous_system_number", mmdb_uint32(64500)}}));
  CHECK(record == Mmdb::Record{.point = GeoPoint{.lat_deg = 52.5, .lon_deg = 13.25},
                               .country = *parse_country("DE"),
                               .asn = 64500,
                               .city = "Berlin"});
}

TEST_CASE("a nested record is read") {
  const std::string location = mmdb_map({{"accuracy_radius", mmdb_uint16(20)},
                                         {"latitude", mmdb_double(-33.875)},
                                         {"longitude", mmdb_double(151.25)},
                                         {"time_zone", mmdb_text("Australia/Sydney")}});
  const std::string names = mmdb_map({{"de", mmdb_text("x")}, {"en", mmdb_text("Sydney")}});
  const auto record = record_in(
      mmdb_map({{"city", mmdb_map({{"geoname_id", mmdb_uint32(1)}, {"names", names}})},
                {"location", location},
                {"registered_country", mmdb_map({{"iso_code", mmdb_text("NZ")}})},
                {"country", mmdb_map({{"names", names}, {"iso_code", mmdb_text("AU")}})}}));
  CHECK(record == Mmdb::Record{.point = GeoPoint{.lat_deg = -33.875, .lon_deg = 151.25},
                               .accuracy_km = 20,
                               .country = *parse_country("AU"),
                               .city = "Sydney"});
}

TEST_CASE("no accuracy is wider than the Earth, one of zero is none") {
  const auto accuracy_km = [](std::uint16_t radius) {
    return record_in(mmdb_map({{"location", mmdb_map({{"accuracy_radius", mmdb_uint16(radius)}})}}))
        .accuracy_km;
  };
  CHECK(accuracy_km(20'000) == 20'000);
  CHECK(accuracy_km(65'535) == kDistanceKmMax);
  CHECK(accuracy_km(0) == 0);
}

TEST_CASE("the registered country stands in where the country is not known") {
  const auto record =
      record_in(mmdb_map({{"registered_country", mmdb_map({{"iso_code", mmdb_text("NZ")}})}}));
  CHECK(record.country == *parse_country("NZ"));
}

TEST_CASE("empty texts and a place of zeros are absent") {
  const auto record = record_in(mmdb_map({{"country_code", mmdb_text("")},
                                          {"city", mmdb_text("")},
                                          {"latitude", mmdb_float(0)},
                                          {"longitude", mmdb_float(0)},
                                          {"autonomous_system_number", mmdb_text("")}}));
  CHECK(record == Mmdb::Record{});
  CHECK(record_in(flat_place(mmdb_text(""), mmdb_text(""))) == Mmdb::Record{});
}

TEST_CASE("coordinates that are no place on Earth are an error that names the file") {
  CHECK_THAT(fault_in(flat_place(mmdb_double(90.5), mmdb_double(0))), Catch::Contains("90.5"));
  CHECK_THAT(fault_in(flat_place(mmdb_double(1), mmdb_double(-181))), Catch::Contains("-181"));
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(fault_in(flat_place(mmdb_double(kNan), mmdb_double(0))), Catch::Contains("nan"));
  CHECK_THAT(fault_in(flat_place(mmdb_text("52.5"), mmdb_text("13.4"))),
             Catch::Contains("latitude is text, expected a number"));
  CHECK_THAT(fault_in(mmdb_map({{"latitude", mmdb_double(1)}})), Catch::Contains("latitude alone"));
  CHECK_THAT(fault_in(mmdb_map({{"location", mmdb_text("here")}})),
             Catch::Contains("location is text, expected a map"));
}

TEST_CASE("a record that is no map, or lies about its size, is an error") {
  CHECK_THAT(fault_in(mmdb_text("here")), Catch::Contains("text, expected a map"));
  const std::string map = mmdb_map({{"city", mmdb_text("Berlin")}});
  for (std::size_t size = 1; size < map.size(); ++size) {
    // Cut short, with the metadata's text right behind it: some cuts make other values of it.
    const auto found = found_in(map.substr(0, size));
    if (found) CHECK((*found)->record.city != "Berlin");
  }
  CHECK_THAT(fault_in(test::mmdb_pointer(2)), Catch::Contains("cannot be read"));
  CHECK_THAT(fault_in(test::mmdb_pointer(0)), Catch::Contains("cannot be read"));
}

TEST_CASE("maps of pointers to maps end") {
  // Each level names the next one three times: 3^12 values, were they all walked.
  std::string data;
  std::vector<unsigned> offsets;
  data += mmdb_map({{"names", mmdb_text("x")}});
  for (int level = 0; level < 12; ++level) {
    const unsigned at = static_cast<unsigned>(data.size());
    const unsigned below = offsets.empty() ? 0 : offsets.back();
    const std::string pointer = test::mmdb_pointer(below);
    data += mmdb_map({{"city", pointer}, {"country", pointer}, {"location", pointer}});
    offsets.push_back(at);
  }
  test::MmdbFile file{.ip_version = 4, .nodes = {{0, 0}}, .data = data};
  file.nodes[0] = {file.record(offsets.back()), file.record(offsets.back())};
  const Written written(file.bytes());
  const auto database = Mmdb::open(written.path);
  REQUIRE(database);
  CHECK(database->read(offsets.back()));
}

TEST_CASE("metadata that is cut, or expands without an end, is refused") {
  const std::string whole = test::mmdb_of_one_record(mmdb_map({}));
  const Written cut(whole.substr(0, whole.size() - 1));
  const auto cut_database = Mmdb::open(cut.path);
  REQUIRE_FALSE(cut_database);
  CHECK_THAT(cut_database.error(), Catch::StartsWith(cut.path));

  // Each of 20 maps names the one before it three times: 3^20 values, were they all listed.
  std::string metadata = test::mmdb_control(7, 21) + mmdb_text("x");
  std::size_t below = metadata.size();
  metadata += mmdb_text("y");
  for (int level = 0; level < 20; ++level) {
    const std::string pointer = test::mmdb_pointer(static_cast<unsigned>(below));
    metadata += mmdb_text("description");
    below = metadata.size();
    metadata += mmdb_map({{"a", pointer}, {"b", pointer}, {"c", pointer}});
  }
  const Written expanding(std::string(32, '\0') + "\xAB\xCD\xEFMaxMind.com" + metadata);
  const auto database = Mmdb::open(expanding.path);
  REQUIRE_FALSE(database);
  CHECK_THAT(database.error(), Catch::Contains("its metadata cannot be read"));
}

TEST_CASE("IPv4 is found in an IPv6 file and visited there once") {
  // ::/96 is a node of two networks; 2002::/16 and ::ffff:0:0/96 lead to it as well.
  test::MmdbFile file;
  const std::string left = mmdb_map({{"country_code", mmdb_text("AA")}});
  const std::string right = mmdb_map({{"country_code", mmdb_text("BB")}});
  file.data = left + right;
  file.nodes.resize(97 + 15 + 16);
  const std::uint32_t empty = file.empty();
  for (auto& node : file.nodes) node = {empty, empty};
  for (std::uint32_t i = 0; i < 96; ++i) file.nodes[i][0] = i + 1;
  file.nodes[96] = {file.record(0), file.record(static_cast<std::uint32_t>(left.size()))};
  // 2002::/16 is 0010 0000 0000 0010: it leaves the path of zeros at its third bit.
  std::uint32_t next = 97;
  file.nodes[2][1] = next;
  for (unsigned bit = 3; bit < 16; ++bit) {
    const std::uint32_t below = bit == 15 ? 96 : next + 1;
    file.nodes[next][(0x2002U >> (15 - bit)) & 1U] = below;
    ++next;
  }
  // ::ffff:0:0/96 leaves it at bit 80.
  file.nodes[80][1] = next;
  for (unsigned bit = 81; bit < 96; ++bit) {
    file.nodes[next][1] = bit == 95 ? 96 : next + 1;
    ++next;
  }
  const Written written(file.bytes());
  const auto database = Mmdb::open(written.path);
  REQUIRE(database);
  CHECK(visited(*database) == std::vector<std::string>{"0.0.0.0/1", "128.0.0.0/1"});
  const auto found = database->find(*IpAddress::parse("192.0.2.1"));
  REQUIRE(found);
  CHECK((*found)->record.country == *parse_country("BB"));
  CHECK((*found)->network.text() == "128.0.0.0/1");
  CHECK((*database->find(*IpAddress::parse("2002:102:304::1")))->record.country ==
        *parse_country("AA"));
  CHECK_FALSE(*database->find(*IpAddress::parse("2001:db8::1")));
  CHECK_FALSE(*database->find(*IpAddress::parse("::1")));
}

TEST_CASE("a network that holds all of IPv4 is visited in parts that do not overlap") {
  test::MmdbFile file{.nodes = {{0, 0}}, .data = mmdb_map({{"country_code", mmdb_text("AA")}})};
  file.nodes[0] = {file.record(0), file.empty()};
  const Written written(file.bytes());
  const auto database = Mmdb::open(written.path);
  REQUIRE(database);
  std::vector<IpPrefix> prefixes;
  REQUIRE(
      database->visit([&](const Mmdb::Network& network) { prefixes.push_back(network.prefix); }));
  REQUIRE(prefixes.size() > 2);
  for (std::size_t i = 1; i < prefixes.size(); ++i) {
    CHECK(prefixes[i - 1].last().bytes < prefixes[i].address.bytes);
  }
  CHECK(std::count(prefixes.begin(), prefixes.end(), *IpPrefix::parse("0.0.0.0/0")) == 1);
  CHECK((*database->find(*IpAddress::parse("10.0.0.1")))->network.text() == "0.0.0.0/0");
}

TEST_CASE("an IPv4 file has nothing on IPv6, but knows mapped addresses") {
  const Written file(test::mmdb_of_one_record(mmdb_map({{"country_code", mmdb_text("AA")}})));
  const auto database = Mmdb::open(file.path);
  REQUIRE(database);
  CHECK_FALSE(*database->find(*IpAddress::parse("2001:db8::1")));
  CHECK((*database->find(*IpAddress::parse("::ffff:192.0.2.1")))->network.text() == "128.0.0.0/1");
}

TEST_CASE("a tree that loops is an error") {
  test::MmdbFile file{.nodes = {{0, 0}, {0, 0}}, .data = mmdb_map({})};
  file.nodes = {{1, 1}, {0, 1}};
  const Written written(file.bytes());
  const auto database = Mmdb::open(written.path);
  REQUIRE(database);
  const auto done = database->visit([](const Mmdb::Network&) {});
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error(), Catch::Contains(written.path));
  CHECK_FALSE(database->find(*IpAddress::parse("2001:db8::1")));
}

TEST_CASE("a tree that is larger than its file is an error, whatever the size is cut to") {
  const test::MmdbFile file{.nodes = {{0, 0}}, .data = mmdb_map({})};
  std::string bytes = file.bytes();
  const auto replace = [&](const std::string& key, const std::string& value) {
    bytes.replace(bytes.find(key) + key.size(), value.size(), value);
  };
  replace("record_size", mmdb_uint16(28));
  // 2^32 - 1 nodes of 7 bytes are -7 in 32 bits; the others wrap to a little more than nothing.
  for (const std::uint32_t nodes : {0xFFFF'FFFFU, 0x2492'4925U, 1000U}) {
    replace("node_count", mmdb_uint32(nodes));
    const Written written(bytes);
    const auto database = Mmdb::open(written.path);
    REQUIRE_FALSE(database);
    CHECK(database.error() ==
          fmt::format("{}: its search tree of {} nodes does not fit in it", written.path, nodes));
  }
}

TEST_CASE("what is no database is an error that names the file") {
  const auto absent = Mmdb::open("/no/such/file.mmdb");
  REQUIRE_FALSE(absent);
  CHECK_THAT(absent.error(), Catch::Contains("/no/such/file.mmdb: No such file"));
  for (const std::string& bytes : {std::string(), std::string("network,lat,lon\n")}) {
    const Written file(bytes);
    const auto database = Mmdb::open(file.path);
    REQUIRE_FALSE(database);
    CHECK_THAT(database.error(), Catch::Contains(file.path));
  }
  const test::TemporaryFolder folder;
  CHECK_FALSE(Mmdb::open(folder.path().string()));
}

TEST_CASE("every malformed database of the collection is an error that names it, or says nothing") {
  const auto data = test::shared_data();
  if (!data) return;
  // On these other readers choke, but what is reached of them is valid: an odd build time or order
  // of metadata, a tree with nodes that nothing leads to, maps within maps. None names a place.
  const std::vector<std::string> readable{
      "libmaxminddb-uint64-max-epoch.mmdb", "libmaxminddb-empty-map-last-in-metadata.mmdb",
      "libmaxminddb-empty-array-last-in-metadata.mmdb", "libmaxminddb-corrupt-search-tree.mmdb",
      "libmaxminddb-deep-nesting.mmdb"};
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(*data / "mmdb" / "bad-data")) {
    if (entry.path().extension() != ".mmdb") continue;
    ++files;
    const std::string path = entry.path().string();
    INFO(path);
    std::vector<std::string> faults;
    const auto note = [&](const auto& outcome) {
      if (!outcome) faults.push_back(outcome.error());
    };
    const auto database = Mmdb::open(path);
    note(database);
    if (database) {
      note(database->visit([&](const Mmdb::Network& network) {
        const auto record = database->read(network.offset);
        note(record);
        if (record) CHECK(*record == Mmdb::Record{});
        note(database->find(network.prefix.address));
      }));
      note(database->find(*IpAddress::parse("1.1.1.1")));
    }
    const bool is_readable =
        std::find(readable.begin(), readable.end(), entry.path().filename()) != readable.end();
    CHECK(faults.empty() == is_readable);
    for (const std::string& fault : faults) CHECK_THAT(fault, Catch::StartsWith(path));
  }
  CHECK(files > 20);
}

}  // namespace edgeward::geo
