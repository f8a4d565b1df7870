#include "geo/prefix_map.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::geo {

namespace {

IpPrefix prefix(const char* text) {
  const auto parsed = IpPrefix::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

bool holds(const IpPrefix& prefix, const IpAddress& address) {
  for (unsigned bit = 0; bit < prefix.length; ++bit) {
    const unsigned differing = prefix.address.bytes[bit / 8] ^ address.bytes[bit / 8];
    if ((differing >> (7 - bit % 8) & 1U) != 0) return false;
  }
  return true;
}

/// By looking at every prefix.
std::optional<std::uint32_t> scanned(const std::vector<IpPrefix>& prefixes,
                                     const IpAddress& address) {
  std::optional<std::uint32_t> best;
  for (std::uint32_t i = 0; i < prefixes.size(); ++i) {
    if (best && prefixes[i].length < prefixes[*best].length) continue;
    if (holds(prefixes[i], address)) best = i;
  }
  return best;
}

/// Few different leading bytes, so that many prefixes lie in one another.
IpAddress random_address(cache::Random& random) {
  if (random.below(2) == 0) {
    const auto top = static_cast<std::uint32_t>(random.below(16) << 28 | random.below(256) << 16);
    return IpAddress::v4(top | static_cast<std::uint32_t>(random.below(0x10000)));
  }
  IpAddress address;
  for (std::uint8_t& byte : address.bytes) byte = static_cast<std::uint8_t>(random.below(256));
  address.bytes[0] = 0x20;
  address.bytes[1] = static_cast<std::uint8_t>(random.below(4));
  address.bytes[2] = 0;
  return address;
}

std::vector<IpPrefix> random_prefixes(cache::Random& random, std::size_t count) {
  std::vector<IpPrefix> prefixes;
  while (prefixes.size() < count) {
    const IpAddress address = random_address(random);
    const auto first = address.is_v4() ? kV4LengthOffset : 8U;
    const auto length = first + static_cast<unsigned>(random.below(129 - first));
    prefixes.push_back(IpPrefix::around(address, length));
    // Now and then the same block again, or one that holds all of IPv4.
    if (random.below(50) == 0) prefixes.push_back(prefixes[random.below(prefixes.size())]);
    // The last address of another, where both end.
    if (random.below(20) == 0) {
      prefixes.push_back(IpPrefix::around(prefixes[random.below(prefixes.size())].last(), 128));
    }
    if (random.below(20'000) == 0) {
      prefixes.push_back(IpPrefix::around({}, static_cast<unsigned>(random.below(81))));
    }
  }
  return prefixes;
}

/// The address after it; of the last one, the first.
IpAddress next(IpAddress address) {
  for (std::size_t i = 16; i-- > 0;) {
    if (++address.bytes[i] != 0) break;
  }
  return address;
}

void check_like_scan(const std::vector<IpPrefix>& prefixes, cache::Random& random,
                     std::size_t queries) {
  const PrefixMap map(prefixes);
  for (std::size_t i = 0; i < queries; ++i) {
    const IpPrefix& any = prefixes[random.below(prefixes.size())];
    for (const IpAddress& address : {random_address(random), any.address, next(any.last())}) {
      INFO(address.text());
      REQUIRE(map.find(address) == scanned(prefixes, address));
    }
  }
}

}  // namespace

TEST_CASE("the longest prefix decides, of equal ones the last") {
  const PrefixMap map(std::vector<IpPrefix>{prefix("10.0.0.0/8"), prefix("10.1.0.0/16"),
                                            prefix("10.0.0.0/8"), prefix("2001:db8::/32")});
  const auto find = [&map](const char* text) { return map.find(*IpAddress::parse(text)); };
  CHECK(find("10.2.0.1") == 2U);
  CHECK(find("10.1.0.1") == 1U);
  CHECK(find("10.1.255.255") == 1U);
  CHECK(find("2001:db8::1") == 3U);
  CHECK_FALSE(find("11.0.0.0"));
  CHECK_FALSE(find("9.255.255.255"));
  CHECK_FALSE(find("2001:db9::"));
}

TEST_CASE("a single address at the end of a network is itself, of equal ones the last") {
  for (const char* const text : {"10.0.0.0/8", "2001:db8::/32"}) {
    const IpPrefix network = prefix(text);
    const IpPrefix first = IpPrefix::around(network.address, 128);
    const IpPrefix last = IpPrefix::around(network.last(), 128);
    const PrefixMap map(std::vector<IpPrefix>{network, last, first, last});
    CHECK(map.find(first.address) == 2U);
    CHECK(map.find(last.address) == 3U);
    IpAddress before = last.address;
    before.bytes.back() = 0xFE;
    CHECK(map.find(before) == 0U);
    CHECK_FALSE(map.find(next(last.address)));
  }
}

TEST_CASE("an empty map knows nothing, a prefix of all addresses knows all") {
  CHECK_FALSE(PrefixMap().find(IpAddress::v4(1)));
  CHECK_FALSE(PrefixMap(std::vector<IpPrefix>{}).find(IpAddress{}));
  const PrefixMap all(std::vector<IpPrefix>{prefix("::/0")});
  for (const char* text : {"::", "10.0.0.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    CHECK(all.find(*IpAddress::parse(text)) == 0U);
  }
}

TEST_CASE("what holds all of IPv4 is known on both sides of it, and within") {
  cache::Random random(7);
  for (int round = 0; round < 200; ++round) {
    INFO("round " << round);
    std::vector<IpPrefix> prefixes;
    // Blocks around ::ffff:0:0/96, from either side.
    for (std::uint64_t i = 0; i < 1 + random.below(8); ++i) {
      IpAddress address;
      address.bytes[9] = static_cast<std::uint8_t>(random.below(2));
      address.bytes[10] = random.below(2) == 0 ? 0xFF : 0;
      address.bytes[11] = static_cast<std::uint8_t>(0xFE + random.below(2));
      address.bytes[12] = random.below(2) == 0 ? 0xFF : 0;
      prefixes.push_back(IpPrefix::around(address, 60 + static_cast<unsigned>(random.below(60))));
    }
    check_like_scan(prefixes, random, 20);
  }
}

TEST_CASE("100,000 prefixes of both families decide as a scan of all of them does") {
  constexpr std::uint64_t kSeed = 20'261;
  INFO("seed " << kSeed);
  cache::Random random(kSeed);
  check_like_scan(random_prefixes(random, 100'000), random, 300);
}

TEST_CASE("few prefixes decide as a scan of all of them does") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    cache::Random random(seed);
    check_like_scan(random_prefixes(random, 1 + random.below(30)), random, 30);
  }
}

}  // namespace edgeward::geo
