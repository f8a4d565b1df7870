#include "controller/service/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "controller/config/fault.hpp"
#include "controller/config/yaml_map.hpp"
#include "controller/service/problem.hpp"

namespace edgeward::controller {

Parameters::Parameters(const boost::urls::params_view& query,
                       std::span<const std::string_view> known) {
  for (const auto& parameter : query) {
    std::string name(parameter.key.data(), parameter.key.size());
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      refuse(400, fmt::format("unknown parameter {}{}", quote(name), suggestion(name, known)));
    }
    std::string value(parameter.value.data(), parameter.value.size());
    if (!values_.emplace(std::move(name), std::move(value)).second) {
      refuse(400, fmt::format("parameter {} is given twice", parameter.key));
    }
  }
}

std::string_view Parameters::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string_view() : std::string_view(found->second);
}

bool Parameters::flag(std::string_view name) const {
  const std::string_view value = text(name);
  if (value.empty() || value == "0" || value == "false") return false;
  if (value == "1" || value == "true") return true;
  refuse(400, fmt::format("{}: expected 1 or 0, found {}", name, quote(value)));
}

std::uint64_t Parameters::count(std::string_view name) const {
  const std::string_view value = text(name);
  if (value.empty()) return 0;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size()) return number;
  refuse(400, fmt::format("{}: expected a whole number, found {}", name, quote(value)));
}

}  // namespace edgeward::controller
