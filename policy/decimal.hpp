#pragma once

#include <cstddef>
#include <cstdint>

namespace edgeward::policy {

/// How many decimals a number is rounded to.
enum class Decimals : std::uint8_t {
  three = 3,  ///< km, ms
  four = 4,   ///< degrees: 11 m
  six = 6,    ///< ratios, scores
};

/// No decimal writes over more.
inline constexpr std::size_t kDecimalBytesMax = 32;

/// Writes a number, rounded half away from zero, as JSON: in plain decimal, without zeros at its
/// end, which is the shortest text that reads back as the rounded number. NaN and infinities are
/// null, and no zero has a sign. Returns where the text ends; bytes behind it may be written over.
/// A few nanoseconds: below 10^8, beyond which none of ours lies, all is done with whole numbers.
[[nodiscard]] char* write_decimal(double number, Decimals decimals, char* to);

}  // namespace edgeward::policy
