#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <optional>

#include "sim/logs/cache_words.hpp"
#include "sim/logs/delimited_cells.hpp"
#include "sim/logs/fields.hpp"
#include "sim/logs/formats.hpp"

namespace edgeward::sim {

namespace {

/// Lines with more columns than this are not tables of requests.
constexpr std::size_t kColumnsMax = 1024;

/// What one column tells.
struct LogColumn {
  std::size_t number = 0;  ///< from 1
  Target target;
};

void add_column(const FieldNames& names, std::string_view name, std::size_t number,
                std::vector<LogColumn>& columns) {
  std::vector<Target> targets;
  names.find(name, number, targets);
  for (const Target target : targets) columns.push_back({.number = number, .target = target});
}

/// `#Fields:` headers, columns separated by tabs, or by blanks where a line has no tab. The header
/// may be repeated and may change.
class CloudFrontParser final : public LineParser {
 public:
  explicit CloudFrontParser(const ColumnChoice& chosen)
      : names_(without_fields(chosen)),
        values_({.is_percent_encoded = true,
                 .key_parts = chosen.key.size(),
                 .time_parts = chosen.time.size(),
                 .size_parts = chosen.size.size()}) {
    std::size_t number = 1;
    for (const std::string& list : chosen.fields) {
      if (trimmed(list).empty()) ++number;  // a column without a name
      add_fields(list, number);
    }
  }

  ParsedLine parse(std::string_view line) override {
    line = without_byte_order_mark(line);
    if (const auto reason = unremarkable(line)) {
      if (*reason == SkipReason::header) read_header(line);
      return skip(*reason);
    }
    if (columns_.empty()) {
      return skip(SkipReason::bad_line,
                  "no #Fields header before this line: name the columns with --fields");
    }
    const char separator = line.find('\t') != std::string_view::npos ? '\t' : ' ';
    values_.clear();
    auto column = columns_.begin();
    std::size_t number = 0;
    while (column != columns_.end()) {
      ++number;
      const std::size_t end = std::min(line.find(separator), line.size());
      for (; column != columns_.end() && column->number == number; ++column) {
        values_.set(column->target, trimmed(line.substr(0, end)));
      }
      if (end == line.size()) break;
      line.remove_prefix(end + 1);
    }
    if (number == 1) {
      return skip(SkipReason::bad_line, fmt::format("one column {}: expected those of #Fields, "
                                                    "separated by tabs",
                                                    quoted(line)));
    }
    return values_.record();
  }

 private:
  [[nodiscard]] static ColumnChoice without_fields(ColumnChoice chosen) {
    chosen.fields.clear();
    return chosen;
  }

  /// Appends the columns of a list as vendors print it, from `number` on.
  void add_fields(std::string_view list, std::size_t& number) {
    constexpr std::string_view kFieldsHeader = "#fields";
    if (starts_with_ignoring_case(list, kFieldsHeader)) {
      list.remove_prefix(kFieldsHeader.size());
      if (list.starts_with(':')) list.remove_prefix(1);
    }
    for (; number <= kColumnsMax; ++number) {
      const std::string_view name = next_token(list);
      if (name.empty()) break;
      add_column(names_, name, number, columns_);
    }
  }

  void read_header(std::string_view line) {
    if (!starts_with_ignoring_case(line, "#fields")) return;
    columns_.clear();
    std::size_t number = 1;
    add_fields(line, number);
  }

  FieldNames names_;
  FieldValues values_;
  std::vector<LogColumn> columns_;
};

/// The separator that the line has most of, outside quotes.
char guess_separator(std::string_view line) {
  constexpr std::string_view kSeparators = ",;\t";
  std::array<std::size_t, kSeparators.size()> counts{};
  bool is_quoted = false;
  for (const char c : line) {
    if (c == '"') is_quoted = !is_quoted;
    const std::size_t which = kSeparators.find(c);
    if (!is_quoted && which != std::string_view::npos) ++counts[which];
  }
  return kSeparators[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) -
                                              counts.begin())];
}

/// A line read as the first of a table.
struct Header {
  char separator = ',';
  bool holds_number = false;  ///< a cell begins with a digit, as no name does
  std::vector<LogColumn> columns;
  std::vector<LogColumn> numbered;  ///< of those, what the user chose by number
  std::string names;                ///< of the columns, for messages; cut where it gets long

  /// Which fields the columns tell.
  [[nodiscard]] std::bitset<kFields> fields() const {
    std::bitset<kFields> result;
    for (const LogColumn& column : columns)
      result.set(static_cast<std::size_t>(column.target.field));
    return result;
  }
};

Header read_header(std::string_view line, const FieldNames& names) {
  line = without_byte_order_mark(line);
  if (line.starts_with('#')) line = trimmed(line.substr(1));
  constexpr std::size_t kNamesLengthMax = 200;
  Header header{.separator = guess_separator(line), .columns = {}, .numbered = {}, .names = {}};
  DelimitedCells cells(line, header.separator);
  std::string_view cell;
  for (std::size_t number = 1; number <= kColumnsMax && cells.next(cell); ++number) {
    cell = trimmed(cell);
    if (!cell.empty() && is_digit(cell.front())) header.holds_number = true;
    add_column(names, cell, number, header.columns);
    add_column(names, {}, number, header.numbered);
    if (header.names.size() > kNamesLengthMax) continue;
    header.names += number == 1 ? "" : ", ";
    header.names += cell.substr(0, kNamesLengthMax);
    if (header.names.size() > kNamesLengthMax) header.names += " …";
  }
  if (cells.is_broken()) {
    header.columns.clear();
    header.numbered.clear();
  }
  return header;
}

/// The first of the chosen columns that is not there; null if all are.
const std::string* find_missing(const std::vector<LogColumn>& columns, Field field,
                                const std::vector<std::string>& chosen) {
  for (std::size_t part = 0; part < chosen.size(); ++part) {
    const Target wanted{.field = field, .rank = static_cast<std::uint8_t>(part)};
    const bool is_there = std::any_of(columns.begin(), columns.end(), [&](const LogColumn& column) {
      return column.target == wanted;
    });
    if (!is_there) return &chosen[part];
  }
  return nullptr;
}

/// What of the user's choice is not among the columns, for people; empty if nothing.
std::string missing_choice(const std::vector<LogColumn>& columns, const ColumnChoice& chosen) {
  struct Choice {
    const char* option;
    Field field;
    const std::vector<std::string>& columns;
  };
  const Choice choices[] = {{"--time", Field::chosen_time, chosen.time},
                            {"--key-columns", Field::chosen_key, chosen.key},
                            {"--size", Field::chosen_size, chosen.size},
                            {"--client", Field::client, chosen.client}};
  for (const Choice& choice : choices) {
    const std::string* const missing = find_missing(columns, choice.field, choice.columns);
    if (missing != nullptr)
      return fmt::format("the {} column {}", choice.option, sim::quoted(*missing));
  }
  return {};
}

/// What the columns lack to make requests, for people; empty if nothing.
std::string missing_columns(const Header& header, const ColumnChoice& chosen) {
  const auto fields = header.fields();
  const auto has = [&](Field field) { return fields.test(static_cast<std::size_t>(field)); };
  if (chosen.time.empty() && !has(Field::time) && !has(Field::date)) {
    return "a time: name one with --time";
  }
  if (chosen.key.empty() && !has(Field::url) && !has(Field::request_line) && !has(Field::package)) {
    return "a key: name one with --key-columns";
  }
  const std::string missing = missing_choice(header.columns, chosen);
  return missing.empty() ? missing : fmt::format("{}; it has: {}", missing, header.names);
}

bool is_by_number(const ColumnChoice& chosen) {
  const auto is_number = [](const std::string& column) { return parse_count(column).has_value(); };
  return !chosen.time.empty() && !chosen.key.empty() &&
         std::all_of(chosen.time.begin(), chosen.time.end(), is_number) &&
         std::all_of(chosen.key.begin(), chosen.key.end(), is_number);
}

/// A table with a header, or with columns chosen by number. Cells do not span lines.
class CsvParser final : public LineParser {
 public:
  explicit CsvParser(const ColumnChoice& chosen)
      : names_(chosen),
        values_({.key_parts = chosen.key.size(),
                 .time_parts = chosen.time.size(),
                 .size_parts = chosen.size.size()}) {}

  ParsedLine parse(std::string_view line) override {
    line = without_byte_order_mark(line);
    const auto reason = unremarkable(line);
    if (reason == SkipReason::blank) return skip(SkipReason::blank);
    if (!has_begun_ || line.front() == '#') {
      if (const auto header = begin(line)) return tl::unexpected(*header);
    }
    if (line == header_line_) return skip(SkipReason::header);
    if (!missing_.empty()) return skip(SkipReason::bad_line, missing_);
    return read_cells(line);
  }

 private:
  /// Learns the columns. Absent if the line is itself a request.
  std::optional<Skipped> begin(std::string_view line) {
    const bool is_hash = line.starts_with('#');
    Header header = read_header(line, names_);
    const std::string missing = missing_columns(header, names_.chosen());
    const bool is_numbered = is_by_number(names_.chosen());
    if (is_hash && (!missing.empty() || header.holds_number)) {
      return Skipped{.reason = *unremarkable(line), .message = {}};
    }
    has_begun_ = true;
    separator_ = header.separator;
    if (header.holds_number && (is_numbered || !missing.empty())) {
      columns_ = std::move(header.numbered);
      if (!is_numbered) {
        missing_ = "the first line is no header: choose the columns by number";
      } else if (const auto lost = missing_choice(columns_, names_.chosen()); !lost.empty()) {
        missing_ = fmt::format("the first line is no header and lacks {}", lost);
      }
      return std::nullopt;
    }
    columns_ = std::move(header.columns);
    header_line_ = line;
    if (missing.empty()) return Skipped{.reason = SkipReason::header, .message = {}};
    missing_ = fmt::format("the header {} lacks {}", quoted(line), missing);
    return Skipped{.reason = SkipReason::bad_line, .message = missing_};
  }

  ParsedLine read_cells(std::string_view line) {
    values_.clear();
    arena_.clear();
    arena_.reserve(line.size());
    DelimitedCells cells(line, separator_);
    std::size_t number = 0;
    std::string_view cell;
    for (auto column = columns_.begin(); column != columns_.end();) {
      if (!cells.next(cell)) break;
      ++number;
      if (column->number != number) continue;
      if (cells.has_doubled_quotes()) cell = undo_doubled_quotes(cell, arena_);
      for (; column != columns_.end() && column->number == number; ++column) {
        values_.set(column->target, trimmed(cell));
      }
    }
    if (cells.is_broken()) {
      return skip(SkipReason::bad_line,
                  fmt::format("column {}: the quote does not end the column on this "
                              "line",
                              number + 1));
    }
    if (number < 2) {
      return skip(SkipReason::bad_line, fmt::format("one column {}: expected several, separated by "
                                                    "{}",
                                                    quoted(line), quoted({&separator_, 1})));
    }
    return values_.record();
  }

  FieldNames names_;
  FieldValues values_;
  std::vector<LogColumn> columns_;
  std::string header_line_;
  std::string missing_;  ///< why no line can be read; empty if they can
  std::string arena_;
  char separator_ = ',';
  bool has_begun_ = false;
};

}  // namespace

std::unique_ptr<LineParser> make_cloudfront_parser(const ColumnChoice& columns) {
  return std::make_unique<CloudFrontParser>(columns);
}

std::unique_ptr<LineParser> make_csv_parser(const ColumnChoice& columns) {
  return std::make_unique<CsvParser>(columns);
}

bool is_csv_header(std::string_view line, const ColumnChoice& columns) {
  // A mistyped choice does not make it another format: the parser says which columns there are.
  const auto is_header = [line](const ColumnChoice& chosen) {
    const Header header = read_header(line, FieldNames(chosen));
    return missing_columns(header, chosen).empty() &&
           (!header.holds_number || is_by_number(chosen));
  };
  return is_header({.time = columns.time, .key = columns.key}) || is_header({});
}

}  // namespace edgeward::sim
