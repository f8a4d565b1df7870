#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/loopback.hpp"

namespace edgeward::test {

/// Stands between clients and a server on the loopback interface and may spoil what clients say: a
/// thread a connection.
class TcpProxy {
 public:
  enum class Verdict : std::uint8_t {
    pass,
    reset,  ///< both sides see their connection reset; the piece is lost
    hold,   ///< the piece and all after it go nowhere, and nobody is told
  };
  /// Asked for every piece as it comes from a client, one at a time for all connections.
  using Judge = std::function<Verdict(std::string_view piece)>;

  TcpProxy(std::uint16_t server_port, Judge judge);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  /// HOST:PORT.
  [[nodiscard]] std::string address() const;

 private:
  void accept();
  void carry(int client, int server);
  [[nodiscard]] Verdict judge(std::string_view piece);

  std::uint16_t server_port_;
  Judge judge_;
  Listener listener_;
  std::mutex mutex_;  ///< guards what follows, and the judge
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace edgeward::test
