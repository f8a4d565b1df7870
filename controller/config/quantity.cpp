#include "controller/config/quantity.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace edgeward::controller {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor = 1;
};

// Largest first. Sizes are written in binary units before decimal ones.
constexpr std::array<Unit, 11> kSizes{{{"PiB", 1ULL << 50},
                                       {"TiB", 1ULL << 40},
                                       {"GiB", 1ULL << 30},
                                       {"MiB", 1ULL << 20},
                                       {"KiB", 1ULL << 10},
                                       {"PB", 1'000'000'000'000'000},
                                       {"TB", 1'000'000'000'000},
                                       {"GB", 1'000'000'000},
                                       {"MB", 1'000'000},
                                       {"KB", 1'000},
                                       {"B", 1}}};
constexpr std::array<Unit, 5> kBandwidths{{{"Tbps", 1'000'000'000'000},
                                           {"Gbps", 1'000'000'000},
                                           {"Mbps", 1'000'000},
                                           {"kbps", 1'000},
                                           {"bps", 1}}};
constexpr std::array<Unit, 5> kDurations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

constexpr int kMinutesAnHour = 60;
constexpr int kMinutesADay = 24 * kMinutesAnHour;

bool is_digit(char c) {
  return '0' <= c && c <= '9';
}

/// Below 2^63, so that signed milliseconds hold it too.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  const std::size_t unit_at = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view digits = text.substr(0, unit_at);
  for (const Unit& unit : units) {
    if (text.substr(unit_at) != unit.name) continue;
    if (digits.find('.') == std::string_view::npos) {  // exact, whatever its size
      std::uint64_t value = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value);
      const bool fits = error == std::errc{} && end == digits.data() + digits.size() &&
                        value <= ((1ULL << 63) - 1) / unit.factor;
      return fits ? std::optional(value * unit.factor) : std::nullopt;
    }
    const auto number = parse_number(digits);
    if (!number) return std::nullopt;
    const double value = *number * static_cast<double>(unit.factor);
    if (value >= 0x1p63) return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(value));
  }
  return std::nullopt;
}

std::string quantity_text(std::uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value >= unit.factor && value % unit.factor == 0) {
      return fmt::format("{}{}", value / unit.factor, unit.name);
    }
  }
  return fmt::format("{}{}", value, units.back().name);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_quantity(text, kSizes);
}

std::string size_text(std::uint64_t bytes) {
  return quantity_text(bytes, kSizes);
}

std::optional<std::uint64_t> parse_bandwidth(std::string_view text) {
  return parse_quantity(text, kBandwidths);
}

std::string bandwidth_text(std::uint64_t bps) {
  return quantity_text(bps, kBandwidths);
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  const auto ms = parse_quantity(text, kDurations);
  return ms ? std::optional(static_cast<std::int64_t>(*ms)) : std::nullopt;
}

std::string duration_text(std::int64_t ms) {
  return quantity_text(static_cast<std::uint64_t>(ms), kDurations);
}

std::optional<cache::DailyHours> parse_daily_hours(std::string_view text) {
  constexpr std::string_view kForm = "00:00-00:00";
  constexpr std::size_t kEnd = 6;
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kForm[i] == '0' ? !is_digit(text[i]) : text[i] != kForm[i]) return std::nullopt;
  }
  const auto minute_at = [&](std::size_t at) {
    const auto two = [&](std::size_t first) {
      return 10 * (text[first] - '0') + (text[first + 1] - '0');
    };
    const int minutes = two(at + 3);
    return minutes < kMinutesAnHour ? kMinutesAnHour * two(at) + minutes : kMinutesADay + 1;
  };
  const int begin = minute_at(0);
  const int end = minute_at(kEnd);
  if (begin >= kMinutesADay || end > kMinutesADay || begin == end) return std::nullopt;
  return cache::DailyHours{.begin_minute = begin, .end_minute = end % kMinutesADay};
}

std::string daily_hours_text(const cache::DailyHours& hours) {
  const int end = hours.end_minute == 0 ? kMinutesADay : hours.end_minute;
  return fmt::format("{:02}:{:02}-{:02}:{:02}", hours.begin_minute / kMinutesAnHour,
                     hours.begin_minute % kMinutesAnHour, end / kMinutesAnHour,
                     end % kMinutesAnHour);
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

}  // namespace edgeward::controller
