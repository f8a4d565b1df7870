#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cache/ids.hpp"
#include "policy/planner_options.hpp"

namespace edgeward::policy {

/// How often each content is asked for at one edge, in bounded memory: counts that decay, over a
/// long and over a short (an eighth) half-life.
///
/// Keeps at most twice `tracked_contents` entries of 48 bytes; when they are full, those of the
/// least counts go, down to `tracked_contents` (SpaceSaving: Metwally, Agrawal, El Abbadi, ICDT
/// 2005, with the minimum replaced in batches, so that an update is O(1) in the mean). Error: a
/// content without an entry has a decayed count of at most uncounted(); one with an entry lacks at
/// most its own `error`, which is what uncounted() was when it came. Counts are never too high.
class ContentDemand {
 public:
  struct Entry {
    std::uint64_t size_bytes = 0;
    float count = 0;              ///< as of at_s, with the long half-life
    float recent = 0;             ///< the same with the short one
    float error = 0;              ///< decays as the count does
    std::int32_t at_s = 0;        ///< since origin_ms_
    std::int32_t first_at_s = 0;  ///< when it was first seen, or seen again
  };
  /// What is known of a content at some time.
  struct Known {
    std::uint64_t size_bytes = 0;
    double per_second = 0;  ///< its rate, as the long half-life has it
    double trend = 1;       ///< the recent rate, divided by that; 0.5 to 3
    double count = 0;
    double error = 0;
  };

  explicit ContentDemand(const ContentDemandOptions& options = {}) : options_(options) {}

  /// About 50 ns where the entry is not in the processor's cache. Times may go back a little.
  void note(cache::ContentId content, std::uint64_t size_bytes, std::int64_t at_ms);

  [[nodiscard]] std::optional<Known> find(cache::ContentId content, std::int64_t now_ms) const;
  /// Calls visit(ContentId, Known) for every entry, in no particular order.
  template <class Visit>
  void visit(std::int64_t now_ms, Visit visit_entry) const {
    for (const auto& entry : entries_) visit_entry(entry.first, known(entry.second, now_ms));
  }

  /// All requests, decayed.
  [[nodiscard]] double total(std::int64_t now_ms) const;
  /// All requests, as a rate.
  [[nodiscard]] double per_second(std::int64_t now_ms) const;
  /// The most that a content without an entry may have had.
  [[nodiscard]] double uncounted(std::int64_t now_ms) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(cache::ContentId content) const {
      const std::uint64_t mixed = static_cast<std::uint64_t>(content) * 0x9E37'79B9'7F4A'7C15;
      return mixed ^ mixed >> 32;
    }
  };

  [[nodiscard]] std::int32_t seconds(std::int64_t at_ms) const;
  /// What is left of a count after so long.
  [[nodiscard]] float decay(std::int32_t seconds) const;
  [[nodiscard]] Known known(const Entry& entry, std::int64_t now_ms) const;
  void forget_least(std::int32_t now_s);
  /// For how long a count that decays was collected, of what began so long ago.
  [[nodiscard]] double window_s(double half_life_s, double age_s) const;

  ContentDemandOptions options_;
  boost::unordered_flat_map<cache::ContentId, Entry, Hash> entries_;
  std::optional<std::int64_t> origin_ms_;
  double total_ = 0;
  std::int32_t total_at_s_ = 0;
  float uncounted_ = 0;
  std::int32_t uncounted_at_s_ = 0;
};

}  // namespace edgeward::policy
