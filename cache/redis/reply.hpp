#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/redis/options.hpp"
#include "cache/store/store_error.hpp"

struct redisReader;

namespace edgeward::cache::redis {

/// One answer of RESP2.
struct Reply {
  enum class Kind : std::uint8_t { nil, status, error, integer, text, array };

  Kind kind = Kind::nil;
  std::string text;  ///< of a status, an error and a text
  std::int64_t integer = 0;
  std::vector<Reply> elements;

  bool operator==(const Reply&) const = default;
  [[nodiscard]] bool is_nil() const { return kind == Kind::nil; }
  [[nodiscard]] bool is_error() const { return kind == Kind::error; }
  [[nodiscard]] bool is_text() const { return kind == Kind::text || kind == Kind::status; }
  [[nodiscard]] bool is_array() const { return kind == Kind::array; }
  [[nodiscard]] bool is_integer() const { return kind == Kind::integer; }
};

/// What an error answer means, by its first word.
[[nodiscard]] StoreError error_of(const Reply& reply, std::string_view where);

/// Reads answers from a stream of bytes: hiredis's reader under limits of bytes, elements and depth
/// (7). After an error it reads no more, since nobody knows where the next answer begins.
class ReplyReader {
 public:
  explicit ReplyReader(const ConnectionLimits& limits);
  ~ReplyReader();
  ReplyReader(ReplyReader&&) noexcept;
  ReplyReader& operator=(ReplyReader&&) noexcept;

  void feed(std::string_view bytes);
  /// The next answer; nothing where it is not all there.
  [[nodiscard]] Stored<std::optional<Reply>> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace edgeward::cache::redis
