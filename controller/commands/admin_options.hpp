#pragma once

#include <string>
#include <string_view>

#include "controller/http/client.hpp"

namespace CLI {
class App;
}

namespace edgeward::controller {

/// Which running service a command asks, as it was typed.
struct AdminOptions {
  AdminAccess access;
  std::string token_file;
};

void add_admin_options(CLI::App& app, AdminOptions& options);

/// Reads the token; throws std::runtime_error where its file cannot be used.
void read_token(AdminOptions& options);

/// What the service says, whatever its status is. Throws Unreachable.
[[nodiscard]] HttpReply ask(const AdminOptions& options, std::string_view method,
                            std::string_view target, std::string_view body = {});
/// Its answer's body; throws std::runtime_error with what it says where it refuses.
[[nodiscard]] std::string ask_for(const AdminOptions& options, std::string_view method,
                                  std::string_view target, std::string_view body = {});

}  // namespace edgeward::controller
