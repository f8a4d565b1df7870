#include "cache/store/memory_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "cache/store/memory_data.hpp"

namespace edgeward::cache {

std::string entry_name(std::uint64_t n) {
  return fmt::format("{:020}-0", n);
}

std::uint64_t number_of(std::string_view entry) {
  std::uint64_t number = 0;
  for (const char c : entry.substr(0, entry.find('-'))) {
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

namespace {

class MemoryEdgeStore final : public EdgeStore {
 public:
  explicit MemoryEdgeStore(SharedMemory shared) : shared_(std::move(shared)) {}

  Stored<Published> publish(std::string_view edge, const Plan& plan) override {
    for (const Action& action : plan.actions) {
      if (action.key.size() > kKeyBytesMax) return failed(StoreFault::too_large, "a key");
    }
    if (plan.actions.size() > kActionsAPlanMax) return failed(StoreFault::too_large, "a plan");
    const std::lock_guard lock(shared_->mutex);
    EdgeData& data = shared_->edge(edge);
    if (data.plan && plan.epoch < data.plan->epoch) {
      return failed(StoreFault::stale_epoch,
                    fmt::format("a planner of epoch {} has published", data.plan->epoch));
    }
    if (data.plan && data.plan->id == plan.id) {
      data.plan->epoch = plan.epoch;
      return Published::before;
    }
    data.plan = summary_of(plan);
    data.plan->status = PlanStatus::complete;
    data.plan->batches = std::max<std::uint64_t>(
        (plan.actions.size() + kActionsABatchMax - 1) / kActionsABatchMax, 1);
    for (std::size_t n = 0; n < plan.actions.size(); ++n) {
      const std::uint64_t entry = data.actions_end++;
      data.actions[entry] = {.entry = entry_name(entry),
                             .plan = plan.id,
                             .epoch = plan.epoch,
                             .n = n,
                             .action = plan.actions[n],
                             .deadline_ms = plan.valid_until_ms};
    }
    return Published::now;
  }

  Stored<std::optional<PlanSummary>> plan(std::string_view edge) override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->edge(edge).plan;
  }

  Stored<std::vector<DeadLetter>> dead_letters(std::string_view edge, std::string_view after,
                                               std::size_t count) override {
    const std::lock_guard lock(shared_->mutex);
    std::vector<DeadLetter> letters;
    for (const DeadLetter& letter : shared_->edge(edge).dead) {
      if (letters.size() < count && letter.entry > after) letters.push_back(letter);
    }
    return letters;
  }

  Stored<std::optional<EdgeReport>> report(std::string_view edge) override {
    const std::lock_guard lock(shared_->mutex);
    const auto& stored = shared_->edge(edge).report;
    if (!stored || stored->ends_at_ms <= shared_->clock()) return std::optional<EdgeReport>();
    return std::optional(stored->report);
  }

  Stored<InventoryDigests> inventory_digests(std::string_view edge) override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->edge(edge).digests;
  }

  Stored<std::vector<Holding>> inventory(std::string_view edge, std::size_t bucket) override {
    const std::lock_guard lock(shared_->mutex);
    std::vector<Holding> holdings;
    for (const auto& [content, object] : shared_->edge(edge).objects) {
      if (!object.is_complete || inventory_bucket(content) != bucket) continue;
      holdings.push_back({.content = content, .size_bytes = object.meta.length_bytes});
    }
    return holdings;
  }

  Stored<InventoryChanges> inventory_changes(std::string_view edge, std::uint64_t after_seq,
                                             std::size_t count) override {
    const std::lock_guard lock(shared_->mutex);
    const EdgeData& data = shared_->edge(edge);
    InventoryChanges result;
    for (const InventoryChange& change : data.changes) {
      if (result.changes.size() < count && change.seq > after_seq) result.changes.push_back(change);
    }
    const std::uint64_t next =
        result.changes.empty() ? data.digests.seq + 1 : result.changes.front().seq;
    result.has_gap = next != after_seq + 1;
    return result;
  }

  Stored<RequestBatches> read_requests(std::string_view edge, std::string_view group,
                                       std::string_view consumer, std::size_t entries,
                                       std::int64_t idle_ms) override;

  Stored<Done> forget_requests(std::string_view edge, std::string_view group,
                               std::span<const std::string> entries) override {
    const std::lock_guard lock(shared_->mutex);
    RequestGroup& reading = shared_->edge(edge).groups[std::string(group)];
    for (const std::string& entry : entries) reading.pending.erase(number_of(entry));
    return Done{};
  }

 private:
  SharedMemory shared_;
};

Stored<RequestBatches> MemoryEdgeStore::read_requests(std::string_view edge, std::string_view group,
                                                      std::string_view /*consumer*/,
                                                      std::size_t entries, std::int64_t idle_ms) {
  const std::lock_guard lock(shared_->mutex);
  EdgeData& data = shared_->edge(edge);
  RequestGroup& reading = data.groups[std::string(group)];
  const std::int64_t now_ms = shared_->clock();
  RequestBatches result;
  const auto give = [&](std::uint64_t entry) {
    reading.pending[entry] = {.given_at_ms = now_ms};
    result.batches.push_back(
        {.entry = entry_name(entry), .requests = data.requests[entry - data.requests_begin]});
  };
  const auto lost = reading.pending.lower_bound(data.requests_begin);
  result.lost_entries = static_cast<std::uint64_t>(std::distance(reading.pending.begin(), lost));
  reading.pending.erase(reading.pending.begin(), lost);
  if (reading.next < data.requests_begin) {
    result.lost_entries += data.requests_begin - reading.next;
    reading.next = data.requests_begin;
  }
  for (const auto& [entry, pending] : reading.pending) {
    if (result.batches.size() < entries && now_ms - pending.given_at_ms >= idle_ms) give(entry);
  }
  const std::uint64_t end = data.requests_begin + data.requests.size();
  for (std::size_t i = 0; i < entries && reading.next < end; ++i) give(reading.next++);
  return result;
}

class MemoryLease final : public PlannerLease {
 public:
  explicit MemoryLease(SharedMemory shared) : shared_(std::move(shared)) {}

  Stored<std::optional<std::uint64_t>> acquire(std::string_view owner,
                                               std::int64_t ttl_ms) override {
    const std::lock_guard lock(shared_->mutex);
    const bool is_held = shared_->clock() < shared_->lease_ends_at_ms;
    if (is_held && shared_->owner != owner) return std::optional<std::uint64_t>();
    if (!is_held) ++shared_->epoch;
    shared_->owner = owner;
    shared_->lease_ends_at_ms = shared_->clock() + ttl_ms;
    return std::optional(shared_->epoch);
  }
  Stored<bool> renew(std::string_view owner, std::int64_t ttl_ms) override {
    return keep(owner, ttl_ms);
  }
  Stored<bool> release(std::string_view owner) override { return keep(owner, 0); }

 private:
  Stored<bool> keep(std::string_view owner, std::int64_t ttl_ms) {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->owner != owner || shared_->clock() >= shared_->lease_ends_at_ms) return false;
    shared_->lease_ends_at_ms = shared_->clock() + ttl_ms;
    return true;
  }

  SharedMemory shared_;
};

}  // namespace

MemoryStore::MemoryStore(Clock clock) : shared_(std::make_shared<Shared>()) {
  shared_->clock = std::move(clock);
}
MemoryStore::~MemoryStore() = default;

std::unique_ptr<EdgeStore> MemoryStore::controller() {
  return std::make_unique<MemoryEdgeStore>(shared_);
}

std::unique_ptr<AgentStore> MemoryStore::agent(std::string_view edge) {
  return make_memory_agent_store(shared_, edge);
}

std::unique_ptr<PlannerLease> MemoryStore::lease() {
  return std::make_unique<MemoryLease>(shared_);
}

std::unique_ptr<PurgeStore> MemoryStore::purges() {
  return make_memory_purge_store(shared_);
}

std::unique_ptr<EdgePurges> MemoryStore::purges_of(std::string_view edge) {
  return make_memory_edge_purges(shared_, edge);
}

}  // namespace edgeward::cache
