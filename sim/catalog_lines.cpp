#include "sim/catalog_lines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cache/store/edge_values.hpp"
#include "sim/input/line_splitter.hpp"
#include "sim/logs/cache_key.hpp"
#include "sim/logs/delimited_cells.hpp"
#include "sim/logs/field_text.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::sim {

namespace {

namespace dom = simdjson::dom;

struct ContentField {
  enum : std::size_t {
    key,
    content,
    size,
    duration,
    type,
    created_at,
    last_viewed_at,
    views,
    rating,
    count,
    passed_over,
    unknown,
  };
};

struct ContentFieldRule {
  std::string_view name;
  CatalogFault fault;
  std::string_view expected;
};
constexpr std::array<ContentFieldRule, ContentField::count> kContentFields{{
    {"key", CatalogFault::no_key, "a path or a URL"},
    {"content", CatalogFault::bad_content, "the 16 hexadecimal digits that belong to the key"},
    {"size_bytes", CatalogFault::bad_size, "a whole number of bytes up to 2^48"},
    {"duration_min", CatalogFault::bad_duration, "minutes from 0 to 1000000"},
    {"type", CatalogFault::bad_type, "printable ASCII, at most 64 bytes"},
    {"created_at", CatalogFault::bad_time, "a time such as 1700000000 or 2026-01-31T12:00:00Z"},
    {"last_viewed_at", CatalogFault::bad_time, "a time such as 1700000000 or 2026-01-31T12:00:00Z"},
    {"views", CatalogFault::bad_views, "a whole number up to 2^53"},
    {"rating", CatalogFault::bad_rating, "a number from 0 to 10"},
}};
constexpr std::size_t kListedColumnsMax = 256;
constexpr std::size_t kUncanonicalKeyBytesMax = 8192;
/// Greater numbers are times in finer units, which stand as they are.
constexpr double kListedSecondsEnd = 1e11;

/// The fields as texts, whichever form they came in.
using ContentTexts = std::array<std::optional<std::string>, ContentField::count>;

std::size_t catalog_field_of(std::string_view name) {
  if (name == "popularity") return ContentField::passed_over;  // made of the others
  const auto found = std::find_if(kContentFields.begin(), kContentFields.end(),
                                  [&](const ContentFieldRule& rule) { return rule.name == name; });
  return found == kContentFields.end() ? ContentField::unknown
                                       : static_cast<std::size_t>(found - kContentFields.begin());
}

tl::unexpected<BadCatalogLine> bad_content_line(CatalogFault fault, std::string message) {
  return tl::unexpected(BadCatalogLine{.fault = fault, .message = std::move(message)});
}

tl::unexpected<BadCatalogLine> bad_content_field(std::size_t field, std::string_view found) {
  const ContentFieldRule& rule = kContentFields[field];
  return bad_content_line(
      rule.fault, fmt::format("{} {}: expected {}", rule.name, sim::quoted(found), rule.expected));
}

std::optional<std::uint64_t> whole_up_to(std::string_view text, std::uint64_t high) {
  const auto value = parse_whole(text);
  return value && *value <= high ? value : std::nullopt;
}

std::optional<double> number_up_to(std::string_view text, double high) {
  const auto value = parse_finite(text);
  return value && *value >= 0 && *value <= high ? value : std::nullopt;
}

std::optional<std::string> plain_type(std::string_view text) {
  const bool is_plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return is_plain && text.size() <= kTypeBytesMax ? std::optional(std::string(text)) : std::nullopt;
}

/// Takes a field's value over, where there is one; false for one that is none.
template <class Value, class Place>
bool set_told(const std::optional<std::string>& text, const std::optional<Value>& value,
              Place& place) {
  if (!text) return true;
  if (value) place = *value;
  return value.has_value();
}

}  // namespace

std::string_view name(CatalogFault fault) {
  switch (fault) {
    case CatalogFault::bad_line:
      return "bad_line";
    case CatalogFault::no_key:
      return "no_key";
    case CatalogFault::bad_content:
      return "bad_content";
    case CatalogFault::long_key:
      return "long_key";
    case CatalogFault::bad_size:
      return "bad_size";
    case CatalogFault::bad_duration:
      return "bad_duration";
    case CatalogFault::bad_type:
      return "bad_type";
    case CatalogFault::bad_time:
      return "bad_time";
    case CatalogFault::bad_views:
      return "bad_views";
    case CatalogFault::bad_rating:
      return "bad_rating";
  }
  return "";
}

struct CatalogLineParser::Text {
  dom::parser json;
  CacheKeyWriter keys{CacheKeyRules{}};

  tl::expected<void, BadCatalogLine> read(dom::object object, ContentTexts& texts,
                                          std::string& unknown) {
    std::array<bool, ContentField::count> is_there{};
    for (const auto& member : object) {
      const std::size_t field = catalog_field_of(member.key);
      if (field == ContentField::unknown && unknown.empty()) unknown = member.key;
      if (field >= ContentField::count) continue;
      if (std::exchange(is_there[field], true)) {
        return bad_content_line(CatalogFault::bad_line,
                                fmt::format("{} is there twice", member.key));
      }
      if (member.value.is_null()) continue;
      texts[field] = text_of(member.value, field);
      if (!texts[field]) return bad_content_field(field, simdjson::minify(member.value));
    }
    return {};
  }

  /// Of one line's texts. Empty ones are taken as what was not told.
  CatalogLineParser::Result line_of(const ContentTexts& texts) {
    CatalogLine line;
    cache::CatalogUpdate& update = line.update;
    const auto& key = texts[ContentField::key];
    if (!key || key->empty()) return bad_content_line(CatalogFault::no_key, "no key");
    if (key->size() <= kUncanonicalKeyBytesMax) keys.write("", *key, update.key);
    if (update.key.empty() || update.key.size() > cache::kKeyBytesMax) {
      return bad_content_line(
          CatalogFault::long_key,
          fmt::format("key {}: expected at most {} bytes", sim::quoted(*key), cache::kKeyBytesMax));
    }
    if (texts[ContentField::content] && !is_of(*texts[ContentField::content], update.key)) {
      keys.write("", "https://" + *key, update.key);
      if (!is_of(*texts[ContentField::content], update.key))
        return bad_content_field(ContentField::content, *texts[ContentField::content]);
    }
    const auto fault = set_values(texts, update);
    if (fault) return bad_content_field(*fault, *texts[*fault]);
    return line;
  }

 private:
  static bool is_of(std::string_view content, std::string_view key) {
    return cache::parse_hex(content) == cache::content_id(key);
  }

  /// The first field whose value is none.
  static std::optional<std::size_t> set_values(const ContentTexts& texts,
                                               cache::CatalogUpdate& update) {
    const auto text = [&](std::size_t field) {
      return texts[field] ? std::string_view(*texts[field]) : std::string_view();
    };
    const std::array<bool, ContentField::count> is_good{
        true,
        true,
        set_told(texts[ContentField::size], whole_up_to(text(ContentField::size), kObjectBytesMax),
                 update.size_bytes),
        set_told(texts[ContentField::duration],
                 number_up_to(text(ContentField::duration), kDurationMinMax), update.duration_min),
        set_told(texts[ContentField::type], plain_type(text(ContentField::type)), update.type),
        set_told(texts[ContentField::created_at], parse_time(text(ContentField::created_at)),
                 update.created_at_ms),
        set_told(texts[ContentField::last_viewed_at],
                 parse_time(text(ContentField::last_viewed_at)), update.last_viewed_at_ms),
        set_told(texts[ContentField::views], whole_up_to(text(ContentField::views), kViewsMax),
                 update.views),
        set_told(texts[ContentField::rating],
                 number_up_to(text(ContentField::rating), cache::kRatingMax), update.rating)};
    const auto first = std::find(is_good.begin(), is_good.end(), false);
    if (first == is_good.end()) return std::nullopt;
    return static_cast<std::size_t>(first - is_good.begin());
  }

  /// Strings for texts, numbers for numbers, either for times; nothing for anything else.
  static std::optional<std::string> text_of(const dom::element& value, std::size_t field) {
    const bool is_time = field == ContentField::created_at || field == ContentField::last_viewed_at;
    const bool is_text =
        field == ContentField::key || field == ContentField::content || field == ContentField::type;
    std::string_view text;
    if ((is_text || is_time) && !value.get_string().get(text)) return std::string(text);
    if (is_text) return std::nullopt;
    std::uint64_t whole = 0;
    if (!value.get_uint64().get(whole)) return fmt::format("{}", whole);
    double number = 0;
    if (value.get_double().get(number)) return std::nullopt;
    const bool is_seconds = is_time && number >= 0 && number < kListedSecondsEnd;
    return is_seconds ? fmt::format("{:.3f}", number) : fmt::format("{}", number);
  }
};

CatalogLineParser::CatalogLineParser() : text_(std::make_unique<Text>()) {}
CatalogLineParser::~CatalogLineParser() = default;
CatalogLineParser::CatalogLineParser(CatalogLineParser&&) noexcept = default;
CatalogLineParser& CatalogLineParser::operator=(CatalogLineParser&&) noexcept = default;

CatalogLineParser::Result CatalogLineParser::parse_json(std::string_view text,
                                                        std::string_view key) {
  dom::object object;
  if (const auto error =
          text_->json.parse(text.data(), text.size(), true).get_object().get(object)) {
    return bad_content_line(CatalogFault::bad_line, fmt::format("JSON {}: {}", sim::quoted(text),
                                                                simdjson::error_message(error)));
  }
  ContentTexts texts;
  std::string unknown;
  if (auto read = text_->read(object, texts, unknown); !read) return tl::unexpected(read.error());
  if (!texts[ContentField::key] && !key.empty()) texts[ContentField::key] = std::string(key);
  Result line = text_->line_of(texts);
  if (line) line->unknown = std::move(unknown);
  return line;
}

bool CatalogLineParser::set_header(std::string_view line) {
  columns_.clear();
  unknown_.clear();
  std::array<bool, ContentField::count> is_there{};
  DelimitedCells cells(without_byte_order_mark(line), ',');
  std::string_view cell;
  while (cells.next(cell)) {
    if (columns_.size() == kListedColumnsMax) return false;
    const std::size_t field = catalog_field_of(cell);
    if (field < ContentField::count && std::exchange(is_there[field], true)) return false;
    if (field == ContentField::unknown && unknown_.size() < kUnknownShown)
      unknown_.emplace_back(cell);
    columns_.push_back(field);
  }
  return is_there[ContentField::key] && !cells.is_broken();
}

CatalogLineParser::Result CatalogLineParser::parse_row(std::string_view line) {
  ContentTexts texts;
  DelimitedCells cells(line, ',');
  std::string_view cell;
  std::size_t column = 0;
  for (; cells.next(cell); ++column) {
    if (column >= columns_.size() || columns_[column] >= ContentField::count) continue;
    const std::size_t field = columns_[column];
    if (field != ContentField::key && is_absent(cell)) continue;
    std::string arena;
    arena.reserve(cell.size());
    texts[field] =
        std::string(cells.has_doubled_quotes() ? undo_doubled_quotes(cell, arena) : cell);
  }
  if (cells.is_broken() || column != columns_.size()) {
    return bad_content_line(
        CatalogFault::bad_line,
        fmt::format("{}: expected {} cells", sim::quoted(line), columns_.size()));
  }
  return text_->line_of(texts);
}

CatalogReading read_catalog(ByteSource& source, std::string_view name,
                            const std::function<void(cache::CatalogUpdate)>& take) {
  CatalogReading reading;
  CatalogLineParser parser;
  LineSplitter lines(source);
  LineSplitter::Line line;
  std::optional<bool> is_json;
  const auto note_unknown = [&](const std::string& field) {
    const bool is_new =
        std::find(reading.unknown.begin(), reading.unknown.end(), field) == reading.unknown.end();
    if (!field.empty() && is_new && reading.unknown.size() < CatalogLineParser::kUnknownShown) {
      reading.unknown.push_back(field);
    }
  };
  for (std::size_t number = 1; lines.next(line); ++number) {
    if (!line.cut && trimmed(line.text).empty()) continue;
    const auto text = number == 1 ? without_byte_order_mark(line.text) : line.text;
    if (!is_json) {
      is_json = trimmed(text).starts_with('{');
      if (!*is_json) {
        if (!line.cut && parser.set_header(text)) {
          reading.unknown = parser.unknown_columns();
          continue;
        }
        throw InputError(fmt::format(
            "{}:{}: {}: expected a JSON object, or a header with key and, of each at most once, {}",
            name, number, sim::quoted(text),
            "size_bytes,duration_min,type,created_at,"
            "last_viewed_at,views,rating"));
      }
    }
    ++reading.lines;
    auto result =
        line.cut   ? CatalogLineParser::Result(bad_content_line(CatalogFault::bad_line, "too long"))
        : *is_json ? parser.parse_json(text)
                   : parser.parse_row(text);
    if (result) {
      ++reading.taken;
      note_unknown(result->unknown);
      take(std::move(result->update));
      continue;
    }
    ++reading.faults[static_cast<std::size_t>(result.error().fault)];
    if (reading.first_bad.size() < CatalogReading::kBadLinesShown) {
      reading.first_bad.push_back({.line = number, .message = result.error().message});
    }
  }
  return reading;
}

}  // namespace edgeward::sim
