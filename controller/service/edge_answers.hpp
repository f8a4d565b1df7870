#pragma once

#include <cstdint>
#include <string>

#include "controller/service/publisher.hpp"

namespace edgeward::controller {

class Parameters;

/// How the edges are: the body of `GET /v1/edges`. `now_ms` since the epoch.
[[nodiscard]] std::string edges_answer(Publisher& publisher, std::uint64_t snapshot_version,
                                       std::int64_t now_ms);

/// What edges are expected to be asked for, hour by hour from the next one on: the body of
/// `GET /v1/forecast`, with its parameters `edge` and `hours`. What is wrong with them is thrown as
/// a Problem.
[[nodiscard]] std::string forecast_answer(Publisher& publisher, const cache::Fleet& fleet,
                                          const Parameters& parameters, std::int64_t now_ms);

}  // namespace edgeward::controller
