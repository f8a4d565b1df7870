// What an edge tells, and what it is told to do; its objects are in agent_objects.cpp.

#include "cache/redis/agent_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cache/redis/entries.hpp"
#include "cache/redis/scripts.hpp"

namespace edgeward::cache::redis {

namespace {

/// Two million requests: more than an hour of a busy edge.
constexpr std::uint64_t kRequestEntriesMax = 8192;
constexpr std::uint64_t kDeadLettersMax = 10'000;

}  // namespace

RedisAgentStore::RedisAgentStore(std::string_view edge, const Servers& servers, Clock clock,
                                 std::uint64_t seed)
    : keys_(edge), client_(servers.of(edge), std::move(clock), seed) {}

Stored<Done> RedisAgentStore::report(const EdgeReport& report, std::int64_t ttl_ms) {
  const std::array names{keys_.state()};
  Command command = Command::eval(kReport, names);
  command.add(std::to_string(ttl_ms));
  encode(report).add_to(command);
  const auto reply = client_.run(command);
  if (!reply) return tl::unexpected(reply.error());
  return Done{};
}

Stored<Done> RedisAgentStore::append_requests(std::span<const EdgeRequest> requests) {
  if (requests.empty()) return Done{};
  if (requests.size() > kRequestsAnEntryMax) {
    return failed(StoreFault::too_large, fmt::format("{} requests in one entry: at most {}",
                                                     requests.size(), kRequestsAnEntryMax));
  }
  Command command{"XADD", keys_.requests(), "MAXLEN", "~"};
  command.add(kRequestEntriesMax).add("*").add("events").add(encode_requests(requests));
  const auto reply = client_.run(command);
  if (!reply) return tl::unexpected(reply.error());
  return Done{};
}

Stored<std::optional<PlanSummary>> RedisAgentStore::plan() {
  const auto reply = client_.run(Command{"HGETALL", keys_.plan()});
  if (!reply) return tl::unexpected(reply.error());
  const auto fields = Fields::of(*reply);
  if (!fields) return nonsense("a plan", client_);
  if (fields->empty()) return std::optional<PlanSummary>();
  auto plan = decode_plan(*fields);
  if (!plan) return nonsense("a plan", client_);
  return plan;
}

Stored<Done> RedisAgentStore::make_group() {
  const Command command{"XGROUP", "CREATE", keys_.actions(), kAgents, "0", "MKSTREAM"};
  const std::array keyed{Command(command).keyed_by(2)};
  const auto replies = client_.run(keyed);
  if (!replies) return tl::unexpected(replies.error());
  const Reply& reply = replies->front();
  if (!reply.is_error() || reply.text.starts_with("BUSYGROUP")) return Done{};
  return tl::unexpected(error_of(reply, client_.address().text()));
}

/// Entries that make no sense are taken off, since they would come again and again.
Stored<std::vector<PlannedAction>> RedisAgentStore::actions_of(std::vector<StreamEntry> entries) {
  std::vector<PlannedAction> actions;
  std::vector<std::string> bad;
  for (const StreamEntry& entry : entries) {
    auto action = decode_action(entry);
    if (action) {
      actions.push_back(std::move(*action));
    } else {
      bad.push_back(entry.id);
    }
  }
  if (auto dropped = drop_entries(bad); !dropped) return tl::unexpected(dropped.error());
  return actions;
}

Stored<std::vector<PlannedAction>> RedisAgentStore::next_actions(std::string_view consumer,
                                                                 std::size_t count) {
  const std::array commands{Command{"XREADGROUP", "GROUP", kAgents, consumer, "COUNT",
                                    std::to_string(count), "STREAMS", keys_.actions(), ">"}
                                .keyed_by(7)};
  auto replies = client_.run(commands);
  if (replies && replies->front().text.starts_with("NOGROUP")) {
    if (auto made = make_group(); !made) return tl::unexpected(made.error());
    replies = client_.run(commands);
  }
  if (!replies) return tl::unexpected(replies.error());
  const Reply& reply = replies->front();
  if (reply.is_error()) return tl::unexpected(error_of(reply, client_.address().text()));
  auto entries = read_entries(reply);
  if (!entries) return nonsense("a stream of actions", client_);
  return actions_of(std::move(*entries));
}

Stored<std::vector<PlannedAction>> RedisAgentStore::claim_actions(std::string_view consumer,
                                                                  std::size_t count,
                                                                  std::int64_t idle_ms) {
  if (auto made = make_group(); !made) return tl::unexpected(made.error());
  const auto reply =
      client_.run(Command{"XAUTOCLAIM", keys_.actions(), kAgents, consumer, std::to_string(idle_ms),
                          "0", "COUNT", std::to_string(count)});
  if (!reply) return tl::unexpected(reply.error());
  if (!reply->is_array() || reply->elements.size() < 2) return nonsense("a claim", client_);
  auto entries = stream_entries(reply->elements[1]);
  if (!entries) return nonsense("a stream of actions", client_);
  auto actions = actions_of(std::move(*entries));
  if (!actions || actions->empty()) return actions;
  if (auto counted = count_deliveries(*actions); !counted) return tl::unexpected(counted.error());
  return actions;
}

/// How often each came to somebody, which entries themselves do not say.
Stored<Done> RedisAgentStore::count_deliveries(std::vector<PlannedAction>& actions) {
  const auto reply = client_.run(
      Command{"XPENDING", keys_.actions(), kAgents, actions.front().entry, actions.back().entry}
          .add(std::uint64_t{actions.size()}));
  if (!reply) return tl::unexpected(reply.error());
  for (const Reply& line : reply->elements) {
    if (!line.is_array() || line.elements.size() != 4) return nonsense("what is pending", client_);
    const auto found = std::find_if(
        actions.begin(), actions.end(),
        [&](const PlannedAction& action) { return action.entry == line.elements[0].text; });
    if (found != actions.end()) {
      found->deliveries = static_cast<std::uint64_t>(line.elements[3].integer);
    }
  }
  return Done{};
}

Stored<bool> RedisAgentStore::close(const PlannedAction& action, std::string_view counter,
                                    const Fields& letter) {
  const std::array names{keys_.actions(), keys_.plan(), keys_.dead()};
  Command command = Command::eval(kFinish, names);
  command.add(kAgents).add(action.entry).add(to_hex(ContentId{action.plan})).add(counter);
  command.add(kDeadLettersMax);
  letter.add_to(command);
  const auto reply = client_.run(command);
  if (!reply) return tl::unexpected(reply.error());
  return reply->integer == 1;
}

Stored<bool> RedisAgentStore::finish(const PlannedAction& action) {
  return close(action, "done", {});
}

Stored<bool> RedisAgentStore::give_up(const PlannedAction& action, std::string_view error,
                                      std::int64_t at_ms) {
  return close(action, "failed", encode(action, error, at_ms));
}

Stored<Done> RedisAgentStore::drop(std::span<const PlannedAction> actions) {
  std::vector<std::string> entries;
  for (const PlannedAction& action : actions) entries.push_back(action.entry);
  return drop_entries(entries);
}

Stored<Done> RedisAgentStore::drop_entries(std::span<const std::string> entries) {
  if (entries.empty()) return Done{};
  Command acknowledge{"XACK", keys_.actions(), kAgents};
  Command remove{"XDEL", keys_.actions()};
  for (const std::string& entry : entries) {
    acknowledge.add(entry);
    remove.add(entry);
  }
  const std::array commands{acknowledge, remove};
  const auto replies = client_.run(commands);
  if (!replies) return tl::unexpected(replies.error());
  for (const Reply& reply : *replies) {
    if (reply.is_error()) return tl::unexpected(error_of(reply, client_.address().text()));
  }
  return Done{};
}

}  // namespace edgeward::cache::redis
