#pragma once

#include <cstdint>

#include "controller/config/redis_options.hpp"

namespace edgeward::controller {

/// Which Redis has what, with the password that its file holds. Throws std::runtime_error for one
/// that cannot be read.
[[nodiscard]] cache::redis::Servers servers_of(const RedisOptions& options);

/// The clock of pauses and timeouts.
[[nodiscard]] std::int64_t redis_clock_ms();
/// Another one for each process, so that pauses of several do not end together.
[[nodiscard]] std::uint64_t redis_seed();

}  // namespace edgeward::controller
