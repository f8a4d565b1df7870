#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace edgeward::test {

/// A real redis-server on a free loopback port, in a folder of its own, that keeps an append-only
/// file. It ends with the object, and with the test's process if that dies before.
class RedisServer {
 public:
  /// `arguments` go to redis-server: {"--requirepass", "secret"}.
  explicit RedisServer(std::vector<std::string> arguments = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// HOST:PORT.
  [[nodiscard]] std::string address() const;

  /// SIGKILL.
  void kill();
  /// On the same port, from what is on disk; waits until it answers.
  void start();
  /// It keeps its connections, takes new ones, and says nothing.
  void hang();
  void go_on();

  /// Says one line and gives the first line of the answer.
  [[nodiscard]] std::string ask(const std::string& line) const;

 private:
  [[nodiscard]] bool try_start();

  TemporaryFolder folder_;
  std::vector<std::string> arguments_;
  std::uint16_t port_ = 0;
  pid_t child_ = -1;
};

/// A port of the loopback interface that was free a moment ago.
[[nodiscard]] std::uint16_t free_port();

}  // namespace edgeward::test
