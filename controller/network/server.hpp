#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/network/inherited_sockets.hpp"
#include "controller/service/api.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/serve_options.hpp"

namespace edgeward::controller {

/// The network side of the service: workers, each a thread with its own listening sockets
/// (SO_REUSEPORT), its own connections and its own Api; nothing is shared but the Publisher, and
/// inherited sockets: of these every worker has a duplicate, is woken by every arrival, and the
/// first one takes it. Answers to all requests of one read leave in one write.
class Server {
 public:
  /// Binds where there is no inherited socket, takes over those that there are; throws
  /// std::runtime_error that names the address.
  Server(const ServeOptions& options, const ApiOptions& api, const ApiActions& actions,
         Publisher& publisher, const InheritedSockets& inherited);
  ~Server();

  void start();
  /// Gives workers a new snapshot and what the publisher has new connections speak TLS with; they
  /// hand it what they decided.
  void publish(const Publisher::Snapshot& snapshot);
  /// Stops taking connections (those that wait at an inherited socket are the next service's),
  /// answers what has been asked, closes and joins.
  void drain();

  /// Addresses, joined by "and".
  [[nodiscard]] std::string listens_at() const;
  [[nodiscard]] std::string admin_at() const;
  /// Empty without DNS.
  [[nodiscard]] std::string dns_at() const;

 private:
  class Worker;
  void listen(const std::string& address, const std::vector<int>& inherited, ListenerKind kind);
  void listen_dns(const std::string& address, const InheritedSockets& inherited);

  Publisher& publisher_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace edgeward::controller
