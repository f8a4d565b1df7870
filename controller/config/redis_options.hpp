#pragma once

#include <filesystem>
#include <optional>

#include "cache/redis/options.hpp"

namespace edgeward::controller {

/// The key `redis` of a configuration.
struct RedisOptions {
  cache::redis::Servers servers;  ///< without the password, which lies in a file
  std::optional<std::filesystem::path> password_file;
  bool is_configured = false;  ///< the key is there: a service shares nothing with edges without

  bool operator==(const RedisOptions&) const = default;
};

}  // namespace edgeward::controller
