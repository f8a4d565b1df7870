#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cache/store/agent_store.hpp"
#include "cache/store/edge_store.hpp"
#include "cache/store/purge_store.hpp"

namespace edgeward::cache {

/// What controllers and edges share, in the memory of one process: the embedded default, and what
/// the other stores are held to. It is lost with the process. Controllers' and agents' sides are
/// views of it, to be used from any number of threads, one view a thread.
class MemoryStore {
 public:
  /// Milliseconds of a clock that nobody sets.
  using Clock = std::function<std::int64_t()>;

  explicit MemoryStore(Clock clock);
  ~MemoryStore();

  [[nodiscard]] std::unique_ptr<EdgeStore> controller();
  [[nodiscard]] std::unique_ptr<AgentStore> agent(std::string_view edge);
  [[nodiscard]] std::unique_ptr<PlannerLease> lease();
  [[nodiscard]] std::unique_ptr<PurgeStore> purges();
  [[nodiscard]] std::unique_ptr<EdgePurges> purges_of(std::string_view edge);

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace edgeward::cache
