#include "cache/parameters.hpp"

#include <catch2/catch.hpp>

namespace edgeward::cache {

TEST_CASE("settings read back as they were written") {
  const auto* const text = GENERATE("lru", "s3fifo:oversize=refuse:small=0.2", "size:1MiB");
  CHECK(NamedSettings::parse(text).text() == text);
}

TEST_CASE("malformed settings are refused") {
  const auto* const text = GENERATE("", ":", "lru:", "lru:=3", "lru:a=", "lru:a=1:a=2", "lru::a=1");
  CHECK_THROWS_AS(NamedSettings::parse(text), ParameterError);
}

TEST_CASE("a mistyped setting is an error that names the nearest") {
  const auto settings = NamedSettings::parse("s3fifo:smal=0.2");
  Parameters parameters(settings);
  CHECK(parameters.number("small", {.fallback = 0.1, .low = 0, .high = 1}) == 0.1);
  CHECK_THROWS_WITH(parameters.finish(), Catch::Contains("did you mean 'small'"));
}

TEST_CASE("a setting outside its range is an error that names the range") {
  const auto settings = NamedSettings::parse("p:small=2:k=0:mode=odd:on=maybe:x=nan");
  Parameters parameters(settings);
  CHECK_THROWS_WITH((void)parameters.number("small", {.fallback = 0.1, .low = 0, .high = 1}),
                    Catch::Contains("from 0 to 1"));
  CHECK_THROWS_AS((void)parameters.count("k", 1, 1, 9), ParameterError);
  CHECK_THROWS_WITH((void)parameters.choice("mode", {"admit", "refuse"}),
                    Catch::Contains("admit or refuse"));
  CHECK_THROWS_AS((void)parameters.flag("on", false), ParameterError);
  CHECK_THROWS_AS((void)parameters.number("x", {.low = 0, .high = 9}), ParameterError);
}

TEST_CASE("bytes are read with decimal and binary units") {
  CHECK(parse_bytes("1000000") == 1'000'000);
  CHECK(parse_bytes("18446744073709551615") == 18446744073709551615U);
  CHECK(parse_bytes("64KiB") == 65'536);
  CHECK(parse_bytes("1.5GiB") == 1'610'612'736);
  CHECK(parse_bytes("2MB") == 2'000'000);
  CHECK(parse_bytes("0") == 0);
  const auto* const bad = GENERATE("", "GiB", "-1", "1 GiB", "1.2.3MB", "18446744073709551616",
                                   "99999999999PB", "1e9", "7gib", ".");
  CHECK_THROWS_AS(parse_bytes(bad), ParameterError);
}

TEST_CASE("the nearest name is found only where one is near") {
  const std::vector<std::string_view> names{"lru", "s3fifo", "belady"};
  CHECK(nearest_name("s3fio", names) == "s3fifo");
  CHECK(nearest_name("quite-different", names).empty());
}

}  // namespace edgeward::cache
