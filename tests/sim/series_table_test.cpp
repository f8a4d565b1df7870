#include "sim/series/series_table.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "sim/series/time_grid.hpp"

namespace edgeward::sim {

namespace {

const double kNone = std::nan("");
constexpr std::int64_t kDayOneMs = 1'704'067'200'000;  ///< 2024-01-01T00:00:00Z

SeriesTable read(std::string_view text, SeriesLayout layout = SeriesLayout::detect) {
  TextSource source(text);
  return read_series(source, "test.csv", layout);
}

std::uint64_t count(const SeriesTable& table, SeriesFault fault) {
  return table.faults[static_cast<std::size_t>(fault)];
}

/// Equal, where NaN equals NaN.
void check_values(const SampledSeries& series, const std::vector<double>& values) {
  REQUIRE(series.values.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO("value " << i);
    if (std::isnan(values[i])) {
      CHECK(std::isnan(series.values[i]));
    } else {
      CHECK(series.values[i] == values[i]);
    }
  }
}

}  // namespace

TEST_CASE("a row a time and a series a value column") {
  const SeriesTable table = read(
      "hour_utc,requests,bytes\n"
      "2024-01-01 00:00,1,10\n"
      "2024-01-01 01:00,2,20\n"
      "2024-01-01 02:00,3,30");
  CHECK(table.layout == SeriesLayout::tall);
  REQUIRE(table.series.size() == 2);
  CHECK(table.series[0].name == "requests");
  CHECK(table.series[0].first_at_ms == kDayOneMs);
  CHECK(table.series[0].step_ms == kHourMs);
  check_values(table.series[0], {1, 2, 3});
  CHECK(table.series[1].name == "bytes");
  check_values(table.series[1], {10, 20, 30});
  CHECK(table.faults == std::array<std::uint64_t, kSeriesFaults>{});
}

TEST_CASE("a column of series names makes a series of each name and value column") {
  const SeriesTable one = read(
      "series,timestamp,value\nfra1,2024-01-01,1\nams1,2024-01-01,5\nfra1,2024-01-02,2\n"
      "ams1,2024-01-02,6\n");
  REQUIRE(one.series.size() == 2);
  CHECK(one.series[0].name == "fra1");
  CHECK(one.series[0].step_ms == 24 * kHourMs);
  check_values(one.series[1], {5, 6});
  const SeriesTable two = read("t,edge,hits,misses\n1700000000,a,1,2\n1700003600,a,3,4\n");
  REQUIRE(two.series.size() == 2);
  CHECK(two.series[0].name == "a.hits");
  check_values(two.series[1], {2, 4});
}

TEST_CASE("a row a series with or without a header and of any length") {
  const SeriesTable bare = read("H1,1,2,3\nH3,4,5,,\n\nH5,,6,,7\n");
  CHECK(bare.layout == SeriesLayout::wide);
  REQUIRE(bare.series.size() == 3);
  CHECK(bare.series[0].name == "H1");
  CHECK_FALSE(bare.series[0].first_at_ms);
  check_values(bare.series[0], {1, 2, 3});
  check_values(bare.series[1], {4, 5});
  check_values(bare.series[2], {6, kNone, 7});
  CHECK(count(bare, SeriesFault::missing) == 1);

  check_values(read("V1,V2,V3\nH1,1,2\n").series.at(0), {1, 2});
  check_values(read("id,1,2\nH1,3,4\n").series.at(0), {3, 4});
  CHECK(read("id,1,2\nH1,3,4\n").series.size() == 1);

  const SeriesTable dated = read("id,2024-01-01T00:00,2024-01-01T00:30\nH1,,9\nH2,8,9\n");
  REQUIRE(dated.series.size() == 2);
  CHECK(dated.series[0].step_ms == kHourMs / 2);
  CHECK(dated.series[0].first_at_ms == kDayOneMs + kHourMs / 2);
  CHECK(dated.series[1].first_at_ms == kDayOneMs);
}

TEST_CASE("separators, quotes, byte order marks and line ends of any kind") {
  check_values(read("\xEF\xBB\xBFtime;value\r\n\"2024-01-01 00:00\";1\r\n2024-01-01 01:00;\"2\"")
                   .series.at(0),
               {1, 2});
  check_values(read("time\tvalue\n2024-01-01 00:00\t1\n2024-01-01 01:00\t2\n").series.at(0),
               {1, 2});
  CHECK(read("\"a \"\"b\"\", c\",1,2\n").series.at(0).name == "a \"b\", c");
}

TEST_CASE("a layout that is asked for is taken") {
  CHECK(read("1700000000,1\n1700003600,2\n", SeriesLayout::tall).series.size() == 1);
  CHECK(read("1700000000,1\n1700003600,2\n", SeriesLayout::wide).series.size() == 2);
  CHECK_THROWS_WITH(read("a,b\nx,y\n", SeriesLayout::tall),
                    Catch::Contains("test.csv: no time column"));
}

TEST_CASE("times out of order, twice or between steps are put right and counted") {
  const SeriesTable table = read(
      "time,value\n"
      "2024-01-01 02:00:00,3\n"
      "2024-01-01 00:00:00,1\n"
      "2024-01-01 01:00:00,2\n"
      "2024-01-01 01:00:00,4\n"
      "2024-01-01 05:00:02,6\n"
      "2024-01-01 04:00:00,5\n");
  REQUIRE(table.series.size() == 1);
  check_values(table.series[0], {1, 3, 3, kNone, 5, 6});
  CHECK(count(table, SeriesFault::duplicate) == 1);
  CHECK(count(table, SeriesFault::off_grid) == 1);
  CHECK(count(table, SeriesFault::missing) == 1);
}

TEST_CASE("the hour that summer time skips is missing and the one it repeats is averaged") {
  // Local time without a zone: 2 to 3 o'clock is not there in March and there twice in October.
  const SeriesTable spring = read(
      "time,value\n2024-03-31 00:00,1\n2024-03-31 01:00,2\n2024-03-31 03:00,3\n"
      "2024-03-31 04:00,4\n");
  check_values(spring.series.at(0), {1, 2, kNone, 3, 4});
  const SeriesTable autumn = read(
      "time,value\n2024-10-27 01:00,1\n2024-10-27 02:00,2\n2024-10-27 02:00,4\n"
      "2024-10-27 03:00,5\n");
  check_values(autumn.series.at(0), {1, 3, 5});
  // With a zone nothing is missing.
  const SeriesTable zoned = read(
      "time,value\n2024-03-31T01:00:00+01:00,2\n2024-03-31T03:00:00+02:00,3\n"
      "2024-03-31T04:00:00+02:00,4\n");
  check_values(zoned.series.at(0), {2, 3, 4});
}

TEST_CASE("the step is that of most times") {
  const auto step = [](const std::vector<std::int64_t>& seconds) {
    std::vector<Sample> samples;
    for (const std::int64_t second : seconds) samples.push_back({.at_ms = second * 1000});
    return step_of(samples) / 1000;
  };
  CHECK(step({0, 15, 30, 45}) == 15);
  CHECK(step({0, 1800, 3600}) == 1800);
  CHECK(step({0, 3600, 10'800, 14'400, 18'000}) == 3600);
  CHECK(step({3, 3601, 7204, 10'799}) == 3600);  // as a slow cron job has it
  CHECK(step({0, 7200, 10'800, 18'000, 25'200}) == 3600);
  CHECK(step({5}) == 3600);
  CHECK(step({5, 5}) == 3600);
  CHECK(step({0, 7, 14, 21}) == 7);
}

TEST_CASE("a time far from all others is left out rather than bridged") {
  std::string text = "time,value\n";
  for (int hour = 0; hour < 20; ++hour) {
    text += "2024-01-01 " + std::string(hour < 10 ? "0" : "") + std::to_string(hour) + ":00,1\n";
  }
  const SeriesTable table = read(text + "9999-12-31 00:00,5\n1970-01-01 00:00,5\n");
  CHECK(table.series.at(0).values.size() == 20);
  CHECK(count(table, SeriesFault::stray) == 2);
}

TEST_CASE("cells that are no numbers are missing and shown with their line") {
  const SeriesTable table = read(
      "time,value\n"
      "2024-01-01 00:00,1\n"
      "2024-01-01 01:00,nan\n"
      "2024-01-01 02:00,inf\n"
      "2024-01-01 03:00,1e308\n"
      "2024-01-01 04:00,\n"
      "2024-01-01 05:00,NA\n"
      "2024-01-01 06:00,12x\n"
      "never,7\n"
      "2024-01-01 07:00,8,9\n"
      "2024-01-01 07:00\n"
      "2024-01-01 08:00,\"9\n"
      "2024-01-01 09:00,-1.5e3\n");
  CHECK(count(table, SeriesFault::bad_value) == 3);
  CHECK(count(table, SeriesFault::bad_time) == 1);
  CHECK(count(table, SeriesFault::bad_row) == 3);
  CHECK(table.series.at(0).values.front() == 1);
  CHECK(table.series.at(0).values.back() == -1500);
  CHECK(count(table, SeriesFault::missing) == 8);
  REQUIRE(table.first_bad.size() == SeriesTable::kBadShown);
  CHECK(table.first_bad[0].line == 4);
  CHECK_THAT(table.first_bad[0].message, Catch::Contains("'inf'"));
}

TEST_CASE("hostile tables are errors that name the file or are read as far as they go") {
  const std::string huge(3 << 20, '7');
  for (const std::string& text : {
           std::string(),
           std::string("\n\n\n"),
           std::string("time,value\n"),
           std::string("time,value\nx,y\n"),
           std::string("time,value\n2024-01-01,\n2024-01-02,nan\n"),
           std::string("\0\0\0\0", 4),
           std::string("\0,\0\n\0,\0\n", 8),
           std::string("\"\n\"\n"),
           std::string(",,,\n,,,\n"),
           huge,
       }) {
    INFO(text.substr(0, 40));
    CHECK_THROWS_WITH(read(text), Catch::Contains("test.csv"));
  }
  const SeriesTable long_line =
      read("time,value\n2024-01-01 00:00,1\n" + huge + "\n2024-01-01 01:00,2\n");
  check_values(long_line.series.at(0), {1, 2});
  CHECK(count(long_line, SeriesFault::bad_row) == 1);
  const SeriesTable long_name = read(std::string(70'000, 'x') + ",1,2\n");
  CHECK(long_name.series.at(0).name.size() == 255);
  const SeriesTable with_nul = read(std::string("a\0b,1,2\nc,3\0,4\n", 15));
  check_values(with_nul.series.at(1), {4});
}

TEST_CASE("columns without numbers are left out and named") {
  const SeriesTable table = read("time,city,requests\n2024-01-01,Oslo,1\n2024-01-02,Rome,2\n");
  REQUIRE(table.series.size() == 1);
  CHECK(table.series[0].name == "requests");
  REQUIRE(table.notes.size() == 1);
  CHECK_THAT(table.notes[0], Catch::Contains("city"));
  CHECK_THROWS_WITH(read("time,city\n2024-01-01,Oslo\n"), Catch::Contains("no column of numbers"));
}

TEST_CASE("a series ends with its own last value") {
  const SeriesTable table =
      read("time,a,b\n2024-01-01 00:00,,1\n2024-01-01 01:00,2,3\n2024-01-01 02:00,4,\n");
  check_values(table.series.at(0), {2, 4});
  CHECK(table.series[0].first_at_ms == kDayOneMs + kHourMs);
  check_values(table.series.at(1), {1, 3});
}

}  // namespace edgeward::sim
