#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "controller/dns/options.hpp"
#include "controller/http/client_address.hpp"
#include "controller/http/request.hpp"
#include "controller/log/log_options.hpp"
#include "controller/service/decision_log_options.hpp"
#include "controller/service/hit_learning.hpp"
#include "controller/tls/options.hpp"

namespace edgeward::controller {

/// What an edge is taken for that never reported.
enum class Unreported : std::uint8_t {
  unknown,  ///< gets no clients
  ready,    ///< and idle
};
[[nodiscard]] std::string_view name(Unreported unreported);

/// Everything that the operator may set about the service: the key `serve`.
struct ServeOptions {
  std::string listen = "127.0.0.1:8080";  ///< ADDRESS:PORT or [ADDRESS]:PORT; port 0: any free one
  std::string admin = "127.0.0.1:8081";
  std::string dns = "127.0.0.1:5353";                     ///< the same; `none`: no DNS
  unsigned workers = 0;                                   ///< threads; 0: one a core
  std::int64_t tick_ms = 1000;                            ///< from a snapshot to the next
  std::optional<std::filesystem::path> admin_token_file;  ///< of the bearer token
  std::optional<TlsFiles> tls;                            ///< of `listen`; nothing: plain HTTP
  std::optional<TlsFiles> admin_tls;                      ///< of `admin`, likewise
  std::optional<std::filesystem::path> state_dir;         ///< what survives a restart
  TrustRules trust;
  Unreported unreported = Unreported::unknown;
  std::int64_t recovery_hold_ms = 15'000;  ///< StateRules::recovery_hold_ms
  std::int64_t slow_start_ms = 30'000;     ///< StateRules::slow_start_ms

  HitModelOptions hit_model;
  std::int64_t rtt_interval_ms = 60'000;     ///< reported round trips are compiled in so often
  std::int64_t rtt_age_max_ms = 86'400'000;  ///< older ones are forgotten
  LogOptions log;
  DecisionLogOptions decision_log;
  DnsOptions answers;  ///< the key `dns` of a configuration
  HttpLimits http;
  unsigned connections_max = 20'000;           ///< of all workers together
  unsigned connections_per_peer_max = 10'000;  ///< of one address, at one worker
  std::int64_t idle_timeout_ms = 60'000;       ///< between two requests
  std::int64_t request_timeout_ms = 10'000;    ///< from a request's first byte to its last
  std::int64_t delay_max_ms = 100;             ///< Shedder; 0: nothing is shed
  std::int64_t drain_timeout_ms = 10'000;      ///< at the end; what is left then is cut off

  /// Asks of this machine are believed by default.
  ServeOptions();
  bool operator==(const ServeOptions&) const = default;
};

}  // namespace edgeward::controller
