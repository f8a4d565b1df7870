#include "policy/strategy_json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <string_view>
#include <utility>

namespace edgeward::policy {

namespace {

namespace json = boost::json;

json::value rounded_json(double value, double steps) {
  return std::round(value * steps) / steps + 0.0;  // no zero has a sign
}

json::value ratio_json(const std::optional<double>& ratio) {
  return ratio ? rounded_json(*ratio, 1e9) : json::value(nullptr);
}

json::value count_json(const std::optional<std::uint64_t>& count) {
  return count ? json::value(*count) : json::value(nullptr);
}

json::value bytes_json(double bytes) {
  return static_cast<std::uint64_t>(std::round(std::max(bytes, 0.0)));
}

json::value demand_json(const std::optional<DemandProfile::Expectation>& demand) {
  if (!demand) return nullptr;
  return json::object{{"expected", rounded_json(demand->expected, 1e3)},
                      {"low", rounded_json(demand->low, 1e3)},
                      {"high", rounded_json(demand->high, 1e3)}};
}

json::object thresholds_json(const StrategyOptions& options) {
  return {{"requests_min", options.requests_min},
          {"hit_ratio_min", options.hit_ratio_min},
          {"free_bytes_min", options.free_bytes_min},
          {"growth_bytes_max", options.growth_bytes_max},
          {"misses_min", options.misses_min},
          {"probability_min", options.probability_min},
          {"fetch_requests_min", options.fetch_requests_min},
          {"idle_s_min", options.idle_s_min},
          {"block_bytes", options.block_bytes},
          {"compressed_ratio", ratio_json(options.compressed_ratio)}};
}

/// One action's members, in order.
class ActionWriter {
 public:
  ActionWriter(const StrategyJsonOptions& options, json::object& out)
      : options_(options), out_(out) {}

  void operator()(const PrecacheMissed& action) const {
    add_totals(action.contents);
    out_["fetch_bytes"] = action.contents.fetch_bytes();
    out_["misses"] = bytes_json(action.contents.requests);
    out_["saved_bytes"] = bytes_json(action.contents.saved_bytes);
    add_left_out(action.contents);
    out_["hit_ratio_most"] = ratio_json(action.hit_ratio_most);
    out_["hit_ratio"] = estimate_json(action.hit_ratio);
    add_list(action.contents, "misses", true);
  }
  void operator()(const GrowCapacity& action) const {
    out_["bytes"] = count_json(action.bytes);
    out_["capacity_bytes"] = action.capacity_bytes;
    out_["hit_ratio"] = estimate_json(action.hit_ratio);
  }
  void operator()(const PrefetchExpected& action) const {
    add_totals(action.contents);
    out_["expected_requests"] = rounded_json(action.contents.requests, 1e3);
    out_["saved_bytes"] = bytes_json(action.contents.saved_bytes);
    add_left_out(action.contents);
    out_["hit_ratio"] = estimate_json(action.hit_ratio);
    add_list(action.contents, "expected_requests", true);
  }
  void operator()(const WeightEviction& action) const {
    out_["policy"] = WeightEviction::kPolicy;
    out_["hit_ratio"] = estimate_json(action.hit_ratio);
  }
  void operator()(const EvictUnlikely& action) const {
    add_totals(action.contents);
    out_["expected_requests"] = rounded_json(action.contents.requests, 1e6);
    out_["hit_ratio"] = estimate_json(action.hit_ratio);
    add_list(action.contents, "expected_requests", false);
  }
  void operator()(const PackOld& action) const {
    add_totals(action.contents);
    out_["packing_frees_bytes"] = count_json(action.packing_frees_bytes);
    out_["compressing_frees_bytes"] = count_json(action.compressing_frees_bytes);
    add_list(action.contents, "expected_requests", false);
  }
  void operator()(const ContinueAsIs& action) const {
    out_["hit_ratio"] = estimate_json(action.hit_ratio);
  }
  void operator()(const WatchSeason& action) const {
    out_["requests"] = action.requests;
    out_["expected_requests"] = demand_json(action.expected);
  }
  void operator()(const TunePrefetch& action) const {
    out_["prefetch_bytes"] = count_json(action.prefetch_bytes);
    out_["used_bytes"] = count_json(action.used_bytes);
  }

 private:
  void add_totals(const StrategyContents& contents) const {
    out_["count"] = contents.list.size();
    out_["bytes"] = contents.bytes;
  }
  void add_left_out(const StrategyContents& contents) const {
    out_["left_out"] = contents.left_out;
    out_["left_out_bytes"] = contents.left_out_bytes;
  }
  void add_list(const StrategyContents& contents, std::string_view requests, bool saves) const {
    json::array list;
    for (const StrategyContent& content : contents.list) {
      if (list.size() >= options_.contents_max) break;
      std::string key = options_.key_of ? options_.key_of(content.content) : std::string();
      json::object item{{"content", cache::to_hex(content.content)},
                        {"key", key.empty() ? json::value(nullptr) : json::value(key)},
                        {"size_bytes", content.size_bytes},
                        {requests, rounded_json(content.requests, 1e6)}};
      if (saves) item["saved_bytes"] = bytes_json(content.saved_bytes);
      list.push_back(std::move(item));
    }
    out_["contents"] = std::move(list);
  }

  const StrategyJsonOptions& options_;
  json::object& out_;
};

}  // namespace

json::value estimate_json(const std::optional<HitRatioEstimate>& estimate) {
  if (!estimate) return nullptr;
  return json::object{{"expected", ratio_json(estimate->expected)},
                      {"low", ratio_json(estimate->low)},
                      {"high", ratio_json(estimate->high)}};
}

json::object strategy_json(const Strategy& strategy, const StrategyJsonOptions& options) {
  json::array actions;
  for (const StrategyAction& action : strategy.actions) {
    json::object out{{"number", actions.size() + 1}, {"action", name(action)}};
    std::visit(ActionWriter(options, out), action);
    actions.push_back(std::move(out));
  }
  return {{"verdict", name(strategy.verdict)},
          {"requests", strategy.counts.requests},
          {"hits", strategy.counts.hits},
          {"hit_ratio", ratio_json(strategy.counts.hit_ratio())},
          {"bytes", strategy.counts.bytes},
          {"hit_bytes", strategy.counts.hit_bytes},
          {"byte_hit_ratio", ratio_json(strategy.counts.byte_hit_ratio())},
          {"capacity_bytes", strategy.capacity_bytes},
          {"free_bytes", count_json(strategy.free_bytes)},
          {"predicted",
           {{"unchanged", estimate_json(strategy.unchanged)},
            {"changed", estimate_json(strategy.changed)}}},
          {"thresholds", thresholds_json(strategy.options)},
          {"actions", std::move(actions)}};
}

}  // namespace edgeward::policy
