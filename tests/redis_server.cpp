#include "tests/redis_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>

#include "tests/loopback.hpp"

namespace edgeward::test {

namespace {

constexpr int kTimeoutMs = 30'000;

}  // namespace

std::uint16_t free_port() {
  const Listener probe = listen_on_loopback();
  ::close(probe.socket);
  return probe.port;
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
  const int socket = connect_to(port_);
  if (socket < 0) return {};
  std::string answer;
  if (send_all(socket, line + "\r\n")) {
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
