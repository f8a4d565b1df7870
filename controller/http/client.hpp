#pragma once

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace edgeward::controller {

/// The service cannot be reached: it may be later (exit code 75).
class Unreachable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct HttpReply {
  int status = 0;
  std::string body;
};

/// Where a running service listens for operators.
struct AdminAccess {
  /// HOST:PORT, over plain HTTP, or https://HOST:PORT.
  std::string address = "127.0.0.1:8081";
  std::string token;  ///< empty: none is sent
  /// PEM of who signed the service's certificate; nothing: somebody whom this machine trusts.
  std::optional<std::filesystem::path> ca;
  /// PEM of a certificate to show and its key, where the service asks for one.
  std::optional<std::filesystem::path> certificate;
  std::optional<std::filesystem::path> private_key;
};

/// Asks a running service and waits for its answer, half a minute at most; `body` is JSON. Throws
/// Unreachable; std::runtime_error for a file of `access` that cannot be used.
[[nodiscard]] HttpReply ask_admin(const AdminAccess& access, std::string_view method,
                                  std::string_view path, std::string_view body = {});

}  // namespace edgeward::controller
