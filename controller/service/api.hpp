#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cache_events.hpp"
#include "controller/http/client_address.hpp"
#include "controller/http/request.hpp"
#include "controller/http/response.hpp"
#include "controller/service/catalog_answers.hpp"
#include "controller/service/decision_tally.hpp"
#include "controller/service/plan_answers.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/purge_answers.hpp"
#include "controller/service/route_batch.hpp"
#include "geo/ip_address.hpp"
#include "policy/decision_json.hpp"
#include "policy/router.hpp"
#include "sim/logs/cache_key.hpp"
#include "sim/rtt_lines.hpp"

namespace edgeward::controller {

/// Who asks, where and when.
struct Caller {
  geo::IpAddress peer;
  bool is_admin = false;    ///< on the admin listener
  std::int64_t now_ms = 0;  ///< since the epoch
};

struct ApiOptions {
  TrustRules trust;
  std::string admin_token;  ///< empty: none is asked for
  std::int64_t stale_after_ms = 5000;
  std::size_t batch_items_max = 10'000;
  double logged_ratio = 0;  ///< part of the decisions that ApiActions::log gets
  std::string openapi;      ///< what /openapi.yaml answers
};

/// What the admin listener sets in motion.
struct ApiActions {
  /// Reads configuration and databases anew, off the caller's thread.
  std::function<void()> reload;
  /// What has to be kept beyond a restart has changed. Does not wait for a disk.
  std::function<void()> save;
  /// Takes what edges reported of their requests, edges numbered as in the fleet: false if too much
  /// waits already.
  std::function<bool(std::span<const cache::CacheEvent>, const cache::Fleet&)> learn;
  /// Takes measured round trips, NDJSON or CSV, of clients that the map locates. Throws
  /// sim::InputError for what is neither.
  std::function<sim::RttReading(std::string_view, const geo::AddressMap&, std::int64_t now_ms)>
      measure;
  DecisionTally::Log log;
  /// Makes and publishes plans; null where edges are not followed.
  Planning* planning = nullptr;
  /// Tells edges what to hold no more; nothing: there is no store to tell them through.
  Purging* purging = nullptr;
  ServedCatalog* catalog = nullptr;  ///< null: there is none
};

/// Answers requests: the HTTP interface without any network. One a worker, not thread-safe: what
/// workers share is in the Publisher. Endpoints and their parameters are in openapi.yaml.
class Api {
 public:
  Api(ApiOptions options, ApiActions actions, Publisher& publisher);

  /// Answers by this snapshot from now on.
  void install(Publisher::Snapshot snapshot);
  /// What is counted of what was decided, by whoever else decides by the same snapshot too.
  [[nodiscard]] DecisionTally& tally() { return tally_; }

  /// `response` is cleared first.
  void answer(const HttpRequest& request, const Caller& caller, HttpResponse& response);

  /// What there is, for the description to be checked against: `GET /v1/edges`, one each; HEAD goes
  /// with GET. `*` stands for a segment or, at the end, for the rest of a path.
  [[nodiscard]] static std::vector<std::string> operations();

 private:
  struct Context;
  void find_answer(const HttpRequest& request, const Caller& caller, HttpResponse& response);
  struct Endpoint;
  [[nodiscard]] static std::span<const Endpoint> endpoints();

  void get_route(Context& context);
  void post_route(Context& context);
  void redirect(Context& context);
  void get_edges(Context& context);
  void get_forecast(Context& context);
  void get_plans(Context& context);
  void post_plans_run(Context& context);
  void get_optimize(Context& context);
  void post_optimize(Context& context);
  void post_drain(Context& context);
  void post_state(Context& context);
  void post_events(Context& context);
  void post_rtt(Context& context);
  void post_reload(Context& context);
  void post_purge(Context& context);
  void get_purges(Context& context);
  void get_purge(Context& context);
  void get_catalog(Context& context);
  void post_catalog(Context& context);
  void get_content(Context& context);
  void put_content(Context& context);
  void delete_content(Context& context);
  void get_health(Context& context);
  void get_ready(Context& context);
  void get_metrics(Context& context);
  void get_openapi(Context& context);

  [[nodiscard]] bool may_ask_for_others(const Caller& caller) const;
  void require_trusted(const Caller& caller) const;
  [[nodiscard]] bool is_stale(std::int64_t now_ms) const;
  /// `key` is the content's.
  [[nodiscard]] policy::Decision decide(const policy::Request& request, std::string_view key);
  /// Decides and answers all of batch_; `end` is what ends each.
  void write_decisions(std::string_view end, bool stale, std::string& body);
  [[nodiscard]] policy::ServiceIndex service(std::string_view name) const;
  [[nodiscard]] CatalogAnswers& catalog();
  [[nodiscard]] std::optional<ServedCatalog::Counts> catalog_counts() const;

  ApiOptions options_;
  ApiActions actions_;
  Publisher& publisher_;
  Publisher::Snapshot snapshot_;
  DecisionTally tally_;
  EventReader events_;
  sim::CacheKeyWriter keys_;
  std::string key_;
  RouteBatch batch_;
  PlanAnswers plans_;
  PurgeAnswers purges_;
  std::optional<CatalogAnswers> catalog_;
  std::optional<policy::DecisionWriter> writer_;  ///< for the snapshot's fleet
  std::string line_;
};

}  // namespace edgeward::controller
