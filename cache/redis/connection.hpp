#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache/redis/command.hpp"
#include "cache/redis/options.hpp"
#include "cache/redis/reply.hpp"
#include "cache/store/store_error.hpp"

namespace edgeward::cache::redis {

/// One connection, logged in. hiredis connects it and reads its answers; when to give up is decided
/// here. The calling thread waits, never longer than the limits say. Names are resolved before the
/// time runs, by the system's resolver and its own timeouts. Not thread-safe.
class Connection {
 public:
  [[nodiscard]] static Stored<Connection> open(const Address& address, const Login& login,
                                               const ConnectionLimits& limits, const Clock& clock);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  /// Sends all commands at once and gives their answers, error answers among them. After an error
  /// of the connection's own it is not to be used again.
  [[nodiscard]] Stored<std::vector<Reply>> run(std::span<const Command> commands);

 private:
  struct State;
  explicit Connection(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace edgeward::cache::redis
