#include "controller/http/conditions.hpp"

#include <catch2/catch.hpp>

#include "controller/http/http_url.hpp"

namespace edgeward::controller {

namespace {

constexpr Validators kValidators{.etag = "\"v1\"",
                                 .last_modified = "Sun, 06 Nov 1994 08:49:37 GMT"};

Extent part(std::uint64_t first, std::uint64_t last) {
  return {.kind = Extent::Kind::part, .range = {first, last}};
}

Extent extent(std::string_view range, std::uint64_t length = 100) {
  return extent_of({.range = range}, kValidators, length);
}

}  // namespace

TEST_CASE("one range of bytes is a part of the body or beyond it") {
  CHECK(extent("bytes=0-0") == part(0, 0));
  CHECK(extent("bytes=10-19") == part(10, 19));
  CHECK(extent("bytes=10-") == part(10, 99));
  CHECK(extent("bytes=10-1000") == part(10, 99));
  CHECK(extent("bytes=10-99999999999999999999999") == part(10, 99));
  CHECK(extent("bytes=-5") == part(95, 99));
  CHECK(extent("bytes=-500") == part(0, 99));
  const Extent unsatisfiable{.kind = Extent::Kind::unsatisfiable};
  CHECK(extent("bytes=100-") == unsatisfiable);
  CHECK(extent("bytes=99999999999999999999999-") == unsatisfiable);
  CHECK(extent("bytes=-0") == unsatisfiable);
  CHECK(extent("bytes=0-", 0) == unsatisfiable);
  CHECK(extent("bytes=-5", 0) == unsatisfiable);
}

TEST_CASE("what is no range of bytes leads to the whole") {
  for (const char* text : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4",
                           "bytes=0-0,2-3", "items=0-5", "bytes=+1-2", "bytes=1 -2", "0-5"}) {
    INFO(text);
    CHECK(extent(text) == Extent{});
  }
}

TEST_CASE("a range of another representation leads to the whole") {
  const auto with = [](std::string_view if_range) {
    return extent_of({.range = "bytes=0-0", .if_range = if_range}, kValidators, 100);
  };
  CHECK(with("\"v1\"") == part(0, 0));
  CHECK(with("Sun, 06 Nov 1994 08:49:37 GMT") == part(0, 0));
  CHECK(with("\"v2\"") == Extent{});
  CHECK(with("W/\"v1\"") == Extent{});
  CHECK(with("Sun, 06 Nov 1994 08:49:38 GMT") == Extent{});
}

TEST_CASE("a client that has it needs it no more") {
  const auto has = [](std::string_view tags) {
    return is_not_modified({.if_none_match = tags}, kValidators);
  };
  CHECK(has("\"v1\""));
  CHECK(has("W/\"v1\""));
  CHECK(has("\"v0\", W/\"v1\""));
  CHECK(has("*"));
  CHECK_FALSE(has("\"v2\""));
  CHECK_FALSE(has("v1"));
  CHECK_FALSE(has("\"v1"));
  CHECK_FALSE(is_not_modified({.if_none_match = "\"\""}, {}));
  const auto since = [](std::string_view date) {
    return is_not_modified({.if_modified_since = date}, kValidators);
  };
  CHECK(since("Sun, 06 Nov 1994 08:49:37 GMT"));
  CHECK(since("Sun, 06 Nov 1994 08:49:38 GMT"));
  CHECK_FALSE(since("Sun, 06 Nov 1994 08:49:36 GMT"));
  CHECK_FALSE(since("yesterday"));
  // A tag counts more than a date.
  CHECK_FALSE(is_not_modified(
      {.if_none_match = "\"v2\"", .if_modified_since = "Sun, 06 Nov 1994 08:49:38 GMT"},
      kValidators));
}

TEST_CASE("an origin is named by http and a host") {
  CHECK(parse_http_url("http://a.example") == HttpUrl{.host = "a.example", .port = "80"});
  CHECK(parse_http_url("http://a.example:8080/") == HttpUrl{.host = "a.example", .port = "8080"});
  CHECK(parse_http_url("http://[::1]:81")->authority() == "[::1]:81");
  CHECK(parse_http_url("http://a.example")->authority() == "a.example");
  for (const char* text :
       {"", "a.example", "https://a.example", "http://", "http://a/b", "http://u@a", "http://a?b",
        "http://a#b", "http://a:0", "http://a:99999", "http://a b"}) {
    INFO(text);
    CHECK_FALSE(parse_http_url(text));
  }
}

}  // namespace edgeward::controller
