#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/ids.hpp"
#include "cache/redis/command.hpp"
#include "cache/redis/reply.hpp"

namespace edgeward::cache::redis {

/// Names and values, as a hash and a stream's entry have them.
class Fields {
 public:
  Fields& put(std::string_view name, std::string_view value);
  Fields& put(std::string_view name, std::uint64_t value);
  Fields& put(std::string_view name, ContentId value) { return put(name, to_hex(value)); }
  /// Seconds with three decimals, as in JSON.
  Fields& put_time(std::string_view name, std::int64_t ms);
  Fields& put_ratio(std::string_view name, double value);

  // Each gives nothing where the field is absent or no such value.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name) const;
  [[nodiscard]] std::optional<ContentId> content(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint64_t> hex(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> time(std::string_view name) const;
  [[nodiscard]] std::optional<double> ratio(std::string_view name) const;

  [[nodiscard]] bool empty() const { return fields_.empty(); }
  /// That add_to() adds: names and values.
  [[nodiscard]] std::size_t words() const { return 2 * fields_.size(); }
  void add_to(Command& command) const;

  /// Of an array name, value, name, value …; nothing for anything else.
  [[nodiscard]] static std::optional<Fields> of(const Reply& reply);

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

[[nodiscard]] std::string time_text(std::int64_t ms);
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
/// A finite one, as sorted sets have them too.
[[nodiscard]] std::optional<double> parse_score(std::string_view text);

/// One entry of a stream.
struct StreamEntry {
  std::string id;
  Fields fields;  ///< empty for one that is pending but was trimmed
};
/// Of an array of [id, [name, value …]], as XRANGE and XAUTOCLAIM have it; nothing for anything
/// else.
[[nodiscard]] std::optional<std::vector<StreamEntry>> stream_entries(const Reply& reply);
/// Of XREADGROUP's answer about one stream, nil included.
[[nodiscard]] std::optional<std::vector<StreamEntry>> read_entries(const Reply& reply);

}  // namespace edgeward::cache::redis
