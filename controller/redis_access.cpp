#include "controller/redis_access.hpp"

#include <unistd.h>

#include "controller/secret_file.hpp"
#include "controller/terminal.hpp"

namespace edgeward::controller {

cache::redis::Servers servers_of(const RedisOptions& options) {
  cache::redis::Servers servers = options.servers;
  if (options.password_file) servers.options.login.password = read_secret(*options.password_file);
  return servers;
}

std::int64_t redis_clock_ms() {
  return static_cast<std::int64_t>(steady_seconds() * 1000);
}

std::uint64_t redis_seed() {
  return static_cast<std::uint64_t>(wall_ms()) * 1000 +
         static_cast<std::uint64_t>(::getpid() % 1000);
}

}  // namespace edgeward::controller
