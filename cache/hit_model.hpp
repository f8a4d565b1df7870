#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "cache/ids.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

/// How an edge's chance of a hit is found.
struct EdgeHits {
  /// Classes of size, by power of four: what is untracked has the prior of its class.
  static constexpr std::size_t kSizeClasses = 16;

  /// Whether the rows say what the edge holds; else Che's approximation stands in.
  bool is_inventory_known = false;
  bool is_rate_known = true;         ///< false: the predicted hit ratio stands for every content
  std::uint8_t region = 0;           ///< whose rate its requests are part of, < kRegionsMax
  double region_share_ratio = 1;     ///< the edge's part of the region's requests
  double characteristic_time_s = 0;  ///< see characteristic_time_s(); 0: holds nothing
  float predicted_hit_ratio = 0.5F;  ///< where the content is not known (DNS)
  std::array<float, kSizeClasses> prior = filled(0.5F);  ///< of untracked contents

  [[nodiscard]] static std::array<float, kSizeClasses> filled(float value);
  [[nodiscard]] static std::size_t size_class(std::uint64_t size_bytes);
};

/// How a content's row is written.
namespace hit_row {
// The id (0 is a free slot), eight rates of a byte each, a bit an edge.
inline constexpr std::size_t kIdWord = 0;
inline constexpr std::size_t kRatesWord = 1;
inline constexpr std::size_t kHeldWord = 2;
/// Rates are 2^((code − kRateOne) / 8) a second; code 0 is none.
inline constexpr int kRateOne = 160;

[[nodiscard]] inline std::uint8_t rate_code(const std::uint64_t* row, std::size_t region) {
  return static_cast<std::uint8_t>(row[kRatesWord] >> (8 * region));
}
[[nodiscard]] inline bool is_held(const std::uint64_t* row, std::size_t edge) {
  return (row[kHeldWord + edge / 64] >> (edge % 64) & 1) != 0;
}

/// Chances are looked up by exponent: 1 − e^(−2^(x/8)), for x from -kSpan to kSpan. Beyond, they
/// are 0 and 1 to seven digits.
inline constexpr int kSpan = 192;
}  // namespace hit_row

/// The chance that a content is cached at an edge, for all edges at once: one row a content, with a
/// bit an edge (does it hold the content?) and a rate a region (how often is it asked for there?),
/// so that a decision reads one row however many candidates it has.
///
/// Immutable; made by HitModelWriter in 256 shards, of which a new version shares what did not
/// change. Rates are kept as powers of 2^(1/8): within 4.5 %.
class HitModel {
 public:
  static constexpr std::size_t kRegionsMax = 8;
  static constexpr std::size_t kShards = 256;

  class Chances;

  /// Starts to fetch a content's row into the processor's cache.
  void prefetch(ContentId content) const noexcept;
  /// The chances of one content. `content` 0 means that it is not known: an edge's predicted hit
  /// ratio then.
  [[nodiscard]] Chances find(ContentId content, std::uint64_t size_bytes = 0) const noexcept;

  [[nodiscard]] std::size_t edges() const { return edges_.size(); }
  [[nodiscard]] std::uint64_t tracked() const { return tracked_; }
  [[nodiscard]] std::size_t memory_bytes() const;

  /// As bytes, so much of it that probabilities() of these contents can be asked again.
  [[nodiscard]] std::string save(std::span<const ContentId> contents) const;
  /// A model of what save() wrote; null for anything else.
  [[nodiscard]] static std::shared_ptr<const HitModel> restored(std::string_view saved);

 private:
  friend class HitModelWriter;

  /// What an edge's answer for a tracked content is.
  enum class Answer : std::uint8_t { by_rate, held, predicted };
  static constexpr std::size_t kAnswers = 3;
  /// An edge's numbers as `probabilities` reads them; the prior is apart, being rarely wanted.
  struct EdgeTerms {
    std::uint8_t region = 0;
    Answer answer = Answer::by_rate;
    std::int16_t exponent = 0;  ///< 8 · log2(share · T)
    float predicted = 0.5F;
  };
  using Prior = std::array<float, EdgeHits::kSizeClasses>;
  /// Open addressing over rows of `stride` words: id, eight rates, a bit an edge.
  struct Shard {
    std::uint64_t* words = nullptr;  ///< within `block`
    std::size_t slots = 0;
    std::size_t used = 0;
    /// What holds the rows: the shard's own, or one that it shares with others (pack()).
    std::shared_ptr<geo::HugeArray<std::uint64_t>> block;
    bool is_packed = false;
  };

  /// Where a shard's rows lie: what look-ups read, side by side.
  struct View {
    const std::uint64_t* words = nullptr;
    std::size_t slots = 0;
  };

  [[nodiscard]] const std::uint64_t* home(const View& shard, std::uint64_t hash) const noexcept;
  /// The row of a content; null if it is not tracked.
  [[nodiscard]] const std::uint64_t* row(ContentId content) const noexcept;

  static const std::array<float, 2 * hit_row::kSpan + 1> kHitByExponent;

  std::array<View, kShards> views_;
  std::array<std::shared_ptr<const Shard>, kShards> shards_;  ///< own what the views show
  std::vector<EdgeTerms> edges_;
  std::vector<Prior> priors_;
  std::size_t stride_ = 0;
  std::uint64_t tracked_ = 0;
};

/// How likely a content is a hit at each edge. Valid as long as the model.
class HitModel::Chances {
 public:
  [[nodiscard]] bool is_tracked() const { return row_ != nullptr; }

  /// At an edge, 0..1.
  [[nodiscard]] float at(EdgeId edge) const noexcept {
    const std::size_t i = index(edge);
    const EdgeTerms& terms = model_.edges_[i];
    if (row_ == nullptr) {
      const bool is_predicted = !is_known_ || terms.answer == Answer::predicted;
      return is_predicted ? terms.predicted : model_.priors_[i][size_class_];
    }
    // Edges of all kinds come mixed: each kind's answer is made and one taken, without a branch
    // that would be guessed wrong every other time.
    using hit_row::kSpan;
    const int rate = hit_row::rate_code(row_, terms.region);
    const int exponent = std::clamp(rate - hit_row::kRateOne + terms.exponent, -kSpan, kSpan);
    const float by_rate = kHitByExponent[static_cast<std::size_t>(exponent + kSpan)];
    const std::array<float, kAnswers> answers{
        rate == 0 ? 0.0F : by_rate, hit_row::is_held(row_, i) ? 1.0F : 0.0F, terms.predicted};
    return answers[static_cast<std::size_t>(terms.answer)];
  }

 private:
  friend class HitModel;
  Chances(const HitModel& model, const std::uint64_t* row, ContentId content,
          std::uint64_t size_bytes)
      : model_(model),
        row_(row),
        size_class_(EdgeHits::size_class(size_bytes)),
        is_known_(content != ContentId{}) {}

  const HitModel& model_;
  const std::uint64_t* row_;
  std::size_t size_class_;
  bool is_known_;
};

/// The writer's side of the hit model: one thread changes it and publishes versions of it.
class HitModelWriter {
 public:
  /// At most `tracked_contents` rows: when a shard is full, a content that no edge holds and that
  /// is asked for least among a few gives way, else the new one is not tracked.
  HitModelWriter(std::size_t edges, std::size_t tracked_contents);

  void set_edge(EdgeId edge, const EdgeHits& hits);
  /// Whether the edge holds the content. Without a row for it, only `true` makes one.
  void set_held(ContentId content, EdgeId edge, bool is_held);
  /// Starts to fetch what set_holders() will look at into the processor's cache.
  void prefetch(ContentId content) const noexcept;
  /// Whether each edge holds the content, a bit an edge: edge e is bit e % 64 of word e / 64. Costs
  /// nothing more than a look where that is known.
  void set_holders(ContentId content, std::span<const std::uint64_t> edges);
  void set_rate(ContentId content, std::size_t region, double requests_per_second);
  /// The content is no more tracked.
  void forget(ContentId content);

  /// The present state. Costs a copy of the shards that change after it.
  [[nodiscard]] std::shared_ptr<const HitModel> publish();

 private:
  friend class HitModel;
  using Shard = HitModel::Shard;

  [[nodiscard]] std::uint64_t* find(const Shard& shard, std::uint64_t id, std::uint64_t hash) const;
  /// The content's row in a shard of its own; null if there is none and none may be made.
  [[nodiscard]] std::uint64_t* row(ContentId content, bool make);
  [[nodiscard]] std::uint64_t* add(Shard& shard, std::uint64_t id, std::uint64_t hash);
  void grow(Shard& shard);
  [[nodiscard]] Shard make_shard(std::size_t slots) const;
  /// Puts all shards into one block, which lies on huge pages where it is large: one at a time they
  /// are too small for that, and a look-up would wait for the address translation of its row.
  void pack();
  [[nodiscard]] bool is_worth_packing() const;

  std::vector<HitModel::EdgeTerms> edges_;
  std::vector<HitModel::Prior> priors_;
  std::array<std::shared_ptr<Shard>, HitModel::kShards> shards_;
  std::size_t stride_;
  std::size_t shard_rows_max_;
};

}  // namespace edgeward::cache
