#include "policy/routing_options.hpp"

#include <array>

namespace edgeward::policy {

namespace {

constexpr std::array<std::string_view, 4> kScorings{"weighted", "latency", "nearest", "random"};
constexpr std::array<std::string_view, 3> kAllDownRules{"none", "all", "last_resort"};

}  // namespace

std::string_view name(Scoring scoring) {
  return kScorings[static_cast<std::size_t>(scoring)];
}

std::string_view name(AllDownRule rule) {
  return kAllDownRules[static_cast<std::size_t>(rule)];
}

}  // namespace edgeward::policy
