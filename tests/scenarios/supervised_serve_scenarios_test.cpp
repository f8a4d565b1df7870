#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/loopback.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

// `edgeward serve` as a service manager starts it: it is told how things are, and holds the
// sockets.

namespace edgeward {

namespace {

using test::HttpConnection;
using test::Launch;
using test::Serving;

constexpr int kTimeoutMs = 30'000;

/// What a service manager listens on to hear how the service is.
class NotifySocket {
 public:
  NotifySocket() {
    path_ = (folder_.path() / "notify").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~NotifySocket() { ::close(socket_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  [[nodiscard]] std::string variable() const { return "NOTIFY_SOCKET=" + path_; }
  /// The next message; empty if there is none in time.
  [[nodiscard]] std::string receive(int timeout_ms = kTimeoutMs) const {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, timeout_ms) != 1) return {};
    std::array<char, 4096> buffer;
    const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(size)};
  }
  /// The next message that is not for the watchdog.
  [[nodiscard]] std::string receive_state() const {
    std::string message;
    do {
      message = receive();
    } while (message == "WATCHDOG=1");
    return message;
  }

 private:
  test::TemporaryFolder folder_;
  std::string path_;
  int socket_ = -1;
};

/// A socket of this process on a free port of 127.0.0.1 (or another address), to be handed over.
class OwnSocket {
 public:
  explicit OwnSocket(int type, const char* host = "127.0.0.1") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, host, &address.sin_addr);
    const int low = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    // Out of the way of the numbers that they have after the handing over.
    socket_ = ::fcntl(low, F_DUPFD_CLOEXEC, 100);
    ::close(low);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_, generic, size) == 0);
    if (type == SOCK_STREAM) REQUIRE(::listen(socket_, 1024) == 0);
    REQUIRE(::getsockname(socket_, generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~OwnSocket() { ::close(socket_); }
  OwnSocket(const OwnSocket&) = delete;
  OwnSocket& operator=(const OwnSocket&) = delete;

  [[nodiscard]] int number() const { return socket_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

/// Handed over as systemd does it; `names` are separated by colons.
Launch handing_over(std::vector<int> sockets, const std::string& names) {
  return {.command = {"/bin/sh", "-c", "export LISTEN_PID=$$; exec \"$0\" \"$@\"", EDGEWARD_BINARY},
          .environment = {fmt::format("LISTEN_FDS={}", sockets.size()), "LISTEN_FDNAMES=" + names},
          .sockets = std::move(sockets)};
}

/// Asks over UDP for the demo service's address; whether there was an answer. Waits for one that
/// is late, asks once.
bool ask_dns(std::uint16_t port) {
  const std::string query(
      "\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x03"
      "cdn\x07"
      "example\x00\x00\x01\x00\x01",
      33);
  const int socket = test::connect_to(port, SOCK_DGRAM);
  std::array<char, 512> answer{};
  pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
  const bool is_answered =
      ::send(socket, query.data(), query.size(), 0) == static_cast<ssize_t>(query.size()) &&
      ::poll(&waiting, 1, kTimeoutMs) == 1 && ::recv(socket, answer.data(), answer.size(), 0) > 33;
  ::close(socket);
  return is_answered && answer[0] == '\x12' && answer[1] == '\x34' && (answer[3] & 0xF) == 0;
}

/// Threads that ask on and on, each time over a new connection, until the object ends.
class Askers {
 public:
  Askers(std::uint16_t http, std::uint16_t dns) {
    for (int i = 0; i < 3; ++i) {
      threads_.emplace_back([this, http] {
        while (!is_over_) {
          note([&] { return HttpConnection(http).get("/healthz").status == 200; }, http_answers_);
        }
      });
    }
    threads_.emplace_back([this, dns] {
      while (!is_over_) note([&] { return ask_dns(dns); }, dns_answers_);
    });
  }
  ~Askers() { end(); }

  void end() {
    is_over_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  /// Returns once `count` more have been answered over each of both.
  void wait_for_more(int count) const {
    const int http = http_answers_ + count;
    const int dns = dns_answers_ + count;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
    while (http_answers_ < http || dns_answers_ < dns) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("no more answers");
      ::poll(nullptr, 0, 1);
    }
  }
  [[nodiscard]] int lost() const { return lost_; }

 private:
  void note(const std::function<bool()>& ask, std::atomic<int>& answers) {
    bool is_answered = false;
    try {
      is_answered = ask();
    } catch (const std::exception&) {  // refused, reset, or nothing in time
    }
    ++(is_answered ? answers : lost_);
  }

  std::atomic<bool> is_over_{false};
  std::atomic<int> http_answers_{0};
  std::atomic<int> dns_answers_{0};
  std::atomic<int> lost_{0};
  std::vector<std::thread> threads_;
};

std::string fleet_of(const std::string& edge) {
  return fmt::format(
      "origin: {{lat: 38.94, lon: -77.46}}\n"
      "edges: {{{}: {{lat: 50.03, lon: 8.57, storage: 1TiB}}}}\n",
      edge);
}

/// The value of NAME=VALUE in a message.
std::string value_of(const std::string& message, const std::string& name) {
  const std::size_t at = ("\n" + message).find("\n" + name + "=");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 1;
  return message.substr(begin, message.find('\n', begin) - begin);
}

std::int64_t monotonic_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

TEST_CASE("a service manager hears that it is ready, reloads, and stops") {
  const NotifySocket notify;
  const test::TemporaryFolder folder;
  const std::string fleet = folder.write("fleet.yaml", fleet_of("fra1")).string();
  Serving serving({"--fleet", fleet}, {.environment = {notify.variable()}});
  std::string message = notify.receive_state();
  CHECK(value_of(message, "READY") == "1");
  CHECK(value_of(message, "STATUS").find("listening on http://127.0.0.1:") == 0);
  HttpConnection connection(serving.port());
  CHECK(connection.get("/readyz").status == 200);

  const auto reload = [&](const std::function<void()>& ask) {
    const std::int64_t before_us = monotonic_us();
    ask();
    message = notify.receive_state();
    CHECK(value_of(message, "RELOADING") == "1");
    const std::string at_us = value_of(message, "MONOTONIC_USEC");
    REQUIRE_FALSE(at_us.empty());
    CHECK(std::stoll(at_us) >= before_us);
    CHECK(std::stoll(at_us) <= monotonic_us());
    message = notify.receive_state();
    CHECK(value_of(message, "READY") == "1");
  };
  folder.write("fleet.yaml", fleet_of("fra2"));
  reload([&] { serving.signal(SIGHUP); });
  CHECK(value_of(message, "STATUS").find("listening on") == 0);
  HttpConnection admin(serving.admin_port());
  CHECK(admin.get("/v1/edges").body.find("fra2") != std::string::npos);
  folder.write("fleet.yaml", "edges: none\n");
  reload([&] { CHECK(admin.post("/v1/reload").status == 202); });
  CHECK(value_of(message, "STATUS").find("reload refused: ") == 0);

  CHECK(serving.stop() == 0);
  CHECK(value_of(notify.receive_state(), "STOPPING") == "1");
  CHECK(notify.receive(0).empty());
}

TEST_CASE("the watchdog is fed more often than it asks, between ticks too") {
  const NotifySocket notify;
  const test::TemporaryFolder folder;
  folder.write("fleet.yaml", fleet_of("fra1"));
  const auto config = folder.write("edgeward.yaml",
                                   "fleet: fleet.yaml\n"
                                   "geo: {databases: []}\n"
                                   "serve: {tick: 60s}\n");
  Serving serving({"--config", config.string()},
                  {.environment = {notify.variable(), "WATCHDOG_USEC=400000"}});
  const std::int64_t begin_us = monotonic_us();
  int fed = 0;
  while (fed < 5) {
    const std::string message = notify.receive();
    REQUIRE_FALSE(message.empty());
    if (message == "WATCHDOG=1") ++fed;
  }
  // The first comes at once, the others 200 ms apart.
  CHECK(monotonic_us() - begin_us > 600'000);
}

TEST_CASE("a watchdog of another process is not fed") {
  const NotifySocket notify;
  Serving serving({}, {.environment = {notify.variable(), "WATCHDOG_USEC=1000", "WATCHDOG_PID=1"}});
  CHECK(serving.stop() == 0);
  for (std::string message = notify.receive(0); !message.empty(); message = notify.receive(0)) {
    CHECK(message != "WATCHDOG=1");
  }
}

TEST_CASE("sockets handed to one service after another refuse nobody and lose nothing") {
  const OwnSocket http(SOCK_STREAM);
  const OwnSocket admin(SOCK_STREAM);
  const OwnSocket dns_udp(SOCK_DGRAM);
  const OwnSocket dns_tcp(SOCK_STREAM);
  const Launch launch = handing_over(
      {dns_tcp.number(), http.number(), admin.number(), dns_udp.number()}, "dns:http:admin:dns");
  // Before there is a service: what is asked waits.
  Askers askers(http.port(), dns_udp.port());
  for (int i = 0; i < 4; ++i) {
    Serving serving({}, launch);
    CHECK(serving.port() == http.port());
    CHECK(serving.admin_port() == admin.port());
    CHECK(serving.dns_port() == dns_udp.port());
    CHECK(HttpConnection(admin.port()).get("/v1/edges").status == 200);
    askers.wait_for_more(100);
    CHECK(serving.stop() == 0);
  }
  // Asked of nobody, answered by the last.
  HttpConnection waiting(http.port());
  waiting.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  Serving last({}, launch);
  CHECK(waiting.receive().status == 200);
  askers.end();
  CHECK(askers.lost() == 0);
}

TEST_CASE("a kind of which no socket is handed over is bound as configured") {
  const OwnSocket http(SOCK_STREAM);
  Serving serving({}, handing_over({http.number()}, "http"));
  CHECK(serving.port() == http.port());
  CHECK(HttpConnection(serving.admin_port()).get("/v1/edges").status == 200);
  CHECK(ask_dns(serving.dns_port()));
}

TEST_CASE("several sockets of a kind are all listened on") {
  const OwnSocket one(SOCK_STREAM);
  const OwnSocket two(SOCK_STREAM);
  Serving serving({}, handing_over({one.number(), two.number()}, "http:http"));
  CHECK(HttpConnection(one.port()).get("/healthz").status == 200);
  CHECK(HttpConnection(two.port()).get("/healthz").status == 200);
  CHECK(serving.said().find(fmt::format(" and 127.0.0.1:{}", two.port())) != std::string::npos);
}

TEST_CASE("sockets for another process are left alone") {
  const OwnSocket http(SOCK_STREAM);
  Serving serving({}, {.environment = {"LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=http"},
                       .sockets = {http.number()}});
  CHECK(serving.port() != http.port());
  CHECK(HttpConnection(serving.port()).get("/healthz").status == 200);
}

TEST_CASE("a socket that is not what its name says ends it at once and is said") {
  using Catch::Contains;
  const OwnSocket stream(SOCK_STREAM);
  const OwnSocket datagrams(SOCK_DGRAM);
  CHECK_THROWS_WITH(Serving({}, handing_over({stream.number()}, "htp")),
                    Contains("'htp'") && Contains("http, admin or dns"));
  CHECK_THROWS_WITH(Serving({}, handing_over({datagrams.number()}, "http")),
                    Contains("expected one that listens"));
  CHECK_THROWS_WITH(Serving({}, handing_over({datagrams.number()}, "dns")),
                    Contains("1 UDP and 0 TCP sockets"));
  const OwnSocket open(SOCK_STREAM, "0.0.0.0");
  CHECK_THROWS_WITH(Serving({}, handing_over({open.number()}, "admin")),
                    Contains("admin_token_file"));
}

}  // namespace edgeward
