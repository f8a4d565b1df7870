#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cache/edge.hpp"
#include "cache/store/agent_store.hpp"
#include "cache/store/purge_store.hpp"
#include "controller/agent/agent_options.hpp"
#include "controller/http/http_url.hpp"
#include "controller/log/log.hpp"

namespace edgeward::controller {

/// What an agent is started with.
struct AgentSetup {
  const cache::Edge& edge;
  AgentOptions options;
  HttpUrl fill_from;  ///< origin or parent
  /// One for each thread that waits for the store.
  std::function<std::unique_ptr<cache::AgentStore>(unsigned thread)> make_store;
  std::function<std::unique_ptr<cache::EdgePurges>(unsigned thread)> make_purges;
};

/// The reference edge: an HTTP cache whose objects lie in its store, which tells controllers what
/// it holds and was asked for, and does what their plans say. One thread serves, others wait for
/// the store. Where that is away, clients get what they ask for from the origin.
class Agent {
 public:
  /// Binds; throws std::runtime_error that names the address.
  Agent(const AgentSetup& setup, const Log& log);
  ~Agent();

  /// ADDRESS:PORT.
  [[nodiscard]] std::string listens_at() const;
  /// Takes up what the store holds, then serves until SIGTERM or SIGINT; what is being asked then
  /// is answered. Throws Unreachable where the store does not answer, std::runtime_error where it
  /// refuses. `ready` is called when clients are answered.
  void run(const std::function<void()>& ready);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace edgeward::controller
