#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace edgeward::controller {

/// What a client asks for on conditions: fields of its request, as sent.
struct Conditions {
  std::string_view range;
  std::string_view if_range;
  std::string_view if_none_match;
  std::string_view if_modified_since;
};

/// By what two representations of one resource are told apart. Empty where the origin gave none.
struct Validators {
  std::string_view etag;
  std::string_view last_modified;
};

/// Whether the client has it already (RFC 9110 §13.1.2, §13.1.3).
[[nodiscard]] bool is_not_modified(const Conditions& conditions, const Validators& validators);

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< inclusive

  bool operator==(const ByteRange&) const = default;
};

/// What of a body is asked for: the whole (200), a part (206) or nothing that is there (416).
struct Extent {
  enum class Kind : std::uint8_t { whole, part, unsatisfiable };

  Kind kind = Kind::whole;
  ByteRange range{};

  bool operator==(const Extent&) const = default;
};

/// Of a body of that length. Several ranges, a unit that is not bytes, one that makes no sense, and
/// an If-Range of another representation lead to the whole (RFC 9110 §13.1.5, §14.2).
[[nodiscard]] Extent extent_of(const Conditions& conditions, const Validators& validators,
                               std::uint64_t length_bytes);

}  // namespace edgeward::controller
