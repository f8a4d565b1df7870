#include "cache/store/purge_values.hpp"

#include <algorithm>

namespace edgeward::cache {

std::string_view name(PurgeKind kind) {
  return kind == PurgeKind::key ? "key" : "prefix";
}

bool is_for(const Purge& purge, std::string_view edge) {
  return purge.edges.empty() ||
         std::find(purge.edges.begin(), purge.edges.end(), edge) != purge.edges.end();
}

bool is_named(const Purge& purge, std::string_view key) {
  return purge.kind == PurgeKind::key ? key == purge.text : key.starts_with(purge.text);
}

bool is_before(const Purge& purge, std::int64_t at_ms) {
  return at_ms <= purge.at_ms + kClockErrorMaxMs;
}

std::size_t PurgeStatus::pending() const {
  return static_cast<std::size_t>(std::count_if(
      answers.begin(), answers.end(), [](const PurgeAnswer& answer) { return !answer.removed; }));
}

std::uint64_t PurgeStatus::removed() const {
  std::uint64_t sum = 0;
  for (const PurgeAnswer& answer : answers) sum += answer.removed.value_or(0);
  return sum;
}

}  // namespace edgeward::cache
