// Text log lines → records → cache keys. The first byte picks the format, the second what the user
// said about columns and keys, the rest is lines.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "sim/logs/cache_key.hpp"
#include "sim/logs/field_text.hpp"
#include "sim/logs/line_parser.hpp"
#include "sim/logs/timestamp.hpp"

namespace {

using namespace edgeward::sim;

void require(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s: %.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

ColumnChoice make_columns(unsigned variant) {
  ColumnChoice columns;
  if ((variant & 1U) != 0) columns.time = {"1"};
  if ((variant & 2U) != 0) columns.key = {"3", "2"};
  if ((variant & 4U) != 0) columns = {.time = {"date", "time"}, .key = {"a.key", "path"}};
  if ((variant & 8U) != 0) columns.fields = {"timestamp", "c-ip", "cs-uri-stem", "sc-bytes"};
  if ((variant & 16U) != 0) columns.size = {"size", "4"};
  return columns;
}

CacheKeyRules make_rules(unsigned variant) {
  CacheKeyRules rules{.use_host = (variant & 32U) == 0, .host_aliases = {{"WWW.a.:80", "a"}}};
  constexpr std::string_view kQueries[] = {"keep", "drop", "sort", "drop:utm_*,id"};
  require(set_query_rule(kQueries[variant >> 6U], rules), "query rule", "");
  return rules;
}

/// Touches every byte, so that a view into freed memory is found.
void touch(std::string_view text) {
  volatile char sink = 0;
  for (const char c : text) sink = static_cast<char>(sink ^ c);
}

void check_record(const LogRecord& record) {
  for (const std::string_view text :
       {record.client, record.method, record.host, record.url, record.edge}) {
    touch(text);
  }
  require(record.at_ms.has_value(), "a record has a time", record.url);
  require(*record.at_ms >= 0 && *record.at_ms <= kTimeMsMax, "its time is in range", record.url);
  require(!record.url.empty(), "a record has a key", record.url);
  require(record.status == kNoAnswer || (record.status >= 0 && record.status <= 999),
          "its status has three digits", record.url);
  require(record.bytes.value_or(0) <= kObjectBytesMax, "its size is in range", record.url);
  require(record.ttl_s.value_or(0) >= 0, "its ttl is not negative", record.url);
}

void check_key(CacheKeyWriter& keys, const CacheKeyRules& rules, const LogRecord& record) {
  std::string key;
  keys.write(record, key);
  const std::size_t slash = key.find('/');
  require(slash != std::string::npos, "a key has a path", key);
  require(rules.use_host || slash == 0, "a key without hosts is a path", key);
  for (const char c : key) require(c > ' ' && c < 0x7F, "a key is printable", key);
  std::string again;
  keys.write(std::string_view(key).substr(0, slash), std::string_view(key).substr(slash), again);
  require(again == key, "a canonical key is stable", key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned variant = data[1];
  const auto formats = log_formats();
  const LogFormat* format = &formats[data[0] % formats.size()];
  const ColumnChoice columns = make_columns(variant);
  const CacheKeyRules rules = make_rules(variant);

  std::vector<std::string> lines(1);  // each in memory of its own, so that overruns are found
  for (std::size_t i = 2; i < size; ++i) {
    if (data[i] == '\n') {
      lines.emplace_back();
    } else {
      lines.back().push_back(static_cast<char>(data[i]));
    }
  }
  for (std::string& line : lines) line.shrink_to_fit();
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  const LogFormat* const detected = detect_log_format(views, columns);
  if (data[0] >= 128 && detected != nullptr) format = detected;

  const auto parser = format->make(columns);
  CacheKeyWriter keys(rules);
  for (const std::string_view line : views) {
    const auto record = parser->parse(line);
    if (record.has_value()) {
      check_record(*record);
      check_key(keys, rules, *record);
    } else {
      touch(record.error().message);
      const SkipReason reason = record.error().reason;
      const bool is_normal = reason == SkipReason::header || reason == SkipReason::comment ||
                             reason == SkipReason::blank || reason == SkipReason::internal;
      require(is_normal == record.error().message.empty(), "a bad line is explained", line);
      require(record.error().message.size() < 1000, "an explanation is short", line);
    }
  }
  return 0;
}
