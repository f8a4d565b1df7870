#include "controller/commands/arguments.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace edgeward::controller {

namespace {

[[noreturn]] void fail(std::string_view option, std::string_view text, std::string_view expected) {
  throw cache::ParameterError(fmt::format("{} '{}': expected {}", option, text, expected));
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

}  // namespace

std::vector<std::string> split_list(std::string_view option, std::string_view text,
                                    char separator) {
  std::vector<std::string> parts;
  const std::string_view whole = text;
  while (true) {
    const std::size_t at = text.find(separator);
    std::string_view part = text.substr(0, at);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (part.empty()) fail(option, whole, fmt::format("names between '{}'", separator));
    parts.emplace_back(part);
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::int64_t parse_duration_ms(std::string_view option, std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 7> kUnits{
      {{"", 1e3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}}};
  const std::size_t unit_at = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto value = number(text.substr(0, unit_at));
  for (const auto& [unit, ms] : kUnits) {
    if (!value || text.substr(unit_at) != unit) continue;
    constexpr double kMax = 1e15;  // 30,000 years
    if (*value * ms > kMax) break;
    return static_cast<std::int64_t>(*value * ms);
  }
  fail(option, text, "a duration such as 90s, 5m, 2h or 7d");
}

sim::WarmUp parse_warm_up(std::string_view text) {
  if (text == "0") return {};
  if (!text.ends_with('%')) return {.duration_ms = parse_duration_ms("--warmup", text)};
  const auto percent = number(text.substr(0, text.size() - 1));
  if (!percent || *percent < 0 || *percent >= 100) {
    fail("--warmup", text, "0% to below 100% of the requests, or a duration such as 2h");
  }
  return {.requests_ratio = *percent / 100};
}

sim::Freshness parse_ttl(std::string_view text) {
  using Source = sim::Freshness::Source;
  if (text == "none") return {};
  if (text == "log") return {.source = Source::log};
  return {.source = Source::fixed, .ttl_ms = parse_duration_ms("--ttl", text)};
}

std::uint64_t parse_bytes(std::string_view option, std::string_view text) {
  try {
    return cache::parse_bytes(text);
  } catch (const cache::ParameterError& error) {
    throw cache::ParameterError(fmt::format("{} {}", option, error.what()));
  }
}

std::uint64_t parse_capacity(std::string_view text, std::uint64_t footprint_bytes) {
  if (!text.ends_with('%')) {
    try {
      return cache::parse_bytes(text);
    } catch (const cache::ParameterError& error) {
      throw cache::ParameterError(
          fmt::format("--capacity {}, or percent of the footprint such as 10%", error.what()));
    }
  }
  const auto percent = number(text.substr(0, text.size() - 1));
  if (!percent || *percent < 0 || *percent > 1e6) {
    fail("--capacity", text, "bytes such as 1GiB, or percent of the footprint such as 10%");
  }
  // In long double: a footprint above 2^53 bytes keeps its last digits, and 0.1 % of 1000 is 1.
  const long double share =
      static_cast<long double>(footprint_bytes) * static_cast<long double>(*percent) / 100.0L;
  return static_cast<std::uint64_t>(std::floor(share + 1e-9L));
}

double parse_points(std::string_view option, std::string_view text) {
  const bool in_points = text.ends_with("pp");
  const auto value = number(in_points ? text.substr(0, text.size() - 2) : text);
  const double ratio = value.value_or(-1) / (in_points ? 100 : 1);
  if (ratio < 0 || ratio > 1) fail(option, text, "points such as 0.5pp, or a ratio such as 0.005");
  return ratio;
}

sim::BaselineChoice parse_baseline(std::string_view text) {
  sim::BaselineChoice choice;
  for (const std::string& part : split_list("--baseline", text, ',')) {
    if (part.starts_with("policy=")) {
      choice.policy = part.substr(7);
    } else if (part.starts_with("admission=")) {
      choice.admission = part.substr(10);
    } else if (part.starts_with("routing=")) {
      choice.routing = sim::parse_routing(std::string_view(part).substr(8));
      if (!choice.routing) {
        fail("--baseline", part, "nearest, recorded, random, weighted or latency");
      }
    } else if (part.starts_with("plan=")) {
      choice.planning = sim::parse_planning(std::string_view(part).substr(5));
      if (!choice.planning) fail("--baseline", part, "none, independent or cooperative");
    } else {
      fail("--baseline", part, "policy=NAME, admission=NAME, routing=NAME or plan=NAME");
    }
  }
  return choice;
}

}  // namespace edgeward::controller
