#pragma once

#include <string>
#include <vector>

namespace edgeward::controller {

/// Listening sockets that whoever started the service holds for it (socket activation,
/// sd_listen_fds(3)). They stand in for the addresses of the configuration, one kind at a time, and
/// outlive the service: what arrives between two runs waits in the kernel for the next.
struct InheritedSockets {
  std::vector<int> http;
  std::vector<int> admin;
  std::vector<int> dns_udp;
  std::vector<int> dns_tcp;  ///< as many as dns_udp
};

/// Those named http, admin and dns in $LISTEN_FDNAMES, if $LISTEN_PID means this process; none
/// otherwise. Throws std::runtime_error for another name, or a socket that is not of the kind.
[[nodiscard]] InheritedSockets inherited_sockets();

/// Where a socket listens: "127.0.0.1:80", "[::1]:80".
[[nodiscard]] std::string local_address(int socket);

}  // namespace edgeward::controller
