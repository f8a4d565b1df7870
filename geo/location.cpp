#include "geo/location.hpp"

#include <array>

namespace edgeward::geo {

namespace {

constexpr std::array<std::string_view, 5> kSources{"none", "override", "mmdb", "country",
                                                   "fallback"};

/// The capital, or 0 for what is no letter.
std::uint16_t capital(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<std::uint16_t>(c - 'a' + 'A');
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint16_t>(c) : 0;
}

}  // namespace

std::optional<Country> parse_country(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  const unsigned first = capital(text[0]);
  const unsigned second = capital(text[1]);
  if (first == 0 || second == 0) return std::nullopt;
  return static_cast<Country>(first << 8 | second);
}

std::string to_text(Country country) {
  if (country == Country::none) return {};
  const auto code = static_cast<std::uint16_t>(country);
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
}

std::string_view name(LocationSource source) {
  return kSources[static_cast<std::size_t>(source)];
}

}  // namespace edgeward::geo
