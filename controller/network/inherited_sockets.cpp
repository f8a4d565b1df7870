#include "controller/network/inherited_sockets.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace edgeward::controller {

namespace {

bool is_inet(int socket, int type) {
  const int is_listening = type == SOCK_STREAM ? 1 : -1;  // datagrams need no listen(2)
  return ::sd_is_socket_inet(socket, AF_UNSPEC, type, is_listening, 0) > 0;
}

void sort_in(InheritedSockets& sockets, int socket, std::string_view name) {
  const bool is_stream = is_inet(socket, SOCK_STREAM);
  if (!is_stream && !(name == "dns" && is_inet(socket, SOCK_DGRAM))) {
    throw std::runtime_error(fmt::format(
        "socket {} '{}' was handed over: expected one that listens, IPv4 or IPv6, TCP{}", socket,
        name, name == "dns" ? " or UDP" : ""));
  }
  if (name == "http") {
    sockets.http.push_back(socket);
  } else if (name == "admin") {
    sockets.admin.push_back(socket);
  } else if (name == "dns") {
    (is_stream ? sockets.dns_tcp : sockets.dns_udp).push_back(socket);
  } else {
    throw std::runtime_error(
        fmt::format("socket {} '{}' was handed over: expected the name (FileDescriptorName= of "
                    "its unit) http, admin or dns",
                    socket, name));
  }
}

}  // namespace

InheritedSockets inherited_sockets() {
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(0, &names);
  if (count < 0) {
    throw std::runtime_error(
        fmt::format("LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES: error {}: expected what "
                    "sd_listen_fds(3) says",
                    -count));
  }
  std::vector<std::string> own_names;
  for (int i = 0; i < count; ++i) {
    own_names.emplace_back(names[i]);
    std::free(names[i]);
  }
  std::free(names);
  InheritedSockets sockets;
  for (int i = 0; i < count; ++i) {
    sort_in(sockets, SD_LISTEN_FDS_START + i, own_names[static_cast<std::size_t>(i)]);
  }
  if (sockets.dns_udp.size() != sockets.dns_tcp.size()) {
    throw std::runtime_error(
        fmt::format("{} UDP and {} TCP sockets were handed over for dns: expected as many of each",
                    sockets.dns_udp.size(), sockets.dns_tcp.size()));
  }
  return sockets;
}

std::string local_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(socket, generic, &size) != 0 ||
      ::getnameinfo(generic, size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "an unknown address";
  }
  const bool is_v6 = address.ss_family == AF_INET6;
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host.data(), is_v6 ? "]" : "", port.data());
}

}  // namespace edgeward::controller
