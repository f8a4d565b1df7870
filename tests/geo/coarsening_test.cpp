#include "geo/coarsening.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "geo/mmdb.hpp"
#include "tests/support.hpp"

namespace edgeward::geo {

namespace {

/// Countries of a few cities each; neighbouring networks tend to be in the same one. Some space is
/// empty.
MmdbContents world(std::uint64_t seed) {
  cache::Random random(seed);
  MmdbContents contents;
  for (std::uint32_t country = 0; country < 6; ++country) {
    const GeoPoint centre{.lat_deg = -50 + 20.0 * country, .lon_deg = -150 + 50.0 * country};
    for (int city = 0; city < 10; ++city) {
      const std::string code{'A', static_cast<char>('A' + country)};
      contents.records.push_back({.point = GeoPoint{.lat_deg = centre.lat_deg + random.unit() * 5,
                                                    .lon_deg = centre.lon_deg + random.unit() * 5},
                                  .country = *parse_country(code)});
    }
  }
  std::uint32_t record = 0;
  for (std::uint32_t i = 0; i < 4096; ++i) {
    if (random.below(4) == 0) record = static_cast<std::uint32_t>(random.below(60));
    if (i % 1024 == 0) continue;
    contents.networks.push_back(
        {.prefix = IpPrefix::around(IpAddress::v4(i << 20), 108), .record = record});
    IpAddress v6 = *IpAddress::parse("2a00::");
    v6.bytes[2] = static_cast<std::uint8_t>(i >> 8);
    v6.bytes[3] = static_cast<std::uint8_t>(i);
    contents.networks.push_back({.prefix = IpPrefix::around(v6, 32), .record = record});
  }
  return contents;
}

struct Coarse {
  std::size_t size_bytes = 0;
  double mean_km = 0;
  double same_country_ratio = 0;
};

class Coarsener {
 public:
  explicit Coarsener(const MmdbContents& contents) {
    const auto path = folder_.write("full.mmdb", *write_mmdb(contents)).string();
    full_.push_back(*Mmdb::open(path));
  }

  Coarse coarse(std::size_t bytes_max) {
    const auto contents = coarsen(full_, {.bytes_max = bytes_max});
    INFO((contents ? "" : contents.error()));
    REQUIRE(contents);
    const auto bytes = write_mmdb(*contents);
    REQUIRE(bytes);
    REQUIRE(write_mmdb(*coarsen(full_, {.bytes_max = bytes_max})) == bytes);
    const auto small = Mmdb::open(folder_.write("small.mmdb", *bytes).string());
    REQUIRE(small);
    return measured(*small, bytes->size());
  }

  [[nodiscard]] const std::vector<Mmdb>& full() const { return full_; }

 private:
  Coarse measured(const Mmdb& small, std::size_t size_bytes) {
    Coarse coarse{.size_bytes = size_bytes};
    std::size_t networks = 0;
    REQUIRE(full_.front().visit([&](const Mmdb::Network& network) {
      ++networks;
      const auto expected = full_.front().read(network.offset);
      const auto found = small.find(network.prefix.address);
      REQUIRE(found);
      REQUIRE(*found);
      REQUIRE((*found)->record.point);
      coarse.mean_km += distance_km(*expected->point, *(*found)->record.point);
      coarse.same_country_ratio += expected->country == (*found)->record.country ? 1 : 0;
    }));
    coarse.mean_km /= static_cast<double>(networks);
    coarse.same_country_ratio /= static_cast<double>(networks);
    // What is located in the small one is located in the large one.
    REQUIRE(small.visit([&](const Mmdb::Network& network) {
      REQUIRE(*full_.front().find(network.prefix.address));
      REQUIRE(*full_.front().find(network.prefix.last()));
    }));
    return coarse;
  }

  test::TemporaryFolder folder_;
  std::vector<Mmdb> full_;
};

}  // namespace

TEST_CASE("a coarse database fits, and more bytes err less") {
  const std::uint64_t seed = GENERATE(1, 2, 3);
  INFO("seed " << seed);
  Coarsener coarsener(world(seed));
  const Coarse ample = coarsener.coarse(1'000'000);
  CHECK(ample.mean_km < 1);  // coordinates are rounded to a hundredth of a degree
  CHECK(ample.same_country_ratio == 1);
  Coarse last = ample;
  for (const std::size_t part : {2U, 3U, 5U}) {
    const std::size_t bytes_max = ample.size_bytes / part;
    const Coarse coarse = coarsener.coarse(bytes_max);
    CHECK(coarse.size_bytes <= bytes_max);
    CHECK(coarse.size_bytes > bytes_max / 2);
    CHECK(coarse.mean_km >= last.mean_km);
    CHECK(coarse.same_country_ratio <= last.same_country_ratio);
    last = coarse;
  }
}

TEST_CASE("too few bytes for anything are an error") {
  const Coarsener coarsener(world(1));
  const auto contents = coarsen(coarsener.full(), {.bytes_max = 100});
  REQUIRE_FALSE(contents);
  CHECK_THAT(contents.error(), Catch::Contains("not even the coarsest"));
}

}  // namespace edgeward::geo
