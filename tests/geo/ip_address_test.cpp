#include "geo/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::geo {

TEST_CASE("an address reads back as it was written") {
  const auto* const text =
      GENERATE("192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "fe80::1:2:3:4");
  const auto address = IpAddress::parse(text);
  REQUIRE(address);
  CHECK(address->text() == text);
}

TEST_CASE("an IPv4 address equals its IPv4-mapped form") {
  const auto mapped = IpAddress::parse("::ffff:192.0.2.1");
  REQUIRE(mapped);
  CHECK(mapped->is_v4());
  CHECK(*mapped == IpAddress::v4(0xC0000201));
  CHECK_FALSE(IpAddress::parse("2001:db8::1")->is_v4());
}

TEST_CASE("an IPv4 address is taken out of the IPv6 address that carries it") {
  const auto unwrapped = [](const char* text) {
    return IpAddress::parse(text)->unwrapped().text();
  };
  CHECK(unwrapped("::ffff:192.0.2.1") == "192.0.2.1");
  CHECK(unwrapped("2002:c000:201::1") == "192.0.2.1");
  CHECK(unwrapped("64:ff9b::c000:221") == "192.0.2.33");  // the example of RFC 6052 §2.4
  // The example of RFC 4380's client: server 65.54.227.120, client 192.0.2.45 behind its NAT.
  CHECK(unwrapped("2001:0:4136:e378:8000:63bf:3fff:fdd2") == "192.0.2.45");
}

TEST_CASE("an address that carries none stays as it is") {
  const auto* const text = GENERATE("192.0.2.1", "2001:db8::1", "2001:1::1", "2003::1",
                                    "64:ff9b:1::c000:221", "64:ff9b:0:1::1", "::1", "::");
  CHECK(IpAddress::parse(text)->unwrapped().text() == text);
}

TEST_CASE("what is no address is refused") {
  const auto* const text = GENERATE(
      "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "example.com", "1.2.3.4:80", "[::1]", "fe80::1%eth0",
      "-", ":::", "11111111111111111111111111111111111111111111111111111111");
  CHECK_FALSE(IpAddress::parse(text));
}

TEST_CASE("text is an address where the system says so") {
  cache::Random random(4);
  const std::vector<std::string> pieces{"0", "1", "9", "10", "25", "255", "256", "00", "192",
                                        ".", ".", ".", ":",  "::", "f",   "-",   " ",  "1.2.3.4"};
  std::size_t good = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text;
    for (std::uint64_t k = 1 + random.below(8); k > 0; --k) {
      text += pieces[random.below(pieces.size())];
      if (random.below(2) == 0) text += '.';
    }
    std::array<std::uint8_t, 16> bytes{};
    const bool is_v4 = inet_pton(AF_INET, text.c_str(), bytes.data()) == 1;
    const bool is_v6 = !is_v4 && inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
    INFO(text);
    const auto address = IpAddress::parse(text);
    REQUIRE(address.has_value() == (is_v4 || is_v6));
    if (!address) continue;
    ++good;
    const std::size_t size = is_v4 ? 4 : 16;
    REQUIRE(std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size),
                       address->bytes.end() - static_cast<std::ptrdiff_t>(size)));
    REQUIRE_FALSE(IpAddress::parse(text + '\0'));
    REQUIRE_FALSE(IpAddress::parse(text + std::string("\0x", 2)));
  }
  CHECK(good > 1000);
}

}  // namespace edgeward::geo
