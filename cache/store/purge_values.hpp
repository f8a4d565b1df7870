#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/store/edge_values.hpp"

namespace edgeward::cache {

// What controllers and edges tell each other of what edges are to hold no more.

/// Purges that are retained for edges that are away; one that was away for more removes whatever is
/// older than the first that it can still read.
inline constexpr std::size_t kPurgesMax = 10'000;
/// How far the clocks of controllers and edges may be apart: what was stored within it after a
/// purge may be from before, and goes too.
inline constexpr std::int64_t kClockErrorMaxMs = 5000;

enum class PurgeKind : std::uint8_t {
  key,
  prefix,
};
[[nodiscard]] std::string_view name(PurgeKind kind);

/// That edges are to hold contents no more which they stored before it.
struct Purge {
  std::string entry;  ///< its place among all; empty until it has one
  std::string id;     ///< 16 hexadecimal digits, chosen by the controller
  std::int64_t at_ms = 0;
  PurgeKind kind = PurgeKind::key;
  std::string text;                ///< the canonical key, or its beginning; kKeyBytesMax at most
  std::vector<std::string> edges;  ///< who is to do it; none: all that there are

  bool operator==(const Purge&) const = default;
};

[[nodiscard]] bool is_for(const Purge& purge, std::string_view edge);
/// Whether it names this key.
[[nodiscard]] bool is_named(const Purge& purge, std::string_view key);
/// Whether it is of what was stored (or began to be fetched) then.
[[nodiscard]] bool is_before(const Purge& purge, std::int64_t at_ms);

/// What an edge said of a purge.
struct PurgeAnswer {
  std::string edge;
  std::optional<std::uint64_t> removed;  ///< objects; nothing: it has not done it yet

  bool operator==(const PurgeAnswer&) const = default;
};

/// A purge and what has become of it.
struct PurgeStatus {
  Purge purge;
  std::vector<PurgeAnswer> answers;  ///< of each edge that is waited for, by name

  bool operator==(const PurgeStatus&) const = default;
  [[nodiscard]] std::size_t pending() const;
  [[nodiscard]] std::uint64_t removed() const;
};

/// Purges after an entry, in order.
struct PurgeNews {
  std::vector<Purge> purges;
  std::string last;  ///< the entry to go on after, beyond those that made no sense
  /// Where some before these are gone: what was stored before then may have been purged.
  std::optional<std::int64_t> lost_before_ms;

  bool operator==(const PurgeNews&) const = default;
};

}  // namespace edgeward::cache
