// Log lines hold what strangers send. Whatever they hold, a parser answers with a record in range
// or with a reason.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "sim/logs/cache_key.hpp"
#include "sim/logs/field_text.hpp"
#include "sim/logs/line_parser.hpp"

namespace edgeward::sim {

namespace {

/// A good line of each format, with the header it needs.
struct Example {
  std::string_view format;
  std::string_view header;
  std::string_view line;
};

constexpr Example kExamples[] = {
    {"combined", "",
     R"(10.0.0.1 - - [01/Feb/2024:12:00:00 +0000] "GET /a?b HTTP/1.1" 200 5 "-" "c" HIT)"},
    {"common", "", R"(10.0.0.1 - - [01/Feb/2024:12:00:00 +0000] "GET /a?b HTTP/1.1" 200 5)"},
    {"varnish", "",
     R"(10.0.0.1 - - [01/Feb/2024:12:00:00 +0000] "GET http://x/a HTTP/1.1" 200 5 "-" "c" hit)"},
    {"cloudfront", "#Fields: date time c-ip cs-uri-stem sc-status sc-bytes",
     "2024-02-01\t12:00:00\t10.0.0.1\t/a%2520b\t200\t5"},
    {"cloudfront_realtime", "#Fields: timestamp c-ip cs-uri-stem sc-status sc-bytes",
     "1706788800.5\t10.0.0.1\t/a\t200\t5"},
    {"fastly", "",
     R"(<134>2024-02-01T12:00:00Z cache-fra1-FRA n[1]: {"url":"/a","status":200,"bytes":5})"},
    {"cloudflare", "",
     R"({"EdgeStartTimestamp":1706788800,"ClientRequestURI":"/a","EdgeResponseBytes":5})"},
    {"akamai", "", R"({"reqTimeSec":"1706788800","reqPath":"a","bytes":"5","cliIP":"10.0.0.1"})"},
    {"ats", "", R"(1706788800.001 chi=10.0.0.1 url=http://x/a pssc=200 b=5 crc=TCP_HIT uas="c d")"},
    {"squid", "", "1706788800.001 7 10.0.0.1 TCP_HIT/200 5 GET http://x/a - HIER_NONE/- t"},
    {"gcp", "",
     R"({"timestamp":"2024-02-01T12:00:00Z",)"
     R"("httpRequest":{"requestUrl":"http://x/a","status":200}})"},
    {"azure", "",
     R"({"time":"2024-02-01T12:00:00Z","properties":{"requestUri":"http://x/a","pop":"FRA"}})"},
    {"ndjson", "", R"({"ts":1706788800.25,"client":{"ip":"10.0.0.1"},"path":"/a","size":5})"},
    {"csv", "time,client,path,size", R"(1706788800,10.0.0.1,"/a ""b""",5)"},
    {"webcachesim", "", "1706788800 17 5 1 2"},
};

/// Parses the line behind the example's header; checks what holds for every answer.
tl::expected<LogRecord, Skipped> parse(LineParser& parser, const std::string& line,
                                       std::string& key) {
  CacheKeyWriter keys({});
  auto record = parser.parse(line);
  if (record.has_value()) {
    CHECK(record->at_ms.has_value());
    CHECK_FALSE(record->url.empty());
    CHECK(record->bytes.value_or(0) <= kObjectBytesMax);
    keys.write(*record, key);
    for (const char c : key) REQUIRE((c > ' ' && c < 0x7F));
  } else {
    CHECK(record.error().message.size() < 1000);
  }
  return record;
}

std::unique_ptr<LineParser> begin(const Example& example) {
  auto parser = find_log_format(example.format)->make({});
  if (!example.header.empty()) {
    CHECK(parser->parse(example.header).error().reason == SkipReason::header);
  }
  return parser;
}

std::string replaced(std::string_view text, std::string_view from, const std::string& to) {
  std::string result(text);
  const std::size_t at = result.find(from);
  if (at != std::string::npos) result.replace(at, from.size(), to);
  return result;
}

}  // namespace

TEST_CASE("every format has an example here, and each is read") {
  CHECK(std::size(kExamples) == log_formats().size());
  std::string key;
  for (const Example& example : kExamples) {
    INFO(example.line);
    const auto parser = begin(example);
    CHECK(parse(*parser, std::string(example.line), key).has_value());
  }
}

TEST_CASE("a line cut anywhere is a record or a reason, and the next line is read as ever") {
  std::string key;
  for (const Example& example : kExamples) {
    const auto parser = begin(example);
    for (std::size_t length = 0; length < example.line.size(); ++length) {
      INFO(example.line.substr(0, length));
      (void)parse(*parser, std::string(example.line.substr(0, length)), key);
    }
    CHECK(parse(*parser, std::string(example.line), key).has_value());
  }
}

TEST_CASE("truncated JSON is a bad line") {
  std::string key;
  for (const Example& example : kExamples) {
    if (!example.line.ends_with('}')) continue;
    const auto parser = begin(example);
    for (std::size_t cut = 1; cut + 1 < example.line.size() - example.line.find('{'); ++cut) {
      const std::string line(example.line.substr(0, example.line.size() - cut));
      INFO(line);
      const auto record = parse(*parser, line, key);
      if (line.ends_with('}')) continue;  // an inner object's end
      REQUIRE_FALSE(record.has_value());
      CHECK(record.error().reason == SkipReason::bad_line);
    }
  }
}

TEST_CASE("any byte may be any other") {
  const std::uint64_t seed = 31;
  INFO("seed " << seed);
  cache::Random random(seed);
  std::string key;
  for (const Example& example : kExamples) {
    const auto parser = begin(example);
    for (int i = 0; i < 3000; ++i) {
      std::string line(example.line);
      for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
        line[random.below(line.size())] = static_cast<char>(random.below(256));
      }
      (void)parse(*parser, line, key);
    }
  }
}

TEST_CASE("NUL bytes and invalid UTF-8 end up percent-encoded in the key") {
  std::string key;
  for (const Example& example : kExamples) {
    if (example.format == "webcachesim" || example.format == "akamai") continue;
    INFO(example.format);
    const bool is_json = example.line.find('{') != std::string_view::npos;
    const auto parser = begin(example);
    const std::string line = replaced(example.line, "/a", "/a\xff\xc3");
    REQUIRE(parse(*parser, line, key).has_value());
    CHECK(key.find("/a%FF%C3") != std::string::npos);
    if (is_json) continue;  // JSON holds no control bytes
    REQUIRE(parse(*parser, replaced(example.line, "/a", std::string("/a\0\x1b", 4)), key));
    CHECK(key.find("/a%00%1B") != std::string::npos);
  }
}

TEST_CASE("sizes are bytes that objects can have, or the line is bad") {
  std::string key;
  for (const std::string size :
       {"281474976710657", "18446744073709551616", "99999999999999999999999999", "-2", "1e300",
        "0x10", "5.5", "5abc", "\"5\\u0000\""}) {
    INFO(size);
    for (const char* const format : {"cloudflare", "ndjson"}) {
      const auto parser = find_log_format(format)->make({});
      const auto record = parse(*parser, R"({"ts":1,"url":"/a","bytes":)" + size + "}", key);
      REQUIRE_FALSE(record.has_value());
      CHECK(record.error().reason == SkipReason::bad_line);
    }
  }
  const auto parser = find_log_format("ndjson")->make({});
  CHECK(parse(*parser, R"({"ts":1,"url":"/a","bytes":281474976710656})", key)->bytes ==
        kObjectBytesMax);
  CHECK_FALSE(parse(*parser, R"({"ts":1,"url":"/a","bytes":-1})", key)->bytes.has_value());
}

TEST_CASE("times beyond the calendar are no times") {
  std::string key;
  for (const std::string time : {"1e300", "-1", "99999999999999999999999", "\"9999-99-99\"",
                                 "\"10000-01-01T00:00:00Z\"", "true", "[]", "{}"}) {
    INFO(time);
    const auto parser = find_log_format("ndjson")->make({});
    const auto record = parse(*parser, R"({"url":"/a","ts":)" + time + "}", key);
    REQUIRE_FALSE(record.has_value());
    CHECK(record.error().reason == SkipReason::no_time);
  }
}

TEST_CASE("fields of 100 kB are read whole, and explained briefly where they are wrong") {
  const std::string large(100'000, 'x');
  std::string key;
  for (const Example& example : kExamples) {
    if (example.format == "webcachesim" || example.format == "akamai") continue;
    INFO(example.format);
    const auto parser = begin(example);
    REQUIRE(parse(*parser, replaced(example.line, "/a", "/a" + large), key).has_value());
    CHECK(key.find(large) != std::string::npos);
    CHECK_FALSE(parse(*parser, large, key).has_value());
    if (example.line.find("200") == std::string_view::npos) continue;
    CHECK_FALSE(parse(*parser, replaced(example.line, "200", large), key).has_value());
  }
}

TEST_CASE("nested JSON is no bomb") {
  std::string key;
  for (const std::size_t depth : {6U, 100U, 2000U, 50'000U}) {
    for (const std::string bracket : {"[", "{\"a\":"}) {
      std::string bomb;
      for (std::size_t i = 0; i < depth; ++i) bomb += bracket;
      const auto parser = find_log_format("ndjson")->make({});
      CHECK_FALSE(parse(*parser, R"({"x":)" + bomb, key).has_value());
    }
  }
  const auto parser = find_log_format("ndjson")->make({});
  const std::string deep =
      R"({"x":{"x":{"x":{"x":{"x":{"url":"/deep"}}}}},"y":[[[[[[1]]]]]],"ts":1,"url":"/a"})";
  REQUIRE(parse(*parser, deep, key).has_value());
  CHECK(key == "/a");
}

TEST_CASE("a header of many columns, and lines of few or many, are read") {
  std::string key;
  const auto parser = find_log_format("csv")->make({});
  std::string header = "time,url";
  std::string line = "1,/a";
  for (int i = 0; i < 5000; ++i) {
    header += ",url";
    line += ",";
  }
  CHECK(parser->parse(header).error().reason == SkipReason::header);
  CHECK(parse(*parser, line, key).has_value());
  CHECK(parse(*parser, "1,/a", key).has_value());
}

}  // namespace edgeward::sim
