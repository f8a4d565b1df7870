#include "sim/series/series_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "sim/input/line_splitter.hpp"
#include "sim/logs/field_text.hpp"
#include "sim/logs/timestamp.hpp"
#include "sim/series/table_shape.hpp"
#include "sim/series/time_grid.hpp"

namespace edgeward::sim {

namespace {

constexpr std::size_t kNameBytesMax = 255;

/// Rows in, series out.
class TableReader {
 public:
  TableReader(std::string_view file, TableShape shape) : file_(file), shape_(std::move(shape)) {
    table_.layout = shape_.layout;
    if (!shape_.ignored_columns.empty()) {
      table_.notes.push_back(fmt::format("left out, since they hold no numbers: columns {}",
                                         fmt::join(shape_.ignored_columns, ", ")));
    }
    if (shape_.layout == SeriesLayout::tall && !shape_.name_column) {
      for (const std::string& name : shape_.value_names) add_series(name);
    }
  }

  void row(const LineSplitter::Line& line, std::size_t number) {
    line_ = number;
    if (line.cut) {
      return fail(SeriesFault::bad_row, fmt::format("longer than {} bytes: use a row a time",
                                                    LineSplitter::kLineBytesMax));
    }
    if (trimmed(line.text).empty()) return;
    if (!cells_.split(line.text, shape_.separator)) {
      return fail(SeriesFault::bad_row, "a quote does not close a cell, or too many cells");
    }
    if (shape_.has_header && !std::exchange(is_past_header_, true)) return;
    shape_.layout == SeriesLayout::wide ? wide_row() : tall_row();
  }

  SeriesTable finished() && {
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      add(on_grid(std::move(names_[i]), std::move(samples_[i]), table_.faults));
    }
    if (table_.series.empty()) {
      const std::string why =
          table_.first_bad.empty()
              ? std::string(values_ > 0 ? "no values" : "no rows")
              : fmt::format("line {}: {}", table_.first_bad[0].line, table_.first_bad[0].message);
      throw InputError(fmt::format("{}: no usable series ({})", file_, why));
    }
    if (empty_ > 0) {
      table_.notes.push_back(fmt::format("{} series without a usable value left out", empty_));
    }
    return std::move(table_);
  }

 private:
  void tall_row() {
    const auto& cells = cells_.cells();
    if (cells.size() != shape_.columns) {
      return fail(SeriesFault::bad_row,
                  fmt::format("{} cells, the first row has {}", cells.size(), shape_.columns));
    }
    const std::string_view time = cells[shape_.time_column];
    const auto at_ms = parse_time(time);
    if (!at_ms) {
      return fail(SeriesFault::bad_time,
                  fmt::format("{}: expected a time such as 2026-01-31T12:00:00Z", quoted(time)));
    }
    for (std::size_t i = 0; i < shape_.value_columns.size(); ++i) {
      const double value = value_of(cells[shape_.value_columns[i]]);
      samples_[series_of_cell(i)].push_back({.at_ms = *at_ms, .value = value});
      count_value();
    }
  }

  /// The series of a row's value: its column, or what the row names, and both where there are more.
  std::size_t series_of_cell(std::size_t value_column) {
    if (!shape_.name_column) return value_column;
    std::string name(cells_.cells()[*shape_.name_column].substr(0, kNameBytesMax));
    if (shape_.value_columns.size() > 1) name += "." + shape_.value_names[value_column];
    const auto [known, is_new] = numbers_.emplace(name, samples_.size());
    if (is_new) add_series(name);
    return known->second;
  }

  void add_series(const std::string& name) {
    check_series();
    samples_.emplace_back();
    names_.push_back(name);
  }

  void wide_row() {
    const auto& cells = cells_.cells();
    SampledSeries series{.name = std::string(cells.front().substr(0, kNameBytesMax)),
                         .step_ms = shape_.step_ms,
                         .first_at_ms = shape_.first_at_ms};
    check_series();
    for (std::size_t i = 1; i < cells.size(); ++i) {
      series.values.push_back(value_of(cells[i]));
      count_value();
    }
    trim_ends(series);  // shorter series have empty cells at the end
    for (const double value : series.values) {
      if (std::isnan(value)) ++count(SeriesFault::missing);
    }
    add(std::move(series));
  }

  double value_of(std::string_view cell) {
    if (is_missing(cell)) return std::nan("");
    const auto value = parse_finite(cell);
    if (value && std::abs(*value) <= kSeriesValueMax) return *value;
    fail(SeriesFault::bad_value, value
                                     ? fmt::format("{}: beyond {:g}", quoted(cell), kSeriesValueMax)
                                     : fmt::format("{}: expected a number", quoted(cell)));
    return std::nan("");
  }

  void add(SampledSeries series) {
    if (series.values.empty()) {
      ++empty_;
      return;
    }
    table_.series.push_back(std::move(series));
  }

  void check_series() const {
    if (samples_.size() + table_.series.size() < kSeriesMax) return;
    throw InputError(fmt::format("{}:{}: more than {} series", file_, line_, kSeriesMax));
  }
  void count_value() {
    if (++values_ <= kSeriesValuesMax) return;
    throw InputError(fmt::format("{}:{}: more than {} values: cut the file in parts", file_, line_,
                                 kSeriesValuesMax));
  }

  std::uint64_t& count(SeriesFault fault) { return table_.faults[static_cast<std::size_t>(fault)]; }
  void fail(SeriesFault fault, std::string message) {
    ++count(fault);
    if (table_.first_bad.size() < SeriesTable::kBadShown) {
      table_.first_bad.push_back({.line = line_, .message = std::move(message)});
    }
  }

  std::string_view file_;
  TableShape shape_;
  SeriesTable table_;
  RowCells cells_;
  std::size_t line_ = 0;
  std::size_t values_ = 0;
  std::size_t empty_ = 0;
  bool is_past_header_ = false;
  // Of a tall table: the series by number.
  std::unordered_map<std::string, std::size_t> numbers_;
  std::vector<std::string> names_;
  std::vector<std::vector<Sample>> samples_;
};

}  // namespace

std::string_view name(SeriesFault fault) {
  switch (fault) {
    case SeriesFault::bad_row:
      return "bad_row";
    case SeriesFault::bad_time:
      return "bad_time";
    case SeriesFault::bad_value:
      return "bad_value";
    case SeriesFault::stray:
      return "stray";
    case SeriesFault::off_grid:
      return "off_grid";
    case SeriesFault::duplicate:
      return "duplicate";
    case SeriesFault::missing:
      return "missing";
  }
  return "";
}

std::string_view remedy(SeriesFault fault) {
  switch (fault) {
    case SeriesFault::bad_row:
    case SeriesFault::bad_time:
      return "rows left out";
    case SeriesFault::bad_value:
      return "cells taken as missing";
    case SeriesFault::stray:
      return "values left out, far from the series' other times or too few for their span";
    case SeriesFault::off_grid:
      return "values moved to the nearest step";
    case SeriesFault::duplicate:
      return "values of a step that has one: their mean counts";
    case SeriesFault::missing:
      return "steps without a value, filled in from the pattern";
  }
  return "";
}

SeriesTable read_series(ByteSource& source, std::string_view name, SeriesLayout layout) {
  // The source stays its owner's.
  class Borrowed final : public ByteSource {
   public:
    explicit Borrowed(ByteSource& source) : source_(source) {}
    std::size_t read(std::span<char> buffer) override { return source_.read(buffer); }
    [[nodiscard]] double fraction_read() const override { return source_.fraction_read(); }

   private:
    ByteSource& source_;
  };
  PeekedSource peeked(std::make_unique<Borrowed>(source));
  TableReader reader(name, shape_of(peeked.first_bytes(), name, layout));
  LineSplitter lines(peeked);
  LineSplitter::Line line;
  for (std::size_t number = 1; lines.next(line); ++number) {
    if (number == 1) line.text = without_byte_order_mark(line.text);
    reader.row(line, number);
  }
  return std::move(reader).finished();
}

}  // namespace edgeward::sim
