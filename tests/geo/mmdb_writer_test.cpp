#include "geo/mmdb_writer.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "geo/mmdb.hpp"
#include "tests/support.hpp"

namespace edgeward::geo {

namespace {

Mmdb written(const test::TemporaryFolder& folder, const MmdbContents& contents) {
  const auto bytes = write_mmdb(contents);
  INFO((bytes ? "" : bytes.error()));
  REQUIRE(bytes);
  auto database = Mmdb::open(folder.write("written.mmdb", *bytes).string());
  INFO((database ? "" : database.error()));
  REQUIRE(database);
  return std::move(*database);
}

MmdbRecord record(std::uint64_t number) {
  // Halves and quarters, so that single precision holds them.
  MmdbRecord result;
  if (number % 7 != 0) {
    result.point = GeoPoint{.lat_deg = static_cast<double>(number % 300) / 2 - 74.75,
                            .lon_deg = static_cast<double>(number % 1400) / 4 - 174.5};
  }
  result.country = *parse_country(number % 2 == 0 ? "DE" : "FR");
  if (number % 3 == 0) result.asn = static_cast<std::uint32_t>(number * 7919);
  if (number % 5 == 0) result.city = "City " + std::to_string(number);
  return result;
}

/// Whose longest network holds the address, the last of equal ones; by looking at each.
std::optional<MmdbRecord> scanned(const MmdbContents& contents, const IpAddress& address) {
  const MmdbContents::Network* best = nullptr;
  for (const auto& network : contents.networks) {
    if (best != nullptr && network.prefix.length < best->prefix.length) continue;
    if (network.prefix.contains(address)) best = &network;
  }
  if (best == nullptr) return std::nullopt;
  return contents.records[best->record];
}

IpAddress random_address(cache::Random& random) {
  IpAddress address = IpAddress::v4(0);
  if (random.below(2) == 0) {
    address = *IpAddress::parse("2a00::");
    address.bytes[3] = static_cast<std::uint8_t>(random.below(4));
  }
  address.bytes[12] = static_cast<std::uint8_t>(10 + random.below(2));
  for (std::size_t i = 13; i < 16; ++i) {
    address.bytes[i] = static_cast<std::uint8_t>(random.below(4) * 85);
  }
  return address;
}

MmdbContents random_contents(cache::Random& random, std::size_t networks, std::size_t records) {
  MmdbContents contents;
  for (std::size_t i = 0; i < records; ++i) contents.records.push_back(record(i));
  for (std::size_t i = 0; i < networks; ++i) {
    const IpAddress address = random_address(random);
    const unsigned shortest = address.is_v4() ? kV4LengthOffset : 20;
    const auto length = shortest + static_cast<unsigned>(random.below(129 - shortest));
    contents.networks.push_back({.prefix = IpPrefix::around(address, length),
                                 .record = static_cast<std::uint32_t>(random.below(records))});
  }
  return contents;
}

}  // namespace

TEST_CASE("what is written reads as a scan of the networks has it") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    cache::Random random(seed);
    const MmdbContents contents =
        random_contents(random, 1 + random.below(400), 1 + random.below(12));
    const test::TemporaryFolder folder;
    const Mmdb database = written(folder, contents);
    for (int i = 0; i < 300; ++i) {
      const auto& any = contents.networks[random.below(contents.networks.size())];
      for (const IpAddress& address :
           {random_address(random), any.prefix.address, any.prefix.last()}) {
        INFO(address.text());
        const auto found = database.find(address);
        REQUIRE(found);
        const auto expected = scanned(contents, address);
        REQUIRE(found->has_value() == expected.has_value());
        if (expected) REQUIRE((*found)->record == *expected);
      }
    }
  }
}

TEST_CASE("what is written is visited once, in order, with what find says") {
  cache::Random random(11);
  const MmdbContents contents = random_contents(random, 500, 9);
  const test::TemporaryFolder folder;
  const Mmdb database = written(folder, contents);
  std::optional<IpAddress> last;
  std::size_t networks = 0;
  REQUIRE(database.visit([&](const Mmdb::Network& network) {
    ++networks;
    if (last) REQUIRE(last->bytes < network.prefix.address.bytes);
    last = network.prefix.last();
    const auto found = database.find(network.prefix.address);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK((*found)->network == network.prefix);
    CHECK((*found)->record == *database.read(network.offset));
  }));
  CHECK(networks > 100);
}

TEST_CASE("mmdblookup reads what is written") {
  constexpr const char* kProgram = "/usr/bin/mmdblookup";
  if (!std::filesystem::exists(kProgram)) {
    test::skip("no mmdblookup (Debian package mmdb-bin)");
    return;
  }
  MmdbContents contents;
  contents.records = {{.point = GeoPoint{.lat_deg = 52.5, .lon_deg = 13.25},
                       .country = *parse_country("DE"),
                       .asn = 64500,
                       .city = "Berlin"},
                      {.country = *parse_country("FR")}};
  contents.networks = {{.prefix = *IpPrefix::parse("81.2.69.0/24"), .record = 0},
                       {.prefix = *IpPrefix::parse("2a00:1450::/32"), .record = 1}};
  contents.type = "Test-City";
  contents.description = "Made for a test";
  contents.build_time_s = 1'700'000'000;
  const test::TemporaryFolder folder;
  const Mmdb database = written(folder, contents);
  const auto look_up = [&](const std::string& ip) {
    return test::run(kProgram, {"-f", database.path(), "-v", "--ip", ip}).out;
  };
  // Also where IPv6 trees repeat IPv4: mapped, and 6to4.
  for (const char* ip : {"81.2.69.142", "::ffff:81.2.69.142", "2002:5102:458e::1"}) {
    INFO(ip);
    const std::string text = look_up(ip);
    for (const char* part : {"\"DE\" <utf8_string>", "52.500000 <float>", "13.250000 <float>",
                             "64500 <uint32>", "\"Berlin\" <utf8_string>"}) {
      CHECK_THAT(text, Catch::Contains(part));
    }
  }
  const std::string text = look_up("2a00:1450:4001::1");
  CHECK_THAT(text, Catch::Contains("\"FR\" <utf8_string>"));
  CHECK_THAT(text, Catch::Contains("Record prefix length: 32"));
  CHECK_THAT(text, Catch::Contains("Made for a test"));
  CHECK_THAT(text, Catch::Contains("2023-11-14"));
  CHECK_THAT(look_up("81.2.70.1"), !Catch::Contains("utf8_string"));
}

TEST_CASE("the same contents give the same bytes, in whatever order networks come") {
  cache::Random random(3);
  MmdbContents contents;
  for (std::uint64_t i = 0; i < 50; ++i) contents.records.push_back(record(i));
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto start = IpAddress::v4(i << 20 | 1U << 28);
    contents.networks.push_back({.prefix = IpPrefix::around(start, 116), .record = i % 50});
  }
  const auto bytes = write_mmdb(contents);
  REQUIRE(bytes);
  for (std::size_t i = contents.networks.size(); i > 1; --i) {
    std::swap(contents.networks[i - 1], contents.networks[random.below(i)]);
  }
  CHECK(write_mmdb(contents) == bytes);
}

TEST_CASE("equal neighbours are one network, equal subtrees are stored once") {
  MmdbContents contents;
  contents.records = {record(1), record(2)};
  for (std::uint32_t i = 0; i < 256; ++i) {
    contents.networks.push_back(
        {.prefix = IpPrefix::around(IpAddress::v4(i << 24), 104), .record = i % 2});
  }
  const test::TemporaryFolder folder;
  // 1.0.0.0/8 and its like: eight levels of IPv4, one node each.
  const std::uint32_t nodes = written(folder, contents).node_count();
  contents.networks.clear();
  for (std::uint32_t i = 0; i < 256; ++i) {
    contents.networks.push_back(
        {.prefix = IpPrefix::around(IpAddress::v4(i << 24), 104), .record = 0});
  }
  const Mmdb merged = written(folder, contents);
  CHECK(nodes - merged.node_count() == 8);
  CHECK((*merged.find(IpAddress::v4(0)))->network.text() == "0.0.0.0/0");
}

TEST_CASE("a database whose numbers need 28 bits reads as it was written") {
  MmdbContents contents;
  constexpr std::uint32_t kRecords = 90'000;  // of 200 bytes: beyond 2^24
  for (std::uint32_t i = 0; i < kRecords; ++i) {
    std::string city = std::to_string(i);
    city.resize(MmdbRecord::kCityBytesMax, 'x');
    contents.records.push_back({.city = std::move(city)});
    contents.networks.push_back(
        {.prefix = IpPrefix::around(IpAddress::v4(i << 8), 120), .record = i});
  }
  const test::TemporaryFolder folder;
  const Mmdb database = written(folder, contents);
  std::uint32_t networks = 0;
  REQUIRE(database.visit([&](const Mmdb::Network& network) {
    const auto read = database.read(network.offset);
    REQUIRE(read);
    REQUIRE(network.prefix == contents.networks[networks].prefix);
    REQUIRE(*read == contents.records[networks++]);
  }));
  CHECK(networks == kRecords);
  CHECK((*database.find(IpAddress::v4(77'777U << 8)))->record == contents.records[77'777]);
}

TEST_CASE("what a database cannot hold is refused") {
  const auto* const text =
      GENERATE("::/96", "::1.2.3.4/128", "2002:c000:200::/40", "2001::/32", "2001:0:1::/48");
  MmdbContents contents;
  contents.records = {record(1)};
  contents.networks = {{.prefix = *IpPrefix::parse(text), .record = 0}};
  const auto bytes = write_mmdb(contents);
  REQUIRE_FALSE(bytes);
  CHECK_THAT(bytes.error(), Catch::Contains("where the format keeps or repeats IPv4"));
}

TEST_CASE("a database of nothing is valid") {
  const test::TemporaryFolder folder;
  const Mmdb database = written(folder, {});
  CHECK_FALSE(*database.find(IpAddress::v4(1)));
  CHECK(database.visit([](const Mmdb::Network&) { FAIL("a network of nothing"); }));
}

}  // namespace edgeward::geo
