#pragma once

#include <filesystem>

#include "cache/edge.hpp"
#include "controller/agent/agent_options.hpp"
#include "controller/config/redis_options.hpp"
#include "controller/config/yaml_map.hpp"

namespace edgeward::controller {

/// Reads the key `redis` of a configuration; paths are relative to `folder`.
void read_redis(const YamlNode& node, const std::filesystem::path& folder, RedisOptions& options,
                Faults& faults);
/// Notes edges of `redis.edges` that the fleet does not have.
void check_redis_edges(const YamlNode& node, const RedisOptions& options, const cache::Fleet& fleet,
                       Faults& faults);
/// Reads the key `agent`.
void read_agent(const YamlNode& node, AgentOptions& options, Faults& faults);

}  // namespace edgeward::controller
