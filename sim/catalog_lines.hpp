#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cache/catalog.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::sim {

/// Why a line told nothing of a content.
enum class CatalogFault : std::uint8_t {
  bad_line,      ///< no JSON object, not the header's cells, or a field is there twice
  no_key,        ///< `key` is absent, no text, or empty
  bad_content,   ///< `content` is there and not the key's id
  long_key,      ///< its canonical form has more than cache::kKeyBytesMax bytes
  bad_size,      ///< `size_bytes` is no whole number up to kObjectBytesMax
  bad_duration,  ///< `duration_min` is no number from 0 to kDurationMinMax
  bad_type,      ///< `type` is no printable ASCII of up to kTypeBytesMax bytes
  bad_time,      ///< `created_at` or `last_viewed_at` is no time
  bad_views,     ///< `views` is no whole number up to kViewsMax
  bad_rating,    ///< `rating` is no number from 0 to 10
};
inline constexpr std::size_t kCatalogFaults = 10;
[[nodiscard]] std::string_view name(CatalogFault fault);

inline constexpr double kDurationMinMax = 1e6;  ///< two years
inline constexpr std::size_t kTypeBytesMax = 64;
inline constexpr std::uint64_t kViewsMax = std::uint64_t{1} << 53;  ///< what JSON numbers hold

struct BadCatalogLine {
  CatalogFault fault = CatalogFault::bad_line;
  std::string message;  ///< may quote the line: escape it before it is shown
};

struct CatalogLine {
  cache::CatalogUpdate update;  ///< its key is canonical
  std::string unknown;          ///< the first field that nobody knows; empty: none
};

/// Reads what is told of a content, without a catalogue: fields key, size_bytes, duration_min,
/// type, created_at, last_viewed_at, views, rating, of which all but the key may be absent or null.
/// Times are seconds since 1970 or in any form that logs have. As the service shows entries they
/// have `popularity`, which is passed over, and `content`: by it a key that was canonical already,
/// HOST/PATH, is known from a path without its '/'. Keeps buffers between lines.
class CatalogLineParser {
 public:
  CatalogLineParser();
  ~CatalogLineParser();
  CatalogLineParser(CatalogLineParser&&) noexcept;
  CatalogLineParser& operator=(CatalogLineParser&&) noexcept;

  using Result = tl::expected<CatalogLine, BadCatalogLine>;

  /// A JSON object; `key` is meant where it has none.
  [[nodiscard]] Result parse_json(std::string_view text, std::string_view key = {});

  /// The header of a table separated by commas, columns in any order; false without `key`, or where
  /// a column is there twice.
  [[nodiscard]] bool set_header(std::string_view line);
  /// Its columns that nobody knows, at most kUnknownShown.
  [[nodiscard]] const std::vector<std::string>& unknown_columns() const { return unknown_; }
  /// A row under that header.
  [[nodiscard]] Result parse_row(std::string_view line);

  static constexpr std::size_t kUnknownShown = 8;

 private:
  struct Text;
  std::unique_ptr<Text> text_;
  std::vector<std::size_t> columns_;  ///< of each column, its field
  std::vector<std::string> unknown_;
};

/// What became of the lines of a list: lines = taken + all faults.
struct CatalogReading {
  static constexpr std::size_t kBadLinesShown = 5;
  struct Shown {
    std::size_t line = 0;  ///< from 1
    std::string message;
  };

  std::uint64_t lines = 0;  ///< without the header and blank ones
  std::uint64_t taken = 0;
  std::array<std::uint64_t, kCatalogFaults> faults{};
  std::vector<Shown> first_bad;
  std::vector<std::string> unknown;  ///< fields that nobody knows, the first of them
};

/// Reads NDJSON or a table with a header, whichever the first line is, and hands over what it tells
/// line by line. Throws InputError, with `name`, where the first line is neither.
CatalogReading read_catalog(ByteSource& source, std::string_view name,
                            const std::function<void(cache::CatalogUpdate)>& take);

}  // namespace edgeward::sim
