#include <utility>

#include "cache/store/memory_data.hpp"

namespace edgeward::cache {

namespace {

class MemoryAgentStore final : public AgentStore {
 public:
  MemoryAgentStore(SharedMemory shared, std::string_view edge)
      : shared_(std::move(shared)), edge_(edge) {}

  Stored<Done> begin_object(ContentId content, std::uint64_t version) override {
    const std::lock_guard lock(shared_->mutex);
    StoredObject& object = data().objects[content];
    data().note_gone(object, content);
    object = {.version = version};
    return Done{};
  }

  Stored<Done> put_chunk(ContentId content, std::uint64_t n, std::string_view bytes) override {
    const std::lock_guard lock(shared_->mutex);
    data().objects[content].chunks[n] = bytes;
    return Done{};
  }

  Stored<Done> complete_object(ContentId content, const ObjectMeta& meta) override {
    const std::lock_guard lock(shared_->mutex);
    StoredObject& object = data().objects[content];
    const bool is_same = object.is_complete && object.meta.length_bytes == meta.length_bytes;
    if (!is_same) data().note_gone(object, content);
    object.version = meta.version;
    object.meta = meta;
    object.is_complete = true;
    if (!is_same) {
      data().note_change(true, {.content = content, .size_bytes = meta.length_bytes});
    }
    return Done{};
  }

  Stored<bool> update_object(ContentId content, const ObjectMeta& meta) override {
    const std::lock_guard lock(shared_->mutex);
    const auto found = data().objects.find(content);
    if (found == data().objects.end() || !found->second.is_complete ||
        found->second.version != meta.version) {
      return false;
    }
    found->second.meta = meta;
    return true;
  }

  Stored<Done> remove_object(ContentId content, std::uint64_t /*chunks*/) override {
    const std::lock_guard lock(shared_->mutex);
    const auto found = data().objects.find(content);
    if (found == data().objects.end()) return Done{};
    data().note_gone(found->second, content);
    data().objects.erase(found);
    return Done{};
  }

  Stored<std::optional<std::string>> chunk(ContentId content, std::uint64_t version,
                                           std::uint64_t n) override {
    const std::lock_guard lock(shared_->mutex);
    const auto found = data().objects.find(content);
    if (found == data().objects.end() || found->second.version != version) {
      return std::optional<std::string>();
    }
    const auto chunk = found->second.chunks.find(n);
    if (chunk == found->second.chunks.end()) return std::optional<std::string>();
    return std::optional(chunk->second);
  }

  Stored<std::vector<HeldObject>> recover() override {
    const std::lock_guard lock(shared_->mutex);
    std::erase_if(data().objects, [](const auto& object) { return !object.second.is_complete; });
    std::vector<HeldObject> objects;
    for (const auto& [content, object] : data().objects) {
      objects.push_back({.content = content, .meta = object.meta});
    }
    return objects;
  }

  Stored<Done> report(const EdgeReport& report, std::int64_t ttl_ms) override {
    const std::lock_guard lock(shared_->mutex);
    data().report = {.report = report, .ends_at_ms = shared_->clock() + ttl_ms};
    return Done{};
  }

  Stored<Done> append_requests(std::span<const EdgeRequest> requests) override {
    if (requests.empty()) return Done{};
    if (requests.size() > kRequestsAnEntryMax) return failed(StoreFault::too_large, "an entry");
    const std::lock_guard lock(shared_->mutex);
    data().requests.emplace_back(requests.begin(), requests.end());
    if (data().requests.size() > kRequestEntriesMax) {
      data().requests.pop_front();
      ++data().requests_begin;
    }
    return Done{};
  }

  Stored<std::optional<PlanSummary>> plan() override {
    const std::lock_guard lock(shared_->mutex);
    return data().plan;
  }

  Stored<std::vector<PlannedAction>> next_actions(std::string_view /*consumer*/,
                                                  std::size_t count) override {
    const std::lock_guard lock(shared_->mutex);
    std::vector<PlannedAction> actions;
    for (auto at = data().actions.lower_bound(data().actions_next);
         at != data().actions.end() && actions.size() < count; ++at) {
      data().actions_next = at->first + 1;
      actions.push_back(give(at->first));
    }
    return actions;
  }

  Stored<std::vector<PlannedAction>> claim_actions(std::string_view /*consumer*/, std::size_t count,
                                                   std::int64_t idle_ms) override {
    const std::lock_guard lock(shared_->mutex);
    const std::int64_t now_ms = shared_->clock();
    std::vector<PlannedAction> actions;
    for (const auto& [entry, pending] : data().pending) {
      if (actions.size() == count) break;
      if (now_ms - pending.given_at_ms >= idle_ms) actions.push_back(give(entry));
    }
    return actions;
  }

  Stored<bool> finish(const PlannedAction& action) override {
    const std::lock_guard lock(shared_->mutex);
    return close(action, &PlanSummary::done);
  }

  Stored<bool> give_up(const PlannedAction& action, std::string_view error,
                       std::int64_t at_ms) override {
    const std::lock_guard lock(shared_->mutex);
    if (!close(action, &PlanSummary::failed)) return false;
    data().dead.push_back({.entry = entry_name(data().dead_end++),
                           .plan = action.plan,
                           .n = action.n,
                           .kind = action.action.kind,
                           .content = action.action.content,
                           .key = action.action.key,
                           .at_ms = at_ms,
                           .error = std::string(error)});
    if (data().dead.size() > kDeadLettersMax) data().dead.pop_front();
    return true;
  }

  Stored<Done> drop(std::span<const PlannedAction> actions) override {
    const std::lock_guard lock(shared_->mutex);
    for (const PlannedAction& action : actions) {
      const std::uint64_t entry = number_of(action.entry);
      data().pending.erase(entry);
      data().actions.erase(entry);
    }
    return Done{};
  }

 private:
  EdgeData& data() { return shared_->edge(edge_); }

  PlannedAction give(std::uint64_t entry) {
    Pending& pending = data().pending[entry];
    pending.given_at_ms = shared_->clock();
    PlannedAction action = data().actions[entry];
    action.deliveries = ++pending.deliveries;
    return action;
  }

  bool close(const PlannedAction& action, std::uint64_t PlanSummary::*counter) {
    const std::uint64_t entry = number_of(action.entry);
    if (data().pending.erase(entry) == 0) return false;
    data().actions.erase(entry);
    if (data().plan && data().plan->id == action.plan) ++((*data().plan).*counter);
    return true;
  }

  SharedMemory shared_;
  std::string edge_;
};

}  // namespace

std::unique_ptr<AgentStore> make_memory_agent_store(SharedMemory shared, std::string_view edge) {
  return std::make_unique<MemoryAgentStore>(std::move(shared), edge);
}

}  // namespace edgeward::cache
