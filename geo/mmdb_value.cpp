#include "geo/mmdb_value.hpp"

#include <array>
#include <bit>

namespace edgeward::geo {

namespace {

using Type = MmdbValue::Type;

constexpr unsigned kPointer = 1;

/// Big-endian; at most eight bytes.
std::uint64_t integer(std::span<const std::uint8_t> bytes) {
  std::uint64_t result = 0;
  for (const std::uint8_t byte : bytes) result = result << 8 | byte;
  return result;
}

/// Whether the format knows the type, with a payload of that size.
bool is_well_formed(unsigned type, std::uint32_t size) {
  switch (static_cast<Type>(type)) {
    case Type::text:
    case Type::bytes:
    case Type::map:
    case Type::array:
      return true;
    case Type::float64:
      return size == 8;
    case Type::float32:
      return size == 4;
    case Type::uint16:
      return size <= 2;
    case Type::uint32:
    case Type::int32:
      return size <= 4;
    case Type::uint64:
      return size <= 8;
    case Type::uint128:
      return size <= 16;
    case Type::boolean:
      return size <= 1;
  }
  return false;
}

bool has_payload(Type type) {
  return type != Type::map && type != Type::array && type != Type::boolean;
}

}  // namespace

std::optional<std::string_view> MmdbValue::as_text() const {
  if (type != Type::text) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(payload.data()), payload.size());
}

std::optional<double> MmdbValue::as_number() const {
  switch (type) {
    case Type::float64:
      return std::bit_cast<double>(integer(payload));
    case Type::float32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(integer(payload)));
    case Type::uint16:
    case Type::uint32:
    case Type::uint64:
      return static_cast<double>(integer(payload));
    case Type::int32:
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(integer(payload)));
    default:
      return std::nullopt;
  }
}

std::string_view name(MmdbValue::Type type) {
  constexpr std::array<std::string_view, 16> kNames{
      "",         "",      "text",      "a number", "bytes",          "a number",
      "a number", "a map", "a number",  "a number", "a large number", "an array",
      "",         "",      "a boolean", "a number"};
  return kNames[static_cast<std::size_t>(type)];
}

std::optional<MmdbValue> MmdbValueReader::value(std::uint32_t offset) {
  if (!is_pointer(offset)) return decode(offset);
  const auto found = pointer(offset);
  if (!found) return std::nullopt;
  auto result = decode(found->target);
  if (result) result->next_offset = found->next_offset;
  return result;
}

bool MmdbValueReader::is_whole(const MmdbValue& whole, unsigned depth) {
  if (depth > kDepthMax) return false;
  if (whole.type == Type::map) {
    return for_each(
        whole, [](std::string_view) { return true; },
        [this, depth](std::string_view, const MmdbValue& entry) {
          return is_whole(entry, depth + 1);
        });
  }
  if (whole.type != Type::array) return true;
  std::optional<std::uint32_t> offset = whole.entries_offset;
  for (std::uint32_t i = 0; i < whole.size; ++i) {
    const auto entry = value(*offset);
    if (!entry || !is_whole(*entry, depth + 1)) return false;
    offset = entry->next_offset ? entry->next_offset : end_of(*entry);
    if (!offset) return false;
  }
  return true;
}

bool MmdbValueReader::is_pointer(std::uint32_t offset) const {
  return offset < section_.size() && section_[offset] >> 5 == kPointer;
}

std::optional<MmdbValue> MmdbValueReader::decode(std::uint32_t offset) {
  if (++values_read_ > kValuesMax || offset >= section_.size()) return std::nullopt;
  const std::uint64_t available = section_.size();
  std::uint64_t at = offset;  // 64 bits: sums of it cannot wrap
  const unsigned control = section_[at++];
  unsigned type = control >> 5;
  if (type == kPointer) return std::nullopt;  // one to a pointer
  if (type == 0) {
    if (at >= available) return std::nullopt;
    type = 7U + section_[at++];
  }
  std::uint32_t size = control & 31U;
  if (size >= 29) {
    constexpr std::array<std::uint32_t, 3> kBase{29, 285, 65'821};
    const unsigned more = size - 28;
    if (at + more > available) return std::nullopt;
    size = kBase[more - 1] + static_cast<std::uint32_t>(integer(section_.subspan(at, more)));
    at += more;
  }
  if (!is_well_formed(type, size)) return std::nullopt;
  MmdbValue result{.type = static_cast<Type>(type), .size = size};
  if (has_payload(result.type)) {
    if (at + size > available) return std::nullopt;
    result.payload = section_.subspan(at, size);
    at += size;
  }
  if (result.type == Type::map || result.type == Type::array) {
    result.entries_offset = static_cast<std::uint32_t>(at);
  } else {
    result.next_offset = static_cast<std::uint32_t>(at);
  }
  return result;
}

std::optional<MmdbValueReader::Pointer> MmdbValueReader::pointer(std::uint32_t offset) const {
  constexpr std::array<std::uint64_t, 4> kBase{0, 2048, 526'336, 0};
  const std::uint64_t at = std::uint64_t{offset} + 1;
  const unsigned control = section_[offset];
  const unsigned kind = control >> 3 & 3U;
  const unsigned more = kind + 1;
  if (at + more > section_.size()) return std::nullopt;
  std::uint64_t target = integer(section_.subspan(at, more));
  if (kind < 3) target += static_cast<std::uint64_t>(control & 7U) << (8 * more);
  target += kBase[kind];
  if (target >= section_.size()) return std::nullopt;
  return Pointer{.target = static_cast<std::uint32_t>(target),
                 .next_offset = static_cast<std::uint32_t>(at + more)};
}

std::optional<std::uint32_t> MmdbValueReader::after(std::uint32_t offset) {
  if (is_pointer(offset)) {
    const auto found = pointer(offset);
    return found ? std::optional(found->next_offset) : std::nullopt;
  }
  const auto passed = decode(offset);
  if (!passed) return std::nullopt;
  return passed->next_offset ? passed->next_offset : end_of(*passed);
}

std::optional<std::uint32_t> MmdbValueReader::end_of(const MmdbValue& compound) {
  std::uint32_t offset = compound.entries_offset;
  const auto values_in = [](const MmdbValue& each) {
    return std::uint64_t{each.size} * (each.type == Type::map ? 2 : 1);
  };
  // Every round costs budget, so a size that lies ends the walk early.
  for (std::uint64_t left = values_in(compound); left > 0; --left) {
    const auto entry = value(offset);
    if (!entry) return std::nullopt;
    if (!entry->next_offset) left += values_in(*entry);
    offset = entry->next_offset.value_or(entry->entries_offset);
  }
  return offset;
}

}  // namespace edgeward::geo
