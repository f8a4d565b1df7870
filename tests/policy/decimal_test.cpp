#include "policy/decimal.hpp"

#include <array>
#include <bit>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "cache/random.hpp"
#include "policy/json.hpp"
#include "tests/instrumented.hpp"

namespace edgeward::policy {

namespace {

std::string text_of(double number, Decimals decimals) {
  std::array<char, kDecimalBytesMax> text{};
  return {text.data(), write_decimal(number, decimals, text.data())};
}

/// The same by the general writer of numbers, of a number rounded by the library.
std::string expected(double number, Decimals decimals) {
  const double steps = std::pow(10, static_cast<int>(decimals));
  const double rounded = std::round(number * steps) / steps;
  std::string line = json_line(rounded == 0 ? 0.0 : rounded);
  line.pop_back();
  return line;
}

void check(double number) {
  for (const Decimals decimals : {Decimals::three, Decimals::four, Decimals::six}) {
    INFO(number << " to " << static_cast<int>(decimals));
    REQUIRE(text_of(number, decimals) == expected(number, decimals));
  }
}

}  // namespace

TEST_CASE("a decimal has no digit too many") {
  CHECK(text_of(0.87, Decimals::six) == "0.87");
  CHECK(text_of(1, Decimals::six) == "1");
  CHECK(text_of(-0.13, Decimals::four) == "-0.13");
  CHECK(text_of(-0.0000001, Decimals::six) == "0");
  CHECK(text_of(0.000045, Decimals::six) == "0.000045");
  CHECK(text_of(12.0005, Decimals::three) == "12.001");
  CHECK(text_of(9355.7514, Decimals::three) == "9355.751");
  CHECK(text_of(99'999'999.9999999, Decimals::six) == "100000000");
  CHECK(text_of(std::numeric_limits<double>::quiet_NaN(), Decimals::six) == "null");
  CHECK(text_of(-std::numeric_limits<double>::infinity(), Decimals::six) == "null");
}

TEST_CASE("a decimal is the shortest text of the rounded number") {
  constexpr std::uint32_t kStep = test::kIsInstrumented ? 70 : 7;
  for (std::uint32_t i = 0; i <= 1'000'000; i += kStep) check(i * 1e-6);
  cache::Random random(3);
  for (std::uint32_t i = 0; i < 700'000; i += kStep) {
    check(static_cast<float>(random.unit()));
    check(static_cast<float>(random.unit() * 360 - 180));
    check(static_cast<float>(random.unit() * 20'000));
    check(static_cast<float>(std::exp(random.unit() * 60 - 30)));
    check(std::bit_cast<float>(static_cast<std::uint32_t>(random.below(std::uint64_t{1} << 32))));
  }
}

}  // namespace edgeward::policy
