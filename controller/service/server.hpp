#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/service/api.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/serve_options.hpp"

namespace edgeward::controller {

/// The network side of the service: workers, each a thread with its own listening sockets
/// (SO_REUSEPORT), its own connections and its own Api; nothing is shared but the Publisher.
/// Answers to all requests of one read leave in one write.
class Server {
 public:
  /// Binds; throws std::runtime_error that names the address.
  Server(const ServeOptions& options, const ApiOptions& api, const ApiActions& actions,
         Publisher& publisher);
  ~Server();

  void start();
  /// Gives workers a new snapshot; they hand the publisher what they decided.
  void publish(const Publisher::Snapshot& snapshot);
  /// Stops taking connections, answers what has been asked, closes and joins.
  void drain();

  [[nodiscard]] std::string listens_at() const;
  [[nodiscard]] std::string admin_at() const;
  /// Empty without DNS.
  [[nodiscard]] const std::string& dns_at() const { return dns_at_; }

 private:
  class Worker;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::string dns_at_;
};

}  // namespace edgeward::controller
