#include "policy/decision.hpp"

#include <array>

namespace edgeward::policy {

namespace {

constexpr std::array<std::string_view, 8> kReasons{
    "override", "no_edge",  "last_resort", "fallback_location",
    "widened",  "overflow", "spread",      "best_score"};
constexpr std::array<std::string_view, 9> kExclusions{
    "none", "shield", "service", "country", "drain", "down", "unknown", "overloaded", "too_far"};

}  // namespace

std::string_view name(Reason reason) {
  return kReasons[static_cast<std::size_t>(reason)];
}

std::string_view name(Exclusion exclusion) {
  return kExclusions[static_cast<std::size_t>(exclusion)];
}

}  // namespace edgeward::policy
