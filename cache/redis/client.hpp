#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cache/redis/command.hpp"
#include "cache/redis/connection.hpp"
#include "cache/redis/options.hpp"
#include "cache/redis/reply.hpp"
#include "cache/redis/slots.hpp"
#include "cache/store/backoff.hpp"
#include "cache/store/store_error.hpp"

namespace edgeward::cache::redis {

/// Redis as its callers see it: a server, or a cluster of which one node is known. Connects when it
/// is asked something, follows MOVED and ASK, learns which node has which slot and which other
/// nodes there are: where the one it was told of does not answer, another is asked from then on,
/// and tells who has taken its slots over.
///
/// Nothing is sent twice but what was redirected: after `unreachable` or `timeout` the caller alone
/// knows whether a command may be repeated. While a server is away, attempts to connect are made
/// with growing pauses between them, and calls within a pause fail at once. The calling thread
/// waits; not thread-safe.
class Client {
 public:
  Client(const ClientOptions& options, Clock clock, std::uint64_t seed);

  /// The commands' answers, error answers among them. All keys have one slot.
  [[nodiscard]] Stored<std::vector<Reply>> run(std::span<const Command> commands);
  /// One command's; an error answer is an error.
  [[nodiscard]] Stored<Reply> run(const Command& command);

  [[nodiscard]] const Address& address() const { return options_.address; }

 private:
  /// Nodes that are kept: those of a large cluster.
  static constexpr std::size_t kNodesMax = 256;
  /// Redirections of one command: a slot that moves twice while it is asked for.
  static constexpr int kRedirectionsMax = 5;

  struct Node {
    std::optional<Connection> connection;
    Backoff backoff;
    std::int64_t next_attempt_ms = 0;
    StoreError last_error;
  };

  [[nodiscard]] const Address& node_of(std::string_view key) const;
  [[nodiscard]] Node& node_at(const Address& address);
  [[nodiscard]] Stored<std::vector<Reply>> run_at(const Address& address,
                                                  std::span<const Command> commands);
  [[nodiscard]] Stored<Reply> follow(const Command& command, const Address& from, Reply reply);
  void forget(const Address& address);
  [[nodiscard]] Stored<Done> learn_nodes(Connection& connection, const Address& from);
  [[nodiscard]] tl::unexpected<StoreError> note_failure(Node& node, StoreError error);
  void add_node(const Address& address);

  ClientOptions options_;
  Clock clock_;
  std::uint64_t seed_;
  std::map<Address, Node> nodes_;
  std::map<std::uint16_t, Address> moved_;  ///< slots that are not where entry_ is
  std::vector<Address> known_;              ///< nodes of the cluster, replicas too; else one
  Address entry_;                           ///< who is asked first
};

/// The error of an answer that is not what was asked for: `what` is not to be found in it.
[[nodiscard]] tl::unexpected<StoreError> nonsense(std::string_view what, const Client& client);

}  // namespace edgeward::cache::redis
