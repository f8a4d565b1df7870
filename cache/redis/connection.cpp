#include "cache/redis/connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace edgeward::cache::redis {

namespace {

/// Addresses of one name that are tried.
constexpr std::size_t kAddressesMax = 4;

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;

Stored<std::vector<std::string>> resolve(const Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return failed(StoreFault::unreachable,
                  fmt::format("{}: {}", address.text(), ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, ::freeaddrinfo);
  std::vector<std::string> texts;
  for (const addrinfo* one = found; one != nullptr && texts.size() < kAddressesMax;
       one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      texts.emplace_back(text.data());
    }
  }
  return texts;
}

/// Waits until the descriptor is ready for one of `events`; gives those that came.
Stored<short> wait_for(int descriptor, short events, std::int64_t deadline_ms, const Clock& clock,
                       const std::string& where) {
  while (true) {
    const std::int64_t left_ms = deadline_ms - clock();
    pollfd waiting{.fd = descriptor, .events = events, .revents = 0};
    const int count = left_ms <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left_ms));
    if (count > 0) return waiting.revents;
    if (count == 0) {
      return failed(StoreFault::timeout, fmt::format("Redis at {} did not answer in time", where));
    }
    if (errno != EINTR) {
      return failed(StoreFault::unreachable, fmt::format("{}: {}", where, std::strerror(errno)));
    }
  }
}

Stored<Context> connect(const std::string& ip, std::uint16_t port, std::int64_t deadline_ms,
                        const Clock& clock, const std::string& where) {
  Context context(redisConnectNonBlock(ip.c_str(), port));
  const auto refused = [&](const char* why) {
    return failed(StoreFault::unreachable, fmt::format("cannot connect to {}: {}", where, why));
  };
  if (context == nullptr) return refused("no memory");
  if (context->err != 0) return refused(context->errstr);
  ::fcntl(context->fd, F_SETFD, FD_CLOEXEC);
  if (auto ready = wait_for(context->fd, POLLOUT, deadline_ms, clock, where); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(context->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return refused(std::strerror(error));
  return context;
}

}  // namespace

void Command::encode(std::string& out) const {
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words_) {
    words.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* text = nullptr;
  const int size =
      redisFormatCommandArgv(&text, static_cast<int>(words.size()), words.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  out.append(text, static_cast<std::size_t>(size));
  redisFreeCommand(text);
}

struct Connection::State {
  ConnectionLimits limits;
  Clock clock;
  std::string where;
  Context context;
  ReplyReader reader;
  std::string output{};
  std::vector<char> input = std::vector<char>(64 << 10);

  [[nodiscard]] Stored<std::vector<Reply>> exchange(std::size_t count, std::int64_t deadline_ms);
  [[nodiscard]] Stored<Done> send(std::size_t& sent);
  [[nodiscard]] Stored<Done> receive();
};

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

/// Commands are written while answers are read, so that neither side waits for the other to read.
Stored<std::vector<Reply>> Connection::State::exchange(std::size_t count,
                                                       std::int64_t deadline_ms) {
  std::vector<Reply> replies;
  std::size_t sent = 0;
  while (replies.size() < count) {
    auto reply = reader.next();
    if (!reply) {
      reply.error().message += fmt::format(" (Redis at {})", where);
      return tl::unexpected(std::move(reply.error()));
    }
    if (*reply) {
      replies.push_back(std::move(**reply));
      continue;
    }
    const bool has_output = sent < output.size();
    const auto events = static_cast<short>(has_output ? POLLIN | POLLOUT : POLLIN);
    const auto ready = wait_for(context->fd, events, deadline_ms, clock, where);
    if (!ready) return tl::unexpected(ready.error());
    if (has_output && (*ready & POLLOUT) != 0) {
      if (auto done = send(sent); !done) return tl::unexpected(std::move(done.error()));
    }
    if ((*ready & ~POLLOUT) != 0) {
      if (auto done = receive(); !done) return tl::unexpected(std::move(done.error()));
    }
  }
  return replies;
}

Stored<Done> Connection::State::send(std::size_t& sent) {
  const ssize_t count =
      ::send(context->fd, output.data() + sent, output.size() - sent, MSG_NOSIGNAL);
  if (count >= 0) {
    sent += static_cast<std::size_t>(count);
  } else if (errno != EAGAIN && errno != EINTR) {
    return failed(StoreFault::unreachable, fmt::format("{}: {}", where, std::strerror(errno)));
  }
  return Done{};
}

Stored<Done> Connection::State::receive() {
  const ssize_t count = ::recv(context->fd, input.data(), input.size(), 0);
  if (count > 0) {
    reader.feed({input.data(), static_cast<std::size_t>(count)});
  } else if (count == 0) {
    return failed(StoreFault::unreachable, fmt::format("{} closed the connection", where));
  } else if (errno != EAGAIN && errno != EINTR) {
    return failed(StoreFault::unreachable, fmt::format("{}: {}", where, std::strerror(errno)));
  }
  return Done{};
}

Stored<std::vector<Reply>> Connection::run(std::span<const Command> commands) {
  State& state = *state_;
  state.output.clear();
  for (const Command& command : commands) {
    command.encode(state.output);
    if (state.output.size() > state.limits.output_bytes_max) {
      return failed(StoreFault::too_large,
                    fmt::format("commands of more than {} bytes", state.limits.output_bytes_max));
    }
  }
  return state.exchange(commands.size(), state.clock() + state.limits.command_timeout_ms);
}

Stored<Connection> Connection::open(const Address& address, const Login& login,
                                    const ConnectionLimits& limits, const Clock& clock) {
  const std::string where = address.text();
  const auto ips = resolve(address);
  if (!ips) return tl::unexpected(ips.error());
  StoreError last{.fault = StoreFault::unreachable, .message = where + ": no address"};
  for (const std::string& ip : *ips) {
    const std::int64_t deadline_ms = clock() + limits.connect_timeout_ms;
    auto context = connect(ip, address.port, deadline_ms, clock, where);
    if (!context) {
      last = std::move(context.error());
      continue;
    }
    Connection connection(std::make_unique<State>(State{.limits = limits,
                                                        .clock = clock,
                                                        .where = where,
                                                        .context = std::move(*context),
                                                        .reader = ReplyReader(limits)}));
    if (login.password.empty()) return connection;
    Command auth{"AUTH"};
    if (!login.user.empty()) auth.add(login.user);
    auth.add(login.password).encode(connection.state_->output);
    auto reply = connection.state_->exchange(1, deadline_ms);
    if (!reply) return tl::unexpected(std::move(reply.error()));
    if (!reply->front().is_error()) return connection;
    // Whatever the words, a login that fails is one that was refused.
    StoreError error = error_of(reply->front(), where);
    if (!is_passing(error.fault)) error.fault = StoreFault::refused;
    return tl::unexpected(std::move(error));
  }
  return tl::unexpected(std::move(last));
}

}  // namespace edgeward::cache::redis
