#include "geo/ip_prefix.hpp"

#include <catch2/catch.hpp>

namespace edgeward::geo {

TEST_CASE("a prefix reads back as it was written") {
  const auto* const text =
      GENERATE("192.0.2.0/24", "0.0.0.0/0", "10.1.2.3/32", "2001:db8::/32", "::/0", "::1/128");
  const auto prefix = IpPrefix::parse(text);
  REQUIRE(prefix);
  CHECK(prefix->text() == text);
}

TEST_CASE("a prefix holds its first and last address and not its neighbours") {
  const auto prefix = IpPrefix::parse("192.0.2.128/25");
  REQUIRE(prefix);
  CHECK(prefix->contains(*IpAddress::parse("192.0.2.128")));
  CHECK(prefix->contains(prefix->last()));
  CHECK(prefix->last().text() == "192.0.2.255");
  CHECK_FALSE(prefix->contains(*IpAddress::parse("192.0.2.127")));
  CHECK_FALSE(prefix->contains(*IpAddress::parse("192.0.3.0")));
}

TEST_CASE("an address alone is a prefix of itself") {
  CHECK(IpPrefix::parse("192.0.2.7")->length == 128);
  CHECK(IpPrefix::parse("2001:db8::7")->text() == "2001:db8::7/128");
}

TEST_CASE("what is no prefix is refused") {
  const auto* const text =
      GENERATE("", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/24", "2001:db8::/129",
               "10.0.0.0/8x", "10.0.0.0/-1", "10.0.0.0//8", "x/8", "10.0.0/8");
  CHECK_FALSE(IpPrefix::parse(text));
}

}  // namespace edgeward::geo
