#include "sim/synth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>
#include <limits>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "cache/parameters.hpp"

namespace edgeward::sim {

namespace {

std::string written(const SynthOptions& options, SynthFormat format) {
  std::ostringstream out;
  write_synth(options, format, out);
  REQUIRE(out.good());
  return out.str();
}

std::vector<SynthRequest> all(const SynthOptions& options) {
  std::vector<SynthRequest> result;
  for (SynthTraffic traffic(options); !traffic.done();) result.push_back(traffic.next());
  return result;
}

/// How far counts are from exact Zipf probabilities, in standard deviations of chi-square. Ranks
/// are pooled from the most popular on until a bin expects 20 draws.
double deviations_from_zipf(const std::vector<std::uint64_t>& counts, double alpha) {
  double draws = 0;
  double norm = 0;
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    draws += static_cast<double>(counts[rank]);
    norm += std::pow(static_cast<double>(rank + 1), -alpha);
  }
  double chi_square = 0;
  double bins = 0;
  double expected = 0;
  double observed = 0;
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    expected += draws * std::pow(static_cast<double>(rank + 1), -alpha) / norm;
    observed += static_cast<double>(counts[rank]);
    if (expected < 20) continue;  // what is left of the tail is bound by the total
    chi_square += (observed - expected) * (observed - expected) / expected;
    bins += 1;
    expected = observed = 0;
  }
  return (chi_square - (bins - 1)) / std::sqrt(2 * (bins - 1));
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  }
  return value;
}

}  // namespace

TEST_CASE("the same seed writes the same bytes, another seed others") {
  const auto format =
      GENERATE(SynthFormat::combined, SynthFormat::csv, SynthFormat::oracle_general);
  SynthOptions options{.requests = 3000, .objects = 500, .sizes = {1000, 1.0}, .seed = 1};
  const std::string bytes = written(options, format);
  CHECK(written(options, format) == bytes);
  options.seed = 2;
  CHECK(written(options, format) != bytes);
}

TEST_CASE("rank frequencies fit Zipf's law, and a law near by does not fit") {
  const double alpha = GENERATE(0.0, 0.6, 0.9, 1.0, 1.4);
  const std::uint32_t objects = GENERATE(10'000U, 100U);
  const ZipfTable table(objects, alpha);
  cache::Random random(3);
  std::vector<std::uint64_t> counts(objects);
  for (int draw = 0; draw < 2'000'000; ++draw) ++counts[table.draw(random)];
  const double fit = deviations_from_zipf(counts, alpha);
  const double misfit = deviations_from_zipf(counts, alpha + 0.05);
  std::cout << fmt::format("  alpha {} of {} objects: {:.1f} standard deviations, {:.1f} at {}\n",
                           alpha, objects, fit, misfit, alpha + 0.05);
  CHECK(std::abs(fit) < 4);  // about 1 in 10,000 by chance
  CHECK(misfit > 8);
}

TEST_CASE("a catalogue of one, two or three objects is drawn as the law says") {
  const std::uint32_t objects = GENERATE(1U, 2U, 3U);
  const ZipfTable table(objects, 2);
  cache::Random random(11);
  std::vector<double> counts(objects);
  for (int draw = 0; draw < 100'000; ++draw) counts.at(table.draw(random)) += 1;
  for (std::uint32_t rank = 1; rank < objects; ++rank) {
    CHECK(counts[0] / counts[rank] == Approx(std::pow(rank + 1, 2)).epsilon(0.05));
  }
}

TEST_CASE("requests follow the rates by hour, from any start") {
  SynthOptions options{.requests = 100'000, .objects = 10};
  for (std::size_t hour = 0; hour < 24; ++hour) {
    options.hourly_rates[hour] = hour < 3 ? 0 : static_cast<double>(hour);
  }
  options.start_ms += 5 * 3'600'000 + 1'234'567;  // 05:20:34.567
  options.duration = std::chrono::hours{61} + std::chrono::milliseconds{777};
  const std::int64_t end_ms = options.start_ms + options.duration.count();

  std::map<std::int64_t, double> expected;  // by hour since 1970
  double demand = 0;
  for (std::int64_t at = options.start_ms; at < end_ms;) {
    const std::int64_t hour = at / 3'600'000;
    const std::int64_t until = std::min(end_ms, (hour + 1) * 3'600'000);
    expected[hour] =
        options.hourly_rates[static_cast<std::size_t>(hour % 24)] * static_cast<double>(until - at);
    demand += expected[hour];
    at = until;
  }
  std::map<std::int64_t, double> found;
  std::int64_t last_ms = options.start_ms;
  for (const SynthRequest& synth : all(options)) {
    REQUIRE(synth.request.at_ms >= last_ms);
    last_ms = synth.request.at_ms;
    found[last_ms / 3'600'000] += 1;
  }
  CHECK(last_ms < end_ms);
  for (const auto& [hour, share] : expected) {
    CAPTURE(hour % 24);
    CHECK(std::abs(found[hour] - share / demand * 100'000) <= 1);
  }
}

TEST_CASE("without rates by hour requests are evenly spaced over the duration") {
  const SynthOptions options{.requests = 7001, .objects = 10, .duration = std::chrono::hours{30}};
  const auto requests = all(options);
  REQUIRE(requests.size() == 7001);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const double exact = static_cast<double>(i) * 30 * 3'600'000 / 7001;
    const auto at = static_cast<double>(requests[i].request.at_ms - options.start_ms);
    REQUIRE(std::abs(at - std::floor(exact)) <= 1);
  }
}

TEST_CASE("requests follow the rates by weekday") {
  // 2024-01-01 was a Monday; nothing on Tuesdays, twice as much on Sundays.
  SynthOptions options{.requests = 70'000, .objects = 10, .duration = std::chrono::hours{14 * 24}};
  options.weekday_rates = {1, 0, 1, 1, 1, 1, 2};
  std::map<std::int64_t, int> by_weekday;
  for (const SynthRequest& made : all(options)) {
    ++by_weekday[(made.request.at_ms - options.start_ms) / 86'400'000 % 7];
  }
  for (const std::int64_t day : {0, 2, 3, 4, 5}) CHECK(by_weekday[day] == Approx(10'000).margin(2));
  CHECK(by_weekday[1] == 0);
  CHECK(by_weekday[6] == Approx(20'000).margin(2));
}

TEST_CASE("releases are asked for from five in the afternoon on and fade by half") {
  SynthOptions options{.requests = 400'000,
                       .objects = 1000,
                       .zipf_alpha = 0.5,
                       .duration = std::chrono::hours{7 * 24},
                       .seed = 11};
  const std::vector<SynthRequest> without = all(options);
  options.releases = {.per_day = 10, .requests_ratio = 0.3, .half_life = std::chrono::hours{24}};
  const std::vector<SynthRequest> with = all(options);
  REQUIRE(with.size() == without.size());
  std::map<std::uint32_t, int> first_day_by_age;
  std::uint64_t released = 0;
  for (std::size_t i = 0; i < with.size(); ++i) {
    // The others are what they were.
    REQUIRE(with[i].request.at_ms == without[i].request.at_ms);
    REQUIRE((with[i].rank >= 1000 || with[i].rank == without[i].rank));
    if (with[i].rank < 1000) continue;
    ++released;
    const std::uint32_t day = (with[i].rank - 1000) / 10;
    const std::int64_t out_ms = options.start_ms + (day * 24 + 17) * std::int64_t{3'600'000};
    REQUIRE(with[i].request.at_ms >= out_ms);
    if (day == 0)
      ++first_day_by_age[static_cast<std::uint32_t>((with[i].request.at_ms - out_ms) / 86'400'000)];
  }
  // All but what is older than the first of them, a few days' worth.
  CHECK(static_cast<double>(released) / 400'000 > 0.2);
  CHECK(static_cast<double>(released) / 400'000 < 0.3);
  // Half as many a day later.
  for (const std::uint32_t age : {1U, 2U, 3U}) {
    CHECK(first_day_by_age[age + 1] == Approx(first_day_by_age[age] / 2.0).epsilon(0.1));
  }
}

TEST_CASE("releases are read and what is none is refused with the reason") {
  CHECK(parse_releases("60") == Releases{.per_day = 60});
  CHECK(parse_releases("5,25%,30h") ==
        Releases{.per_day = 5, .requests_ratio = 0.25, .half_life = std::chrono::hours{30}});
  for (const char* const text :
       {"", "x", "-1", "5,", "5,25%", "5,25,30h", "5,25%,30", "5,25%,0h", "5,101%,3h", "5,-1%,3h",
        "5,25%,xh", "100001", "5,nan%,3h", "5,25%,1e300h"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_releases(text), cache::ParameterError);
  }
  CHECK_THROWS_AS(parse_weekday_rates("1,1,1"), cache::ParameterError);
  CHECK_THROWS_AS(parse_weekday_rates("0,0,0,0,0,0,0"), cache::ParameterError);
}

TEST_CASE("an object has one id and one size, and a constant law one size for all") {
  const SynthOptions options{.requests = 20'000, .objects = 300, .sizes = {5000, 2}, .seed = 4};
  std::map<std::uint32_t, policy::Request> first;
  for (const auto& [request, rank] : all(options)) {
    const policy::Request& known = first.emplace(rank, request).first->second;
    REQUIRE(known.content == request.content);
    REQUIRE(known.size_bytes == request.size_bytes);
  }
  const SynthTraffic constant({.objects = 300, .sizes = {777, 0}});
  for (std::uint32_t rank = 0; rank < 300; ++rank) REQUIRE(constant.size_bytes(rank) == 777);
}

TEST_CASE("sizes have the moments of their lognormal law and stay in their bounds") {
  const SynthTraffic traffic({.objects = 200'000, .sizes = {32'768, 1.6}, .seed = 5});
  double sum = 0;
  double squares = 0;
  for (std::uint32_t rank = 0; rank < traffic.objects(); ++rank) {
    const double z = std::log(static_cast<double>(traffic.size_bytes(rank)) / 32'768) / 1.6;
    sum += z;
    squares += z * z;
  }
  CHECK(std::abs(sum / 200'000) < 4 / std::sqrt(200'000));
  CHECK(std::abs(squares / 200'000 - 1) < 4 * std::sqrt(2.0 / 200'000));

  const SynthTraffic wide({.objects = 10'000, .sizes = {1 << 20, 10}});
  std::set<std::uint64_t> sizes;
  for (std::uint32_t rank = 0; rank < wide.objects(); ++rank) sizes.insert(wide.size_bytes(rank));
  CHECK(*sizes.begin() == 1);
  CHECK(*sizes.rbegin() == kSynthSizeBytesMax);
}

TEST_CASE("other sizes leave the order of requests as it is") {
  const auto plain = all({.requests = 2000, .objects = 100, .seed = 6});
  const auto sized = all({.requests = 2000, .objects = 100, .sizes = {1 << 15, 1}, .seed = 6});
  for (std::size_t i = 0; i < plain.size(); ++i) {
    REQUIRE(plain[i].rank == sized[i].rank);
    REQUIRE(plain[i].request.content == sized[i].request.content);
    REQUIRE(plain[i].request.client == sized[i].request.client);
  }
}

TEST_CASE("ids and keys are unique, ids have 63 bits and depend on the seed") {
  const SynthTraffic traffic({.objects = 300'000, .seed = 8});
  const SynthTraffic other({.objects = 300'000, .seed = 9});
  std::vector<std::uint64_t> ids;
  std::set<std::string> keys;
  std::uint64_t bits = 0;
  std::uint32_t same = 0;
  for (std::uint32_t rank = 0; rank < traffic.objects(); ++rank) {
    ids.push_back(static_cast<std::uint64_t>(traffic.id(rank)));
    bits |= ids.back();
    keys.insert(traffic.key(rank));
    same += traffic.id(rank) == other.id(rank) ? 1 : 0;
  }
  std::sort(ids.begin(), ids.end());
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
  CHECK(bits == std::numeric_limits<std::uint64_t>::max() >> 1);
  CHECK(keys.size() == traffic.objects());
  CHECK(same == 0);
}

TEST_CASE("clients lie in documentation prefixes, all four in use") {
  std::map<std::string, int> prefixes;
  for (const auto& synth : all({.requests = 10'000, .objects = 10})) {
    const std::string text = synth.request.client.text();
    const bool is_v4 = synth.request.client.is_v4();
    ++prefixes[text.substr(0, is_v4 ? text.rfind('.') : 9)];
    REQUIRE(synth.request.client.bytes[15] >= 1);
    REQUIRE(synth.request.client.bytes[15] <= 254);
  }
  REQUIRE(prefixes.size() == 4);
  for (const char* const prefix : {"192.0.2", "198.51.100", "203.0.113", "2001:db8:"}) {
    CHECK(prefixes[prefix] > 2200);
  }
}

TEST_CASE("the next access of an oracle_general record is what a search finds") {
  const SynthOptions options{.requests = 2000, .objects = 400, .sizes = {1 << 20, 3}, .seed = 10};
  const std::string bytes = written(options, SynthFormat::oracle_general);
  const auto requests = all(options);
  REQUIRE(bytes.size() == 24 * requests.size());
  int last_ones = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::string_view record = std::string_view(bytes).substr(24 * i, 24);
    const policy::Request& request = requests[i].request;
    CHECK(little_endian(record.substr(0, 4)) == static_cast<std::uint64_t>(request.at_ms / 1000));
    CHECK(little_endian(record.substr(4, 8)) == static_cast<std::uint64_t>(request.content));
    CHECK(little_endian(record.substr(12, 4)) == request.size_bytes);
    std::int64_t next = -1;
    for (std::size_t j = i + 1; j < requests.size() && next < 0; ++j) {
      if (requests[j].rank == requests[i].rank) next = static_cast<std::int64_t>(j);
    }
    CHECK(static_cast<std::int64_t>(little_endian(record.substr(16, 8))) == next);
    last_ones += next < 0 ? 1 : 0;
  }
  CHECK(last_ones > 100);
  CHECK(last_ones < 400);
}

TEST_CASE("combined lines are what nginx would have logged of the traffic") {
  // 2023-12-31T23:59:50Z + 20 s crosses a year.
  const SynthOptions options{.requests = 2000,
                             .objects = 300,
                             .sizes = {9000, 1},
                             .start_ms = 1'704'067'190'000,
                             .duration = std::chrono::seconds{20},
                             .seed = 12};
  const std::regex line_form(
      R"(^([0-9.]+|2001:db8:[0-9a-f:]+) - - \[(31/Dec/2023:23:59:5[0-9]|01/Jan/2024:00:00:0[0-9]))"
      R"( \+0000\] "GET (/o/[0-9a-f]{6}/[0-9a-f]{8}\.jpg) HTTP/1\.1" 200 ([1-9][0-9]*))"
      R"( "https://www\.example\.com/[^" ]*" "[A-Za-z][^"]*"$)");
  const SynthTraffic keys(options);
  std::istringstream lines(written(options, SynthFormat::combined));
  std::string line;
  for (const auto& [request, rank] : all(options)) {
    REQUIRE(std::getline(lines, line));
    std::smatch match;
    CAPTURE(line);
    REQUIRE(std::regex_match(line, match, line_form));
    CHECK(match[1] == request.client.text());
    CHECK(std::stoi(match[2].str().substr(18)) == request.at_ms / 1000 % 60);
    CHECK(match[3] == keys.key(rank));
    CHECK(match[4] == std::to_string(request.size_bytes));
  }
  CHECK_FALSE(std::getline(lines, line));
}

TEST_CASE("csv has a header and a line a request") {
  const SynthOptions options{.requests = 500, .objects = 50, .sizes = {4096, 1}, .seed = 13};
  const SynthTraffic keys(options);
  std::string expected = "time,client,key,size\n";
  for (const auto& [request, rank] : all(options)) {
    expected += std::to_string(request.at_ms / 1000) + ',' + request.client.text() + ',' +
                keys.key(rank) + ',' + std::to_string(request.size_bytes) + '\n';
  }
  CHECK(written(options, SynthFormat::csv) == expected);
  CHECK(written({.requests = 0}, SynthFormat::csv) == "time,client,key,size\n");
  CHECK(written({.requests = 0}, SynthFormat::oracle_general).empty());
}

TEST_CASE("size laws are read, and what is none is refused with the reason") {
  CHECK(parse_size_law("constant:1") == SizeLaw{.median_bytes = 1, .sigma = 0});
  CHECK(parse_size_law("constant:32KiB") == SizeLaw{.median_bytes = 32'768, .sigma = 0});
  CHECK(parse_size_law("lognormal:32KiB,1.6") == SizeLaw{.median_bytes = 32'768, .sigma = 1.6});
  const auto [text, why] = GENERATE(table<const char*, const char*>({
      {"", "unknown law"},
      {"uniform:1", "unknown law"},
      {"constant", "no size"},
      {"constant:", "expected bytes"},
      {"constant:0", "from 1 to"},
      {"constant:4GiB", "from 1 to"},
      {"constant:1,2", "too many"},
      {"lognormal:32KiB", "no sigma"},
      {"lognormal:32KiB,", "no number"},
      {"lognormal:32KiB,x", "no number"},
      {"lognormal:32KiB,1.6,2", "no number"},
      {"lognormal:32KiB,-1", "from 0 to 10"},
      {"lognormal:32KiB,nan", "from 0 to 10"},
  }));
  CHECK_THROWS_AS(parse_size_law(text), cache::ParameterError);
  CHECK_THROWS_WITH(parse_size_law(text), Catch::Contains(why));
}

TEST_CASE("rates by hour are read, and what is none is refused with the reason") {
  const HourlyRates rates =
      parse_hourly_rates("0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,2.5");
  CHECK(rates[0] == 0);
  CHECK(rates[22] == 22);
  CHECK(rates[23] == 2.5);
  const std::string ones = "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1";
  const std::string zeros = "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0";
  CHECK_THROWS_WITH(parse_hourly_rates(ones), Catch::Contains("found 23"));
  CHECK_THROWS_WITH(parse_hourly_rates(ones + ",1,1"), Catch::Contains("found 25"));
  CHECK_THROWS_WITH(parse_hourly_rates(ones + ","), Catch::Contains("hour 23"));
  CHECK_THROWS_WITH(parse_hourly_rates(ones + ",-1"), Catch::Contains("hour 23"));
  CHECK_THROWS_WITH(parse_hourly_rates(ones + ",inf"), Catch::Contains("hour 23"));
  CHECK_THROWS_WITH(parse_hourly_rates(ones + ",1x"), Catch::Contains("'1x'"));
  CHECK_THROWS_WITH(parse_hourly_rates(zeros), Catch::Contains("all are 0"));
  CHECK_THROWS_AS(parse_hourly_rates(""), cache::ParameterError);
}

TEST_CASE("formats are known by name") {
  CHECK(parse_synth_format("combined") == SynthFormat::combined);
  CHECK(parse_synth_format("csv") == SynthFormat::csv);
  CHECK(parse_synth_format("oracle_general") == SynthFormat::oracle_general);
  CHECK_THROWS_WITH(parse_synth_format("cvs"), Catch::Contains("combined, csv or oracle_general"));
}

TEST_CASE("options outside their ranges are refused") {
  const auto refused = [](SynthOptions options) {
    CHECK_THROWS_AS(SynthTraffic(options), cache::ParameterError);
  };
  HourlyRates night{};
  night[3] = 1;
  refused({.requests = std::uint64_t{1} << 32});
  refused({.objects = 0});
  refused({.objects = (1U << 26) + 1});
  refused({.zipf_alpha = -0.1});
  refused({.zipf_alpha = std::nan("")});
  refused({.sizes = {0, 0}});
  refused({.sizes = {1, 11}});
  refused({.start_ms = -1});
  refused({.duration = std::chrono::milliseconds{0}});
  refused({.duration = std::chrono::hours{24 * 366 * 83}});
  refused({.duration = std::chrono::hours{2}, .hourly_rates = night});  // 00:00 to 02:00
  CHECK_NOTHROW(SynthTraffic({.duration = std::chrono::hours{4}, .hourly_rates = night}));
}

}  // namespace edgeward::sim
