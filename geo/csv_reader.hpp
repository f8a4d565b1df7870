#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/ip_prefix.hpp"
#include "geo/location.hpp"

namespace edgeward::geo {

/// Reads the tables that operators write about addresses: a header that names the columns in any
/// order, then rows; lines that are empty or start with # are passed over, fields may be in double
/// quotes (RFC 4180, but for line ends in quotes). Strict: an unknown or missing column, a row of
/// another width, a field that is not what it should be are errors with file and line, and all of
/// them are told, up to kErrorsMax.
///
///     CsvReader rows(stream, "offices.csv", {.required = {"prefix"}, .optional = {"lat", "lon"}});
///     while (rows.next()) { const auto prefix = rows.prefix("prefix"); … }
///     if (!rows.errors().empty()) …
class CsvReader {
 public:
  static constexpr std::size_t kErrorsMax = 20;
  static constexpr std::size_t kLineBytesMax = 64 * 1024;
  static constexpr std::uint64_t kRowsMax = 50'000'000;

  struct Columns {
    std::vector<std::string> required;
    std::vector<std::string> optional;
  };

  /// Reads the header. Both outlive the reader.
  CsvReader(std::istream& stream, std::string name, Columns columns);

  /// The next row; false at the end, or after too many errors.
  [[nodiscard]] bool next();

  /// A field of this row, empty where the table has no such column.
  [[nodiscard]] std::string_view text(std::string_view column) const;

  // Nothing for an empty field, and for a bad one, which is noted as an error.
  [[nodiscard]] std::optional<double> number(std::string_view column, double min, double max);
  [[nodiscard]] std::optional<std::uint32_t> count(std::string_view column);
  [[nodiscard]] std::optional<Country> country(std::string_view column);
  [[nodiscard]] std::optional<IpPrefix> prefix(std::string_view column);
  /// From the columns lat and lon; one without the other is an error.
  [[nodiscard]] std::optional<GeoPoint> point();

  /// Notes an error about this row.
  void fault(std::string_view message);
  [[nodiscard]] bool is_good() const { return is_good_; }  ///< no error in this row so far

  [[nodiscard]] std::uint64_t line() const { return line_; }
  /// "file:line: message".
  [[nodiscard]] const std::vector<std::string>& errors() const { return errors_; }

 private:
  [[nodiscard]] bool next_line();
  [[nodiscard]] bool split();
  void read_header(const Columns& columns);

  std::istream& stream_;
  std::string name_;
  std::vector<std::string> columns_;
  std::string text_;
  std::vector<std::string> fields_;
  std::uint64_t line_ = 0;
  std::uint64_t rows_ = 0;
  bool is_good_ = true;
  bool is_ended_ = false;
  std::vector<std::string> errors_;
};

}  // namespace edgeward::geo
