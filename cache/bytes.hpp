#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace edgeward::cache {

/// Values one after another as they lie in memory: files that only this program reads, on the kind
/// of machine that wrote them.
class ByteWriter {
 public:
  template <class Value>
  void put(const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  /// With its length before it.
  void put_text(std::string_view text) {
    put(std::uint64_t{text.size()});
    text_ += text;
  }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

/// Reads what a ByteWriter wrote; false where there is less than is asked for.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <class Value>
  [[nodiscard]] bool get(Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    if (bytes_.size() < sizeof value) return false;
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return true;
  }
  [[nodiscard]] bool get_text(std::string_view& text) {
    std::uint64_t size = 0;
    if (!get(size) || size > bytes_.size()) return false;
    text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }
  [[nodiscard]] bool is_at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

/// Between a line that says what it is and a checksum (XXH3) of all that is before it.
[[nodiscard]] std::string sealed(std::string_view magic, std::string_view content);
/// What sealed() was given, within `bytes`; nothing if these are of another kind, cut or changed.
[[nodiscard]] std::optional<std::string_view> unsealed(std::string_view magic,
                                                       std::string_view bytes);

}  // namespace edgeward::cache
