#pragma once

#include <string>

#include "cache/redis/client.hpp"
#include "cache/redis/fields.hpp"
#include "cache/redis/key_names.hpp"
#include "cache/redis/options.hpp"
#include "cache/store/agent_store.hpp"

namespace edgeward::cache::redis {

/// An edge's side in its Redis (7.0 or later): see the folder's README for the keys.
class RedisAgentStore final : public AgentStore {
 public:
  RedisAgentStore(std::string_view edge, const Servers& servers, Clock clock, std::uint64_t seed);

  Stored<Done> begin_object(ContentId content, std::uint64_t version) override;
  Stored<Done> put_chunk(ContentId content, std::uint64_t n, std::string_view bytes) override;
  Stored<Done> complete_object(ContentId content, const ObjectMeta& meta) override;
  Stored<bool> update_object(ContentId content, const ObjectMeta& meta) override;
  Stored<Done> remove_object(ContentId content, std::uint64_t chunks) override;
  Stored<std::optional<std::string>> chunk(ContentId content, std::uint64_t version,
                                           std::uint64_t n) override;
  Stored<std::vector<HeldObject>> recover() override;

  Stored<Done> report(const EdgeReport& report, std::int64_t ttl_ms) override;
  Stored<Done> append_requests(std::span<const EdgeRequest> requests) override;

  Stored<std::optional<PlanSummary>> plan() override;
  Stored<std::vector<PlannedAction>> next_actions(std::string_view consumer,
                                                  std::size_t count) override;
  Stored<std::vector<PlannedAction>> claim_actions(std::string_view consumer, std::size_t count,
                                                   std::int64_t idle_ms) override;
  Stored<bool> finish(const PlannedAction& action) override;
  Stored<bool> give_up(const PlannedAction& action, std::string_view error,
                       std::int64_t at_ms) override;
  Stored<Done> drop(std::span<const PlannedAction> actions) override;

 private:
  [[nodiscard]] Stored<Done> set_holding(ContentId content, const ObjectMeta* meta,
                                         std::uint64_t chunks);
  [[nodiscard]] Stored<Done> remove_unfinished();
  [[nodiscard]] Stored<Done> remove_unfinished(ContentId content);
  [[nodiscard]] Stored<std::vector<Holding>> inventory();
  [[nodiscard]] Stored<std::vector<PlannedAction>> actions_of(std::vector<StreamEntry> entries);
  [[nodiscard]] Stored<Done> drop_entries(std::span<const std::string> entries);
  [[nodiscard]] Stored<Done> count_deliveries(std::vector<PlannedAction>& actions);
  [[nodiscard]] Stored<Done> make_group();
  [[nodiscard]] Stored<bool> close(const PlannedAction& action, std::string_view counter,
                                   const Fields& letter);

  EdgeKeys keys_;
  Client client_;
};

}  // namespace edgeward::cache::redis
