// JSON formats with lines unlike the published samples.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/sim/log_support.hpp"

namespace edgeward::sim {

TEST_CASE("fastly: any names, with or without a syslog prefix") {
  const auto parser = parser_of("fastly");
  const LogRecord record = read(
      *parser,
      R"({"client_ip":"10.0.0.1","time_start":"2024-02-01T12:00:00Z","request_method":"GET",)"
      R"("host":"x.org","url":"/a?b","response_status":"200","response_body_size":"77",)"
      R"("fastly_info":{"state":"HIT-STALE-CLUSTER"},"fastly_server":"cache-fra-eddf8230020-FRA",)"
      R"("resp":{"headers":{"cache-control":["private"]}},"response_cache_control":"max-age=9"})");
  CHECK(record.at_ms == kNoon);
  CHECK(record.client == "10.0.0.1");
  CHECK(record.host == "x.org");
  CHECK(record.url == "/a?b");
  CHECK(record.status == 200);
  CHECK(record.bytes == 77U);
  CHECK(record.cache == CacheStatus::hit);
  CHECK(record.edge == "FRA");
  CHECK(record.ttl_s == 9);

  const LogRecord prefixed = read(
      *parser, R"(<134>2024-02-01T12:00:00Z cache-lhr7321-LHR log[1]: {"url":"/a","ip":null})");
  CHECK(prefixed.at_ms == kNoon);
  CHECK(prefixed.edge == "LHR");
  CHECK(prefixed.client.empty());
  CHECK(prefixed.status == 0);
}

TEST_CASE("fastly: passes are not cacheable, errors are neither hit nor miss") {
  CHECK(json_status("fastly", R"("fastly_info.state":"PASS")") == CacheStatus::uncacheable);
  CHECK(json_status("fastly", R"("fastly_info.state":"HITPASS")") == CacheStatus::uncacheable);
  CHECK(json_status("fastly", R"("cache_status":"MISS-CLUSTER")") == CacheStatus::miss);
  CHECK(json_status("fastly", R"("cache_status":"ERROR")") == CacheStatus::unknown);
  CHECK(json_status("fastly", R"("x_cache":"HIT, MISS")") == CacheStatus::miss);  // shield, edge
  CHECK(json_status("fastly", R"("cache_status":"MISS, HIT")") == CacheStatus::hit);
  CHECK(json_status("fastly", R"("x_cache":"Hit from cloudfront")") == CacheStatus::hit);
  CHECK(json_status("fastly", R"("cache_control":"private, max-age=60")") ==
        CacheStatus::uncacheable);
}

TEST_CASE("cloudflare: every spelling of the time, fields in any order") {
  const std::string time =
      GENERATE(R"("2024-02-01T12:00:00Z")", "1706788800", R"("1706788800")", "1706788800000000000",
               R"("1706788800000000000")", "1.7067888e9");
  INFO(time);
  const auto parser = parser_of("cloudflare");
  const LogRecord record =
      read(*parser, R"({"RayID":"1","EdgeResponseStatus":404,"EdgeStartTimestamp":)" + time +
                        R"(,"ClientRequestURI":"/a\u0020b?c","CacheCacheStatus":"expired",)"
                        R"("EdgeColoCode":"AMS","EdgeResponseBytes":0,"Cookies":{"time":"x"}})");
  CHECK(record.at_ms == kNoon);
  CHECK(record.url == "/a b?c");
  CHECK(record.status == 404);
  CHECK(record.bytes == 0U);
  CHECK(record.cache == CacheStatus::miss);
  CHECK(record.edge == "AMS");
}

TEST_CASE("cloudflare: what was not cacheable is told from misses") {
  for (const char* const word : {"dynamic", "bypass", "unknown", "none"}) {
    CHECK(json_status("cloudflare", std::string("\"CacheCacheStatus\":\"") + word + "\"") ==
          CacheStatus::uncacheable);
  }
  for (const char* const word :
       {"hit", "stale", "updating", "revalidated", "stream_hit", "ignored"}) {
    CHECK(json_status("cloudflare", std::string("\"CacheCacheStatus\":\"") + word + "\"") ==
          CacheStatus::hit);
  }
  CHECK(json_status("ndjson", R"("cache":"unknown")") == CacheStatus::unknown);
}

TEST_CASE("akamai: JSON with fewer fields, and the structured variant") {
  const auto parser = parser_of("akamai");
  const LogRecord record = read(
      *parser, R"({"cliIP":"10.0.0.1","reqPath":"a/b","reqTimeSec":"1706788800.5","reqHost":)"
               R"("x.org","cacheStatus":0,"totalBytes":"99","statusCode":"200","queryStr":"-"})");
  CHECK(record.at_ms == kNoon + 500);
  CHECK(record.url == "a/b");
  CHECK(record.bytes == 99U);
  CHECK(record.cache == CacheStatus::miss);
  CHECK(read(*parser, R"({"reqTimeSec":1,"reqPath":"%2Fa%2Fb"})").url == "/a/b");
  CHECK(
      read(*parser, R"({"reqTimeSec":1,"reqPath":"/a","cacheStatus":"0","cacheable":"0"})").cache ==
      CacheStatus::uncacheable);

  const LogRecord structured = read(
      *parser, "1\t5\t99\tr1\t1706788800\t4321\t10.0.0.1\t206\tHTTPS\tx.org\tGET\t/a/b\t443\t0\t1");
  CHECK(structured.at_ms == kNoon);
  CHECK(structured.bytes == 4321U);
  CHECK(structured.client == "10.0.0.1");
  CHECK(structured.status == 206);
  CHECK(structured.host == "x.org");
  CHECK(structured.method == "GET");
  CHECK(structured.url == "/a/b");
  CHECK(structured.cache == CacheStatus::hit);
}

TEST_CASE("gcp: omitted booleans are false, sizes are strings") {
  const auto parser = parser_of("gcp");
  const auto line = [](std::string_view request, std::string_view payload) {
    return R"({"timestamp":"2024-02-01T12:00:00.000000001Z",)"
           R"("receiveTimestamp":"1999-01-01T00:00:00Z",)"
           R"("httpRequest":{"status":200,"requestUrl":"https://x.org/a","remoteIp":"10.0.0.1",)"
           R"("requestMethod":"GET","responseSize":"12","requestSize":"99")" +
           std::string(request) + R"(},"jsonPayload":{)" + std::string(payload) + "}}";
  };
  const LogRecord record =
      read(*parser, line(R"(,"cacheHit":true,"cacheLookup":true)", R"("cacheId":"FRA-1f")"));
  CHECK(record.at_ms == kNoon);
  CHECK(record.url == "https://x.org/a");
  CHECK(record.client == "10.0.0.1");
  CHECK(record.bytes == 12U);
  CHECK(record.edge == "FRA");
  CHECK(record.cache == CacheStatus::hit);
  CHECK(read(*parser, line(R"(,"cacheLookup":true)", R"("x":1)")).cache == CacheStatus::miss);
  CHECK(read(*parser, line("", R"("statusDetails":"response_sent_by_backend")")).cache ==
        CacheStatus::uncacheable);
  CHECK(read(*parser, line("", R"("statusDetails":"response_from_cache_validated")")).cache ==
        CacheStatus::hit);
  CHECK(read(*parser, line("", R"("statusDetails":"client_disconnected")")).cache ==
        CacheStatus::unknown);
}

TEST_CASE("azure: properties of either tier") {
  const auto parser = parser_of("azure");
  const auto line = [](std::string_view status) {
    return R"({"time":"2024-02-01T12:00:00.0000000Z","category":"FrontDoorAccessLog","properties":)"
           R"({"socketIp":"10.9.9.9","clientIp":"10.0.0.1","requestUri":"https://x.org:443/a",)"
           R"("httpStatusCode":"206","responseBytes":"7","pop":"DUB","httpMethod":"GET",)"
           R"("timeTaken":"0.1","cacheStatus":")" +
           std::string(status) + R"("}})";
  };
  const LogRecord record = read(*parser, line("REMOTE_HIT"));
  CHECK(record.at_ms == kNoon);
  CHECK(record.client == "10.0.0.1");
  CHECK(record.url == "https://x.org:443/a");
  CHECK(record.status == 206);
  CHECK(record.bytes == 7U);
  CHECK(record.edge == "DUB");
  CHECK(record.cache == CacheStatus::hit);
  CHECK(read(*parser, line("PARTIAL_HIT")).cache == CacheStatus::hit);
  CHECK(read(*parser, line("MISS")).cache == CacheStatus::miss);
  for (const char* const word : {"CONFIG_NOCACHE", "CACHE_NOCONFIG", "PRIVATE_NOSTORE", "N/A"}) {
    CHECK(read(*parser, line(word)).cache == CacheStatus::uncacheable);
  }
}

TEST_CASE("requests of the network's own caches are internal, clients' are not") {
  const std::string azure =
      R"({"time":"2024-02-01T12:00:00Z","category":"FrontDoorAccessLog","properties":)"
      R"({"requestUri":"https://x.org/a","httpStatusCode":"200","responseBytes":"7",)"
      R"("isReceivedFromClient":)";
  CHECK(refused("azure", azure + "false}}") == SkipReason::internal);
  CHECK(read(*parser_of("azure"), azure + "true}}").url == "https://x.org/a");
  const std::string cloudflare =
      R"({"ClientIP":"192.0.2.1","EdgeStartTimestamp":1706788800,"ClientRequestURI":"/a",)"
      R"("ClientRequestSource":)";
  CHECK(refused("cloudflare", cloudflare + R"("edgeWorkerFetch"})") == SkipReason::internal);
  CHECK(read(*parser_of("cloudflare"), cloudflare + R"("eyeball"})").url == "/a");
  CHECK(read(*parser_of("cloudflare"), cloudflare + R"(""})").url == "/a");
  CHECK(refused("fastly", R"({"timestamp":"2024-02-01T12:00:00Z","url":"/a","is_edge":false})") ==
        SkipReason::internal);
  CHECK(refused("squid",
                "1706788800.0 1 127.0.0.1 TCP_MISS/200 9 GET cache_object://h/info - "
                "NONE/- text/plain") == SkipReason::internal);
}

TEST_CASE("ndjson: common names are guessed at any depth") {
  const auto parser = parser_of("ndjson");
  const LogRecord caddy =
      read(*parser, R"({"level":"info","ts":1706788800.0,"request":{"remote_ip":"10.0.0.1",)"
                    R"("method":"GET","host":"x.org","uri":"/a?b"},"duration":0.1,"size":9,)"
                    R"("status":200,"resp_headers":{"Cache-Control":["max-age=30"]}})");
  CHECK(caddy.at_ms == kNoon);
  CHECK(caddy.client == "10.0.0.1");
  CHECK(caddy.host == "x.org");
  CHECK(caddy.url == "/a?b");
  CHECK(caddy.bytes == 9U);
  CHECK(caddy.ttl_s == 30);
  const LogRecord nginx =
      read(*parser, R"({"request":"GET /a?b HTTP/1.1","time_iso8601":"2024-02-01T12:00:00+00:00",)"
                    R"("body_bytes_sent":"5"})");
  CHECK(nginx.method == "GET");
  CHECK(nginx.url == "/a?b");
}

TEST_CASE("ndjson: chosen columns count, guesses do not") {
  const auto parser = parser_of("ndjson", {.time = {"day", "clock"},
                                           .client = {"who"},
                                           .key = {"asset.id", "rendition"},
                                           .size = {"len"}});
  const LogRecord record =
      read(*parser, R"({"url":"/no","ts":1,"bytes":1,"day":"2024-02-01","clock":"12:00:00",)"
                    R"("who":"me","asset":{"id":17},"rendition":"hd","len":1e3})");
  CHECK(record.at_ms == kNoon);
  CHECK(record.client == "me");
  CHECK(record.url == "17/hd");
  CHECK(record.bytes == 1000U);
  CHECK(refused(*parser, R"({"day":"2024-02-01","clock":"12:00:00","rendition":"hd"})") ==
        SkipReason::no_key);
}

TEST_CASE("azure: other categories hold no requests") {
  const auto line = [](std::string_view category) {
    return R"({"time":"2024-02-01T12:00:00Z","category":")" + std::string(category) +
           R"(","properties":{"requestUri":"https://x.org/a","httpStatusCode":"200"}})";
  };
  CHECK(refused("azure", line("FrontDoorWebApplicationFirewallLog")) == SkipReason::comment);
  CHECK(refused("azure", R"({"time":"2024-02-01T12:00:00Z","category":"FrontDoorHealthProbeLog",)"
                         R"("properties":{"healthProbeId":"1"}})") == SkipReason::comment);
  const auto parser = parser_of("azure");
  for (const char* const category :
       {"FrontDoorAccessLog", "FrontdoorAccessLog", "AzureCdnAccessLog"}) {
    CHECK(read(*parser, line(category)).url == "https://x.org/a");
  }
  CHECK(read(*parser_of("ndjson"), line("shoes")).url == "https://x.org/a");
}

TEST_CASE("azure: an envelope of one record is that record, of several it must be split") {
  const std::string access = R"({"time":"2024-02-01T12:00:00Z","category":"FrontDoorAccessLog",)"
                             R"("properties":{"requestUri":"https://x.org/a"}})";
  const auto parser = parser_of("azure");
  const LogRecord record = read(*parser, R"({"records":[)" + access + "]}");
  CHECK(record.at_ms == kNoon);
  CHECK(record.url == "https://x.org/a");
  CHECK(refused(*parser, R"({"records": [{"category":"FrontDoorHealthProbeLog"}]})") ==
        SkipReason::comment);
  const auto several = parser->parse(R"({"records":[)" + access + ", " + access + "]}");
  REQUIRE_FALSE(several.has_value());
  CHECK(several.error().reason == SkipReason::bad_line);
  CHECK(several.error().message.find("2 records") != std::string::npos);
  CHECK(several.error().message.find("split") != std::string::npos);
  CHECK(read(*parser, access).at_ms == kNoon);  // nothing is left of it
}

}  // namespace edgeward::sim
