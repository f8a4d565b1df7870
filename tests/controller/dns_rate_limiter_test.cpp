#include "controller/dns/rate_limiter.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "tests/controller/dns_support.hpp"

namespace edgeward::controller {

namespace {

using Verdict = DnsRateLimiter::Verdict;

geo::IpAddress address(const std::string& text) {
  return *geo::IpAddress::parse(text);
}

struct Counts {
  int passed = 0;
  int slipped = 0;
  int dropped = 0;
};
/// Asks so many times at once.
Counts ask(DnsRateLimiter& limiter, const std::string& client, std::int64_t now_ms, int times) {
  Counts counts;
  for (int i = 0; i < times; ++i) {
    const Verdict verdict = limiter.judge(address(client), now_ms);
    if (verdict == Verdict::pass) ++counts.passed;
    if (verdict == Verdict::slip) ++counts.slipped;
    if (verdict == Verdict::drop) ++counts.dropped;
  }
  return counts;
}

constexpr std::int64_t kNow = 1'700'000'000'000;

}  // namespace

TEST_CASE("a network gets a second's worth at once, and its rate from then on") {
  DnsRateLimiter limiter({.responses_per_second = 100, .slip = 2});
  Counts counts = ask(limiter, "192.0.2.1", kNow, 300);
  CHECK(counts.passed == 100);
  CHECK(counts.slipped == 100);
  CHECK(counts.dropped == 100);
  for (std::int64_t ms = 100; ms <= 1000; ms += 100) {
    CHECK(ask(limiter, "192.0.2.1", kNow + ms, 50).passed == 10);
  }
  // Rested for a second it is as new.
  CHECK(ask(limiter, "192.0.2.1", kNow + 2500, 300).passed == 100);
  CHECK(ask(limiter, "192.0.2.1", kNow + 2501, 300).passed == 0);
}

TEST_CASE("neighbours in a /24 or /56 share, others do not") {
  DnsRateLimiter limiter({.responses_per_second = 10});
  CHECK(ask(limiter, "192.0.2.1", kNow, 20).passed == 10);
  CHECK(ask(limiter, "192.0.2.255", kNow, 20).passed == 0);
  CHECK(ask(limiter, "192.0.3.1", kNow, 20).passed == 10);
  CHECK(ask(limiter, "2001:db8:0:aa00::1", kNow, 20).passed == 10);
  CHECK(ask(limiter, "2001:db8:0:aaff:ffff::", kNow, 20).passed == 0);
  CHECK(ask(limiter, "2001:db8:0:ab00::1", kNow, 20).passed == 10);
}

TEST_CASE("how often one is let slip is a setting") {
  const auto slipped = [](unsigned slip) {
    DnsRateLimiter limiter({.responses_per_second = 1, .slip = slip});
    return ask(limiter, "192.0.2.1", kNow, 31).slipped;
  };
  CHECK(slipped(0) == 0);
  CHECK(slipped(1) == 30);
  CHECK(slipped(3) == 10);
  DnsRateLimiter none({});
  CHECK(ask(none, "192.0.2.1", kNow, 100'000).passed == 100'000);
}

TEST_CASE("a clock that is set back locks nobody out") {
  DnsRateLimiter limiter({.responses_per_second = 10});
  CHECK(ask(limiter, "192.0.2.1", kNow, 20).passed == 10);
  CHECK(ask(limiter, "192.0.2.1", kNow - 3'600'000, 20).passed == 10);
}

TEST_CASE("as many networks as the table holds do not free one that asks too much") {
  DnsRateLimiter limiter({.responses_per_second = 1000});
  CHECK(ask(limiter, "192.0.2.1", kNow, 2000).passed == 1000);
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    (void)limiter.judge(geo::IpAddress::v4(0x0A00'0000U + (i << 8)), kNow);
  }
  CHECK(ask(limiter, "192.0.2.1", kNow, 2000).passed == 0);
}

TEST_CASE("beyond the rate an answer is short or lost, but for TCP and who has a cookie") {
  Asked dns(two_places(), {.rate_limit = {.responses_per_second = 4, .slip = 2}},
            {DnsCookies::Secret{5}});
  dns.now_ms = kNow;
  const Message plain = written({});
  const Message cookie_option{0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
  const Message with_cookie = written({.has_edns = true, .option = cookie_option});
  for (int i = 0; i < 4; ++i) CHECK(dns.ask({}).records.size() == 2);
  CHECK(dns.bytes(plain).empty());
  CHECK(dns.has_answer);  // an outcome, for the counts
  Answer answer = AnswerReader(dns.bytes(plain)).read();
  CHECK(answer.flags == 0x8300);  // truncated, nothing more
  CHECK(answer.question == "www.cdn.example.");
  CHECK(answer.records.empty());
  CHECK(answer.authorities == 0);
  // What is refused is limited too.
  CHECK(dns.bytes(written({.name = "x"})).empty());
  answer = dns.ask({.name = "x"});
  CHECK((answer.flags & 0x0200) != 0);
  // Who takes cookies gets one, with which it may go on.
  CHECK(dns.bytes(with_cookie).empty());
  answer = AnswerReader(dns.bytes(with_cookie)).read();
  CHECK(answer.code == 23);
  CHECK((answer.flags & 0x0200) == 0);
  CHECK(answer.records.empty());
  REQUIRE(answer.cookie.size() == 24);
  Message mine;
  word(mine, 10);
  word(mine, 24);
  mine.insert(mine.end(), answer.cookie.begin(), answer.cookie.end());
  for (int i = 0; i < 50; ++i) {
    CHECK(dns.ask({.has_edns = true, .option = mine}).records.size() == 2);
  }
  // A connection shows whose address it is.
  for (int i = 0; i < 50; ++i) {
    CHECK(AnswerReader(dns.bytes(plain, false)).read().records.size() == 2);
  }
  // A neighbour's cookie counts for nothing.
  dns.peer = geo::IpAddress::v4(0x0000'0199);
  CHECK(dns.bytes(written({.has_edns = true, .option = mine})).empty());
}

}  // namespace edgeward::controller
