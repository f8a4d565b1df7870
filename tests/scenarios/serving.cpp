#include "tests/scenarios/serving.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/loopback.hpp"

namespace edgeward::test {

namespace {

constexpr int kTimeoutMs = 30'000;

/// Asks again and again, a little apart, until it holds.
template <class Holds>
void wait_until(std::string_view what, Holds holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      throw std::runtime_error(fmt::format("waited in vain: {}", what));
    }
    std::this_thread::yield();
    ::poll(nullptr, 0, 1);
  }
}

}  // namespace

Serving::Serving(const std::vector<std::string>& arguments, const Launch& launch)
    : err_(folder_.path() / "err") {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_.c_str(), O_WRONLY | O_CREAT, 0600);
  // If this process dies, what it leaves behind keeps nobody waiting for the end of its output.
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  for (std::size_t i = 0; i < launch.sockets.size(); ++i) {
    posix_spawn_file_actions_adddup2(&actions, launch.sockets[i], static_cast<int>(3 + i));
  }
  std::vector<std::string> all = launch.command;
  all.insert(all.end(), {"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--dns",
                         "127.0.0.1:0"});
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> added = launch.environment;
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  for (std::string& variable : added) variables.push_back(variable.data());
  variables.push_back(nullptr);
  const int error =
      posix_spawnp(&child_, argv[0], &actions, nullptr, argv.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + all[0]);
  wait_for("listening on");
  port_ = port_after("listening on ");
  admin_port_ = port_after("admin on ");
  dns_port_ = port_after("DNS on ");
}

Serving::~Serving() {
  if (child_ < 0) return;
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

std::string Serving::said() const {
  std::error_code error;
  return std::filesystem::exists(err_, error) ? read_file(err_) : std::string();
}

void Serving::wait_for(std::string_view sentence) const {
  wait_until(sentence, [&] {
    const std::string text = said();
    // The whole line has to be there.
    const std::size_t at = text.find(sentence);
    if (at != std::string::npos && text.find('\n', at) != std::string::npos) return true;
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == child_) {
      throw std::runtime_error("it ended: " + text);
    }
    return false;
  });
}

std::uint16_t Serving::port_after(std::string_view words) const {
  const std::string text = said();
  constexpr std::string_view kHost = "127.0.0.1:";
  const std::size_t at = text.find(kHost, std::min(text.find(words), text.size()));
  if (at == std::string::npos) throw std::runtime_error("no port in: " + text);
  return static_cast<std::uint16_t>(std::atoi(text.c_str() + at + kHost.size()));
}

void Serving::signal(int number) const {
  ::kill(child_, number);
}

int Serving::stop() {
  ::kill(child_, SIGTERM);
  int status = 0;
  ::waitpid(child_, &status, 0);
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string HttpAnswer::field(std::string_view name) const {
  const std::string start = fmt::format("\r\n{}: ", name);
  const std::size_t at = head.find(start);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + start.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

HttpConnection::HttpConnection(std::uint16_t port) : socket_(connect_to(port)) {
  if (socket_ < 0) throw std::runtime_error(fmt::format("cannot connect to port {}", port));
}

void HttpConnection::FreeTls::operator()(ssl_st* tls) const {
  SSL_free(tls);
}

HttpConnection::HttpConnection(std::uint16_t port, const TlsClient& tls) : HttpConnection(port) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  const timeval timeout{.tv_sec = kTimeoutMs / 1000, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  SSL_CTX_load_verify_locations(context.get(), tls.ca.c_str(), nullptr);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (!tls.certificate.empty()) {
    SSL_CTX_use_certificate_chain_file(context.get(), tls.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), tls.private_key.c_str(), SSL_FILETYPE_PEM);
  }
  tls_.reset(SSL_new(context.get()));
  SSL_set_fd(tls_.get(), socket_);
  if (SSL_connect(tls_.get()) != 1) {
    const char* const reason = ERR_reason_error_string(ERR_get_error());
    throw std::runtime_error(fmt::format("TLS: {}", reason == nullptr ? "the end" : reason));
  }
}

std::string HttpConnection::server_name() const {
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(tls_.get())),
                            NID_commonName, name.data(), name.size());
  return name.data();
}

HttpConnection::~HttpConnection() {
  ::close(socket_);
}

void HttpConnection::send(std::string_view bytes) const {
  if (tls_ != nullptr) {
    if (SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0) {
      throw std::runtime_error("the connection takes no more");
    }
    return;
  }
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) throw std::runtime_error("the connection takes no more");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool HttpConnection::fill() {
  if (tls_ != nullptr) {
    std::array<char, 16'384> text;
    const int size = SSL_read(tls_.get(), text.data(), text.size());
    if (size > 0) input_.append(text.data(), static_cast<std::size_t>(size));
    if (size > 0 || SSL_get_error(tls_.get(), size) == SSL_ERROR_ZERO_RETURN) return size > 0;
    const char* const reason = ERR_reason_error_string(ERR_get_error());
    throw std::runtime_error(fmt::format("TLS: {}", reason == nullptr ? "no answer" : reason));
  }
  pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, kTimeoutMs) != 1) throw std::runtime_error("no answer in time");
  std::array<char, 16'384> buffer;
  const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (count < 0) throw std::runtime_error("the connection was reset");
  input_.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

HttpAnswer HttpConnection::receive_head() {
  HttpAnswer answer;
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (fill()) continue;
    if (!input_.empty()) throw std::runtime_error("half an answer: " + input_);
    return answer;
  }
  answer.head = input_.substr(0, end + 2);
  answer.status = std::atoi(answer.head.c_str() + std::string_view("HTTP/1.1 ").size());
  input_.erase(0, end + 4);
  return answer;
}

HttpAnswer HttpConnection::receive() {
  HttpAnswer answer = receive_head();
  if (answer.field("Transfer-Encoding") == "chunked") {
    while (take_chunk(answer.body)) {
    }
    return answer;
  }
  const std::string length = answer.field("Content-Length");
  const std::size_t size = length.empty() ? 0 : std::stoul(length);
  while (input_.size() < size) {
    if (!fill()) throw std::runtime_error("half a body");
  }
  answer.body = input_.substr(0, size);
  input_.erase(0, size);
  return answer;
}

bool HttpConnection::take_chunk(std::string& body) {
  std::size_t line_end = 0;
  while ((line_end = input_.find("\r\n")) == std::string::npos) {
    if (!fill()) throw std::runtime_error("half a body");
  }
  const std::size_t size = std::stoul(input_.substr(0, line_end), nullptr, 16);
  input_.erase(0, line_end + 2);
  while (input_.size() < size + 2) {
    if (!fill()) throw std::runtime_error("half a body");
  }
  body += input_.substr(0, size);
  input_.erase(0, size + 2);
  return size > 0;
}

HttpAnswer HttpConnection::get(std::string_view target) {
  send(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", target));
  return receive();
}

HttpAnswer HttpConnection::post(std::string_view target, std::string_view body,
                                std::string_view type) {
  send(
      fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\n"
                  "Content-Length: {}\r\n\r\n{}",
                  target, type, body.size(), body));
  return receive();
}

bool HttpConnection::is_closed() {
  while (fill()) {
  }
  return true;
}

}  // namespace edgeward::test
