#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace edgeward::geo {

/// A value in the data section of a database, as the MaxMind DB format 2.0 lays it down ("Output
/// Data Section"). A view: valid as long as the section.
struct MmdbValue {
  /// As numbered by the format.
  enum class Type : std::uint8_t {
    text = 2,
    float64 = 3,
    bytes = 4,
    uint16 = 5,
    uint32 = 6,
    map = 7,
    int32 = 8,
    uint64 = 9,
    uint128 = 10,
    array = 11,
    boolean = 14,
    float32 = 15,
  };

  Type type = Type::boolean;
  std::uint32_t size = 0;                 ///< entries of a map or array, else bytes
  std::span<const std::uint8_t> payload;  ///< empty for maps, arrays and booleans
  std::uint32_t entries_offset = 0;       ///< of the first entry of a map or array
  /// Where the next value of the surrounding map or array begins; nothing for a map or an array in
  /// place, which must be walked to know.
  std::optional<std::uint32_t> next_offset;

  [[nodiscard]] std::optional<std::string_view> as_text() const;
  [[nodiscard]] std::optional<double> as_number() const;  ///< integers up to 64 bits, floats
};
[[nodiscard]] std::string_view name(MmdbValue::Type type);

/// Reads the values of one record, whatever the bytes hold: every offset is checked, nothing
/// recurses, and no record may have more than kValuesMax values, so that maps of pointers to maps
/// end too. Why not the library's decoder: it allocates a list of all that a record holds, however
/// much pointers to pointed-to maps make of it.
class MmdbValueReader {
 public:
  /// MaxMind's largest records have some 300 values.
  static constexpr unsigned kValuesMax = 10'000;

  explicit MmdbValueReader(std::span<const std::uint8_t> section) : section_(section) {}

  /// The value at that offset, a pointer followed. Nothing where the bytes are none, or the budget
  /// is spent.
  [[nodiscard]] std::optional<MmdbValue> value(std::uint32_t offset);

  /// Calls visit(key, value) for every pair of a map whose key is_wanted(key); of the others it is
  /// not seen to what they point to. False where a part of it cannot be read, or visit says false.
  template <typename IsWanted, typename Visit>
  [[nodiscard]] bool for_each(const MmdbValue& map, IsWanted is_wanted, Visit visit) {
    std::uint32_t offset = map.entries_offset;
    for (std::uint32_t i = 0; i < map.size; ++i) {
      const auto key = value(offset);
      if (!key || key->type != MmdbValue::Type::text) return false;
      std::optional<std::uint32_t> next;
      if (is_wanted(*key->as_text())) {
        const auto entry = value(*key->next_offset);
        if (!entry || !visit(*key->as_text(), *entry)) return false;
        next = entry->next_offset ? entry->next_offset : end_of(*entry);
      } else {
        next = after(*key->next_offset);
      }
      if (!next) return false;
      offset = *next;
    }
    return true;
  }

  /// Whether the value can be read with all that it holds, within kValuesMax and kDepthMax.
  [[nodiscard]] bool is_whole(const MmdbValue& value, unsigned depth = 0);
  static constexpr unsigned kDepthMax = 32;

 private:
  /// Where a pointer leads, and where it ends.
  struct Pointer {
    std::uint32_t target = 0;
    std::uint32_t next_offset = 0;
  };

  [[nodiscard]] std::optional<MmdbValue> decode(std::uint32_t offset);
  [[nodiscard]] std::optional<Pointer> pointer(std::uint32_t offset) const;
  [[nodiscard]] bool is_pointer(std::uint32_t offset) const;
  /// Where the value at that offset ends.
  [[nodiscard]] std::optional<std::uint32_t> after(std::uint32_t offset);
  [[nodiscard]] std::optional<std::uint32_t> end_of(const MmdbValue& compound);

  std::span<const std::uint8_t> section_;
  unsigned values_read_ = 0;
};

}  // namespace edgeward::geo
