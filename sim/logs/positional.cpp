#include <fmt/format.h>

#include <algorithm>

#include "sim/logs/cache_words.hpp"
#include "sim/logs/fields.hpp"
#include "sim/logs/formats.hpp"

namespace edgeward::sim {

namespace {

/// Squid's native format, which Traffic Server writes too, columns separated by blanks:
///     epoch.millis elapsed client CODE/status bytes METHOD url user hierarchy/peer [type …]
/// and Traffic Control's custom_ats_2, fields by name behind the time:
///     epoch.millis chi=… url=… pssc=… b=… crc=…
class SquidParser final : public LineParser {
 public:
  ParsedLine parse(std::string_view line) override {
    if (const auto reason = unremarkable(line)) return skip(*reason);
    std::string_view rest = line;
    const std::string_view time = next_token(rest);
    values_.clear();
    if (time.find('=') == std::string_view::npos) {
      values_.set(Field::time, time);
    } else {
      rest = line;
    }
    std::string_view ahead = rest;
    const std::string_view second = next_token(ahead);
    return second.find('=') == std::string_view::npos ? read_columns(rest) : read_pairs(rest);
  }

 private:
  ParsedLine read_columns(std::string_view rest) {
    (void)next_token(rest);  // elapsed
    values_.set(Field::client, next_token(rest));
    const std::string_view result = next_token(rest);
    const std::size_t slash = result.rfind('/');
    values_.set(Field::bytes, next_token(rest));
    values_.set(Field::method, next_token(rest));
    const std::string_view url = next_token(rest);
    if (slash == std::string_view::npos || url.empty()) {
      return skip(SkipReason::bad_line,
                  fmt::format("fourth column {}: expected time elapsed client CODE/status bytes "
                              "METHOD url",
                              quoted(result)));
    }
    values_.set(Field::url, url);
    values_.set(Field::cache, result.substr(0, slash));
    auto record = values_.record();
    const auto status = parse_status(result.substr(slash + 1));
    if (record.has_value() && !status.has_value()) {
      return skip(SkipReason::bad_line,
                  fmt::format("fourth column {}: expected CODE/status", quoted(result)));
    }
    if (record.has_value()) record->status = *status;
    return record;
  }

  ParsedLine read_pairs(std::string_view rest) {
    for (std::string_view pair = next_pair(rest); !pair.empty(); pair = next_pair(rest)) {
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      std::string_view value = pair.substr(equals + 1);
      if (value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
      targets_.clear();
      names_.find(pair.substr(0, equals), 0, targets_);
      for (const Target target : targets_) values_.set(target, value);
    }
    return values_.record();
  }

  /// `name=value` or `name="a value"`; empty at the end.
  static std::string_view next_pair(std::string_view& rest) {
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    std::size_t end = std::min(rest.find_first_of("= \t"), rest.size());
    if (rest.substr(end, 2) == "=\"") {
      end = rest.find('"', end + 2);
      end = end == std::string_view::npos ? rest.size() : end + 1;
    } else {
      end = std::min(rest.find_first_of(" \t", end), rest.size());
    }
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end);
    return pair;
  }

  FieldNames names_{ColumnChoice{}};
  FieldValues values_{{.cache_status = squid_cache_status_of}};
  std::vector<Target> targets_;
};

/// webcachesim and its relatives: `time id size` and perhaps more numbers, separated by blanks.
class WebcachesimParser final : public LineParser {
 public:
  ParsedLine parse(std::string_view line) override {
    if (const auto reason = unremarkable(line)) return skip(*reason);
    std::string_view rest = line;
    values_.clear();
    values_.set(Field::time, next_token(rest));
    const std::string_view id = next_token(rest);
    if (!parse_count(id).has_value()) {
      return skip(SkipReason::bad_line,
                  fmt::format("object {}: expected time id size, three numbers", quoted(id)));
    }
    values_.set(Field::id, id);
    const std::string_view size = next_token(rest);
    if (size.empty()) return skip(SkipReason::bad_line, "two columns: expected time id size");
    values_.set(Field::bytes, size);
    return values_.record();
  }

 private:
  FieldValues values_{FieldValues::Rules{}};
};

/// Akamai DataStream 2, structured: `version stream cp request epoch bytes client status protocol
/// host method path …`, separated by tabs or blanks. What follows depends on the stream's fields;
/// its cache block is the last and ends with 1 (in cache) or 0. JSON lines go to the JSON parser.
class AkamaiParser final : public LineParser {
 public:
  explicit AkamaiParser(const ColumnChoice& chosen) : json_(make_json_parser(chosen)) {}

  ParsedLine parse(std::string_view line) override {
    if (const auto reason = unremarkable(line)) return skip(*reason);
    if (line.find('{') != std::string_view::npos) return read_json(line);
    static constexpr Field kIgnored = Field::id;
    static constexpr Field kColumns[] = {kIgnored,    kIgnored,     kIgnored,      kIgnored,
                                         Field::time, Field::bytes, Field::client, Field::status,
                                         kIgnored,    Field::host,  Field::method, Field::url};
    values_.clear();
    std::string_view rest = line;
    for (const Field field : kColumns) {
      const std::string_view text = next_token(rest);
      if (text.empty()) {
        return skip(SkipReason::bad_line,
                    "expected a DataStream 2 JSON object, or 12 columns and "
                    "more: version stream cp request epoch bytes client "
                    "status protocol host method path");
      }
      if (field != kIgnored) values_.set(field, text);
    }
    const std::string_view last = rest.substr(rest.find_last_of(" \t") + 1);
    if (last == "0" || last == "1") values_.set(Field::cache, last);
    return values_.record();
  }

 private:
  /// reqPath has no leading slash in some streams, and is encoded as a whole in others.
  ParsedLine read_json(std::string_view line) {
    auto record = json_->parse(line);
    if (record.has_value() && starts_with_ignoring_case(record->url, "%2F")) {
      record->url = undo_percent(record->url, url_);
    }
    return record;
  }

  std::unique_ptr<LineParser> json_;
  FieldValues values_{FieldValues::Rules{}};
  std::string url_;
};

}  // namespace

std::unique_ptr<LineParser> make_squid_parser(const ColumnChoice&) {
  return std::make_unique<SquidParser>();
}

std::unique_ptr<LineParser> make_webcachesim_parser(const ColumnChoice&) {
  return std::make_unique<WebcachesimParser>();
}

std::unique_ptr<LineParser> make_akamai_parser(const ColumnChoice& columns) {
  return std::make_unique<AkamaiParser>(columns);
}

}  // namespace edgeward::sim
