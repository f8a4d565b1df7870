#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "cache/hit_learner.hpp"
#include "cache/hit_model.hpp"
#include "policy/demand_profile.hpp"

namespace edgeward::controller {

/// How chances of a hit are learned from events: the key `serve.hit_model`.
struct HitModelOptions {
  std::size_t tracked_contents = 1'000'000;
  std::int64_t half_life_ms = 3'600'000;  ///< after so long a reported request counts half
  std::int64_t interval_ms = 10'000;      ///< from one model to the next

  bool operator==(const HitModelOptions&) const = default;
};

/// Learns chances of a hit and demand beside the workers: they hand over what edges report, one
/// thread learns from it and makes models. Thread-safe; a worker waits for no more than another's
/// copy of its events.
class HitLearning {
 public:
  HitLearning(std::shared_ptr<const cache::Fleet> fleet, const HitModelOptions& options,
              double prior);

  /// Takes events, edges by their number in `fleet`, all or nothing: false if as many wait already
  /// as may. Those of edges that are no more there are passed over.
  [[nodiscard]] bool add(std::span<const cache::CacheEvent> events, const cache::Fleet& fleet);

  /// What is known, edges by their number in `fleet`.
  struct Learned {
    std::shared_ptr<const cache::HitModel> model;  ///< null: nothing yet
    std::shared_ptr<const cache::Fleet> fleet;
    std::vector<std::optional<double>> hit_ratios;  ///< of what each edge reported lately
    /// The requests that each edge reports, by hour of the week.
    std::shared_ptr<const std::vector<policy::DemandProfile>> demand;
  };
  /// Learns from what came. What is known, if it is time for a new model.
  [[nodiscard]] std::optional<Learned> learn(std::int64_t now_ms);

  /// Goes on with another fleet; edges of the same name keep what was learned of them.
  [[nodiscard]] Learned replace(std::shared_ptr<const cache::Fleet> fleet, std::int64_t now_ms);

  /// To be kept over a restart. restore() takes what was saved for the same edges, and says whether
  /// it did.
  [[nodiscard]] std::string save() const;
  [[nodiscard]] bool restore(std::string_view saved);

 private:
  void learn_waiting(std::int64_t now_ms);
  void publish(std::int64_t now_ms);

  HitModelOptions options_;

  mutable std::mutex waiting_mutex_;
  std::vector<cache::CacheEvent> waiting_;
  std::shared_ptr<const cache::Fleet> fleet_;  ///< whose numbers waiting_ has

  mutable std::mutex learner_mutex_;  ///< taken first where both are
  cache::HitLearner learner_;
  std::vector<policy::DemandProfile> demand_;  ///< by edge
  Learned latest_;
  std::optional<std::int64_t> published_at_ms_;
};

}  // namespace edgeward::controller
