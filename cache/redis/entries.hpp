#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/catalog.hpp"
#include "cache/redis/fields.hpp"
#include "cache/store/agent_store.hpp"
#include "cache/store/edge_values.hpp"
#include "cache/store/purge_values.hpp"

namespace edgeward::cache::redis {

// How the values of a store are written in Redis. What a decoder gives nothing for made no sense:
// a field absent, or a value beyond its limits. Fields that a decoder does not know pass.

[[nodiscard]] Fields encode(const EdgeReport& report);
[[nodiscard]] std::optional<EdgeReport> decode_report(const Fields& fields);

[[nodiscard]] Fields encode(const PlanSummary& plan);
[[nodiscard]] std::optional<PlanSummary> decode_plan(const Fields& fields);

/// The nth action of a plan.
[[nodiscard]] Fields encode(const PlanSummary& plan, std::uint64_t n, const Action& action);
[[nodiscard]] std::optional<PlannedAction> decode_action(const StreamEntry& entry);

[[nodiscard]] Fields encode(const PlannedAction& action, std::string_view error,
                            std::int64_t at_ms);
[[nodiscard]] std::optional<DeadLetter> decode_dead(const StreamEntry& entry);

[[nodiscard]] std::optional<InventoryChange> decode_change(const StreamEntry& entry);

[[nodiscard]] Fields encode(const ObjectMeta& meta);
[[nodiscard]] std::optional<ObjectMeta> decode_meta(const Fields& fields);

[[nodiscard]] Fields encode(const Purge& purge);
[[nodiscard]] std::optional<Purge> decode_purge(const StreamEntry& entry);
/// Of a hash: the purge and, by edge, what it said.
[[nodiscard]] std::optional<PurgeStatus> decode_purge_status(const Reply& hash);

[[nodiscard]] Fields encode(const RankedEntry& ranked);
[[nodiscard]] std::optional<RankedEntry> decode_catalog_entry(const Fields& fields);

/// A line a request, six columns with a tab between: at, client, CONTENT, size_bytes, hit or miss,
/// key. A key that is too long or would break its line is left empty.
[[nodiscard]] std::string encode_requests(std::span<const EdgeRequest> requests);
/// Nothing where one line is wrong, or there are more than kRequestsAnEntryMax.
[[nodiscard]] std::optional<std::vector<EdgeRequest>> decode_requests(std::string_view text);

}  // namespace edgeward::cache::redis
