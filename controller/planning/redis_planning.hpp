#pragma once

#include <functional>
#include <memory>
#include <span>

#include "cache/hit_learner.hpp"
#include "controller/config/config_file.hpp"
#include "controller/log/log.hpp"
#include "controller/planning/planning.hpp"
#include "controller/service/publisher.hpp"

namespace edgeward::controller {

/// Follows the edges of a configuration through their Redis: what they report goes to the
/// publisher, what they were asked for to `learn`, which says whether it took it, and plans are
/// made of it. Null where `redis.follow` is off. Throws what read_secret() does.
[[nodiscard]] std::unique_ptr<Planning> make_planning(
    const Config& config, std::shared_ptr<const cache::Fleet> fleet, Publisher& publisher,
    std::function<bool(std::span<const cache::CacheEvent>, const cache::Fleet&)> learn,
    const Log& log);

}  // namespace edgeward::controller
