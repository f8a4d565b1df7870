#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "sim/logs/cache_words.hpp"
#include "sim/logs/fields.hpp"
#include "sim/logs/formats.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::sim {

namespace {

namespace ondemand = simdjson::ondemand;

/// Objects nested deeper than this hold nothing that a request log tells.
constexpr std::size_t kDepthMax = 5;
/// Fields of one line whose meaning is remembered for the next, and how long their names may be to
/// have one.
constexpr std::size_t kRememberedMax = 512;
constexpr std::size_t kPathLengthMax = 256;

/// What a syslog prefix tells: `<134>2025-10-26T23:57:34Z cache-chi-kigq8000030 name[pid]: {…`
struct Prefix {
  std::string_view time;
  std::string_view server;
};

Prefix parse_prefix(std::string_view text) {
  Prefix prefix;
  if (text.starts_with('<')) text.remove_prefix(std::min(text.find('>'), text.size() - 1) + 1);
  for (std::string_view token = next_token(text); !token.empty(); token = next_token(text)) {
    if (token.starts_with("cache-")) prefix.server = token;
    const bool has_date = token.size() > 4 && token[4] == '-';
    if (prefix.time.empty() && has_date && parse_time(token)) prefix.time = token;
  }
  return prefix;
}

char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// What differs between the formats whose lines are JSON.
struct Dialect {
  CacheStatus (*cache_status)(std::string_view) = cache_status_of;
  bool (*is_of_requests)(std::string_view category) = nullptr;
  std::string_view envelope;  ///< a list of this name, if a line has one, holds the record
};

/// FrontDoorAccessLog, AzureCdnAccessLog …: the others are of firewalls and health probes.
bool is_azure_access_log(std::string_view category) {
  constexpr std::string_view kAccessLog = "AccessLog";
  return category.size() >= kAccessLog.size() &&
         is_same_ignoring_case(category.substr(category.size() - kAccessLog.size()), kAccessLog);
}

/// One JSON object a line, fields known by name at any depth, whatever their order. Numbers keep
/// the text they have in the log: nothing is rounded.
class JsonParser final : public LineParser {
 public:
  JsonParser(const ColumnChoice& chosen, const Dialect& dialect)
      : dialect_(dialect),
        names_(chosen),
        values_({.cache_status = dialect.cache_status,
                 .is_of_requests = dialect.is_of_requests,
                 .key_parts = chosen.key.size(),
                 .time_parts = chosen.time.size(),
                 .size_parts = chosen.size.size()}) {}

  ParsedLine parse(std::string_view line) override {
    if (const auto reason = unremarkable(line)) return skip(*reason);
    const std::size_t brace = line.find('{');
    if (brace == std::string_view::npos) {
      return skip(SkipReason::bad_line, fmt::format("{}: expected a JSON object", quoted(line)));
    }
    auto error = read_object(line.substr(brace));
    if (error == simdjson::UTF8_ERROR) error = read_object(with_valid_text(line.substr(brace)));
    if (error != simdjson::SUCCESS) {
      return skip(SkipReason::bad_line, fmt::format("JSON {}: {}", quoted(line.substr(brace)),
                                                    simdjson::error_message(error)));
    }
    if (enveloped_ > 1) {
      return skip(SkipReason::bad_line,
                  fmt::format("{} records in '{}' on one line: split it into a line for each",
                              enveloped_, dialect_.envelope));
    }
    use_prefix(line.substr(0, brace));
    return values_.record();
  }

 private:
  simdjson::error_code read_object(std::string_view text) {
    if (buffer_.size() < text.size() + simdjson::SIMDJSON_PADDING) {
      buffer_.resize(text.size() + simdjson::SIMDJSON_PADDING);
    }
    std::memcpy(buffer_.data(), text.data(), text.size());
    std::memset(buffer_.data() + text.size(), ' ', simdjson::SIMDJSON_PADDING);
    values_.clear();
    position_ = 0;
    enveloped_ = 0;
    ondemand::document document;
    if (const auto error =
            parser_.iterate(buffer_.data(), text.size(), buffer_.size()).get(document)) {
      return error;
    }
    ondemand::object object;
    if (const auto error = document.get_object().get(object)) return error;
    path_.clear();
    return read_fields(object, 1);
  }

  // NOLINTNEXTLINE(misc-no-recursion): at most kDepthMax deep
  simdjson::error_code read_fields(ondemand::object object, std::size_t depth) {
    const std::size_t path_length = path_.size();
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field)) return error;
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return error;
      if (path_length > 0) path_.append(1, '.');
      path_.append(key);
      if (const auto error = read_value(field.value(), depth)) return error;
      path_.resize(path_length);
    }
    return simdjson::SUCCESS;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  simdjson::error_code read_value(ondemand::value value, std::size_t depth) {
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::object) {
      if (depth == kDepthMax) return simdjson::SUCCESS;
      ondemand::object object;
      if (const auto error = value.get_object().get(object)) return error;
      return read_fields(object, depth + 1);
    }
    if (type == ondemand::json_type::array && depth == 1 && !dialect_.envelope.empty() &&
        path_ == dialect_.envelope) {
      return read_envelope(value);
    }
    const std::vector<Target>& targets = meaning_of_path();
    if (targets.empty()) return simdjson::SUCCESS;
    if (type == ondemand::json_type::array) return read_first(value, targets);
    return read_scalar(value, type, targets);
  }

  /// Counts the records and reads the first as if it were the line.
  // NOLINTNEXTLINE(misc-no-recursion)
  simdjson::error_code read_envelope(ondemand::value value) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    for (auto item : array) {
      ondemand::value entry;
      if (const auto error = item.get(entry)) return error;
      if (++enveloped_ > 1) continue;
      ondemand::object object;
      if (const auto error = entry.get_object().get(object)) return error;
      path_.clear();
      if (const auto error = read_fields(object, 2)) return error;
    }
    return simdjson::SUCCESS;
  }

  /// Headers are lists in some logs: the first entry counts.
  simdjson::error_code read_first(ondemand::value value, const std::vector<Target>& targets) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    bool is_first = true;
    for (auto item : array) {
      ondemand::value entry;
      if (const auto error = item.get(entry)) return error;
      ondemand::json_type type{};
      if (const auto error = entry.type().get(type)) return error;
      const bool is_scalar =
          type != ondemand::json_type::object && type != ondemand::json_type::array;
      if (is_first && is_scalar) {
        if (const auto error = read_scalar(entry, type, targets)) return error;
      }
      is_first = false;
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code read_scalar(ondemand::value value, ondemand::json_type type,
                                   const std::vector<Target>& targets) {
    std::string_view text;
    if (type == ondemand::json_type::string) {
      if (const auto error = value.get_string().get(text)) return error;
    } else {
      text = trimmed(value.raw_json_token());
    }
    for (const Target target : targets) values_.set(target, text);
    return simdjson::SUCCESS;
  }

  /// What the field at path_ tells. Lines of a log have the same fields in the same order, so the
  /// answer for the same place in the line before is mostly the one.
  const std::vector<Target>& meaning_of_path() {
    if (path_.size() > kPathLengthMax) return nothing_;
    if (position_ == remembered_.size()) {
      if (position_ == kRememberedMax) position_ = 0;
      if (position_ == remembered_.size()) remembered_.emplace_back();
    }
    Remembered& entry = remembered_[position_++];
    if (!entry.is_known || entry.path != path_) {
      entry.path = path_;
      entry.is_known = true;
      entry.targets.clear();
      names_.find(path_, 0, entry.targets);
    }
    return entry.targets;
  }

  /// Bytes beyond ASCII percent-encoded: the key is the same, the JSON valid.
  std::string_view with_valid_text(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    valid_text_.clear();
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x80) {
        valid_text_.push_back(c);
      } else {
        valid_text_.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
      }
    }
    return valid_text_;
  }

  /// Time and PoP from the prefix or the server's name, where the object has none.
  void use_prefix(std::string_view text) {
    constexpr std::uint8_t kLast = 254;
    const Prefix prefix = parse_prefix(text);
    if (values_[Field::date].empty()) {
      values_.set({.field = Field::time, .rank = kLast}, prefix.time);
    }
    values_.set({.field = Field::server, .rank = kLast}, prefix.server);
    // cache-fra-eddf8230020-FRA, cache-fra19123-FRA: the PoP is FRA
    const std::string_view server = values_[Field::server];
    constexpr std::string_view kServer = "cache-";
    if (!server.starts_with(kServer) || server.size() < kServer.size() + pop_.size()) return;
    std::transform(server.begin() + kServer.size(), server.begin() + kServer.size() + pop_.size(),
                   pop_.begin(), to_upper);
    values_.set({.field = Field::edge, .rank = kLast}, {pop_.data(), pop_.size()});
  }

  struct Remembered {
    std::string path;
    std::vector<Target> targets;
    bool is_known = false;
  };

  Dialect dialect_;
  FieldNames names_;
  FieldValues values_;
  ondemand::parser parser_;
  std::string buffer_;
  std::string valid_text_;
  std::string path_;
  std::vector<Remembered> remembered_;
  std::vector<Target> nothing_;
  std::size_t position_ = 0;
  std::size_t enveloped_ = 0;  ///< records in the line's envelope
  std::array<char, 3> pop_{};
};

}  // namespace

std::unique_ptr<LineParser> make_json_parser(const ColumnChoice& columns) {
  return std::make_unique<JsonParser>(columns, Dialect{});
}

std::unique_ptr<LineParser> make_cloudflare_parser(const ColumnChoice& columns) {
  return std::make_unique<JsonParser>(columns, Dialect{.cache_status = cloudflare_cache_status_of});
}

std::unique_ptr<LineParser> make_azure_parser(const ColumnChoice& columns) {
  return std::make_unique<JsonParser>(columns, Dialect{.cache_status = azure_cache_status_of,
                                                       .is_of_requests = is_azure_access_log,
                                                       .envelope = "records"});
}

}  // namespace edgeward::sim
