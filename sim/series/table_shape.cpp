#include "sim/series/table_shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/logs/delimited_cells.hpp"
#include "sim/logs/field_text.hpp"
#include "sim/logs/timestamp.hpp"
#include "sim/series/time_grid.hpp"

namespace edgeward::sim {

namespace {

constexpr std::size_t kRowsLookedAt = 50;

using Row = std::vector<std::string>;

/// The first rows, without blank ones; the last line only if it is whole.
std::vector<Row> first_rows(std::string_view text, char separator, bool is_cut) {
  std::vector<Row> rows;
  RowCells cells;
  while (!text.empty() && rows.size() < kRowsLookedAt) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos && is_cut && !rows.empty()) break;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (trimmed(line).empty() || !cells.split(line, separator)) continue;
    rows.emplace_back(cells.cells().begin(), cells.cells().end());
  }
  return rows;
}

char separator_of(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  char best = ',';
  for (const char separator : {';', '\t'}) {
    if (std::count(line.begin(), line.end(), separator) >
        std::count(line.begin(), line.end(), best)) {
      best = separator;
    }
  }
  return best;
}

/// Letters and digits only, in lower case.
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    const char lower = to_lower(c);
    if (is_digit(lower) || (lower >= 'a' && lower <= 'z')) plain += lower;
  }
  return plain;
}

bool names_time(std::string_view column) {
  static constexpr std::array<std::string_view, 8> kNames{"at",  "ds",   "t",     "ts",
                                                          "day", "hour", "epoch", "period"};
  const std::string plain = plain_name(column);
  if (std::find(kNames.begin(), kNames.end(), plain) != kNames.end()) return true;
  for (const std::string_view part : {"time", "date", "stamp", "hourutc"}) {
    if (plain.find(part) != std::string::npos) return true;
  }
  return false;
}

bool names_series(std::string_view column) {
  static constexpr std::array<std::string_view, 5> kNames{"series", "seriesid", "seriesname",
                                                          "uniqueid", "edge"};
  return std::find(kNames.begin(), kNames.end(), plain_name(column)) != kNames.end();
}

bool is_number(std::string_view cell) {
  return parse_finite(cell).has_value();
}

template <class Test>
bool has(const std::vector<Row>& rows, std::size_t column, std::size_t first, Test test) {
  for (std::size_t i = first; i < rows.size(); ++i) {
    if (column < rows[i].size() && test(rows[i][column])) return true;
  }
  return false;
}

bool is_any_time(std::string_view cell) {
  return parse_time(cell).has_value();
}

/// By its name, else by what it holds: times written as such; in the first column numbers will do
/// where the layout was asked for.
std::optional<std::size_t> time_column(const std::vector<Row>& rows, bool is_asked_for) {
  const Row& header = rows.front();
  const std::size_t first = rows.size() > 1 ? 1 : 0;
  for (std::size_t column = 0; column < header.size(); ++column) {
    if (names_time(header[column]) && (first == 0 || has(rows, column, first, is_any_time))) {
      return column;
    }
  }
  for (std::size_t column = 0; column < header.size(); ++column) {
    if (has(rows, column, first, is_written_time)) return column;
  }
  if (is_asked_for && has(rows, 0, first, is_any_time)) return 0;
  return std::nullopt;
}

/// All cells behind the name are times written as such.
bool is_header_of_times(const Row& row) {
  if (row.size() < 3) return false;
  return std::all_of(row.begin() + 1, row.end(),
                     [](const std::string& cell) { return is_written_time(cell); });
}

TableShape wide_shape(const std::vector<Row>& rows) {
  TableShape shape{.layout = SeriesLayout::wide};
  const Row& first = rows.front();
  shape.has_header = is_header_of_times(first) || first.front().empty() ||
                     names_series(first.front()) || plain_name(first.front()) == "id" ||
                     plain_name(first.front()) == "v1" ||
                     (first.size() > 1 && !std::any_of(first.begin() + 1, first.end(), is_number));
  if (is_header_of_times(first)) {
    std::vector<Sample> times;
    for (std::size_t i = 1; i < first.size(); ++i) {
      times.push_back({.at_ms = *parse_time(first[i]), .value = 0});
    }
    shape.step_ms = step_of(times);
    shape.first_at_ms = times.front().at_ms;
  }
  return shape;
}

TableShape tall_shape(const std::vector<Row>& rows, std::size_t time) {
  const Row& header = rows.front();
  TableShape shape{.layout = SeriesLayout::tall,
                   .has_header = !is_any_time(header[time]),
                   .columns = header.size(),
                   .time_column = time};
  const std::size_t first = shape.has_header ? 1 : 0;
  for (std::size_t column = 0; column < header.size(); ++column) {
    if (column == time) continue;
    if (shape.has_header && !shape.name_column && names_series(header[column])) {
      shape.name_column = column;
    } else if (has(rows, column, first, is_number) ||
               !has(rows, column, first, [](std::string_view cell) { return !is_missing(cell); })) {
      shape.value_columns.push_back(column);
      shape.value_names.push_back(shape.has_header ? header[column]
                                                   : fmt::format("column{}", column + 1));
    } else {
      shape.ignored_columns.push_back(shape.has_header ? header[column]
                                                       : fmt::format("column{}", column + 1));
    }
  }
  return shape;
}

}  // namespace

bool RowCells::split(std::string_view line, char separator) {
  cells_.clear();
  arena_.clear();
  arena_.reserve(line.size());
  DelimitedCells rest(line, separator);
  std::string_view cell;
  while (rest.next(cell)) {
    if (cells_.size() == kCellsMax) return false;
    cells_.push_back(rest.has_doubled_quotes() ? undo_doubled_quotes(cell, arena_) : trimmed(cell));
  }
  return !rest.is_broken();
}

bool is_written_time(std::string_view cell) {
  return !is_number(cell) && parse_time(cell).has_value();
}

bool is_missing(std::string_view cell) {
  return is_absent(cell) || is_same_ignoring_case(cell, "nan");
}

TableShape shape_of(std::string_view text, std::string_view name, SeriesLayout layout) {
  const bool is_cut = text.size() == PeekedSource::kPeekBytes;
  text = without_byte_order_mark(text);
  const char separator = separator_of(text);
  const std::vector<Row> rows = first_rows(text, separator, is_cut);
  if (rows.empty()) throw InputError(fmt::format("{}: no rows: expected a table", name));
  const bool is_wide_header = is_header_of_times(rows.front());
  const auto time = time_column(rows, layout == SeriesLayout::tall);
  if (layout == SeriesLayout::tall && !time) {
    throw InputError(
        fmt::format("{}: no time column: name one 'timestamp', or use --layout wide for a row a "
                    "series",
                    name));
  }
  const bool is_tall =
      layout == SeriesLayout::tall || (layout == SeriesLayout::detect && time && !is_wide_header);
  TableShape shape = is_tall ? tall_shape(rows, *time) : wide_shape(rows);
  shape.separator = separator;
  if (is_tall && shape.value_columns.empty()) {
    throw InputError(fmt::format("{}: no column of numbers beside the time column {}", name,
                                 sim::quoted(rows.front()[*time])));
  }
  return shape;
}

}  // namespace edgeward::sim
