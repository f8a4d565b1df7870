#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "cache/store/backoff.hpp"

namespace edgeward::cache::redis {

/// Milliseconds of a clock that nobody sets.
using Clock = std::function<std::int64_t()>;

struct Address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;

  auto operator<=>(const Address&) const = default;
  [[nodiscard]] std::string text() const {
    const bool is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
  }
};

struct Login {
  std::string user;      ///< of an ACL; empty: the default user
  std::string password;  ///< empty: none is asked for

  bool operator==(const Login&) const = default;
};

/// Limits of one connection.
struct ConnectionLimits {
  std::int64_t connect_timeout_ms = 1000;  ///< one address, login included
  /// From the first byte of the commands of one call to the last of their answers.
  std::int64_t command_timeout_ms = 1000;
  std::size_t output_bytes_max = 8 << 20;    ///< of the commands of one call: several chunks
  std::size_t reply_bytes_max = 64 << 20;    ///< of one answer
  std::size_t reply_elements_max = 262'144;  ///< of one answer: twice a bucket of 10 M objects

  bool operator==(const ConnectionLimits&) const = default;
};

struct ClientOptions {
  Address address;
  Login login;
  ConnectionLimits limits;
  BackoffOptions backoff;  ///< between attempts to connect

  bool operator==(const ClientOptions&) const = default;
};

/// Which Redis has what: one an edge, or one (a cluster's node) for all.
struct Servers {
  ClientOptions options;  ///< of those that the map does not name
  std::map<std::string, Address, std::less<>> edges;
  Address control;

  [[nodiscard]] ClientOptions of(std::string_view edge) const {
    ClientOptions chosen = options;
    if (const auto found = edges.find(edge); found != edges.end()) chosen.address = found->second;
    return chosen;
  }
  [[nodiscard]] ClientOptions of_control() const {
    ClientOptions chosen = options;
    chosen.address = control;
    return chosen;
  }
  bool operator==(const Servers&) const = default;
};

}  // namespace edgeward::cache::redis
