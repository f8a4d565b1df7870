#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sim/logs/line_parser.hpp"

namespace edgeward::sim {

inline constexpr std::int64_t kNoon = 1'706'788'800'000;  // 2024-02-01T12:00:00Z

/// Keeps the lines, so that records may be looked at when the line was a temporary.
class KeepingParser final : public LineParser {
 public:
  explicit KeepingParser(std::unique_ptr<LineParser> parser) : parser_(std::move(parser)) {}

  tl::expected<LogRecord, Skipped> parse(std::string_view line) override {
    return parser_->parse(lines_.emplace_back(line));
  }

 private:
  std::unique_ptr<LineParser> parser_;
  std::deque<std::string> lines_;
};

inline std::unique_ptr<LineParser> parser_of(std::string_view format,
                                             const ColumnChoice& columns = {}) {
  const LogFormat* const found = find_log_format(format);
  REQUIRE(found != nullptr);
  return std::make_unique<KeepingParser>(found->make(columns));
}

/// The record of the line, which must have one.
inline LogRecord read(LineParser& parser, std::string_view line) {
  const auto record = parser.parse(line);
  INFO(line);
  if (!record.has_value()) FAIL(name(record.error().reason) << ": " << record.error().message);
  return *record;
}

inline SkipReason refused(LineParser& parser, std::string_view line) {
  const auto record = parser.parse(line);
  INFO(line);
  REQUIRE_FALSE(record.has_value());
  const Skipped& skipped = record.error();
  const bool is_normal =
      skipped.reason == SkipReason::header || skipped.reason == SkipReason::comment ||
      skipped.reason == SkipReason::internal || skipped.reason == SkipReason::blank;
  CHECK(skipped.message.empty() == is_normal);
  return skipped.reason;
}

inline SkipReason refused(std::string_view format, std::string_view line) {
  return refused(*parser_of(format), line);
}

/// What the last field of a line in this format makes of the word.
inline CacheStatus combined_status(const std::string& word) {
  const auto parser = parser_of("combined");
  return read(*parser,
              R"(h - - [01/Feb/2024:12:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "c" )" + word)
      .cache;
}

inline CacheStatus squid_status(const std::string& code) {
  const auto parser = parser_of("squid");
  return read(*parser, "1706788800.000 5 10.0.0.1 " + code + "/200 5 GET http://a/ - NONE/-").cache;
}

inline CacheStatus json_status(std::string_view format, const std::string& field) {
  const auto parser = parser_of(format);
  return read(*parser, R"({"timestamp":1706788800,"url":"/a",)" + field + "}").cache;
}

}  // namespace edgeward::sim
