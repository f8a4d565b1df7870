#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "cache/redis/options.hpp"

namespace edgeward::controller {

/// The key `redis` of a configuration.
struct RedisOptions {
  cache::redis::Servers servers;  ///< without the password, which lies in a file
  std::optional<std::filesystem::path> password_file;
  /// Whether the service follows the edges through their Redis and publishes plans there.
  bool follow = false;
  std::int64_t follow_interval_ms = 250;  ///< from one look at an edge to the next
  bool is_configured = false;  ///< the key is there: a service shares nothing with edges without

  bool operator==(const RedisOptions&) const = default;
};

}  // namespace edgeward::controller
