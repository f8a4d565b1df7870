#include "sim/logs/timestamp.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "sim/logs/field_text.hpp"

namespace edgeward::sim {

namespace {

/// Takes a text apart from its front. Every step says whether what it wants was there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char front() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool literal(char c) {
    if (front() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool any_of(std::string_view characters) {
    if (rest_.empty() || characters.find(front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool number(std::size_t digits_min, std::size_t digits_max, int& value) {
    std::size_t digits = 0;
    value = 0;
    while (digits < digits_max && digits < rest_.size() && is_digit(rest_[digits])) {
      value = value * 10 + (rest_[digits++] - '0');
    }
    rest_.remove_prefix(digits);
    return digits >= digits_min;
  }

  /// Digits behind a decimal point as thousandths; any number of digits from one.
  bool thousandths(int& value) {
    int scale = 100;
    value = 0;
    if (!is_digit(front())) return false;
    while (is_digit(front())) {
      value += (rest_.front() - '0') * scale;
      scale /= 10;
      rest_.remove_prefix(1);
    }
    return true;
  }

  bool month(int& value) {
    static constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; i < 12; ++i) {
      if (word(kMonths.substr(static_cast<std::size_t>(i) * 3, 3))) {
        value = i + 1;
        return true;
      }
    }
    return false;
  }

  bool word(std::string_view wanted) {
    if (!starts_with_ignoring_case(rest_, wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

  void skip_letters() {
    while (to_lower(front()) >= 'a' && to_lower(front()) <= 'z') rest_.remove_prefix(1);
  }

 private:
  std::string_view rest_;
};

struct CivilTime {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
  int zone_minutes = 0;  ///< east of UTC
};

constexpr bool is_leap(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int days_in_month(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, for years from 1970. Counted in years
/// that begin in March, so that the leap day is the last.
constexpr std::int64_t days_since_epoch(int year, int month, int day) {
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t m = month <= 2 ? month + 9 : month - 3;
  constexpr std::int64_t kDaysTo1970 = 719'468;  // from 0000-03-01
  return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - kDaysTo1970;
}
static_assert(days_since_epoch(1970, 1, 1) == 0 && days_since_epoch(2000, 2, 29) == 11'016);

std::optional<std::int64_t> in_range(std::int64_t at_ms) {
  if (at_ms < 0 || at_ms > kTimeMsMax) return std::nullopt;
  return at_ms;
}

std::optional<std::int64_t> to_ms(const CivilTime& t) {
  if (t.year < 1970 || t.month < 1 || t.month > 12 || t.day < 1) return std::nullopt;
  if (t.day > days_in_month(t.year, t.month)) return std::nullopt;
  if (t.hour > 23 || t.minute > 59 || t.second > 60) return std::nullopt;
  const std::int64_t minutes =
      (days_since_epoch(t.year, t.month, t.day) * 24 + t.hour) * 60 + t.minute - t.zone_minutes;
  return in_range((minutes * 60 + t.second) * 1000 + t.millisecond);
}

/// HH:MM[:SS[.fraction]]
bool scan_clock(Scanner& scanner, CivilTime& t) {
  if (!scanner.number(1, 2, t.hour) || !scanner.literal(':')) return false;
  if (!scanner.number(2, 2, t.minute)) return false;
  if (!scanner.literal(':')) return true;
  if (!scanner.number(2, 2, t.second)) return false;
  return !scanner.any_of(".,") || scanner.thousandths(t.millisecond);
}

/// Nothing, Z, UTC, GMT, ±hh, ±hhmm or ±hh:mm, perhaps after a blank, and then the end.
bool scan_zone(Scanner& scanner, CivilTime& t) {
  scanner.literal(' ');
  if (scanner.at_end() || scanner.any_of("Zz") || scanner.word("UTC") || scanner.word("GMT")) {
    return scanner.at_end();
  }
  const int sign = scanner.front() == '-' ? -1 : 1;
  if (!scanner.any_of("+-")) return false;
  int hours = 0;
  int minutes = 0;
  if (!scanner.number(2, 2, hours)) return false;
  scanner.literal(':');
  if (!scanner.at_end() && !scanner.number(2, 2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  t.zone_minutes = sign * (hours * 60 + minutes);
  return scanner.at_end();
}

/// 2000-10-10T13:55:36.123+02:00 and its relatives.
std::optional<std::int64_t> parse_year_first(std::string_view text) {
  Scanner scanner(text);
  CivilTime t;
  if (!scanner.number(4, 4, t.year) || !scanner.any_of("-/")) return std::nullopt;
  if (!scanner.number(1, 2, t.month) || !scanner.any_of("-/")) return std::nullopt;
  if (!scanner.number(1, 2, t.day)) return std::nullopt;
  if (scanner.at_end()) return to_ms(t);
  if (!scanner.any_of("Tt ") || !scan_clock(scanner, t) || !scan_zone(scanner, t)) {
    return std::nullopt;
  }
  return to_ms(t);
}

/// Whether eight digits of a date come first, and behind them a time of day: six digits, or any
/// behind a T or blank. Without T only for the centuries that logs are of: it may be an epoch, too.
bool is_compact(std::string_view text) {
  constexpr std::size_t kDateDigits = 8;
  constexpr std::size_t kDigits = 14;
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == kDigits) return text.starts_with("19") || text.starts_with("20");
  return digits == kDateDigits && text.size() > digits &&
         (to_lower(text[digits]) == 't' || text[digits] == ' ');
}

/// 20001010135536, 20001010T135536Z and 20001010 13:55:36.
std::optional<std::int64_t> parse_compact(std::string_view text) {
  Scanner scanner(text);
  CivilTime t;
  if (!scanner.number(4, 4, t.year) || !scanner.number(2, 2, t.month)) return std::nullopt;
  if (!scanner.number(2, 2, t.day)) return std::nullopt;
  scanner.any_of("Tt ");
  if (!scanner.number(2, 2, t.hour)) return std::nullopt;
  scanner.literal(':');
  if (!scanner.number(2, 2, t.minute)) return std::nullopt;
  scanner.literal(':');
  if (!scanner.number(2, 2, t.second)) return std::nullopt;
  if (scanner.any_of(".,") && !scanner.thousandths(t.millisecond)) return std::nullopt;
  return scan_zone(scanner, t) ? to_ms(t) : std::nullopt;
}

/// 10/Oct/2000:13:55:36 -0700 and Tue, 10 Oct 2000 13:55:36 GMT.
std::optional<std::int64_t> parse_month_by_name(std::string_view text) {
  Scanner scanner(text);
  CivilTime t;
  scanner.skip_letters();
  scanner.literal(',');
  scanner.literal(' ');
  if (!scanner.number(1, 2, t.day) || !scanner.any_of("/ -")) return std::nullopt;
  if (!scanner.month(t.month) || !scanner.any_of("/ -")) return std::nullopt;
  if (!scanner.number(4, 4, t.year) || !scanner.any_of(": ")) return std::nullopt;
  if (!scan_clock(scanner, t) || !scan_zone(scanner, t)) return std::nullopt;
  return to_ms(t);
}

}  // namespace

std::optional<std::int64_t> parse_epoch(std::string_view text) {
  const std::size_t point = text.find('.');
  const auto whole = parse_count(text.substr(0, point));
  if (!whole.has_value()) {
    const auto exponential = parse_whole(text);  // 1.7e9, as some JSON writers have it
    return exponential.has_value() ? parse_epoch(std::to_string(*exponential)) : std::nullopt;
  }
  int thousandths = 0;
  if (point != std::string_view::npos) {
    Scanner fraction(text.substr(point + 1));
    if (!fraction.thousandths(thousandths) || !fraction.at_end()) {
      const auto exponential = parse_whole(text);
      return exponential.has_value() ? parse_epoch(std::to_string(*exponential)) : std::nullopt;
    }
  }
  constexpr std::uint64_t kSecondsEnd = 100'000'000'000;  // the year 5138, or 1973 in milliseconds
  if (*whole < kSecondsEnd) {
    return in_range(static_cast<std::int64_t>(*whole) * 1000 + thousandths);
  }
  if (*whole < kSecondsEnd * 1000) return in_range(static_cast<std::int64_t>(*whole));
  if (*whole < kSecondsEnd * 1000'000) return in_range(static_cast<std::int64_t>(*whole / 1000));
  return in_range(static_cast<std::int64_t>(*whole / 1000'000));
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  if (text.size() > 4 && (text[4] == '-' || text[4] == '/')) return parse_year_first(text);
  if (is_compact(text)) return parse_compact(text);
  if (const auto epoch = parse_epoch(text)) return epoch;
  return parse_month_by_name(text);
}

std::optional<std::int64_t> CommonLogClock::parse(std::string_view text) {
  if (text.size() != kLength) return parse_time(text);
  const char* const seconds = text.data() + kMinuteLength;
  if (!is_digit(seconds[0]) || !is_digit(seconds[1])) return parse_time(text);
  const std::int64_t second = (seconds[0] - '0') * 10 + (seconds[1] - '0');
  const bool is_same_minute = std::memcmp(text.data(), minute_.data(), kMinuteLength) == 0 &&
                              std::memcmp(seconds + 2, zone_.data(), kZoneLength) == 0;
  if (is_same_minute && second <= 60) return in_range(minute_at_ms_ + second * 1000);
  const auto at_ms = parse_time(text);
  const bool is_common_form = text[2] == '/' && text[6] == '/' && text[11] == ':' &&
                              text[14] == ':' && text[17] == ':' && seconds[2] == ' ';
  if (at_ms.has_value() && is_common_form) {
    std::memcpy(minute_.data(), text.data(), kMinuteLength);
    std::memcpy(zone_.data(), seconds + 2, kZoneLength);
    minute_at_ms_ = *at_ms - second * 1000;
  }
  return at_ms;
}

}  // namespace edgeward::sim
