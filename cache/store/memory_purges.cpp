#include <algorithm>
#include <utility>

#include "cache/store/memory_data.hpp"

namespace edgeward::cache {

namespace {

class MemoryPurgeStore final : public PurgeStore {
 public:
  explicit MemoryPurgeStore(SharedMemory shared) : shared_(std::move(shared)) {}

  Stored<bool> ask(const Purge& purge, std::span<const std::string> awaited,
                   std::int64_t ttl_ms) override {
    if (purge.text.size() > kKeyBytesMax) return failed(StoreFault::too_large, "a key");
    const std::lock_guard lock(shared_->mutex);
    if (find(purge.id) != nullptr) return false;
    StoredPurge& stored = shared_->purge_answers[purge.id];
    stored = {.status = {.purge = purge, .answers = {}}, .ends_at_ms = shared_->clock() + ttl_ms};
    std::vector<std::string> edges(awaited.begin(), awaited.end());
    std::sort(edges.begin(), edges.end());
    for (std::string& edge : edges) stored.status.answers.push_back({std::move(edge), {}});
    shared_->purges.push_back(purge);
    shared_->purges.back().entry = entry_name(shared_->purges_end++);
    if (shared_->purges.size() > kPurgesMax) shared_->purges.pop_front();
    return true;
  }

  Stored<std::optional<PurgeStatus>> status(std::string_view id) override {
    const std::lock_guard lock(shared_->mutex);
    const StoredPurge* const stored = find(id);
    return stored == nullptr ? std::nullopt : std::optional(stored->status);
  }

  Stored<std::vector<Purge>> latest(std::size_t count) override {
    const std::lock_guard lock(shared_->mutex);
    const auto& purges = shared_->purges;
    const auto end = purges.rbegin() + static_cast<std::ptrdiff_t>(std::min(count, purges.size()));
    return std::vector<Purge>(purges.rbegin(), end);
  }

 private:
  [[nodiscard]] const StoredPurge* find(std::string_view id) const {
    const auto found = shared_->purge_answers.find(id);
    if (found == shared_->purge_answers.end()) return nullptr;
    return shared_->clock() < found->second.ends_at_ms ? &found->second : nullptr;
  }

  SharedMemory shared_;
};

class MemoryEdgePurges final : public EdgePurges {
 public:
  MemoryEdgePurges(SharedMemory shared, std::string_view edge)
      : shared_(std::move(shared)), edge_(edge) {}

  Stored<std::string> position() override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->edge(edge_).purge_position;
  }

  Stored<Done> set_position(std::string_view entry) override {
    const std::lock_guard lock(shared_->mutex);
    shared_->edge(edge_).purge_position = entry;
    return Done{};
  }

  Stored<PurgeNews> purges(std::string_view after, std::size_t count) override {
    const std::lock_guard lock(shared_->mutex);
    PurgeNews news{.purges = {}, .last = std::string(after), .lost_before_ms = {}};
    for (const Purge& purge : shared_->purges) {
      if (news.purges.size() < count && purge.entry > after) news.purges.push_back(purge);
    }
    if (news.purges.empty()) return news;
    const std::uint64_t next = after.empty() ? 1 : number_of(after) + 1;
    const Purge& first = news.purges.front();
    if (number_of(first.entry) != next) news.lost_before_ms = first.at_ms;
    news.last = news.purges.back().entry;
    return news;
  }

  Stored<Done> acknowledge(std::string_view id, std::uint64_t removed) override {
    const std::lock_guard lock(shared_->mutex);
    const auto found = shared_->purge_answers.find(id);
    if (found == shared_->purge_answers.end()) return Done{};
    for (PurgeAnswer& answer : found->second.status.answers) {
      if (answer.edge == edge_ && !answer.removed) answer.removed = removed;
    }
    return Done{};
  }

 private:
  SharedMemory shared_;
  std::string edge_;
};

}  // namespace

std::unique_ptr<PurgeStore> make_memory_purge_store(SharedMemory shared) {
  return std::make_unique<MemoryPurgeStore>(std::move(shared));
}

std::unique_ptr<EdgePurges> make_memory_edge_purges(SharedMemory shared, std::string_view edge) {
  return std::make_unique<MemoryEdgePurges>(std::move(shared), edge);
}

}  // namespace edgeward::cache
