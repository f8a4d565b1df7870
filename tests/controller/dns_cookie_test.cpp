#include "controller/dns/cookie.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace edgeward::controller {

namespace {

using Bytes = std::vector<std::uint8_t>;
using Standing = DnsCookies::Standing;

Bytes from_hex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string to_hex(const DnsCookie::Server& server) {
  std::string text;
  for (const std::uint8_t byte : server) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

geo::IpAddress address(const char* text) {
  return *geo::IpAddress::parse(text);
}

DnsCookies cookies(const std::string& secrets) {
  return DnsCookies(*parse_cookie_secrets(secrets));
}

/// What a client that shows this option is, and what it is given.
struct Given {
  Standing standing = Standing::unknown;
  std::string server;
};
Given given(const DnsCookies& cookies, const std::string& option, const char* client,
            std::uint32_t now_s) {
  const Bytes bytes = from_hex(option);
  const auto cookie = DnsCookie::parse(bytes);
  REQUIRE(cookie);
  const Standing standing = cookies.check(*cookie, address(client), now_s);
  return {standing, to_hex(cookies.next(*cookie, standing, address(client), now_s))};
}

const std::string kSecret = "e5e973e5a6b2a43f48e7dc849e37bfcf";

}  // namespace

TEST_CASE("server cookies are those of the examples in RFC 9018, appendix A") {
  // A.1: a client learns a cookie.
  const DnsCookies server = cookies(kSecret);
  Given next = given(server, "2464c4abcf10c957", "198.51.100.100", 1559731985);
  CHECK(next.standing == Standing::unknown);
  CHECK(next.server == "010000005cf79f111f8130c3eee29480");
  // A.2: it shows it 40 minutes later, and gets a new one.
  next = given(server, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100",
               1559734385);
  CHECK(next.standing == Standing::valid);
  CHECK(next.server == "010000005cf7a871d4a564a1442aca77");
  // A.3: one whose reserved bytes are not 0 counts while it is young; the new one has zeros.
  const std::string reserved = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5";
  CHECK(given(server, reserved, "203.0.113.203", 1559727985 + 60).standing == Standing::fresh);
  next = given(server, reserved, "203.0.113.203", 1559734700);
  CHECK(next.server == "010000005cf7a9acf73a7810aca2381e");
  // A.4: IPv6, and a secret that has followed another.
  const DnsCookies rolled =
      cookies("445536bcd2513298075a5d379663c962\ndd3bdf9344b678b185a6f5cb60fca715");
  next = given(rolled, "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
               "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961);
  CHECK(next.standing == Standing::valid);
  CHECK(next.server == "010000005cf7c609a6bb79d16625507a");
}

TEST_CASE("a cookie is good for its client, its address and an hour") {
  const DnsCookies server = cookies(kSecret);
  const std::string mine = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
  constexpr std::uint32_t kMade = 0x5cf79f11;
  const auto standing = [&](const std::string& option, const char* client, std::uint32_t now_s) {
    return given(server, option, client, now_s).standing;
  };
  CHECK(standing(mine, "198.51.100.100", kMade) == Standing::fresh);
  CHECK(standing(mine, "198.51.100.100", kMade + 1800) == Standing::fresh);
  CHECK(standing(mine, "198.51.100.100", kMade + 1801) == Standing::valid);
  CHECK(standing(mine, "198.51.100.100", kMade + 3600) == Standing::valid);
  CHECK(standing(mine, "198.51.100.100", kMade + 3601) == Standing::unknown);
  CHECK(standing(mine, "198.51.100.100", kMade - 300) == Standing::fresh);
  CHECK(standing(mine, "198.51.100.100", kMade - 301) == Standing::unknown);
  CHECK(standing(mine, "198.51.100.101", kMade) == Standing::unknown);
  CHECK(standing(mine, "::198.51.100.100", kMade) == Standing::unknown);
  // Any bit that is not as it was.
  for (std::size_t at = 0; at < mine.size(); ++at) {
    std::string other = mine;
    other[at] = mine[at] == '0' ? '1' : '0';
    INFO(other);
    CHECK(standing(other, "198.51.100.100", kMade) == Standing::unknown);
  }
  CHECK(standing(mine + "00", "198.51.100.100", kMade) == Standing::unknown);
  CHECK(standing(mine.substr(0, 46), "198.51.100.100", kMade) == Standing::unknown);
  // What is fresh is kept.
  CHECK(given(server, mine, "198.51.100.100", kMade + 9).server == mine.substr(16));
}

TEST_CASE("a cookie outlives the end of 32 bits of seconds") {
  const DnsCookies server = cookies(kSecret);
  const std::string client = "2464c4abcf10c957";
  const std::string made = given(server, client, "192.0.2.1", 0xFFFF'FFF0).server;
  CHECK(given(server, client + made, "192.0.2.1", 60).standing == Standing::fresh);
  CHECK(given(server, client + made, "192.0.2.1", 3600).standing == Standing::unknown);
}

TEST_CASE("a cookie has 8 bytes, or 16 to 40") {
  for (std::size_t size = 0; size < 50; ++size) {
    INFO(size);
    const Bytes option(size);
    CHECK(DnsCookie::parse(option).has_value() == (size == 8 || (size >= 16 && size <= 40)));
  }
}

TEST_CASE("secrets are lines of 32 hexadecimal digits") {
  CHECK(parse_cookie_secrets(kSecret + "\n")->size() == 1);
  CHECK(parse_cookie_secrets(kSecret + "\n" + kSecret)->size() == 2);
  CHECK(parse_cookie_secrets("E5E973E5A6B2A43F48E7DC849E37BFCF")->front()[0] == 0xe5);
  const std::string four = kSecret + "\n" + kSecret + "\n" + kSecret + "\n" + kSecret + "\n";
  CHECK(parse_cookie_secrets(four)->size() == 4);
  for (const std::string& bad :
       {std::string(), std::string("\n"), kSecret.substr(1), kSecret + "0", kSecret + "00",
        kSecret + "\n\n", std::string("x5e973e5a6b2a43f48e7dc849e37bfcf"),
        std::string(" e5e973e5a6b2a43f48e7dc849e37bfcf"), kSecret + " ", four + kSecret,
        std::string(32, '\0')}) {
    INFO(bad);
    CHECK_FALSE(parse_cookie_secrets(bad));
  }
  CHECK(random_cookie_secret() != random_cookie_secret());
}

}  // namespace edgeward::controller
