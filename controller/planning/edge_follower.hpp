#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "cache/store/edge_store.hpp"
#include "controller/log/log.hpp"
#include "controller/planning/followed_edges.hpp"

namespace edgeward::controller {

/// An edge that is followed: its name, its number, where what it tells goes.
struct Following {
  std::string name;
  cache::EdgeId edge = cache::kNoEdge;
  FollowedEdge* to = nullptr;
};

/// What else is done with what edges tell. Called by followers' threads, several at once.
struct FollowSinks {
  std::function<void(const std::string& edge, const cache::EdgeReport&)> report;
  /// False if no more are taken just now: they are read again later.
  std::function<bool(std::span<const cache::CacheEvent>, const cache::Fleet&)> learn;
};

struct FollowOptions {
  std::int64_t interval_ms = 250;  ///< from one round to the next
  std::string group;               ///< of consumers, whose every member sees a part of the requests
  std::string consumer;
};

/// Reads what edges tell through their store, round after round, on a thread of its own, so that a
/// store that is away keeps nobody waiting but its own edges: states, requests, inventories. A
/// request is forgotten by the store once it was taken here; one that broke off comes again.
class EdgeFollower {
 public:
  /// `edges` are numbered as in `fleet`.
  EdgeFollower(std::unique_ptr<cache::EdgeStore> store, std::shared_ptr<const cache::Fleet> fleet,
               std::vector<Following> edges, FollowSinks sinks, FollowOptions options,
               const Log& log);
  ~EdgeFollower();

 private:
  void run();
  void follow(const Following& edge, bool compares_inventory);
  [[nodiscard]] cache::Stored<cache::Done> read_all(const Following& edge, bool compares_inventory);
  [[nodiscard]] cache::Stored<cache::Done> read_report(const Following& edge);
  [[nodiscard]] cache::Stored<cache::Done> read_requests(const Following& edge);
  [[nodiscard]] bool take(const Following& edge, cache::RequestBatches& read);
  [[nodiscard]] cache::Stored<cache::Done> read_inventory(const Following& edge, bool compares);

  std::unique_ptr<cache::EdgeStore> store_;
  std::shared_ptr<const cache::Fleet> fleet_;
  std::vector<Following> edges_;
  FollowSinks sinks_;
  FollowOptions options_;
  const Log& log_;
  std::vector<cache::CacheEvent> events_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace edgeward::controller
