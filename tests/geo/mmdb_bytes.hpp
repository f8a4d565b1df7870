#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edgeward::test {

// The MaxMind DB format 2.0 written byte by byte, valid or not, with nothing of the product.

/// The lowest bytes of a number, the highest of them first.
inline std::string big_endian(std::uint64_t number, unsigned bytes) {
  std::string result;
  for (unsigned i = bytes; i-- > 0;) result += static_cast<char>(number >> (8 * i) & 0xFF);
  return result;
}

/// A control byte, and the extended type where there is one. Sizes below 29 only.
inline std::string mmdb_control(unsigned type, unsigned size) {
  if (type < 8) return {static_cast<char>(type << 5 | size)};
  return {static_cast<char>(size), static_cast<char>(type - 7)};
}

inline std::string mmdb_text(std::string_view text) {
  return mmdb_control(2, static_cast<unsigned>(text.size())) + std::string(text);
}
inline std::string mmdb_double(double number) {
  return mmdb_control(3, 8) + big_endian(std::bit_cast<std::uint64_t>(number), 8);
}
inline std::string mmdb_float(float number) {
  return mmdb_control(15, 4) + big_endian(std::bit_cast<std::uint32_t>(number), 4);
}
inline std::string mmdb_uint16(std::uint16_t number) {
  return mmdb_control(5, 2) + big_endian(number, 2);
}
inline std::string mmdb_uint32(std::uint32_t number) {
  return mmdb_control(6, 4) + big_endian(number, 4);
}
/// Below 2048.
inline std::string mmdb_pointer(unsigned offset) {
  return {static_cast<char>(1U << 5 | offset >> 8), static_cast<char>(offset & 0xFF)};
}
inline std::string mmdb_map(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string result = mmdb_control(7, static_cast<unsigned>(fields.size()));
  for (const auto& [key, value] : fields) result += mmdb_text(key) + value;
  return result;
}

struct MmdbFile {
  unsigned ip_version = 6;
  std::vector<std::array<std::uint32_t, 2>> nodes;  ///< records, 32 bits each
  std::string data;

  /// The record that points at that offset of the data.
  [[nodiscard]] std::uint32_t record(std::uint32_t offset) const {
    return static_cast<std::uint32_t>(nodes.size()) + 16 + offset;
  }
  [[nodiscard]] std::uint32_t empty() const { return static_cast<std::uint32_t>(nodes.size()); }

  [[nodiscard]] std::string bytes() const {
    std::string result;
    for (const auto& node : nodes) result += big_endian(node[0], 4) + big_endian(node[1], 4);
    result += std::string(16, '\0') + data + "\xAB\xCD\xEFMaxMind.com";
    const std::string epoch = mmdb_control(9, 8) + big_endian(1'700'000'000, 8);
    return result + mmdb_map({{"node_count", mmdb_uint32(empty())},
                              {"record_size", mmdb_uint16(32)},
                              {"ip_version", mmdb_uint16(static_cast<std::uint16_t>(ip_version))},
                              {"binary_format_major_version", mmdb_uint16(2)},
                              {"binary_format_minor_version", mmdb_uint16(0)},
                              {"build_epoch", epoch},
                              {"database_type", mmdb_text("test")},
                              {"languages", mmdb_control(11, 0)},
                              {"description", mmdb_map({})}});
  }
};

/// An IPv4 file in which every address has that record.
inline std::string mmdb_of_one_record(const std::string& data) {
  MmdbFile file{.ip_version = 4, .nodes = {{0, 0}}, .data = data};
  file.nodes[0] = {file.record(0), file.record(0)};
  return file.bytes();
}

}  // namespace edgeward::test
