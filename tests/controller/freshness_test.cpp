#include "controller/http/freshness.hpp"

#include <catch2/catch.hpp>

namespace edgeward::controller {

namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;
constexpr FreshnessRules kRules{.default_ttl_ms = 7000, .default_error_stale_ms = 9000};

Freshness of(const OriginHead& head) {
  return freshness_of(head, kRules, kNowMs);
}

Freshness of(std::string_view cache_control) {
  return of(OriginHead{.status = 200, .cache_control = std::string(cache_control)});
}

}  // namespace

TEST_CASE("how long an answer is fresh is what its origin says last and most of all") {
  CHECK(of("").fresh_ms == 7000);
  CHECK(of("max-age=60").fresh_ms == 60'000);
  CHECK(of("MAX-AGE = \"60\" , public").fresh_ms == 60'000);
  CHECK(of("max-age=60, s-maxage=5").fresh_ms == 5000);
  CHECK(of("max-age=x").fresh_ms == 0);
  CHECK(of("max-age=99999999999999999999").fresh_ms == 2'147'483'648'000);
  CHECK(of("extension=\"a, max-age=3\", max-age=60").fresh_ms == 60'000);
  const auto expires = [](std::string text) {
    return of(OriginHead{.expires = std::move(text), .date = "Tue, 14 Nov 2023 22:13:20 GMT"});
  };
  CHECK(expires("Tue, 14 Nov 2023 22:14:20 GMT").fresh_ms == 60'000);
  CHECK(expires("Tue, 14 Nov 2023 22:13:00 GMT").fresh_ms == 0);
  CHECK(expires("0").fresh_ms == 0);
  CHECK(of(OriginHead{.cache_control = "max-age=60", .age = "20"}).age_ms == 20'000);
}

TEST_CASE("what may not be kept or is of one client is not shared") {
  for (const char* text : {"no-store", "private", "no-cache", "max-age=60, Private",
                           "private=\"set-cookie\"", "public, no-store=x"}) {
    INFO(text);
    CHECK_FALSE(of(text).is_shared);
  }
  CHECK(of("public, max-age=60").is_shared);
  CHECK(of("max-age=60, x=\"no-store, private\"").is_shared);
  CHECK_FALSE(of(OriginHead{.cache_control = "max-age=60", .vary = "Cookie"}).is_shared);
  CHECK_FALSE(of(OriginHead{.cache_control = "max-age=60", .vary = "*"}).is_shared);
  CHECK(of(OriginHead{.cache_control = "max-age=60", .vary = "accept-encoding"}).is_shared);
  CHECK_FALSE(of(OriginHead{.cache_control = "max-age=60", .sets_cookie = true}).is_shared);
  // Stale at once: of use only where it can be asked for by a validator.
  CHECK_FALSE(of("max-age=0").is_shared);
  CHECK(of(OriginHead{.cache_control = "max-age=0", .etag = "\"1\""}).is_shared);
}

TEST_CASE("how long it is served after that is the origin's to say") {
  CHECK(of("max-age=1").stale_ms == 0);
  CHECK(of("max-age=1").error_stale_ms == 9000);
  CHECK(of("max-age=1, stale-while-revalidate=5, stale-if-error=6").stale_ms == 5000);
  CHECK(of("max-age=1, stale-while-revalidate=5, stale-if-error=6").error_stale_ms == 6000);
  for (const char* text : {"must-revalidate", "proxy-revalidate"}) {
    const Freshness strict =
        of(std::string(text) + ", max-age=1, stale-while-revalidate=5, stale-if-error=6");
    CHECK(strict.stale_ms == 0);
    CHECK(strict.error_stale_ms == 0);
  }
}

TEST_CASE("dates are read in the three forms there are") {
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994"}) {
    INFO(text);
    CHECK(parse_http_date(text) == 784'111'777'000);
  }
  for (const char* text : {"", "now", "Sun, 06 Nov 1994 08:49:37", "1994-11-06T08:49:37Z",
                           "Sun, 06 Nov 1994 08:49:37 GMT."}) {
    INFO(text);
    CHECK_FALSE(parse_http_date(text));
  }
}

TEST_CASE("fields that come anew stand in the place of those that were kept") {
  CHECK(freshened("A: 1\r\nB: 2\r\nC: 3\r\n", "b: 4\r\nD: 5\r\n") ==
        "A: 1\r\nC: 3\r\nb: 4\r\nD: 5\r\n");
  CHECK(freshened("A: 1\r\n", "") == "A: 1\r\n");
  CHECK(freshened("", "A: 1\r\n") == "A: 1\r\n");
  CHECK(field_of("A: 1\r\nCache-Control:  max-age=5 \r\n", "cache-control") == "max-age=5");
  CHECK(field_of("A: 1\r\n", "B").empty());
}

}  // namespace edgeward::controller
