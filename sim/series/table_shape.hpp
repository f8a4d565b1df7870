#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/series/series_table.hpp"

namespace edgeward::sim {

/// A row's cells, quotes undone. Views live until the next row, and as long as the line.
class RowCells {
 public:
  /// False for a quote that does not close a cell, and for more than kCellsMax cells.
  [[nodiscard]] bool split(std::string_view line, char separator);
  [[nodiscard]] const std::vector<std::string_view>& cells() const { return cells_; }

 private:
  static constexpr std::size_t kCellsMax = std::size_t{1} << 19;

  std::vector<std::string_view> cells_;
  std::string arena_;
};

/// How a table is to be read, as its first lines have it.
struct TableShape {
  SeriesLayout layout = SeriesLayout::tall;
  char separator = ',';
  bool has_header = true;
  // Of a tall table.
  std::size_t columns = 0;
  std::size_t time_column = 0;
  std::optional<std::size_t> name_column;
  std::vector<std::size_t> value_columns;
  std::vector<std::string> value_names;      ///< one each
  std::vector<std::string> ignored_columns;  ///< neither times nor numbers
  // Of a wide table.
  std::optional<std::int64_t> first_at_ms;  ///< where the header has times
  std::int64_t step_ms = kHourMs;
};

/// Finds the shape of a table that begins with `text` (the last line may be cut), in the layout
/// asked for. Throws InputError, with `name`, where there is none.
[[nodiscard]] TableShape shape_of(std::string_view text, std::string_view name,
                                  SeriesLayout layout);

/// A time that no number can be taken for.
[[nodiscard]] bool is_written_time(std::string_view cell);
/// "nan", "NA", "null", "-" and nothing at all.
[[nodiscard]] bool is_missing(std::string_view cell);

}  // namespace edgeward::sim
