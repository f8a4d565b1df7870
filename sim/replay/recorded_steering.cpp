#include <vector>

#include "sim/replay/steering.hpp"

namespace edgeward::sim {

namespace {

class RecordedSteering final : public Steering {
 public:
  explicit RecordedSteering(const FleetModel& model) : model_(model) {}

  [[nodiscard]] bool needs_holders() const override { return false; }

  void begin(const TickStart& start) override {
    edges_.assign(model_.recorded_edges().begin(), model_.recorded_edges().end());
    for (cache::EdgeId& edge : edges_) {
      if (edge != cache::kNoEdge && start.states[cache::index(edge)].mode != cache::EdgeMode::ready)
        edge = cache::kNoEdge;
    }
  }

  void route(std::span<RoutedRequest> requests) const override {
    for (RoutedRequest& request : requests) {
      request.edge = edges_[request.recorded];
      if (request.edge != cache::kNoEdge) request.reason = policy::Reason::best_score;
    }
  }

  void end(std::span<const RoutedRequest>, std::span<const cache::EdgeState>,
           std::int64_t) override {}

 private:
  const FleetModel& model_;
  std::vector<cache::EdgeId> edges_;  ///< by name in the log; kNoEdge: down, or not of the fleet
};

}  // namespace

std::unique_ptr<Steering> make_recorded_steering(const FleetModel& model) {
  return std::make_unique<RecordedSteering>(model);
}

}  // namespace edgeward::sim
