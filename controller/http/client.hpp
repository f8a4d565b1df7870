#pragma once

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
  std::string address = "127.0.0.1:8081";  ///< HOST:PORT
  std::string token;                       ///< empty: none is sent
};

/// Asks a running service and waits for its answer, half a minute at most. Throws Unreachable.
[[nodiscard]] HttpReply ask_admin(const AdminAccess& access, std::string_view method,
                                  std::string_view target);

}  // namespace edgeward::controller
