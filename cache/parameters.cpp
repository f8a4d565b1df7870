#include "cache/parameters.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

namespace edgeward::cache {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

}  // namespace

NamedSettings NamedSettings::parse(std::string_view text) {
  NamedSettings result;
  std::size_t at = text.find(':');
  result.name = text.substr(0, at);
  if (result.name.empty()) throw ParameterError(fmt::format("'{}': a name is missing", text));
  while (at != std::string_view::npos) {
    const std::size_t from = at + 1;
    at = text.find(':', from);
    const std::string_view part = text.substr(from, at == std::string_view::npos ? at : at - from);
    const std::size_t equals = part.find('=');
    const bool positional = equals == std::string_view::npos;
    const std::string name(positional ? std::string_view{} : part.substr(0, equals));
    const std::string value(positional ? part : part.substr(equals + 1));
    if (value.empty() || (!positional && name.empty())) {
      throw ParameterError(fmt::format("'{}': expected NAME=VALUE after ':'", text));
    }
    if (!result.settings.emplace(name, value).second) {
      throw ParameterError(fmt::format("'{}': '{}' is given twice", text, name));
    }
  }
  return result;
}

std::string NamedSettings::text() const {
  std::string result = name;
  for (const auto& [key, value] : settings) {
    result += key.empty() ? ":" + value : fmt::format(":{}={}", key, value);
  }
  return result;
}

const std::string* Parameters::take(std::string_view name) {
  known_.emplace_back(name);
  const auto found = settings_.settings.find(std::string(name));
  return found == settings_.settings.end() ? nullptr : &found->second;
}

double Parameters::number(std::string_view name, Range range) {
  const std::string* text = take(name);
  if (text == nullptr) return range.fallback;
  const auto value = parse_number(*text);
  if (!value || *value < range.low || *value > range.high) {
    throw ParameterError(fmt::format("{}: {}={}: expected a number from {} to {}", settings_.name,
                                     name, *text, range.low, range.high));
  }
  return *value;
}

std::uint64_t Parameters::count(std::string_view name, std::uint64_t fallback, std::uint64_t low,
                                std::uint64_t high) {
  const std::string* text = take(name);
  if (text == nullptr) return fallback;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < low || value > high) {
    throw ParameterError(fmt::format("{}: {}={}: expected a whole number from {} to {}",
                                     settings_.name, name, *text, low, high));
  }
  return value;
}

bool Parameters::flag(std::string_view name, bool fallback) {
  const std::string* text = take(name);
  if (text == nullptr) return fallback;
  if (*text == "1" || *text == "true") return true;
  if (*text == "0" || *text == "false") return false;
  throw ParameterError(fmt::format("{}: {}={}: expected 0 or 1", settings_.name, name, *text));
}

std::size_t Parameters::choice(std::string_view name,
                               std::initializer_list<std::string_view> choices) {
  const std::string* text = take(name);
  if (text == nullptr) return 0;
  const auto found = std::find(choices.begin(), choices.end(), *text);
  if (found == choices.end()) {
    throw ParameterError(fmt::format("{}: {}={}: expected {}", settings_.name, name, *text,
                                     fmt::join(choices, " or ")));
  }
  return static_cast<std::size_t>(found - choices.begin());
}

std::uint64_t Parameters::bytes(std::string_view name) {
  const std::string* text = take(name);
  if (text == nullptr) {
    throw ParameterError(
        fmt::format("{0}: needs a number of bytes, for example {0}:1MiB", settings_.name));
  }
  return parse_bytes(*text);
}

void Parameters::finish() const {
  for (const auto& [name, value] : settings_.settings) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    if (name.empty()) {
      throw ParameterError(fmt::format("{}: '{}': expected NAME=VALUE", settings_.name, value));
    }
    if (known_.empty()) {
      throw ParameterError(fmt::format("{}: unknown setting '{}': it has none", settings_.name,
                                       name.empty() ? value : name));
    }
    const std::vector<std::string_view> candidates(known_.begin(), known_.end());
    const std::string_view nearest = nearest_name(name, candidates);
    throw ParameterError(fmt::format(
        "{}: unknown setting '{}'{}; it has: {}", settings_.name, name.empty() ? value : name,
        nearest.empty() ? "" : fmt::format(", did you mean '{}'?", nearest),
        fmt::join(known_, ", ")));
  }
}

std::uint64_t parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 11> kUnits{{
      {"B", 1.0},
      {"KiB", 0x1p10},
      {"MiB", 0x1p20},
      {"GiB", 0x1p30},
      {"TiB", 0x1p40},
      {"PiB", 0x1p50},
      {"KB", 1e3},
      {"MB", 1e6},
      {"GB", 1e9},
      {"TB", 1e12},
      {"PB", 1e15},
  }};
  const auto fail = [text] {
    throw ParameterError(
        fmt::format("'{}': expected bytes, for example 1000000, 64KiB, 1.5GiB or 2MB", text));
  };
  const std::size_t unit_at = text.find_first_not_of("0123456789.");
  const std::string_view digits = text.substr(0, unit_at);
  if (digits.empty()) fail();
  if (unit_at == std::string_view::npos && digits.find('.') == std::string_view::npos) {
    std::uint64_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{}) {
      fail();
    }
    return value;
  }
  if (unit_at == std::string_view::npos) fail();  // a fraction of a byte: a unit was forgotten
  const auto number = parse_number(digits);
  const std::string_view unit = text.substr(unit_at);
  const auto* const found =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& u) { return u.first == unit; });
  if (!number || found == kUnits.end()) fail();
  const double value = *number * found->second;
  if (value >= 0x1p63) fail();
  return static_cast<std::uint64_t>(value);
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(name.size() / 2, 1) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace edgeward::cache
