#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cache/store/backoff.hpp"
#include "cache/store/purge_store.hpp"
#include "controller/log/log.hpp"

namespace edgeward::controller {

enum class PurgeState : std::uint8_t {
  waiting,    ///< for the store: no edge knows of it yet
  under_way,  ///< edges can read it
  done,       ///< every edge that is waited for has answered
  forgotten,  ///< it was too long ago: answers are kept no more
};
[[nodiscard]] std::string_view name(PurgeState state);

/// A purge as it was known a moment ago.
struct PurgeView {
  cache::PurgeStatus status;
  PurgeState state = PurgeState::waiting;

  bool operator==(const PurgeView&) const = default;
};

/// Tells edges through a store what they are to hold no more, and looks what they answer. The store
/// is waited for by a thread of its own, never by who asks: what is asked for waits while the store
/// is away, in memory only. Knows also the last purges of other controllers. The store is left
/// alone until something is asked. Thread-safe.
class Purging {
 public:
  /// Purges that may wait for a store that is away.
  static constexpr std::size_t kWaitingMax = 64;
  /// Purges that are known: the last of them.
  static constexpr std::size_t kKnownMax = 256;

  Purging(std::unique_ptr<cache::PurgeStore> store, const Log& log);
  ~Purging();
  Purging(const Purging&) = delete;
  Purging& operator=(const Purging&) = delete;

  /// Takes up a purge, which gets its id; an answer of each of these edges is waited for. Nothing
  /// where too many wait.
  std::optional<PurgeView> add(cache::Purge purge, const std::vector<std::string>& awaited);
  [[nodiscard]] std::optional<PurgeView> find(std::string_view id);
  /// Newest first.
  [[nodiscard]] std::vector<PurgeView> latest();
  /// What was asked for of others, or before this was started, is known: a moment after the first
  /// question, if the store answers.
  [[nodiscard]] bool has_read() const;
  /// Why the store is away; empty where it is not.
  [[nodiscard]] std::string store_error() const;

 private:
  struct Known {
    PurgeView view;
    std::int64_t told_at_ms = 0;  ///< or when it was first seen
    std::int64_t look_at_ms = 0;  ///< when its answers are looked at again
  };
  using Ids = std::deque<std::string>;

  void want();
  void run();
  /// How long there is nothing to do.
  [[nodiscard]] std::int64_t work();
  [[nodiscard]] bool tell();
  [[nodiscard]] bool follow(std::int64_t now_ms);
  [[nodiscard]] bool look(std::int64_t now_ms);
  [[nodiscard]] bool learn(const cache::Purge& purge, std::int64_t now_ms);
  void forget_oldest();
  template <class Value>
  bool is_good(const cache::Stored<Value>& stored);

  std::unique_ptr<cache::PurgeStore> store_;  ///< the thread's, as is what follows
  const Log& log_;
  cache::Backoff backoff_;
  std::int64_t follow_at_ms_ = 0;

  mutable std::mutex mutex_;  ///< guards what follows, but the thread
  std::condition_variable wake_;
  std::map<std::string, Known, std::less<>> known_;  ///< by id
  Ids order_;                                        ///< of known_, oldest first
  Ids waiting_;                                      ///< to be told, oldest first
  std::string store_error_;
  bool is_wanted_ = false;
  bool has_read_ = false;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace edgeward::controller
