#include "policy/decimal.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>

namespace edgeward::policy {

namespace {

/// Three digits as text, and how many of them are left without the zeros at their end.
struct Triple {
  std::array<char, 3> digits{};
  std::uint8_t size = 0;
};

constexpr auto kTriples = [] {
  std::array<Triple, 1000> triples{};
  for (std::uint32_t i = 0; i < triples.size(); ++i) {
    const auto digit = [](std::uint32_t number) { return static_cast<char>('0' + number % 10); };
    triples[i].digits = {digit(i / 100), digit(i / 10), digit(i)};
    triples[i].size = i == 0 ? 0 : i % 100 == 0 ? 1 : i % 10 == 0 ? 2 : 3;
  }
  return triples;
}();

/// The byte after the digits is written over too.
void write_triple(const Triple& triple, char* to) {
  std::memcpy(to, &triple, sizeof triple);
}

char* write_whole(std::uint32_t number, char* to) {
  if (number < 10) {
    *to = static_cast<char>('0' + number);
    return to + 1;
  }
  if (number >= 1000) {
    to = write_whole(number / 1000, to);
    write_triple(kTriples[number % 1000], to);
    return to + 3;
  }
  const std::size_t zeros = number < 100 ? 1 : 0;
  Triple triple = kTriples[number];
  std::memcpy(to, triple.digits.data() + zeros, 2);
  to[2] = triple.digits[2];
  return to + 3 - zeros;
}

/// A fraction in millionths, without the zeros at its end; nothing at all for 0. How many zeros
/// there are is a toss-up, so there is no branch on them.
char* write_fraction(std::uint32_t millionths, char* to) {
  const Triple& high = kTriples[millionths / 1000];
  const Triple& low = kTriples[millionths % 1000];
  *to = '.';
  write_triple(high, to + 1);
  write_triple(low, to + 4);
  const std::size_t size = low.size > 0 ? 3 + low.size : high.size;
  return to + (size > 0 ? 1 + size : 0);
}

template <std::uint32_t kSteps>
char* write(double number, char* to) {
  constexpr double kBelow = 1e8;
  constexpr std::uint32_t kMillion = 1'000'000;
  const double magnitude = std::abs(number);
  if (!(magnitude < kBelow)) {
    const double shown = std::round(number * kSteps) / kSteps;
    return std::isfinite(shown) ? fmt::format_to(to, "{}", shown) : fmt::format_to(to, "null");
  }
  const auto steps =
      static_cast<std::uint64_t>(static_cast<std::int64_t>(magnitude * kSteps + 0.5));
  *to = '-';
  to += number < 0 && steps > 0 ? 1 : 0;
  to = write_whole(static_cast<std::uint32_t>(steps / kSteps), to);
  return write_fraction(static_cast<std::uint32_t>(steps % kSteps) * (kMillion / kSteps), to);
}

}  // namespace

char* write_decimal(double number, Decimals decimals, char* to) {
  switch (decimals) {
    case Decimals::three:
      return write<1000>(number, to);
    case Decimals::four:
      return write<10'000>(number, to);
    default:
      return write<1'000'000>(number, to);
  }
}

}  // namespace edgeward::policy
