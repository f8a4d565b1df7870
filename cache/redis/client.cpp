#include "cache/redis/client.hpp"

#include <fmt/format.h>

#include <utility>

namespace edgeward::cache::redis {

Client::Client(const ClientOptions& options, Clock clock, std::uint64_t seed)
    : options_(options), clock_(std::move(clock)), seed_(seed) {}

Stored<std::vector<Reply>> Client::run(std::span<const Command> commands) {
  if (commands.empty()) return std::vector<Reply>();
  const Address address = node_of(commands.front().key());
  auto replies = run_at(address, commands);
  if (!replies) {
    // A cluster may have given the node's slots to another: the known node will say.
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

Address Client::node_of(std::string_view key) const {
  if (moved_.empty() || key.empty()) return options_.address;
  const auto found = moved_.find(slot_of(key));
  return found == moved_.end() ? options_.address : found->second;
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
    if (!opened) {
      node.last_error = opened.error();
      node.next_attempt_ms = clock_() + node.backoff.next_ms();
      return tl::unexpected(std::move(opened.error()));
    }
    node.connection = std::move(*opened);
  }
  auto replies = node.connection->run(commands);
  if (replies) {
    node.backoff.reset();
  } else {
    node.connection.reset();  // answers that come late would be taken for those of later commands
    if (replies.error().fault == StoreFault::timeout) {
      // One that hangs takes connections all the same: without a pause every call would wait.
      node.last_error = replies.error();
      node.next_attempt_ms = clock_() + node.backoff.next_ms();
    }
  }
  return replies;
}

Stored<Reply> Client::follow(const Command& command, const Address& from, Reply reply) {
  Address address = from;
  for (int i = 0; i < kRedirectionsMax; ++i) {
    const auto redirection = parse_redirection(reply.text, address);
    if (!redirection || !reply.is_error()) return reply;
    address = redirection->address;
    if (!redirection->is_ask) moved_[redirection->slot] = address;
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

void Client::forget(const Address& address) {
  std::erase_if(moved_, [&](const auto& entry) { return entry.second == address; });
}

tl::unexpected<StoreError> nonsense(std::string_view what, const Client& client) {
  return failed(StoreFault::protocol,
                fmt::format("{} at {} makes no sense", what, client.address().text()));
}

}  // namespace edgeward::cache::redis
