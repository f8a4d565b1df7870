#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/hit_learner.hpp"
#include "cache/ids.hpp"

namespace edgeward::policy {

struct RequestCounts {
  std::uint64_t requests = 0;
  std::uint64_t hits = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hit_bytes = 0;

  RequestCounts& operator+=(const RequestCounts& other);
  /// Nothing without requests, or bytes.
  [[nodiscard]] std::optional<double> hit_ratio() const;
  [[nodiscard]] std::optional<double> byte_hit_ratio() const;
  bool operator==(const RequestCounts&) const = default;
};

/// What was counted in an hour of UTC.
struct HourCounts {
  std::int64_t hour = 0;  ///< since the Unix epoch
  RequestCounts counts;

  bool operator==(const HourCounts&) const = default;
};

/// A content that an edge was asked for and did not have.
struct MissedContent {
  cache::ContentId content{};
  std::uint64_t size_bytes = 0;  ///< 0: never told
  std::uint64_t misses = 0;      ///< never too many
  std::uint64_t error = 0;       ///< so many more there may have been, while it was not tracked

  bool operator==(const MissedContent&) const = default;
};

struct EdgeWindowOptions {
  std::size_t tracked_contents = 10'000;

  bool operator==(const EdgeWindowOptions&) const = default;
};

/// What one edge showed over the last 24 h, request by request, in bounded memory: how much by the
/// hour, and which contents it missed how often. Hours slide out as a whole: at any time, those
/// count that began within the last 24 h. At a full hour that is exactly a day.
///
/// Missed contents take at most twice `tracked_contents` entries of 80 bytes; when they are full,
/// those of the fewest misses go, down to `tracked_contents` or fewer (SpaceSaving, in batches, as
/// ContentDemand has it, but of a window: after a day what was forgotten does not matter any more).
/// More than 65,535 misses of a content within an hour count as so many.
///
/// Some 10 ns a hit, up to 200 a miss where nearly all are of a long tail. Deterministic in the
/// order of events. Not thread-safe.
class EdgeWindow {
 public:
  static constexpr std::int64_t kHours = 24;

  explicit EdgeWindow(const EdgeWindowOptions& options = {});

  /// A request, whatever edge it names. Late ones count in their own hour; what is a day older than
  /// the newest is passed over, and counted as late(). A time in the future would make all else
  /// old: who takes times from others cuts them at the present.
  void note(const cache::CacheEvent& event);

  /// All of the hours that began within [now_ms - 24 h, now_ms).
  [[nodiscard]] RequestCounts counts(std::int64_t now_ms) const;
  /// By the hour, in order; those that began within [from_ms, until_ms), had requests and are still
  /// in the window.
  [[nodiscard]] std::vector<HourCounts> hours(std::int64_t from_ms, std::int64_t until_ms) const;
  /// Missed at least so often within the last 24 h, most often first, then by id.
  [[nodiscard]] std::vector<MissedContent> missed(std::int64_t now_ms,
                                                  std::uint64_t misses_min) const;
  /// The most misses that a content which is not tracked may have had.
  [[nodiscard]] std::uint64_t uncounted(std::int64_t now_ms) const;
  /// Contents that are tracked.
  [[nodiscard]] std::size_t size() const { return missed_.size(); }
  [[nodiscard]] std::uint64_t late() const { return late_; }

  /// All of it, with a version and a checksum.
  [[nodiscard]] std::string save() const;
  /// False, without a change, for anything but what save() of this version wrote.
  [[nodiscard]] bool restore(std::string_view saved);

 private:
  /// Misses by hour, hour h at h modulo 24, of the 24 hours up to `hour`.
  struct Misses {
    std::uint64_t size_bytes = 0;
    std::array<std::uint16_t, kHours> by_hour{};
    std::int32_t hour = 0;        ///< of the newest
    std::int32_t error_hour = 0;  ///< when it came, with that error
    std::uint32_t error = 0;

    void advance(std::int32_t to_hour);
    [[nodiscard]] std::uint64_t count(std::int64_t first_hour, std::int64_t last_hour) const;
    [[nodiscard]] std::uint64_t error_in(std::int64_t first_hour) const;
  };
  /// The most misses of what was forgotten in that hour.
  struct Forgotten {
    std::int64_t hour = 0;
    std::uint64_t misses = 0;
  };
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(cache::ContentId content) const {
      const std::uint64_t mixed = static_cast<std::uint64_t>(content) * 0x9E37'79B9'7F4A'7C15;
      return mixed ^ mixed >> 32;
    }
  };

  void note_miss(const cache::CacheEvent& event, std::int32_t hour);
  void forget_least();
  [[nodiscard]] std::uint64_t uncounted_since(std::int64_t first_hour) const;

  EdgeWindowOptions options_;
  std::array<HourCounts, kHours> hours_{};
  std::array<Forgotten, kHours> forgotten_{};
  boost::unordered_flat_map<cache::ContentId, Misses, Hash> missed_;
  std::optional<std::int32_t> newest_hour_;
  std::uint64_t late_ = 0;
};

}  // namespace edgeward::policy
