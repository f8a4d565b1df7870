#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/input/byte_source.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::sim {

/// How a table of series is written.
enum class SeriesLayout : std::uint8_t {
  detect,  ///< told by the first lines
  tall,    ///< a row a time: a time column, value columns, perhaps a column that names the series
  wide,    ///< a row a series: its name, then its values; times only where a header has them
};

/// What was done about input that is not as it should be.
enum class SeriesFault : std::uint8_t {
  bad_row,    ///< left out: an open quote, too long, another number of cells than the header
  bad_time,   ///< left out: no time
  bad_value,  ///< taken as missing: no number, or one beyond ±kSeriesValueMax
  stray,      ///< left out: so far from the series' other times that one of them must be wrong
  off_grid,   ///< moved to the nearest step
  duplicate,  ///< one value of its step: their mean counts
  missing,    ///< steps without a value
};
inline constexpr std::size_t kSeriesFaults = 7;
[[nodiscard]] std::string_view name(SeriesFault fault);
/// What was done, for people: "left out".
[[nodiscard]] std::string_view remedy(SeriesFault fault);

/// Larger numbers are no measurements, and their squares no numbers.
inline constexpr double kSeriesValueMax = 1e100;

/// A series with a value every step; NaN where none is known, but neither first nor last.
struct SampledSeries {
  std::string name;
  std::int64_t step_ms = kHourMs;
  std::optional<std::int64_t> first_at_ms;  ///< time of values[0]
  std::vector<double> values;
};

struct SeriesTable {
  static constexpr std::size_t kBadShown = 5;
  struct Shown {
    std::size_t line = 0;  ///< from 1
    std::string message;
  };

  SeriesLayout layout = SeriesLayout::tall;
  std::vector<SampledSeries> series;                  ///< none is empty; in order of appearance
  std::array<std::uint64_t, kSeriesFaults> faults{};  ///< by SeriesFault
  std::vector<Shown> first_bad;                       ///< rows and values
  std::vector<std::string> notes;                     ///< what else a reader should know
};

inline constexpr std::size_t kSeriesMax = 1'000'000;
inline constexpr std::size_t kSeriesValuesMax = 50'000'000;  ///< 800 MB while they are read

/// Reads a table of series separated by comma, semicolon or tab. Throws InputError, with `name`,
/// for a table that has no series or too many, and for one whose layout cannot be told.
[[nodiscard]] SeriesTable read_series(ByteSource& source, std::string_view name,
                                      SeriesLayout layout);

}  // namespace edgeward::sim
