// An HTTP client that does not wait: so many requests a second, whether those before are answered
// or not, as the world asks a service that has too little of everything.
//   edgeward_open_loop_client_bench PORT RATE SECONDS [CONNECTIONS [PATH]]
// Requests are due evenly spaced; of each the time from when it was due to its whole answer counts,
// so that what a service leaves in queues is not left out (coordinated omission: Tene 2013). Prints
// what was accepted and what was refused (503) a second, with percentiles of each, and what was
// not answered within two seconds of the end. The first second is warm-up and not counted.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kWarmUpSeconds = 1;
constexpr double kPatienceSeconds = 2;
constexpr auto kRetryAfter = std::chrono::seconds(1);  ///< as the service asks for
constexpr std::size_t kReadBytes = 256 << 10;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
    throw std::runtime_error(fmt::format("cannot reach 127.0.0.1:{}", port));
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

/// What became of requests, by how long it took.
struct Outcomes {
  std::vector<double> accepted_ms;
  std::vector<double> refused_ms;
  std::size_t held_back = 0;  ///< since their connection was refused shortly before
  std::size_t unanswered = 0;
  std::size_t wrong = 0;   ///< none of 200, 302, 503
  std::size_t closed = 0;  ///< connections that the service ended
};

/// One connection: what is to be sent, and when each request that is not answered was due.
class Connection {
 public:
  /// Watched by `events`, an epoll instance, of every change.
  Connection(std::uint16_t port, int events, Clock::time_point counted_from, Outcomes& outcomes)
      : port_(port), events_(events), counted_from_(counted_from), outcomes_(outcomes) {
    open();
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void ask(std::string_view request, Clock::time_point due) {
    if (due < retry_at_) {
      outcomes_.held_back += due >= counted_from_ ? 1 : 0;
      return;
    }
    unsent_ += request;
    due_.push_back(due);
  }

  void send() {
    while (sent_ < unsent_.size()) {
      const ssize_t count = ::send(socket_, unsent_.data() + sent_, unsent_.size() - sent_,
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0) {
        if (errno != EAGAIN && errno != EINTR) reconnect();
        return;
      }
      sent_ += static_cast<std::size_t>(count);
    }
    unsent_.clear();
    sent_ = 0;
  }

  /// All that there is.
  void receive(std::vector<char>& buffer) {
    while (true) {
      const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (count <= 0) {
        take_answers();
        return reconnect();
      }
      unread_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    take_answers();
  }

  [[nodiscard]] bool is_waiting() const { return !due_.empty(); }
  void give_up(std::size_t& counted_as) {
    for (const Clock::time_point due : due_) counted_as += due >= counted_from_ ? 1 : 0;
    due_.clear();
  }

 private:
  void open() {
    socket_ = connect_to(port_);
    epoll_event wanted{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = this}};
    ::epoll_ctl(events_, EPOLL_CTL_ADD, socket_, &wanted);
  }

  void take_answers() {
    const Clock::time_point now = Clock::now();
    std::size_t begin = 0;
    while (!due_.empty()) {
      const std::string_view rest = std::string_view(unread_).substr(begin);
      const std::size_t header = rest.find("\r\n\r\n");
      if (header == std::string_view::npos) break;
      constexpr std::string_view kLength = "Content-Length: ";
      const std::size_t length_at = rest.substr(0, header).find(kLength);
      std::size_t length = 0;
      if (length_at != std::string_view::npos) {
        const char* const digits = rest.data() + length_at + kLength.size();
        std::from_chars(digits, rest.data() + header, length);
      }
      const std::size_t size = header + 4 + length;
      if (rest.size() < size) break;
      note(rest.substr(std::min<std::size_t>(9, header), 3), now);
      begin += size;
    }
    unread_.erase(0, begin);
  }

  void note(std::string_view status, Clock::time_point now) {
    const Clock::time_point due = due_.front();
    due_.pop_front();
    const bool is_refused = status == "503";
    if (is_refused) retry_at_ = now + kRetryAfter;
    if (due < counted_from_) return;
    const double ms = seconds_between(due, now) * 1e3;
    if (is_refused) {
      outcomes_.refused_ms.push_back(ms);
    } else if (status == "302" || status == "200") {
      outcomes_.accepted_ms.push_back(ms);
    } else {
      ++outcomes_.wrong;
    }
  }

  void reconnect() {
    ++outcomes_.closed;
    // What went down with a refused one would have been refused as well.
    give_up(Clock::now() < retry_at_ ? outcomes_.held_back : outcomes_.unanswered);
    ::close(socket_);
    unsent_.clear();
    unread_.clear();
    sent_ = 0;
    open();
  }

  std::uint16_t port_;
  int events_;
  int socket_ = -1;
  Clock::time_point counted_from_;
  Outcomes& outcomes_;
  std::string unsent_;
  std::size_t sent_ = 0;
  std::string unread_;
  std::deque<Clock::time_point> due_;
  Clock::time_point retry_at_{};
};

std::string row(const char* name, std::vector<double>& ms, double seconds) {
  if (ms.empty()) return fmt::format("{:<10} none\n", name);
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double ratio) {
    return ms[static_cast<std::size_t>(ratio * static_cast<double>(ms.size() - 1))];
  };
  return fmt::format(
      "{:<10} {:>9.0f}/s  p50 {:.2f} ms  p99 {:.2f} ms  p99.9 {:.2f} ms  max {:.2f} ms\n", name,
      static_cast<double>(ms.size()) / seconds, at(0.5), at(0.99), at(0.999), ms.back());
}

int run(std::uint16_t port, double rate, double seconds, std::size_t count, std::string_view path) {
  const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
  Outcomes outcomes;
  const Clock::time_point start = Clock::now();
  const auto after = [&](double later) {
    return start +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(later));
  };
  const Clock::time_point end = after(kWarmUpSeconds + seconds);
  const Clock::time_point patience = after(kWarmUpSeconds + seconds + kPatienceSeconds);
  const int events = ::epoll_create1(0);
  std::deque<Connection> connections;
  for (std::size_t i = 0; i < count; ++i) {
    connections.emplace_back(port, events, after(kWarmUpSeconds), outcomes);
  }
  std::vector<epoll_event> arrived(count);
  std::vector<char> buffer(kReadBytes);
  std::uint64_t asked = 0;
  while (true) {
    const Clock::time_point now = Clock::now();
    if (now < end) {
      const std::uint64_t before = asked;
      const auto due = static_cast<std::uint64_t>(seconds_between(start, now) * rate);
      for (; asked < due; ++asked) {
        connections[asked % count].ask(request, after(static_cast<double>(asked) / rate));
      }
      const std::uint64_t touched = std::min<std::uint64_t>(asked - before, count);
      for (std::uint64_t i = before; i < before + touched; ++i) connections[i % count].send();
    } else {
      const bool is_waiting = std::any_of(connections.begin(), connections.end(),
                                          [](const Connection& one) { return one.is_waiting(); });
      if (!is_waiting || now >= patience) break;
    }
    const int ready = ::epoll_wait(events, arrived.data(), static_cast<int>(count), 1);
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(arrived[static_cast<std::size_t>(i)].data.ptr);
      connection.receive(buffer);
      connection.send();
    }
  }
  for (Connection& connection : connections) connection.give_up(outcomes.unanswered);
  fmt::print("asked      {:>9.0f}/s\n{}{}", rate, row("accepted", outcomes.accepted_ms, seconds),
             row("refused", outcomes.refused_ms, seconds));
  fmt::print("unanswered {}, wrong {}, connections closed {}\n", outcomes.unanswered,
             outcomes.wrong, outcomes.closed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 6) {
    fmt::print(stderr, "usage: {} PORT RATE SECONDS [CONNECTIONS [PATH]]\n", argv[0]);
    return 2;
  }
  try {
    return run(static_cast<std::uint16_t>(std::atoi(argv[1])), std::atof(argv[2]),
               std::atof(argv[3]), argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 64,
               argc > 5 ? argv[5] : "/r/video/1.mp4");
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
