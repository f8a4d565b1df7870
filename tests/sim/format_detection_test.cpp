#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "sim/logs/line_parser.hpp"

namespace edgeward::sim {

namespace {

std::string_view detect(const std::vector<std::string_view>& lines,
                        const ColumnChoice& columns = {}) {
  const LogFormat* const format = detect_log_format(lines, columns);
  return format == nullptr ? "none" : format->name;
}

}  // namespace

TEST_CASE("every format is found by its own name") {
  CHECK(log_formats().size() == 15);
  for (const LogFormat& format : log_formats()) {
    CHECK(find_log_format(format.name) == &format);
    CHECK_FALSE(format.summary.empty());
    CHECK_FALSE(format.expected.empty());
  }
  CHECK(find_log_format("apache") == nullptr);
}

TEST_CASE("a format is known by names and structure") {
  CHECK(detect({R"(h - - [01/Feb/2024:00:00:00 +0000] "GET /a HTTP/2.0" 200 5 "-" "curl")"}) ==
        "combined");
  CHECK(detect({R"(h - - [01/Feb/2024:00:00:00 +0000] "GET /a" 200 -)"}) == "common");
  CHECK(detect({R"(h - - [01/Feb/2024:00:00:00 +0000] "GET http://x/a HTTP/1.1" 200 5 "-" "c")"}) ==
        "varnish");
  CHECK(detect({R"(h - - [01/Feb/2024:00:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "c" pass)"}) ==
        "varnish");
  CHECK(detect({"#Version: 1.0", "#Fields: date time cs-uri-stem"}) == "cloudfront");
  CHECK(detect({"#Fields:\ttimestamp\tc-ip"}) == "cloudfront_realtime");
  CHECK(detect({"1712790000.1\t1.2.3.4\t/a"}, {.fields = {"timestamp", "c-ip", "cs-uri-stem"}}) ==
        "cloudfront_realtime");
  CHECK(detect({R"({"RayID":"x","ClientIP":"1.2.3.4"})"}) == "cloudflare");
  CHECK(detect({R"({"cp":"1","cliIP":"1.2.3.4","reqTimeSec":"1"})"}) == "akamai");
  CHECK(detect({"1\t7\t9\tab\t1573840000\t49\t10.0.0.1\t200\tHTTPS\th\tGET\t/p\t1"}) == "akamai");
  CHECK(detect({R"({"httpRequest":{"requestUrl":"http://a/"}})"}) == "gcp");
  CHECK(detect({R"({"category":"FrontDoorAccessLog","properties":{}})"}) == "azure");
  CHECK(detect({R"(<134>2024-01-01T00:00:00Z cache-fra1 n[1]: {"url":"/"})"}) == "fastly");
  CHECK(detect({R"({"fastly_pop":"FRA","url":"/"})"}) == "fastly");
  CHECK(detect({R"({"ts":1,"url":"/"})"}) == "ndjson");
  CHECK(detect({"1700000000.1     12 10.0.0.1 TCP_HIT/200 5 GET http://a/ - HIER_NONE/- t"}) ==
        "squid");
  CHECK(detect({"1700000000.1 12 10.0.0.1 TCP_HIT/200 5 GET http://a/ - DIRECT/origin.a t"}) ==
        "ats");
  CHECK(detect({"1700000000.1 chi=10.0.0.1 url=http://a/ crc=TCP_HIT"}) == "ats");
  CHECK(detect({"key;size;timestamp", "a;1;2"}) == "csv");
  CHECK(detect({"1 7 100", "2 8 100"}) == "webcachesim");
  CHECK(detect({"0.5 7 100 3 4"}) == "webcachesim");
}

TEST_CASE("columns chosen by number make any table a csv") {
  CHECK(detect({"1,a,100"}) == "none");
  CHECK(detect({"1,a,100"}, {.time = {"1"}, .key = {"2"}}) == "csv");
  CHECK(detect({"when,what", "1,a"}, {.time = {"when"}, .key = {"what"}}) == "csv");
}

TEST_CASE("most lines decide, comments and blank lines do not count") {
  const std::string_view combined =
      R"(h - - [01/Feb/2024:00:00:00 +0000] "GET /a HTTP/2.0" 200 5 "-" "curl")";
  CHECK(detect({"", "# a comment", "rubbish", combined, combined, combined.substr(0, 50)}) ==
        "combined");
}

TEST_CASE("what fits no format is not guessed") {
  CHECK(detect({}) == "none");
  CHECK(detect({"", "  "}) == "none");
  CHECK(detect({"hello world", "this is no log"}) == "none");
  CHECK(detect({std::string_view("\0\xff\xfe", 3)}) == "none");
}

TEST_CASE("combined is known with fields in front of the time and behind it") {
  CHECK(
      detect({R"(1.2.3.4 - HIT [01/Feb/2024:00:00:00 +0000]  "GET /a HTTP/1.1" 200 5 "-" "c")"}) ==
      "combined");
  CHECK(detect({R"(1.2.3.4 0.123 HIT [01/Feb/2024:00:00:00 +0000] example.com "GET /a HTTP/1.1" )"
                R"(200 100 "-" "x")"}) == "combined");
  CHECK(detect({R"(1.2.3.4 - - [01/Feb/2024:00:00:00 +0000] "a.com" "GET /a HTTP/1.1" 200 5 "-" )"
                R"("x")"}) == "combined");
  CHECK(detect({R"(h - - [01/Feb/2024:00:00:00 +0000] 0.1 "GET /a HTTP/1.1" 200 5)"}) == "common");
  CHECK(detect({R"([error] 7: *1 open() failed, request: "GET /a HTTP/1.1", host: "a")"}) ==
        "none");
}

TEST_CASE("a mistyped column does not hide that a table is one") {
  const std::vector<std::string_view> table{"time,url,size", "1,/a,5"};
  CHECK(detect(table, {.size = {"sizee"}}) == "csv");
  CHECK(detect(table, {.key = {"uri"}}) == "csv");
  CHECK(detect(table, {.client = {"who"}}) == "csv");
  CHECK(detect({"when,what", "1,a"}, {.time = {"when"}, .key = {"what"}, .size = {"x"}}) == "csv");
}

TEST_CASE("every Front Door log is azure") {
  CHECK(detect({R"({"time":"x","category":"FrontDoorHealthProbeLog","properties":{"a":1}})"}) ==
        "azure");
  CHECK(detect({R"({"records":[{"category":"FrontDoorAccessLog","properties":{}}]})"}) == "azure");
}

}  // namespace edgeward::sim
