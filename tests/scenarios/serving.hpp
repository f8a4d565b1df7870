#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support.hpp"

struct ssl_st;

namespace edgeward::test {

/// How a service is started.
struct Launch {
  std::vector<std::string> command{EDGEWARD_BINARY};  ///< what stands before `serve`
  std::vector<std::string> environment;  ///< NAME=VALUE, beside what the test itself has
  std::vector<int> sockets;              ///< handed over as descriptors 3, 4, …
};

/// A running `edgeward serve` on free loopback ports. Ended by the destructor if not by stop().
class Serving {
 public:
  /// `arguments` follow `serve`; ports are added.
  explicit Serving(const std::vector<std::string>& arguments, const Launch& launch = {});
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }
  [[nodiscard]] std::uint16_t dns_port() const { return dns_port_; }
  /// What it has said so far.
  [[nodiscard]] std::string said() const;
  /// Waits until it has said that, or fails the test after a while.
  void wait_for(std::string_view sentence) const;

  void signal(int number) const;
  /// SIGTERM; its exit code.
  int stop();

 private:
  [[nodiscard]] std::uint16_t port_after(std::string_view words) const;

  TemporaryFolder folder_;
  std::filesystem::path err_;
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
  std::uint16_t dns_port_ = 0;
};

/// One answer, taken apart.
struct HttpAnswer {
  int status = 0;
  std::string head;
  std::string body;

  /// The value of a header field; empty if it is not there.
  [[nodiscard]] std::string field(std::string_view name) const;
};

/// How a client speaks TLS.
struct TlsClient {
  std::filesystem::path ca;             ///< whose certificates it believes
  std::filesystem::path certificate{};  ///< its own, if it has one
  std::filesystem::path private_key{};
};

/// A client's connection on loopback: blocking, with a timeout that fails the test.
class HttpConnection {
 public:
  explicit HttpConnection(std::uint16_t port);
  /// Shakes hands; throws std::runtime_error if that fails.
  HttpConnection(std::uint16_t port, const TlsClient& tls);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void send(std::string_view bytes) const;
  /// The next answer; status 0 at the end of the stream.
  [[nodiscard]] HttpAnswer receive();
  /// The same of an answer to HEAD, which has no body.
  [[nodiscard]] HttpAnswer receive_head();
  [[nodiscard]] HttpAnswer get(std::string_view target);
  [[nodiscard]] HttpAnswer post(std::string_view target, std::string_view body = {},
                                std::string_view type = "application/json");
  /// Whether the other side has closed: cleanly, not by a reset, and over TLS by its close_notify.
  [[nodiscard]] bool is_closed();
  /// Of the certificate that it was shown: its subject's name.
  [[nodiscard]] std::string server_name() const;

 private:
  /// False at the end.
  bool fill();
  /// False for the last.
  bool take_chunk(std::string& body);

  struct FreeTls {
    void operator()(ssl_st* tls) const;
  };

  int socket_ = -1;
  std::unique_ptr<ssl_st, FreeTls> tls_;
  std::string input_;
};

}  // namespace edgeward::test
