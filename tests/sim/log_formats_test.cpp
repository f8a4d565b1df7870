// Each format with lines unlike the published samples: other columns, other orders, what optional
// fields there are left out.

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/sim/log_support.hpp"

namespace edgeward::sim {

TEST_CASE("blank lines and comments are no errors in any format") {
  for (const LogFormat& format : log_formats()) {
    INFO(format.name);
    CHECK(refused(format.name, "") == SkipReason::blank);
    CHECK(refused(format.name, " \t ") == SkipReason::blank);
    CHECK(refused(format.name, "# made by hand") == SkipReason::comment);
    CHECK(refused(format.name, "rubbish") == SkipReason::bad_line);
  }
}

TEST_CASE("combined: all that a line tells is read") {
  const auto parser = parser_of("combined");
  const LogRecord record = read(
      *parser, R"(2001:db8::7 - "jo [x]" [01/Feb/2024:13:00:00.250 +0100] "HEAD /a?b=c HTTP/2.0" )"
               R"(206 17 "-" "u")");
  CHECK(record.at_ms == kNoon + 250);
  CHECK(record.client == "2001:db8::7");
  CHECK(record.method == "HEAD");
  CHECK(record.url == "/a?b=c");
  CHECK(record.status == 206);
  CHECK(record.bytes == 17U);
  CHECK(record.cache == CacheStatus::unknown);
  CHECK(record.host.empty());
  CHECK_FALSE(record.id.has_value());
}

TEST_CASE("combined: what is missing is absent, not zero") {
  const auto parser = parser_of("common");
  const LogRecord record = read(*parser, R"(- - - [01/Feb/2024:12:00:00 +0000] "GET /a" 304 -)");
  CHECK(record.client.empty());
  CHECK_FALSE(record.bytes.has_value());
  CHECK(read(*parser, R"(h - - [01/Feb/2024:12:00:00 +0000] "GET /a" - -)").status == kNoAnswer);
}

TEST_CASE("combined: quotes within the request end nothing, escaped or not") {
  const auto parser = parser_of("combined");
  const std::string head = "h - - [01/Feb/2024:12:00:00 +0000] ";
  CHECK(read(*parser, head + R"("GET /a\"b\x20c\\ HTTP/1.1" 200 5 "-" "x\" 200 9 MISS")").url ==
        R"(/a"b c\)");
  CHECK(read(*parser, head + R"("GET /a"b HTTP/1.0" 200 5)").url == R"(/a"b)");
  CHECK(read(*parser, head + R"("GET /a b c HTTP/1.0" 200 5)").url == "/a b c");
  CHECK(read(*parser, head + R"("GET /end\" 200 5)").url == R"(/end\)");
}

TEST_CASE("combined: a virtual host in front, other brackets and other times are understood") {
  const auto parser = parser_of("combined");
  const LogRecord record = read(
      *parser, R"(www.example.com:443 10.1.2.3 - - [01/Feb/2024:12:00:00 +0000] "GET /a" 200 5)");
  CHECK(record.host == "www.example.com:443");
  CHECK(record.client == "10.1.2.3");
  CHECK(read(*parser, R"(10.1.2.3 - [10.1.2.3] - - [01/Feb/2024:12:00:00 +0000] "GET /a" 200 5)")
            .at_ms == kNoon);
  CHECK(read(*parser, R"(10.1.2.3 - - [2024-02-01T12:00:00+00:00] "GET /a" 200 5)").at_ms == kNoon);
  CHECK(read(*parser, R"(10.1.2.3, 10.9.9.9 - - [01/Feb/2024:12:00:00 +0000] "GET /a" 200 5)")
            .client == "10.1.2.3");
}

TEST_CASE("combined: the cache status is found among any extra fields") {
  CHECK(combined_status("HIT") == CacheStatus::hit);
  CHECK(combined_status("\"HIT\"") == CacheStatus::hit);
  CHECK(combined_status("0.003 \"10.0.0.1\" MISS 0.002") == CacheStatus::miss);
  CHECK(combined_status("rt=0.003 ucs=STALE") == CacheStatus::hit);
  CHECK(combined_status("UPDATING") == CacheStatus::hit);
  CHECK(combined_status("REVALIDATED") == CacheStatus::hit);
  CHECK(combined_status("EXPIRED") == CacheStatus::miss);
  CHECK(combined_status("BYPASS") == CacheStatus::uncacheable);
  CHECK(combined_status("hitpass") == CacheStatus::uncacheable);
  CHECK(combined_status("pipe") == CacheStatus::uncacheable);
  CHECK(combined_status("hitmiss") == CacheStatus::miss);
  CHECK(combined_status("synth") == CacheStatus::unknown);
  CHECK(combined_status("- 1 0 true www.example.com") == CacheStatus::unknown);
  const auto parser = parser_of("combined");
  const std::string head = R"(h - - [01/Feb/2024:12:00:00 +0000] "GET /a" 200 5 )";
  CHECK(read(*parser, head + R"("HIT")").cache == CacheStatus::hit);
  CHECK(read(*parser, head + R"("-" "HIT")").cache == CacheStatus::unknown);  // an agent's joke
}

TEST_CASE("combined: a logged Cache-Control gives the ttl") {
  const auto parser = parser_of("combined");
  const std::string head = R"(h - - [01/Feb/2024:12:00:00 +0000] "GET /a" 200 5 "-" "c" )";
  CHECK(read(*parser, head + R"("public, max-age=60")").ttl_s == 60);
  CHECK(read(*parser, head + R"("max-age=60, s-maxage=3600" HIT)").ttl_s == 3600);
  CHECK(read(*parser, head + R"("s-maxage=3600, max-age=60")").ttl_s == 3600);
  CHECK_FALSE(read(*parser, head + R"("no-cache")").ttl_s.has_value());
}

TEST_CASE("combined: a line says what is wrong with it") {
  const std::string head = "h - - [01/Feb/2024:12:00:00 +0000] ";
  CHECK(refused("combined", R"(h - - "GET /a" 200 5)") == SkipReason::no_time);
  CHECK(refused("combined", R"(h - - [31/Feb/2024:12:00:00 +0000] "GET /a" 200 5)") ==
        SkipReason::no_time);
  CHECK(refused("combined", head + R"("-" 400 0)") == SkipReason::no_key);
  CHECK(refused("combined", head + R"("\x16\x03\x01" 400 0)") == SkipReason::no_key);
  CHECK(refused("combined", head + R"("GET" 400 0)") == SkipReason::no_key);
  CHECK(refused("combined", head + R"("GET HTTP/1.1" 400 0)") == SkipReason::no_key);
  CHECK(refused("combined", head + R"("GET /a)") == SkipReason::bad_line);
  CHECK(refused("combined", head + R"("GET /a" 20 5)") == SkipReason::bad_line);
  CHECK(refused("combined", head + R"("GET /a" 200 -7)") == SkipReason::bad_line);
  CHECK(refused("combined", head + R"("GET /a" 200 99999999999999999999)") == SkipReason::bad_line);
}

TEST_CASE("varnish: the URL is absolute") {
  const auto parser = parser_of("varnish");
  const LogRecord record =
      read(*parser, R"(h - - [01/Feb/2024:12:00:00 +0000] "GET http://x.org:8080/a HTTP/1.1" )"
                    R"(200 5 "-" "c" pass)");
  CHECK(record.url == "http://x.org:8080/a");
  CHECK(record.cache == CacheStatus::uncacheable);
}

TEST_CASE("cloudfront: the header says what the columns are, whenever it comes") {
  const auto parser = parser_of("cloudfront");
  CHECK(refused(*parser, "1\t2\t3") == SkipReason::bad_line);
  CHECK(refused(*parser, "#Version: 1.0") == SkipReason::header);
  CHECK(refused(*parser,
                "#Fields: time date sc-status cs-uri-query cs-uri-stem c-ip cs(Host) "
                "sc-bytes x-edge-result-type sc-range-start sc-range-end x-edge-location "
                "cs-method sc-content-len") == SkipReason::header);
  const LogRecord record = read(
      *parser,
      "12:00:00\t2024-02-01\t206\ta=%2520b\t/x%2520y%2526\t2001:db8::1\td1.cloudfront.net\t900\t"
      "RefreshHit\t0\t499\tFRA56-P4\tGET\t500\tan extra column");
  CHECK(record.at_ms == kNoon);
  CHECK(record.status == 206);
  CHECK(record.url == "/x%20y%26?a=%20b");
  CHECK(record.client == "2001:db8::1");
  CHECK(record.host == "d1.cloudfront.net");
  CHECK(record.bytes == 500U);  // the body, without the headers
  CHECK(record.cache == CacheStatus::hit);
  CHECK(record.range_first == 0U);
  CHECK(record.range_last == 499U);
  CHECK(record.edge == "FRA56-P4");
  CHECK(record.method == "GET");

  CHECK(refused(*parser, "#Fields:\tdate\ttime\tcs-uri-stem\tx-host-header\tcs(Host)") ==
        SkipReason::header);
  const LogRecord other = read(*parser, "2024-02-01\t12:00:00\t/z\twww.example.com\td1");
  CHECK(other.url == "/z");
  CHECK(other.host == "www.example.com");
  CHECK_FALSE(other.bytes.has_value());
  CHECK(other.status == 0);
}

TEST_CASE("cloudfront: an aborted transfer counts the bytes sent, and who left has no status") {
  const auto parser = parser_of("cloudfront");
  CHECK(refused(*parser,
                "#Fields: date time cs-uri-stem sc-status sc-bytes sc-content-len "
                "x-edge-result-type") == SkipReason::header);
  const LogRecord record = read(*parser, "2024-02-01\t12:00:00\t/z\t000\t1000\t70000\tError");
  CHECK(record.bytes == 1000U);
  CHECK(record.status == kNoAnswer);
  CHECK(record.cache == CacheStatus::unknown);
  CHECK(refused(*parser, "2024-02-01\t12:00:00") == SkipReason::no_key);
  CHECK(refused(*parser, "-\t-\t/z") == SkipReason::no_time);
  CHECK(refused(*parser, "2024-02-01\t12:00:00\t/z\tok") == SkipReason::bad_line);
}

TEST_CASE("cloudfront: tables separated by blanks are read too") {
  const auto parser = parser_of("cloudfront");
  CHECK(refused(*parser, "#Fields: date time c-ip cs-uri sc-bytes") == SkipReason::header);
  CHECK(read(*parser, "2024-02-01 12:00:00 10.0.0.1 http://a/b 5").url == "http://a/b");
}

TEST_CASE("cloudfront_realtime: fields come from the command line where no header is") {
  const auto parser = parser_of(
      "cloudfront_realtime",
      {.fields = {"cs-uri-stem", "cs-uri-query", "timestamp", "x-edge-result-type", "c-ip"}});
  const LogRecord record = read(*parser, "/a\tb=1\t1706788800.125\tMiss\t10.0.0.1");
  CHECK(record.at_ms == kNoon + 125);
  CHECK(record.url == "/a?b=1");
  CHECK(record.cache == CacheStatus::miss);
  CHECK(read(*parser, "/a?b=1\tb=1\t1706788800.125\tHit\t10.0.0.1").url == "/a?b=1");
  const auto lost = parser_of("cloudfront_realtime")->parse("1\t2");
  REQUIRE_FALSE(lost.has_value());
  CHECK(lost.error().message.find("--fields") != std::string::npos);
}

TEST_CASE("squid: padded columns, and any number of them") {
  const auto parser = parser_of("squid");
  for (const std::string tail : {" - HIER_DIRECT/10.9.9.9", " jo HIER_NONE/- text/html",
                                 " - HIER_NONE/- text/html extra \"and more\"", ""}) {
    const LogRecord record = read(*parser,
                                  "1706788800.250      7 10.0.0.1 TCP_MEM_HIT/200 5120 "
                                  "GET http://x.org/a?b" +
                                      tail);
    CHECK(record.at_ms == kNoon + 250);
    CHECK(record.client == "10.0.0.1");
    CHECK(record.cache == CacheStatus::hit);
    CHECK(record.status == 200);
    CHECK(record.bytes == 5120U);
    CHECK(record.method == "GET");
    CHECK(record.url == "http://x.org/a?b");
  }
  CHECK(read(*parser, "1706788800.250 -1 10.0.0.1 TCP_MISS_ABORTED/000 0 CONNECT x.org:443 -")
            .status == kNoAnswer);
  CHECK(refused(*parser, "1706788800.250 7 10.0.0.1 TCP_HIT 5 GET http://a/") ==
        SkipReason::bad_line);
  CHECK(refused(*parser, "1706788800.250 7 10.0.0.1 TCP_HIT/200 5 GET") == SkipReason::bad_line);
  CHECK(refused(*parser, "x 7 10.0.0.1 TCP_HIT/200 5 GET http://a/") == SkipReason::no_time);
  CHECK(refused(*parser, "1706788800.250 7 10.0.0.1 TCP_HIT/200 5 GET -") == SkipReason::no_key);
}

TEST_CASE("squid and Traffic Server codes mean what their manuals say") {
  for (const char* const code :
       {"TCP_HIT", "TCP_CF_HIT", "TCP_MEM_HIT", "TCP_REFRESH_HIT", "TCP_REF_FAIL_HIT",
        "TCP_IMS_HIT", "TCP_REFRESH_UNMODIFIED", "TCP_HIT_ABORTED", "TCP_NEGATIVE_HIT"}) {
    INFO(code);
    CHECK(squid_status(code) == CacheStatus::hit);
  }
  for (const char* const code :
       {"TCP_MISS", "TCP_REFRESH_MISS", "TCP_REFRESH_MODIFIED", "TCP_CLIENT_REFRESH",
        "TCP_IMS_MISS", "TCP_SWAPFAIL", "TCP_SWAPFAIL_MISS", "TCP_MISS_ABORTED",
        "TCP_CLIENT_REFRESH_MISS"}) {
    INFO(code);
    CHECK(squid_status(code) == CacheStatus::miss);
  }
  for (const char* const code : {"TCP_DENIED", "TCP_DENIED_ABORTED", "UDP_HIT", "UDP_MISS", "NONE",
                                 "NONE_NONE", "ERR_CONNECT_FAIL", "ERR_CLIENT_ABORT"}) {
    INFO(code);
    CHECK(squid_status(code) == CacheStatus::unknown);
  }
  CHECK(squid_status("TCP_TUNNEL") == CacheStatus::uncacheable);
}

TEST_CASE("ats: key=value in any order, quoted values with blanks") {
  const auto parser = parser_of("ats");
  const LogRecord record =
      read(*parser, R"(1706788800.001 crc=TCP_IMS_MISS uas="a = b c" b=12 pssc=200 cqhm=GET )"
                    R"(url=https://x.org/a?b=c chi=10.0.0.1 phn=edge-7)");
  CHECK(record.at_ms == kNoon + 1);
  CHECK(record.cache == CacheStatus::miss);
  CHECK(record.bytes == 12U);
  CHECK(record.status == 200);
  CHECK(record.method == "GET");
  CHECK(record.url == "https://x.org/a?b=c");
  CHECK(record.client == "10.0.0.1");
  CHECK(record.edge == "edge-7");
  CHECK(read(*parser, "cqts=1706788800 cquuc=http://x.org/ pscl=-").at_ms == kNoon);
  CHECK(refused(*parser, "1706788800.001 crc=TCP_HIT chi=10.0.0.1") == SkipReason::no_key);
}

TEST_CASE("csv: guessed from the header, whatever separates the columns") {
  const std::string separator = GENERATE(",", ";", "\t");
  const auto parser = parser_of("csv");
  const auto row = [&](std::vector<std::string> cells) {
    std::string line = cells[0];
    for (std::size_t i = 1; i < cells.size(); ++i) line += separator + cells[i];
    return line;
  };
  CHECK(refused(*parser, row({"status", "URL", "\"Size\"", "Client IP", "ttl", "timestamp"})) ==
        SkipReason::header);
  const LogRecord record =
      read(*parser,
           row({"200", "\"/a \"\"b\"\"" + separator + "c\"", "7", "10.0.0.1", "60", "1706788800"}));
  CHECK(record.at_ms == kNoon);
  CHECK(record.url == "/a \"b\"" + separator + "c");
  CHECK(record.bytes == 7U);
  CHECK(record.client == "10.0.0.1");
  CHECK(record.ttl_s == 60);
  CHECK(refused(*parser, row({"status", "URL", "\"Size\"", "Client IP", "ttl", "timestamp"})) ==
        SkipReason::header);
  CHECK_FALSE(read(*parser, row({"200", "/a", "NA", "", "", "1706788800"})).bytes.has_value());
  CHECK(refused(*parser, row({"200", "\"/a", "7", "", "", "1706788800"})) == SkipReason::bad_line);
  CHECK(refused(*parser, row({"200", "/a"})) == SkipReason::no_time);
}

TEST_CASE("csv: date and time are one instant, package and version one key") {
  const auto parser = parser_of("csv");
  CHECK(refused(*parser, "version,time,package,date,country,size") == SkipReason::header);
  const LogRecord record = read(*parser, "1.2,12:00:00,zoo,2024-02-01,DE,44");
  CHECK(record.at_ms == kNoon);
  CHECK(record.url == "zoo/1.2");
  CHECK(record.client.empty());
  CHECK(read(*parser, "NA,12:00:00,zoo,2024-02-01,DE,NA").url == "zoo");
}

TEST_CASE("csv: a date that holds the time needs no time column") {
  const auto parser = parser_of("csv");
  CHECK(refused(*parser, "date,time,url") == SkipReason::header);
  CHECK(read(*parser, "2024-02-01T12:00:00Z,0.25,/a").at_ms == kNoon);
}

TEST_CASE("csv: columns by number need no header, and skip one that is there") {
  const ColumnChoice columns{.time = {"3"}, .key = {"1", "2"}, .size = {"4"}};
  const auto parser = parser_of("csv", columns);
  const LogRecord record = read(*parser, "a,b,1706788800,9");
  CHECK(record.at_ms == kNoon);
  CHECK(record.url == "a/b");
  CHECK(record.bytes == 9U);
  CHECK(refused(*parser_of("csv", columns), "one,two,when,much") == SkipReason::header);
}

TEST_CASE("csv: a comment line may be the header") {
  const auto parser = parser_of("csv");
  CHECK(refused(*parser, "# exported by hand") == SkipReason::comment);
  CHECK(refused(*parser, "# time,obj_id,size") == SkipReason::header);
  CHECK(read(*parser, "1,77,5").url == "77");
}

TEST_CASE("csv: a header without what is needed says what to name") {
  const auto parser = parser_of("csv");
  const auto lost = parser->parse("when,what,much");
  REQUIRE_FALSE(lost.has_value());
  CHECK(lost.error().message.find("--time") != std::string::npos);
  const auto named = parser_of("csv", {.time = {"when"}, .key = {"which"}})->parse("when,what");
  REQUIRE_FALSE(named.has_value());
  CHECK(named.error().message.find("--key-columns") != std::string::npos);
}

TEST_CASE("webcachesim: objects are numbers") {
  const auto parser = parser_of("webcachesim");
  const LogRecord record = read(*parser, "12  18446744073709551615\t100 3 4.5 x");
  CHECK(record.at_ms == 12'000);
  CHECK(record.id == 18'446'744'073'709'551'615U);
  CHECK(record.bytes == 100U);
  CHECK(record.url == "18446744073709551615");
  CHECK(refused(*parser, "12 a 100") == SkipReason::bad_line);
  CHECK(refused(*parser, "12 7") == SkipReason::bad_line);
  CHECK(refused(*parser, "x 7 100") == SkipReason::no_time);
}

TEST_CASE("a date beside a complete time does not make it midnight") {
  constexpr std::int64_t kEvening = 1'575'493'351'000;  // 2019-12-04T21:02:31Z
  const auto csv_time = [](std::string_view header, std::string_view line) {
    const auto parser = parser_of("csv");
    CHECK(refused(*parser, header) == SkipReason::header);
    return read(*parser, line).at_ms;
  };
  CHECK(csv_time("timestamp,date,time,url,size", "1575493351,2019-12-04,21:02:31,/a,5") ==
        kEvening);
  CHECK(csv_time("date,timestamp,url,size", "2019-12-04,1575493351,/a,5") == kEvening);
  CHECK(csv_time("date,timestamp,url", "2019-12-04,2019-12-04T21:02:31Z,/a") == kEvening);
  CHECK(csv_time("date,timestamp,time,url", "2019-12-04,1575493351,0.045,/a") == kEvening);
  CHECK(csv_time("date,time,endtime,url", "2019-12-04,0.045,1575493351,/a") == kEvening);
  CHECK(csv_time("date,time,url", "2019-12-04T21:02:31Z,0.045,/a") == kEvening);
  CHECK(csv_time("date,time,url", "2019-12-04T21:02:31Z,21:02:31,/a") == kEvening);
  CHECK(csv_time("date,time,url", "2019-12-04,0.045,/a") ==
        kEvening - (21 * 60 + 2) * 60'000 - 31'000);
  CHECK(read(*parser_of("ndjson"), R"({"date":"2019-12-04","timestamp":1575493351,"url":"/a"})")
            .at_ms == kEvening);

  std::vector<std::pair<std::string, std::string>> columns{{"timestamp", "1575493351"},
                                                           {"DistributionId", "E1"},
                                                           {"date", "2019-12-04"},
                                                           {"time", "21:02:31"},
                                                           {"cs-uri-stem", "/a"}};
  std::sort(columns.begin(), columns.end());
  do {
    std::string header = "#Fields:";
    std::string line;
    for (const auto& [column, text] : columns) {
      header += " " + column;
      line += (line.empty() ? "" : "\t") + text;
    }
    const auto parser = parser_of("cloudfront");
    CHECK(refused(*parser, header) == SkipReason::header);
    CHECK(read(*parser, line).at_ms == kEvening);
  } while (std::next_permutation(columns.begin(), columns.end()));
}

TEST_CASE("combined: fields in front of the time and behind it are no part of the request") {
  const auto parser = parser_of("combined");
  const LogRecord record = read(
      *parser, R"(1.2.3.4 0.123 HIT [01/Feb/2024:12:00:00 +0000] example.com "GET /a HTTP/1.1" )"
               R"(200 100 "-" "x")");
  CHECK(record.client == "1.2.3.4");
  CHECK(record.cache == CacheStatus::hit);
  CHECK(record.host == "example.com");
  CHECK(record.url == "/a");
  CHECK(record.bytes == 100U);
  const std::string tail = R"( [01/Feb/2024:12:00:00 +0000]  "GET /a HTTP/1.1" 200 5 "-" "x")";
  CHECK(read(*parser, "1.2.3.4 - MISS" + tail).cache == CacheStatus::miss);
  CHECK(read(*parser, "1.2.3.4 - pass" + tail).cache == CacheStatus::unknown);  // a user
  const LogRecord quoted =
      read(*parser, R"(h - - [01/Feb/2024:12:00:00 +0000] "a.com" - 0.1 "GET /a HTTP/1.1" 200 5)");
  CHECK(quoted.url == "/a");
  CHECK(quoted.bytes == 5U);
}

TEST_CASE("combined: a cache status is read in any wrapping, in front or behind") {
  const std::string word = GENERATE(R"(ucs="HIT")", R"(cs="HIT")", "cache=HIT", "cache:HIT",
                                    "[HIT]", "HIT", R"(cache="HIT",)", "[cache:HIT]");
  INFO(word);
  CHECK(combined_status("rt=0.1 " + word) == CacheStatus::hit);
  const auto parser = parser_of("combined");
  const std::string tail = R"( [01/Feb/2024:12:00:00 +0000] "GET /a" 200 5 "-" "x")";
  const std::string bare = R"([01/Feb/2024:12:00:00 +0000] )" + word + R"( "GET /a" 200 5 "-" "x")";
  const std::string fronts[] = {"1.2.3.4 - - " + word + tail, "1.2.3.4 0.1 " + word + tail,
                                word + " 1.2.3.4 - -" + tail, "1.2.3.4 - - " + bare};
  for (const std::string& line : fronts) {
    const LogRecord record = read(*parser, line);
    CHECK(record.cache == CacheStatus::hit);
    CHECK(record.client == "1.2.3.4");
    CHECK(record.host.empty());
    CHECK(record.url == "/a");
  }
  CHECK(combined_status("http://x.org/?cache=HIT") == CacheStatus::unknown);
}

TEST_CASE("combined: a host is known by its name among the extra fields") {
  const auto parser = parser_of("combined");
  const std::string head = R"(1.2.3.4 - - [01/Feb/2024:12:00:00 +0000] "GET /a" 200 5 "-" "c" )";
  CHECK(read(*parser, head + "host=a.com").host == "a.com");
  CHECK(read(*parser, head + R"(rt=0.1 host="a.com" ucs="MISS")").host == "a.com");
  CHECK(read(*parser, head + R"(host="a.com" ucs="MISS")").cache == CacheStatus::miss);
  CHECK(read(*parser, head + "vhost=a.com:8080").host == "a.com:8080");
  CHECK(read(*parser, head + R"(host="-")").host.empty());
  CHECK(read(*parser, "b.com:80 " + head + "host=a.com").host == "b.com:80");
  CHECK(read(*parser, head + R"(host="a.com" cc="public, max-age=60")").ttl_s == 60);
}

TEST_CASE("several size columns are summed") {
  const ColumnChoice columns{.size = {"hdr", "body"}};
  const auto parser = parser_of("csv", columns);
  CHECK(refused(*parser, "time,url,body,hdr,size") == SkipReason::header);
  CHECK(read(*parser, "1706788800,/a,500,20,9").bytes == 520U);
  CHECK_FALSE(read(*parser, "1706788800,/a,-,20,9").bytes.has_value());
  CHECK(refused(*parser, "1706788800,/a,x,20,9") == SkipReason::bad_line);
  CHECK(refused(*parser, "1706788800,/a,281474976710656,1,9") == SkipReason::bad_line);
  CHECK(read(*parser_of("ndjson", columns), R"({"ts":1,"url":"/a","body":7,"x":{"hdr":"1"}})")
            .bytes == 8U);
  CHECK(read(*parser_of("cloudfront",
                        {.size = {"2", "3"}, .fields = {"timestamp", "a", "b", "cs-uri"}}),
             "1706788800\t4\t5\t/a")
            .bytes == 9U);
}

TEST_CASE("csv: a chosen column that is not there is an error, whatever it is for") {
  const auto lost = [](const ColumnChoice& columns) {
    const auto record = parser_of("csv", columns)->parse("time,url,size");
    REQUIRE_FALSE(record.has_value());
    CHECK(record.error().reason == SkipReason::bad_line);
    return record.error().message;
  };
  const auto says = Catch::Matchers::Contains("it has: time, url, size");
  CHECK_THAT(lost({.size = {"sizee"}}), Catch::Contains("lacks the --size column 'sizee'") && says);
  CHECK_THAT(lost({.time = {"time", "day"}}),
             Catch::Contains("lacks the --time column 'day'") && says);
  CHECK_THAT(lost({.client = {"who"}}), Catch::Contains("lacks the --client column 'who'") && says);
  CHECK_THAT(lost({.key = {"uri"}}),
             Catch::Contains("lacks the --key-columns column 'uri'") && says);
  CHECK_THAT(lost({.size = {"4"}}), Catch::Contains("lacks the --size column '4'") && says);
  const auto by_number = parser_of("csv", {.time = {"1"}, .key = {"2"}, .size = {"bytes"}});
  CHECK(refused(*by_number, "1706788800,/a,5") == SkipReason::bad_line);
}

TEST_CASE("names that exports make of nested and of measured fields are guessed") {
  const auto parser = parser_of("csv");
  CHECK(refused(*parser, "timestamp_ms,httpRequest_requestUrl,httpRequest_responseSize") ==
        SkipReason::header);
  const LogRecord record = read(*parser, "1706788800250,https://x.org/a,17");
  CHECK(record.at_ms == kNoon + 250);
  CHECK(record.url == "https://x.org/a");
  CHECK(record.bytes == 17U);
  const auto other = parser_of("csv");
  CHECK(refused(*other, "timestamp(ms),url") == SkipReason::header);
  CHECK(read(*other, "1706788800250,/a").at_ms == kNoon + 250);
  const auto dates = parser_of("ndjson");
  CHECK(read(*dates, R"({"date":"20240201","time":"12:00:00","url":"/a"})").at_ms == kNoon);
  CHECK(read(*dates, R"({"time":"Thu, 01 Feb 2024 12:00:00 GMT","url":"/a"})").at_ms == kNoon);
}

TEST_CASE("cloudfront_realtime: a field list may be one text, as manuals print it") {
  const std::string list =
      GENERATE("timestamp c-ip cs-uri-stem sc-bytes", "timestamp\tc-ip\tcs-uri-stem  sc-bytes",
               "#Fields: timestamp c-ip cs-uri-stem sc-bytes");
  const auto parser = parser_of("cloudfront_realtime", {.fields = {list}});
  const LogRecord record = read(*parser, "1706788800.125\t10.0.0.1\t/a\t7");
  CHECK(record.at_ms == kNoon + 125);
  CHECK(record.client == "10.0.0.1");
  CHECK(record.url == "/a");
  CHECK(record.bytes == 7U);
  const auto unnamed =
      parser_of("cloudfront_realtime", {.fields = {"timestamp", "", "cs-uri-stem"}});
  CHECK(read(*unnamed, "1706788800.125\tx\t/a").url == "/a");
}

}  // namespace edgeward::sim
