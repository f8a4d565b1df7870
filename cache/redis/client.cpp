#include "cache/redis/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace edgeward::cache::redis {

Client::Client(const ClientOptions& options, Clock clock, std::uint64_t seed)
    : options_(options),
      clock_(std::move(clock)),
      seed_(seed),
      known_{options.address},
      entry_(options.address) {}

Stored<std::vector<Reply>> Client::run(std::span<const Command> commands) {
  if (commands.empty()) return std::vector<Reply>();
  const Address address = node_of(commands.front().key());  // a copy: forget() may end the other
  auto replies = run_at(address, commands);
  if (!replies) {
    // A cluster may have given the node's slots to another: a node that answers will say.
    forget(address);
    return replies;
  }
  for (std::size_t i = 0; i < replies->size(); ++i) {
    if (!parse_redirection((*replies)[i].text, address) || !(*replies)[i].is_error()) continue;
    auto reply = follow(commands[i], address, std::move((*replies)[i]));
    if (!reply) return tl::unexpected(std::move(reply.error()));
    (*replies)[i] = std::move(*reply);
  }
  return replies;
}

Stored<Reply> Client::run(const Command& command) {
  auto replies = run(std::span(&command, 1));
  if (!replies) return tl::unexpected(std::move(replies.error()));
  Reply& reply = replies->front();
  if (reply.is_error()) return tl::unexpected(error_of(reply, options_.address.text()));
  return std::move(reply);
}

const Address& Client::node_of(std::string_view key) const {
  if (moved_.empty() || key.empty()) return entry_;
  const auto found = moved_.find(slot_of(key));
  return found == moved_.end() ? entry_ : found->second;
}

Client::Node& Client::node_at(const Address& address) {
  if (nodes_.size() >= kNodesMax && !nodes_.contains(address)) {
    nodes_.clear();
    moved_.clear();
  }
  const auto [at, is_new] =
      nodes_.try_emplace(address, Node{.connection = std::nullopt,
                                       .backoff = Backoff(options_.backoff, seed_ + nodes_.size()),
                                       .next_attempt_ms = 0,
                                       .last_error = {}});
  return at->second;
}

Stored<std::vector<Reply>> Client::run_at(const Address& address,
                                          std::span<const Command> commands) {
  Node& node = node_at(address);
  if (!node.connection) {
    const std::int64_t wait_ms = node.next_attempt_ms - clock_();
    if (wait_ms > 0) {
      return failed(node.last_error.fault,
                    fmt::format("{}; tried again in {} ms", node.last_error.message, wait_ms));
    }
    auto opened = Connection::open(address, options_.login, options_.limits, clock_);
    if (!opened) return note_failure(node, std::move(opened.error()));
    if (address == entry_) {
      auto learned = learn_nodes(*opened, address);
      if (!learned) return note_failure(node, std::move(learned.error()));
    }
    node.connection = std::move(*opened);
  }
  auto replies = node.connection->run(commands);
  if (replies) {
    node.backoff.reset();
  } else {
    node.connection.reset();  // answers that come late would be taken for those of later commands
    // One that hangs takes connections all the same: without a pause every call would wait.
    if (replies.error().fault == StoreFault::timeout) (void)note_failure(node, replies.error());
  }
  return replies;
}

/// The next attempt to connect has to wait.
tl::unexpected<StoreError> Client::note_failure(Node& node, StoreError error) {
  node.last_error = std::move(error);
  node.next_attempt_ms = clock_() + node.backoff.next_ms();
  return tl::unexpected(node.last_error);
}

Stored<Reply> Client::follow(const Command& command, const Address& from, Reply reply) {
  Address address = from;
  for (int i = 0; i < kRedirectionsMax; ++i) {
    const auto redirection = parse_redirection(reply.text, address);
    if (!redirection || !reply.is_error()) return reply;
    address = redirection->address;
    if (!redirection->is_ask) moved_[redirection->slot] = address;
    add_node(address);
    const Command asking{"ASKING"};
    const std::array both{asking, command};
    auto replies =
        redirection->is_ask ? run_at(address, both) : run_at(address, std::span(&command, 1));
    if (!replies) {
      forget(address);
      return tl::unexpected(std::move(replies.error()));
    }
    reply = std::move(replies->back());
  }
  return failed(StoreFault::moved, fmt::format("redirected more than {} times, at last by {}",
                                               kRedirectionsMax, address.text()));
}

/// It does not answer: its slots are asked for elsewhere, and so is what it was asked first.
void Client::forget(const Address& address) {
  std::erase_if(moved_, [&](const auto& entry) { return entry.second == address; });
  if (address != entry_) return;
  const auto at = std::find(known_.begin(), known_.end(), entry_);
  entry_ = at == known_.end() || at + 1 == known_.end() ? known_.front() : *(at + 1);
  moved_.clear();
}

void Client::add_node(const Address& address) {
  if (known_.size() >= kNodesMax) return;
  if (std::find(known_.begin(), known_.end(), address) == known_.end()) known_.push_back(address);
}

/// Of a server that is no cluster's, or does not say, none. What makes no sense is passed over.
Stored<Done> Client::learn_nodes(Connection& connection, const Address& from) {
  const Command command{"CLUSTER", "SLOTS"};
  auto replies = connection.run(std::span(&command, 1));
  if (!replies) return tl::unexpected(std::move(replies.error()));
  for (const Reply& range : replies->front().elements) {
    // First and last slot, then its master and replicas: host, port, …
    for (std::size_t i = 2; range.is_array() && i < range.elements.size(); ++i) {
      const Reply& node = range.elements[i];
      if (!node.is_array() || node.elements.size() < 2) continue;
      const std::string& host = node.elements[0].text;
      const std::int64_t port = node.elements[1].integer;
      if (port < 1 || port > 65'535) continue;
      add_node({.host = host.empty() || host == "?" ? from.host : host,
                .port = static_cast<std::uint16_t>(port)});
    }
  }
  return Done{};
}

tl::unexpected<StoreError> nonsense(std::string_view what, const Client& client) {
  return failed(StoreFault::protocol,
                fmt::format("{} at {} makes no sense", what, client.address().text()));
}

}  // namespace edgeward::cache::redis
