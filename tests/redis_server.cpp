#include "tests/redis_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>

namespace edgeward::test {

namespace {

constexpr int kTimeoutMs = 30'000;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool is_bound =
      ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(probe);
  if (!is_bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

RedisServer::RedisServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  // Another may take the port between its choice and its use.
  constexpr int kAttempts = 5;
  for (int i = 0; i < kAttempts; ++i) {
    port_ = free_port();
    if (try_start()) return;
  }
  throw std::runtime_error("cannot start redis-server: is it installed?");
}

RedisServer::~RedisServer() {
  kill();
}

std::string RedisServer::address() const {
  return "127.0.0.1:" + std::to_string(port_);
}

void RedisServer::start() {
  if (!try_start()) throw std::runtime_error("redis-server does not come back");
}

bool RedisServer::try_start() {
  std::vector<std::string> words{
      "redis-server", "--port", std::to_string(port_),  "--bind", "127.0.0.1",
      "--save",       "",       "--appendonly",         "yes",    "--appendfsync",
      "no",           "--dir",  folder_.path().string()};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string log = (folder_.path() / "log").string();
  child_ = ::fork();
  if (child_ < 0) throw std::runtime_error("cannot fork");
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
  while (std::chrono::steady_clock::now() < end) {
    if (::waitpid(child_, nullptr, WNOHANG) == child_) {
      child_ = -1;
      return false;
    }
    const std::string answer = ask("PING");
    if (answer == "+PONG" || answer.starts_with("-NOAUTH")) return true;
    ::poll(nullptr, 0, 2);
  }
  kill();
  return false;
}

void RedisServer::kill() {
  if (child_ < 0) return;
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  child_ = -1;
}

void RedisServer::hang() {
  ::kill(child_, SIGSTOP);
}

void RedisServer::go_on() {
  ::kill(child_, SIGCONT);
}

std::string RedisServer::ask(const std::string& line) const {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port_);
  const std::string sent = line + "\r\n";
  std::string answer;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, sent.data(), sent.size(), MSG_NOSIGNAL) >= 0) {
    while (answer.find("\r\n") == std::string::npos) {
      pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
      std::array<char, 4096> bytes;
      if (::poll(&waiting, 1, kTimeoutMs) != 1) break;
      const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), 0);
      if (count <= 0) break;
      answer.append(bytes.data(), static_cast<std::size_t>(count));
    }
  }
  ::close(socket);
  return answer.substr(0, answer.find("\r\n"));
}

}  // namespace edgeward::test
