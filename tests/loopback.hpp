#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string_view>

namespace edgeward::test {

[[nodiscard]] sockaddr_in loopback(std::uint16_t port);

/// A socket that is connected to that port; -1 if nobody takes it.
[[nodiscard]] int connect_to(std::uint16_t port, int kind = SOCK_STREAM);

/// A listening TCP socket and its port.
struct Listener {
  int socket = -1;
  std::uint16_t port = 0;
};
/// On a free port.
[[nodiscard]] Listener listen_on_loopback();

/// Whether all of it went out.
[[nodiscard]] bool send_all(int socket, std::string_view bytes);

}  // namespace edgeward::test
