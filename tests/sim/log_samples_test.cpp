// Real logs: each is taken for what it is, and every line gives what a human reads there.

#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "sim/logs/cache_key.hpp"
#include "sim/logs/line_parser.hpp"
#include "tests/support.hpp"

namespace edgeward::sim {

namespace {

/// The lines of a file, gzipped or not.
std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::string text;
  const gzFile file = gzopen(path.c_str(), "rb");
  REQUIRE(file != nullptr);
  char buffer[1 << 16];
  for (int count = 1; count > 0;) {
    count = gzread(file, buffer, sizeof buffer);
    REQUIRE(count >= 0);
    text.append(buffer, static_cast<std::size_t>(count));
  }
  gzclose(file);
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    begin = end + 1;
  }
  return lines;
}

/// A record with texts of its own.
struct Seen {
  std::int64_t at_ms = 0;
  std::string client, method, key, edge;
  int status = 0;
  std::optional<std::uint64_t> bytes;
  CacheStatus cache = CacheStatus::unknown;
};

struct Log {
  std::string_view format = "none";
  std::vector<Seen> records;
  std::map<SkipReason, int> skipped;
};

Log read_log(const std::filesystem::path& path) {
  const std::vector<std::string> lines = read_lines(path);
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  Log log;
  INFO(path);
  const LogFormat* const format =
      detect_log_format(std::span(views).first(std::min<std::size_t>(views.size(), 50)), {});
  REQUIRE(format != nullptr);
  log.format = format->name;
  const auto parser = format->make({});
  CacheKeyWriter keys({});
  for (const std::string_view line : views) {
    const auto record = parser->parse(line);
    if (!record.has_value()) {
      ++log.skipped[record.error().reason];
      continue;
    }
    Seen seen{.at_ms = *record->at_ms,
              .client = std::string(record->client),
              .method = std::string(record->method),
              .key = {},
              .edge = std::string(record->edge),
              .status = record->status,
              .bytes = record->bytes,
              .cache = record->cache};
    keys.write(*record, seen.key);
    log.records.push_back(std::move(seen));
  }
  return log;
}

/// Where the samples are; absent (and the test skipped) if they are not here.
std::optional<std::filesystem::path> data(std::string_view name) {
  const auto folder = test::shared_data();
  if (!folder.has_value()) return std::nullopt;
  if (!std::filesystem::exists(*folder / name)) {
    test::skip("no " + std::string(name));
    return std::nullopt;
  }
  return *folder / name;
}

}  // namespace

TEST_CASE("every sample is detected, and every line of it is read") {
  const auto folder = data("logs/samples");
  if (!folder.has_value()) return;
  struct Expected {
    std::string_view file;
    std::string_view format;
    std::size_t records;
  };
  constexpr Expected kSamples[] = {
      {"akamai-datastream2.ndjson", "akamai", 1},
      {"apache-combined-small.log", "combined", 12},
      {"ats-squid.log", "ats", 2},
      {"azure-frontdoor-access.ndjson", "azure", 1},
      {"cloudflare-logpush-http.ndjson", "cloudflare", 15},
      {"cloudfront-realtime-kinesis.txt", "cloudfront_realtime", 1},
      {"cloudfront-v1-cratesio-basic.log", "cloudfront", 20},
      {"cloudfront-v1-cratesio-percent-encoding.log", "cloudfront", 3},
      {"cloudfront-v1-web.txt", "cloudfront", 3},
      {"fastly-syslog-json-cratesio.log", "fastly", 20},
      {"gcp-cloud-cdn.ndjson", "gcp", 2},
      {"nasa-http-first4000.clf.gz", "common", 4000},
      {"squid-native.log", "squid", 121},
      {"trafficcontrol-custom_ats_2.log", "ats", 2},
      {"varnishncsa-hitmiss.log", "varnish", 2},
  };
  for (const Expected& expected : kSamples) {
    INFO(expected.file);
    const Log log = read_log(*folder / expected.file);
    CHECK(log.format == expected.format);
    CHECK(log.records.size() == expected.records);
    for (const auto& [reason, count] : log.skipped) CHECK(name(reason) == "header");
  }
}

TEST_CASE("the samples of servers say what a human reads there") {
  const auto folder = data("logs/samples");
  if (!folder.has_value()) return;

  const Seen apache = read_log(*folder / "apache-combined-small.log").records.at(0);
  CHECK(apache.at_ms == 971'211'336'000);
  CHECK(apache.client == "127.0.0.1");
  CHECK(apache.key == "/apache_pb.gif");
  CHECK(apache.status == 200);
  CHECK(apache.bytes == 2326U);

  const Log nasa = read_log(*folder / "nasa-http-first4000.clf.gz");
  const auto movie = std::find_if(nasa.records.begin(), nasa.records.end(), [](const Seen& seen) {
    return seen.client == "pipe6.nyc.pipeline.com" && seen.bytes == 946'425U;
  });
  REQUIRE(movie != nasa.records.end());
  CHECK(movie->at_ms == 804'572'563'000);
  CHECK(movie->key == "/shuttle/missions/sts-71/movies/sts-71-mir-dock.mpg");

  const Log varnish = read_log(*folder / "varnishncsa-hitmiss.log");
  CHECK(varnish.records.at(0).key == "www.example.com/a/b.jpg");
  CHECK(varnish.records.at(0).cache == CacheStatus::hit);
  CHECK(varnish.records.at(1).cache == CacheStatus::miss);
  CHECK(varnish.records.at(1).at_ms == 1'433'379'601'000);

  const Log squid = read_log(*folder / "squid-native.log");
  CHECK(squid.records.at(0).at_ms == 1'286'536'308'779);
  CHECK(squid.records.at(0).client == "192.168.0.224");
  CHECK(squid.records.at(0).key == "liveupdate.symantecliveupdate.com/minitri.flg");
  CHECK(squid.records.at(4).method == "POST");
  CHECK(squid.records.back().bytes == 5'340'945U);
  for (const Seen& seen : squid.records) CHECK(seen.cache == CacheStatus::miss);

  for (const char* const file : {"ats-squid.log", "trafficcontrol-custom_ats_2.log"}) {
    const Log ats = read_log(*folder / file);
    CHECK(ats.records.at(0).at_ms == 1'433'379'600'153);
    CHECK(ats.records.at(0).client == "203.0.113.9");
    CHECK(ats.records.at(0).key == "origin.example.com/a/b.jpg");
    CHECK(ats.records.at(0).cache == CacheStatus::miss);
    CHECK(ats.records.at(1).cache == CacheStatus::hit);
    CHECK(ats.records.at(1).status == 200);
  }
  const Seen control = read_log(*folder / "trafficcontrol-custom_ats_2.log").records.at(0);
  CHECK(control.bytes == 51'200U);
  CHECK(control.edge == "edge-01");
}

TEST_CASE("the samples of CDNs say what a human reads there") {
  const auto folder = data("logs/samples");
  if (!folder.has_value()) return;

  const Seen crate = read_log(*folder / "cloudfront-v1-cratesio-basic.log").records.at(0);
  CHECK(crate.at_ms == 1'705'449'402'000);
  CHECK(crate.client == "1.2.3.4");
  CHECK(crate.key == "static.crates.io/crates/bindgen/bindgen-0.65.1.crate");
  CHECK(crate.bytes == 213'479U);
  CHECK(crate.cache == CacheStatus::hit);
  CHECK(crate.edge == "CMH68-P2");

  const Log encoded = read_log(*folder / "cloudfront-v1-cratesio-percent-encoding.log");
  constexpr std::string_view kCrate = "static.crates.io/crates/zstd-sys/zstd-sys-2.0.8";
  CHECK(encoded.records.at(0).key == std::string(kCrate) + "%2Bzstd.1.5.5.crate");
  CHECK(encoded.records.at(1).key == std::string(kCrate) + "+zstd.1.5.5.crate");
  CHECK(encoded.records.at(2).key == encoded.records.at(1).key);

  const Seen web = read_log(*folder / "cloudfront-v1-web.txt").records.at(0);
  CHECK(web.at_ms == 1'575'493'351'000);
  CHECK(web.key == "d111111abcdef8.cloudfront.net/index.html");
  CHECK(web.bytes == 78U);

  const Seen kinesis = read_log(*folder / "cloudfront-realtime-kinesis.txt").records.at(0);
  CHECK(kinesis.at_ms == 1'607'374'321'541);
  CHECK(kinesis.key.starts_with("test.cloudfront.net/i?stm=1607374321563&e=pp&url=http%3A%2F%2F"));
  CHECK(kinesis.key.ends_with("&fp=2033130908"));
  CHECK(std::count(kinesis.key.begin(), kinesis.key.end(), '?') == 1);
  CHECK(kinesis.bytes == 35U);
  CHECK(kinesis.edge == "EWR52-C4");
  CHECK(kinesis.cache == CacheStatus::miss);

  const Seen fastly = read_log(*folder / "fastly-syslog-json-cratesio.log").records.at(0);
  CHECK(fastly.at_ms == 1'761'523'054'867);
  CHECK(fastly.client == "192.0.2.1");
  CHECK(fastly.key == "static.crates.io/crates/scale-info/2.11.3/download");
  CHECK(fastly.bytes == 36'308U);
  CHECK(fastly.edge == "CHI");
  CHECK(fastly.cache == CacheStatus::unknown);

  const Log cloudflare = read_log(*folder / "cloudflare-logpush-http.ndjson");
  CHECK(cloudflare.records.at(0).at_ms == 1'712'790'000'100);
  CHECK(cloudflare.records.at(0).key == "www.example.com/");
  CHECK(cloudflare.records.at(0).bytes == 12'480U);
  CHECK(cloudflare.records.at(0).edge == "SEA");
  std::map<CacheStatus, int> counts;
  for (const Seen& seen : cloudflare.records) ++counts[seen.cache];
  CHECK(counts == std::map<CacheStatus, int>{{CacheStatus::hit, 5},
                                             {CacheStatus::miss, 1},
                                             {CacheStatus::uncacheable, 9}});

  const Seen akamai = read_log(*folder / "akamai-datastream2.ndjson").records.at(0);
  CHECK(akamai.at_ms == 1'573'840'000'000);
  CHECK(akamai.client == "128.147.28.68");
  CHECK(akamai.key == "test.hostname.net/path1/path2/file.ext?param=value");
  CHECK(akamai.status == 206);
  CHECK(akamai.bytes == 4995U);
  CHECK(akamai.cache == CacheStatus::hit);

  const Log gcp = read_log(*folder / "gcp-cloud-cdn.ndjson");
  CHECK(gcp.records.at(0).at_ms == 1'591'659'690'078);
  CHECK(gcp.records.at(0).key == "203.0.113.10/static/us/three-cats.jpg");
  CHECK(gcp.records.at(0).cache == CacheStatus::hit);
  CHECK(gcp.records.at(0).edge == "SFO");
  CHECK(gcp.records.at(1).bytes == 51'320U);
  CHECK(gcp.records.at(1).cache == CacheStatus::miss);

  const Seen azure = read_log(*folder / "azure-frontdoor-access.ndjson").records.at(0);
  CHECK(azure.at_ms == 1'639'537'811'647);
  CHECK(azure.client == "89.160.20.128");
  CHECK(azure.method == "POST");
  CHECK(azure.key == "erp.testcloud.com/StockSetup/GetStockListByCir");
  CHECK(azure.bytes == 1205U);
  CHECK(azure.edge == "SIN");
  CHECK(azure.cache == CacheStatus::uncacheable);
}

TEST_CASE("the long logs and the text traces are read without a word about their columns") {
  const auto cran = data("logs/cran-downloads-2012.csv.gz");
  const auto blog = data("logs/semicomplete-apache-combined-2015.log.gz");
  const auto adaptsize = data("traces/adaptsize_request.csv.gz");
  const auto webcachesim = data("traces/webcachesim_test.tr");
  if (!cran || !blog || !adaptsize || !webcachesim) return;

  const Log downloads = read_log(*cran);
  CHECK(downloads.format == "csv");
  CHECK(downloads.records.at(0).at_ms == 1'349'482'464'000);
  CHECK(downloads.records.at(0).key == "/digest/0.5.2");
  CHECK(downloads.records.at(0).bytes == 42'308U);
  CHECK(downloads.records.at(0).client.empty());
  CHECK(downloads.skipped ==
        std::map<SkipReason, int>{{SkipReason::header, 1}, {SkipReason::no_key, 10}});
  CHECK(downloads.records.size() + 11 == read_lines(*cran).size());

  const Log apache = read_log(*blog);
  CHECK(apache.format == "combined");
  CHECK(apache.records.size() == 10'000);
  CHECK(apache.records.at(0).at_ms == 1'431'857'103'000);
  CHECK(apache.records.at(0).bytes == 203'023U);

  const Log requests = read_log(*adaptsize);
  CHECK(requests.format == "csv");
  CHECK(requests.records.size() + 1 == read_lines(*adaptsize).size());
  CHECK(requests.records.at(1).key == "/1");
  CHECK(requests.records.at(1).bytes == 7454U);
  CHECK(requests.records.at(1).at_ms == 2000);

  const Log trace = read_log(*webcachesim);
  CHECK(trace.format == "webcachesim");
  CHECK(trace.records.size() == read_lines(*webcachesim).size());
  CHECK(trace.records.at(3).key == "/341");
  CHECK(trace.records.at(3).bytes == 2U);
}

}  // namespace edgeward::sim
