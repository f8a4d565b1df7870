// How fast lines become records and canonical keys, in bytes of log a second on one core.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "cache/random.hpp"
#include "sim/logs/cache_key.hpp"
#include "sim/logs/line_parser.hpp"

namespace {

using namespace edgeward;

constexpr std::size_t kLines = 100'000;

/// A log of kLines lines as `line` writes them: (request number, object number) → text.
template <class Line>
std::vector<std::string> make_log(Line line) {
  std::vector<std::string> lines;
  lines.reserve(kLines);
  cache::Random random(7);
  for (std::size_t i = 0; i < kLines; ++i) lines.push_back(line(i, random.below(10'000)));
  return lines;
}

std::vector<std::string> combined_log() {
  return make_log([](std::size_t i, std::uint64_t object) {
    return fmt::format(
        "203.0.113.{} - - [17/May/2015:{:02}:{:02}:{:02} +0000] "
        "\"GET /videos/series-{}/episode-{}/segment-{:05}.ts?session=4711 HTTP/1.1\" 200 {} "
        "\"https://www.example.com/watch/{}\" \"Mozilla/5.0 (X11; Linux x86_64) "
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36\"",
        i % 250, i / 36000 % 24, i / 600 % 60, i / 10 % 60, object % 97, object % 13, object,
        object * 37, object % 97);
  });
}

std::vector<std::string> squid_log() {
  return make_log([](std::size_t i, std::uint64_t object) {
    return fmt::format(
        "{}.{:03}   {:4} 198.51.100.{} TCP_MISS/200 {} GET "
        "http://static.example.com/images/{}/photo-{}.jpg - HIER_DIRECT/192.0.2.9 "
        "image/jpeg",
        1286536308 + i / 50, i % 1000, i % 700, i % 250, object * 37, object % 97, object);
  });
}

std::vector<std::string> cloudflare_log() {
  return make_log([](std::size_t i, std::uint64_t object) {
    return fmt::format(
        "{{\"ClientIP\":\"203.0.113.{}\",\"ClientRequestHost\":\"www.example.com\","
        "\"ClientRequestMethod\":\"GET\",\"ClientRequestURI\":\"/assets/{}/bundle-{}.js\","
        "\"ClientRequestUserAgent\":\"Mozilla/5.0 (X11; Linux x86_64)\",\"EdgeResponseBytes\":{},"
        "\"EdgeResponseStatus\":200,\"EdgeStartTimestamp\":{}000000000,\"RayID\":\"{:016x}\","
        "\"CacheCacheStatus\":\"hit\",\"ClientCountry\":\"de\",\"EdgeColoCode\":\"FRA\"}}",
        i % 250, object % 97, object, object * 37, 1712790000 + i / 50, i);
  });
}

std::vector<std::string> csv_log() {
  return make_log([](std::size_t i, std::uint64_t object) {
    if (i == 0) return std::string("timestamp,client_ip,host,path,status,bytes,cache_status");
    return fmt::format("{},203.0.113.{},www.example.com,/assets/{}/bundle-{}.js,200,{},HIT",
                       1712790000 + i / 50, i % 250, object % 97, object, object * 37);
  });
}

void parse_and_key(benchmark::State& state, const char* format,
                   const std::vector<std::string>& lines) {
  const auto parser = sim::find_log_format(format)->make({});
  sim::CacheKeyWriter keys({});
  std::string key;
  std::size_t bytes = 0;
  std::size_t records = 0;
  for (const std::string& line : lines) bytes += line.size() + 1;
  for (auto _ : state) {
    for (const std::string& line : lines) {
      const auto record = parser->parse(line);
      if (!record.has_value()) continue;
      keys.write(*record, key);
      benchmark::DoNotOptimize(key.data());
      ++records;
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes * state.iterations()));
  state.SetItemsProcessed(static_cast<std::int64_t>(records));
  state.counters["line_bytes"] = static_cast<double>(bytes) / static_cast<double>(lines.size());
}

}  // namespace

BENCHMARK_CAPTURE(parse_and_key, combined, "combined", combined_log());
BENCHMARK_CAPTURE(parse_and_key, squid, "squid", squid_log());
BENCHMARK_CAPTURE(parse_and_key, csv, "csv", csv_log());
BENCHMARK_CAPTURE(parse_and_key, cloudflare, "cloudflare", cloudflare_log());

BENCHMARK_MAIN();
