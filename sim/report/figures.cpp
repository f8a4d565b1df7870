#include "sim/report/figures.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace edgeward::sim {

std::string thousands(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string percent(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.2f}%", *ratio * 100) : "-";
}

std::string bits_per_second(const std::optional<double>& bps) {
  if (!bps) return "-";
  constexpr std::array<std::string_view, 5> kUnits{"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
  double value = *bps;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, kUnits[unit]);
}

std::string change_text(const ReportedRun& run) {
  if (run.is_baseline) return "baseline";
  if (!run.change) return "";
  const ReportedChange& change = *run.change;
  if (!change.low) return fmt::format("{:+.2f} pp", change.hit_ratio * 100);
  return fmt::format("{:+.2f} pp [{:+.2f}, {:+.2f}]", change.hit_ratio * 100, *change.low * 100,
                     *change.high * 100);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.{}f} {}", value, value < 99.95 ? 1 : 0, kUnits[unit]);
}

}  // namespace edgeward::sim
