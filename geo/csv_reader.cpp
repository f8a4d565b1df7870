#include "geo/csv_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <istream>

namespace edgeward::geo {

namespace {

constexpr std::size_t kQuotedBytesMax = 60;

/// A piece of the file for a message. The caller escapes whole messages where they are shown.
std::string quoted(std::string_view text) {
  if (text.size() <= kQuotedBytesMax) return fmt::format("'{}'", text);
  return fmt::format("'{}…'", text.substr(0, kQuotedBytesMax));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <typename Number>
std::optional<Number> parse(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

CsvReader::CsvReader(std::istream& stream, std::string name, Columns columns)
    : stream_(stream), name_(std::move(name)) {
  read_header(columns);
}

void CsvReader::read_header(const Columns& columns) {
  is_good_ = true;
  if (!next_line()) {
    if (errors_.empty()) {
      fault(fmt::format("is empty, expected a header with {}", fmt::join(columns.required, ",")));
    }
    is_ended_ = true;
    return;
  }
  (void)split();
  columns_ = fields_;
  const auto has = [](const auto& list, const std::string& each) {
    return std::find(list.begin(), list.end(), each) != list.end();
  };
  for (const std::string& each : columns.required) {
    if (!has(columns_, each)) fault(fmt::format("the header has no column {}", each));
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::string& each = columns_[i];
    if (!has(columns.required, each) && !has(columns.optional, each)) {
      fault(
          fmt::format("the header has a column {}, expected {}", quoted(each),
                      fmt::join(columns.required, ", ")) +
          (columns.optional.empty() ? "" : fmt::format(", {}", fmt::join(columns.optional, ", "))));
    } else if (std::find(columns_.begin(), columns_.begin() + static_cast<std::ptrdiff_t>(i),
                         each) != columns_.begin() + static_cast<std::ptrdiff_t>(i)) {
      fault(fmt::format("the header has the column {} twice", each));
    }
  }
  is_ended_ = !errors_.empty();
}

bool CsvReader::next() {
  while (!is_ended_ && errors_.size() < kErrorsMax) {
    is_good_ = true;
    if (!next_line()) break;
    if (++rows_ > kRowsMax) {
      fault(fmt::format("more than {} rows", kRowsMax));
      break;
    }
    if (!split()) continue;
    if (fields_.size() == columns_.size()) return true;
    fault(fmt::format("{} fields, expected {} ({})", fields_.size(), columns_.size(),
                      fmt::join(columns_, ",")));
  }
  is_ended_ = true;
  return false;
}

bool CsvReader::next_line() {
  while (std::getline(stream_, text_)) {
    ++line_;
    if (text_.ends_with('\r')) text_.pop_back();
    if (line_ == 1 && text_.starts_with("\xEF\xBB\xBF")) text_.erase(0, 3);
    if (text_.size() > kLineBytesMax) {
      fault(fmt::format("a line of {} bytes, expected at most {}", text_.size(), kLineBytesMax));
      is_ended_ = true;
      return false;
    }
    const std::string_view line = trimmed(text_);
    if (!line.empty() && line.front() != '#') return true;
  }
  if (stream_.bad()) fault("reading failed");
  is_ended_ = true;
  return false;
}

bool CsvReader::split() {
  fields_.clear();
  std::string_view rest = text_;
  while (true) {
    std::string field;
    const std::size_t first = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (first < rest.size() && rest[first] == '"') {
      rest.remove_prefix(first + 1);
      std::size_t quote = rest.find('"');
      while (quote != std::string_view::npos && quote + 1 < rest.size() && rest[quote + 1] == '"') {
        field += rest.substr(0, quote + 1);
        rest.remove_prefix(quote + 2);
        quote = rest.find('"');
      }
      if (quote == std::string_view::npos) {
        fault("a quote is not closed");
        return false;
      }
      field += rest.substr(0, quote);
      rest = trimmed(rest.substr(quote + 1));
      if (!rest.empty() && rest.front() != ',') {
        fault("text after a closing quote");
        return false;
      }
    } else {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      field = trimmed(rest.substr(0, comma));
      rest.remove_prefix(comma);
    }
    fields_.push_back(std::move(field));
    if (rest.empty()) return true;
    rest.remove_prefix(1);
  }
}

std::string_view CsvReader::text(std::string_view column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  return found == columns_.end()
             ? std::string_view{}
             : std::string_view(fields_[static_cast<std::size_t>(found - columns_.begin())]);
}

std::optional<double> CsvReader::number(std::string_view column, double min, double max) {
  const std::string_view field = text(column);
  if (field.empty()) return std::nullopt;
  const auto number = parse<double>(field);
  if (number && *number >= min && *number <= max) return number;
  fault(fmt::format("{} is {}, expected a number from {} to {}", column, quoted(field), min, max));
  return std::nullopt;
}

std::optional<std::uint32_t> CsvReader::count(std::string_view column) {
  const std::string_view field = text(column);
  if (field.empty()) return std::nullopt;
  const auto number = parse<std::uint32_t>(field);
  if (!number) {
    fault(fmt::format("{} is {}, expected a whole number below 2^32", column, quoted(field)));
  }
  return number;
}

std::optional<Country> CsvReader::country(std::string_view column) {
  const std::string_view field = text(column);
  if (field.empty()) return std::nullopt;
  const auto country = parse_country(field);
  if (!country) {
    fault(fmt::format("{} is {}, expected two letters like DE", column, quoted(field)));
  }
  return country;
}

std::optional<IpPrefix> CsvReader::prefix(std::string_view column) {
  const std::string_view field = text(column);
  const auto prefix = IpPrefix::parse(field);
  if (!prefix) {
    fault(
        fmt::format("{} is {}, expected a prefix like 192.0.2.0/24 or 2001:db8::/32 without "
                    "host bits",
                    column, quoted(field)));
    return std::nullopt;
  }
  if (prefix->length < kV4LengthOffset && prefix->contains(IpAddress::v4(0))) {
    fault(
        fmt::format("{} holds IPv4 as well, in its mapped form ::ffff:0:0/96; write 2000::/3 for "
                    "IPv6 and 0.0.0.0/0 for IPv4",
                    quoted(field)));
    return std::nullopt;
  }
  return prefix;
}

std::optional<GeoPoint> CsvReader::point() {
  const auto lat_deg = number("lat", -90, 90);
  const auto lon_deg = number("lon", -180, 180);
  if (is_good_ && lat_deg.has_value() != lon_deg.has_value()) {
    fault(lat_deg ? "lat without lon" : "lon without lat");
  }
  if (!lat_deg || !lon_deg) return std::nullopt;
  return GeoPoint{.lat_deg = *lat_deg, .lon_deg = *lon_deg};
}

void CsvReader::fault(std::string_view message) {
  is_good_ = false;
  if (errors_.size() < kErrorsMax) {
    errors_.push_back(fmt::format("{}:{}: {}", name_, std::max<std::uint64_t>(line_, 1), message));
  }
}

}  // namespace edgeward::geo
