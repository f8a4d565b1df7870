#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cache/store/backoff.hpp"
#include "controller/http/request.hpp"

namespace edgeward::controller {

/// Everything that the operator may set about an edge's agent: the key `agent`.
struct AgentOptions {
  std::string listen = "127.0.0.1:8090";  ///< ADDRESS:PORT or [ADDRESS]:PORT; port 0: any free one
  std::string origin;                     ///< http://HOST[:PORT]; the agent cannot do without
  std::string parent;  ///< the same of its parent; empty: the parent's endpoint in the fleet
  std::uint64_t object_bytes_max = 1ULL << 30;  ///< larger ones are passed on and not kept
  std::int64_t default_ttl_ms = 120'000;        ///< of what the origin says nothing about
  std::int64_t stale_if_error_ms = 86'400'000;  ///< the same, served when the origin fails
  std::int64_t connect_timeout_ms = 2000;
  std::int64_t response_timeout_ms = 10'000;  ///< from the request to the header's end
  std::int64_t stall_timeout_ms = 10'000;     ///< without a byte
  std::int64_t fetch_timeout_ms = 600'000;    ///< of all of it
  unsigned fetches_max = 256;                 ///< at once; more requests are refused
  unsigned connections_max = 1000;
  std::int64_t idle_timeout_ms = 60'000;     ///< between two requests of a client
  std::int64_t request_timeout_ms = 10'000;  ///< from a request's first byte to its last
  std::int64_t write_timeout_ms = 30'000;    ///< a client takes a MiB in so long, or is cut off
  std::int64_t drain_timeout_ms = 10'000;    ///< at the end; what is left then is cut off
  unsigned store_threads = 4;                ///< each with a connection to Redis

  std::int64_t report_interval_ms = 1000;
  std::int64_t purge_interval_ms = 250;  ///< how often it looks for purges
  std::int64_t plan_interval_ms = 250;   ///< how often it looks for actions
  unsigned prefetches_max = 4;           ///< at once
  std::uint64_t prefetch_bps = 1'000'000'000;
  unsigned attempts_max = 4;                    ///< of one action; then it is given up
  cache::BackoffOptions retry{500, 30'000};     ///< between two of them
  std::int64_t claim_after_ms = 60'000;         ///< an action that nobody finished comes again
  HttpLimits http{.body_bytes_max = 64 << 10};  ///< a request's body is read and passed over

  bool operator==(const AgentOptions&) const = default;
};

}  // namespace edgeward::controller
