#include "sim/logs/timestamp.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <string>

#include "cache/random.hpp"

namespace edgeward::sim {

TEST_CASE("one instant has one value in every spelling") {
  constexpr std::int64_t kInstant = 971'211'336'000;  // 2000-10-10T20:55:36Z
  const std::string_view spelling =
      GENERATE("10/Oct/2000:13:55:36 -0700", "[10/Oct/2000:13:55:36 -0700]", "2000-10-10T20:55:36Z",
               "2000-10-10T22:55:36+02:00", "2000-10-10T22:55:36+0200", "2000-10-10 20:55:36",
               "2000/10/10 20:55:36", "2000-10-10 20:55:36 UTC", "2000-10-10T20:55:36.000000000Z",
               "Tue, 10 Oct 2000 20:55:36 GMT", "971211336", "971211336.000", "971211336000",
               "971211336000000", "971211336000000000", "9.71211336e8", "  971211336 ",
               "20001010205536", "20001010205536Z", "20001010T205536Z", "20001010T205536.000Z",
               "20001010T225536+0200", "20001010 20:55:36");
  INFO(spelling);
  CHECK(parse_time(spelling) == kInstant);
}

TEST_CASE("fractions of a second are cut to milliseconds") {
  CHECK(parse_time("2021-12-15T03:10:11.6479719Z") == 1'639'537'811'647);
  CHECK(parse_time("1607374321.541") == 1'607'374'321'541);
  CHECK(parse_time("1607374321.5") == 1'607'374'321'500);
  CHECK(parse_time("1712790000123999999") == 1'712'790'000'123);
}

TEST_CASE("the clock of traces starts at zero") {
  CHECK(parse_time("0") == 0);
  CHECK(parse_time("1") == 1000);
  CHECK(parse_time("159") == 159'000);
  CHECK(parse_time("1970-01-01") == 0);
}

TEST_CASE("a leap second is the first of the next minute") {
  CHECK(parse_time("2016-12-31T23:59:60Z") == parse_time("2017-01-01T00:00:00Z"));
}

TEST_CASE("what is no time, or out of range, is absent") {
  const std::string_view text = GENERATE(
      "", "-", "now", "-5", "+5", "1.2.3", "0x10", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
      "10000-01-01T00:00:00Z", "2023-02-29T00:00:00Z", "2023-13-01", "2023-00-10", "2023-01-32",
      "2023-01-01T24:00:00Z", "2023-01-01T00:60:00Z", "2023-01-01T00:00:61Z",
      "2023-01-01T00:00:00Zulu", "2023-01-01T00:00:00+99:00", "2023-01-01T", "2023-01-01T00",
      "10/Foo/2000:13:55:36 -0700", "99999999999999999999999", "1e400",
      "01/Jan/1970:00:00:00 +0100", "20001310205536", "20001010T2055366", "20001010T",
      "20001010205536x");
  INFO(text);
  CHECK_FALSE(parse_time(text).has_value());
}

TEST_CASE("seconds may be missing, and epochs count in the unit that their length tells") {
  CHECK(parse_time("10/Oct/2000:13:55 +0000") == 971'186'100'000);
  CHECK(parse_time("99999999999") == 99'999'999'999'000);
  CHECK(parse_time("100000000000") == 100'000'000'000);
  CHECK(parse_time("18446744073709551615") == 18'446'744'073'709);
}

TEST_CASE("year 9999 is the last") {
  CHECK(parse_time("9999-12-31T23:59:59.999Z") == kTimeMsMax);
  CHECK_FALSE(parse_time("9999-12-31T23:59:59-00:01").has_value());
}

TEST_CASE("the calendar is the system's") {
  const std::uint64_t seed = 11;
  INFO("seed " << seed);
  cache::Random random(seed);
  for (int i = 0; i < 2000; ++i) {
    const auto seconds = static_cast<std::time_t>(random.below(253'402'300'800));
    std::tm tm{};
    gmtime_r(&seconds, &tm);
    const std::string text =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", tm.tm_year + 1900, tm.tm_mon + 1,
                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    INFO(text);
    CHECK(parse_time(text) == seconds * 1000);
  }
}

TEST_CASE("the remembered minute never changes the answer") {
  const std::uint64_t seed = 12;
  INFO("seed " << seed);
  cache::Random random(seed);
  CommonLogClock clock;
  constexpr std::string_view kZones[] = {"+0000", "-0700", "+0530"};
  for (int i = 0; i < 5000; ++i) {
    const std::string text =
        fmt::format("{:02}/{}/2020:1{}:0{}:{:02} {}", 28 + random.below(2),
                    random.below(2) == 0 ? "Feb" : "Mar", random.below(2), random.below(2),
                    random.below(63), kZones[random.below(3)]);
    INFO(text);
    CHECK(clock.parse(text) == parse_time(text));
  }
}

TEST_CASE("a fresh clock knows no minute") {
  CommonLogClock clock;
  const std::string zeros = std::string(18, '\0') + "42" + std::string(6, '\0');
  CHECK_FALSE(clock.parse(zeros).has_value());
}

}  // namespace edgeward::sim
