#include "tests/tcp_proxy.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "tests/loopback.hpp"

namespace edgeward::test {

namespace {

/// From now on closing it sends a reset.
void reset_at_close(int socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace

TcpProxy::TcpProxy(std::uint16_t server_port, Judge judge)
    : server_port_(server_port),
      judge_(std::move(judge)),
      listener_(listen_on_loopback()),
      accepting_([this] { accept(); }) {}

TcpProxy::~TcpProxy() {
  ::shutdown(listener_.socket, SHUT_RDWR);
  accepting_.join();
  ::close(listener_.socket);
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

std::string TcpProxy::address() const {
  return fmt::format("127.0.0.1:{}", listener_.port);
}

void TcpProxy::accept() {
  while (true) {
    const int client = ::accept4(listener_.socket, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = connect_to(server_port_);
    if (server < 0) {
      reset_at_close(client);
      ::close(client);
      continue;
    }
    const std::lock_guard lock(mutex_);
    sockets_.insert(sockets_.end(), {client, server});
    threads_.emplace_back([this, client, server] { carry(client, server); });
  }
}

void TcpProxy::carry(int client, int server) {
  std::array<char, 65'536> bytes;
  bool is_held = false;
  while (true) {
    std::array<pollfd, 2> ready{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), -1) < 0) break;
    const bool is_client = ready[0].revents != 0;
    const ssize_t count = ::recv(is_client ? client : server, bytes.data(), bytes.size(), 0);
    if (count <= 0) break;
    const std::string_view piece(bytes.data(), static_cast<std::size_t>(count));
    if (!is_client) {
      if (!send_all(client, piece)) break;
      continue;
    }
    const Verdict verdict = is_held ? Verdict::hold : judge(piece);
    is_held = verdict == Verdict::hold;
    if (verdict == Verdict::reset) {
      reset_at_close(client);
      reset_at_close(server);
      break;
    }
    if (verdict == Verdict::pass && !send_all(server, piece)) break;
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(sockets_, [&](int socket) { return socket == client || socket == server; });
  ::close(client);
  ::close(server);
}

TcpProxy::Verdict TcpProxy::judge(std::string_view piece) {
  const std::lock_guard lock(mutex_);
  return judge_(piece);
}

}  // namespace edgeward::test
