#include "cache/redis/edge_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cache/redis/entries.hpp"
#include "cache/redis/key_names.hpp"
#include "cache/redis/scripts.hpp"

namespace edgeward::cache::redis {

namespace {

/// Actions that wait at an edge: the largest plan and one that it replaces.
constexpr std::uint64_t kActionsMax = 2 * kActionsAPlanMax;

/// Fields with their number before them.
void add_counted(const Fields& fields, Command& command) {
  command.add(std::uint64_t{fields.words()});
  fields.add_to(command);
}

enum class Step { ok, again, complete };

/// What a publishing script says.
Stored<Step> step_of(const Reply& reply, const Client& client) {
  if (!reply.is_array() || reply.elements.size() != 2 || !reply.elements[0].is_text()) {
    return nonsense("an answer", client);
  }
  const std::string& word = reply.elements[0].text;
  const std::int64_t number = reply.elements[1].integer;
  if (word == "ok") return Step::ok;
  if (word == "again") return Step::again;
  if (word == "complete") return Step::complete;
  if (word == "stale") {
    return failed(StoreFault::stale_epoch,
                  fmt::format("a planner of epoch {} has published", number));
  }
  return failed(StoreFault::out_of_order, fmt::format("{} batches of the plan are there", number));
}

Command batch_command(const EdgeKeys& keys, const PlanSummary& head, const Plan& plan,
                      std::size_t n) {
  const std::array names{keys.plan(), keys.actions()};
  Command command = Command::eval(kPublishBatch, names);
  command.add(to_hex(ContentId{head.id})).add(head.epoch).add(std::uint64_t{n}).add(kActionsMax);
  add_counted(encode(head), command);
  const std::size_t begin = n * kActionsABatchMax;
  const std::size_t end = std::min(begin + kActionsABatchMax, plan.actions.size());
  for (std::size_t i = begin; i < end; ++i) add_counted(encode(head, i, plan.actions[i]), command);
  return command;
}

std::optional<StoreError> fault_of(const Plan& plan) {
  if (plan.actions.size() > kActionsAPlanMax) {
    return StoreError{StoreFault::too_large, fmt::format("a plan of {} actions: at most {}",
                                                         plan.actions.size(), kActionsAPlanMax)};
  }
  for (const Action& action : plan.actions) {
    if (action.key.size() <= kKeyBytesMax) continue;
    return StoreError{StoreFault::too_large,
                      fmt::format("the key of content {} has {} bytes: at most {}",
                                  to_hex(action.content), action.key.size(), kKeyBytesMax)};
  }
  return std::nullopt;
}

}  // namespace

RedisEdgeStore::RedisEdgeStore(Servers servers, Clock clock, std::uint64_t seed)
    : servers_(std::move(servers)), clock_(std::move(clock)), seed_(seed) {}

Client& RedisEdgeStore::client(std::string_view edge) {
  const ClientOptions options = servers_.of(edge);
  std::unique_ptr<Client>& client = clients_[options.address];
  if (client == nullptr) {
    client = std::make_unique<Client>(options, clock_, seed_ + clients_.size());
  }
  return *client;
}

Stored<Published> RedisEdgeStore::publish(std::string_view edge, const Plan& plan) {
  if (auto fault = fault_of(plan)) return tl::unexpected(std::move(*fault));
  Client& redis = client(edge);
  const EdgeKeys keys(edge);
  const PlanSummary head = summary_of(plan);
  // A plan of nothing has one batch of nothing, which replaces what was before.
  const std::size_t batches =
      std::max<std::size_t>((plan.actions.size() + kActionsABatchMax - 1) / kActionsABatchMax, 1);
  for (std::size_t n = 0; n < batches; ++n) {
    const auto reply = redis.run(batch_command(keys, head, plan, n));
    if (!reply) return tl::unexpected(reply.error());
    const auto step = step_of(*reply, redis);
    if (!step) return tl::unexpected(step.error());
    if (*step == Step::complete) return Published::before;
  }
  const std::array names{keys.plan()};
  Command end = Command::eval(kPublishEnd, names);
  end.add(to_hex(ContentId{head.id})).add(head.epoch).add(std::uint64_t{batches});
  const auto reply = redis.run(end);
  if (!reply) return tl::unexpected(reply.error());
  const auto step = step_of(*reply, redis);
  if (!step) return tl::unexpected(step.error());
  return *step == Step::complete ? Published::before : Published::now;
}

Stored<std::optional<PlanSummary>> RedisEdgeStore::plan(std::string_view edge) {
  Client& redis = client(edge);
  const auto reply = redis.run(Command{"HGETALL", EdgeKeys(edge).plan()});
  if (!reply) return tl::unexpected(reply.error());
  const auto fields = Fields::of(*reply);
  if (!fields) return nonsense("a plan", redis);
  if (fields->empty()) return std::optional<PlanSummary>();
  auto plan = decode_plan(*fields);
  if (!plan) return nonsense("a plan", redis);
  return plan;
}

Stored<std::vector<DeadLetter>> RedisEdgeStore::dead_letters(std::string_view edge,
                                                             std::string_view after,
                                                             std::size_t count) {
  Client& redis = client(edge);
  const std::string from = after.empty() ? "-" : fmt::format("({}", after);
  const auto reply = redis.run(
      Command{"XRANGE", EdgeKeys(edge).dead(), from, "+", "COUNT"}.add(std::uint64_t{count}));
  if (!reply) return tl::unexpected(reply.error());
  const auto entries = stream_entries(*reply);
  if (!entries) return nonsense("a stream of dead letters", redis);
  std::vector<DeadLetter> letters;
  for (const StreamEntry& entry : *entries) {
    auto letter = decode_dead(entry);
    if (!letter) return nonsense("a dead letter", redis);
    letters.push_back(std::move(*letter));
  }
  return letters;
}

Stored<std::optional<EdgeReport>> RedisEdgeStore::report(std::string_view edge) {
  Client& redis = client(edge);
  const auto reply = redis.run(Command{"HGETALL", EdgeKeys(edge).state()});
  if (!reply) return tl::unexpected(reply.error());
  const auto fields = Fields::of(*reply);
  if (!fields) return nonsense("a state", redis);
  if (fields->empty()) return std::optional<EdgeReport>();
  auto report = decode_report(*fields);
  if (!report) return nonsense("a state", redis);
  return report;
}

Stored<InventoryDigests> RedisEdgeStore::inventory_digests(std::string_view edge) {
  Client& redis = client(edge);
  const auto reply = redis.run(Command{"HGETALL", EdgeKeys(edge).inventory_digests()});
  if (!reply) return tl::unexpected(reply.error());
  const auto fields = Fields::of(*reply);
  if (!fields) return nonsense("a digest", redis);
  InventoryDigests digests{.seq = fields->number("seq").value_or(0), .buckets = {}};
  for (std::size_t bucket = 0; bucket < kInventoryBuckets; ++bucket) {
    digests.buckets.push_back(fields->hex(bucket_name(bucket)).value_or(0));
  }
  return digests;
}

Stored<std::vector<Holding>> RedisEdgeStore::inventory(std::string_view edge, std::size_t bucket) {
  Client& redis = client(edge);
  const auto reply = redis.run(Command{"HGETALL", EdgeKeys(edge).inventory(bucket)});
  if (!reply) return tl::unexpected(reply.error());
  if (!reply->is_array() || reply->elements.size() % 2 != 0) {
    return nonsense("an inventory", redis);
  }
  std::vector<Holding> holdings;
  for (std::size_t i = 0; i < reply->elements.size(); i += 2) {
    const auto content = parse_hex(reply->elements[i].text);
    const auto size = parse_number(reply->elements[i + 1].text);
    if (!content || !size) return nonsense("an inventory", redis);
    holdings.push_back({.content = *content, .size_bytes = *size});
  }
  std::sort(holdings.begin(), holdings.end(),
            [](const Holding& a, const Holding& b) { return a.content < b.content; });
  return holdings;
}

Stored<InventoryChanges> RedisEdgeStore::inventory_changes(std::string_view edge,
                                                           std::uint64_t after_seq,
                                                           std::size_t count) {
  Client& redis = client(edge);
  const EdgeKeys keys(edge);
  const std::array commands{
      Command{"HGET", keys.inventory_digests(), "seq"},
      Command{"XRANGE", keys.inventory_changes(), fmt::format("{}-0", after_seq + 1), "+", "COUNT"}
          .add(std::uint64_t{count})};
  const auto replies = redis.run(commands);
  if (!replies) return tl::unexpected(replies.error());
  for (const Reply& reply : *replies) {
    if (reply.is_error()) return tl::unexpected(error_of(reply, redis.address().text()));
  }
  const std::uint64_t last = parse_number(replies->front().text).value_or(0);
  const auto entries = stream_entries(replies->back());
  if (!entries) return nonsense("a stream of changes", redis);
  InventoryChanges result;
  for (const StreamEntry& entry : *entries) {
    const auto change = decode_change(entry);
    if (!change) return nonsense("a change", redis);
    result.changes.push_back(*change);
  }
  const std::uint64_t next = result.changes.empty() ? last + 1 : result.changes.front().seq;
  result.has_gap = next != after_seq + 1;
  return result;
}

Stored<RequestBatches> RedisEdgeStore::read_requests(std::string_view edge, std::string_view group,
                                                     std::string_view consumer, std::size_t entries,
                                                     std::int64_t idle_ms) {
  Client& redis = client(edge);
  const std::string key = EdgeKeys(edge).requests();
  const std::array names{key};
  const std::string count = std::to_string(entries);
  const std::array commands{
      Command::eval(kLostEntries, names).add(group),
      Command{"XAUTOCLAIM", key, group, consumer, std::to_string(idle_ms), "0", "COUNT", count},
      Command{"XREADGROUP", "GROUP", group, consumer, "COUNT", count, "STREAMS", key, ">"}.keyed_by(
          7)};
  const auto replies = redis.run(commands);
  if (!replies) return tl::unexpected(replies.error());
  for (const Reply& reply : *replies) {
    if (reply.is_error()) return tl::unexpected(error_of(reply, redis.address().text()));
  }
  const Reply& claimed = (*replies)[1];
  if (!claimed.is_array() || claimed.elements.size() < 2) return nonsense("a claim", redis);
  auto again = stream_entries(claimed.elements[1]);
  auto fresh = read_entries((*replies)[2]);
  if (!again || !fresh) return nonsense("a stream of requests", redis);
  RequestBatches result;
  result.lost_entries = static_cast<std::uint64_t>((*replies)[0].integer);
  if (claimed.elements.size() > 2) result.lost_entries += claimed.elements[2].elements.size();
  std::vector<std::string> bad;
  again->insert(again->end(), std::make_move_iterator(fresh->begin()),
                std::make_move_iterator(fresh->end()));
  for (StreamEntry& entry : *again) {
    auto requests = decode_requests(entry.fields.text("events").value_or("\n"));
    if (requests) {
      result.batches.push_back({.entry = entry.id, .requests = std::move(*requests)});
    } else {
      bad.push_back(entry.id);
    }
  }
  result.bad_entries = bad.size();
  if (!bad.empty()) {
    if (auto done = forget_requests(edge, group, bad); !done) return tl::unexpected(done.error());
  }
  return result;
}

Stored<Done> RedisEdgeStore::forget_requests(std::string_view edge, std::string_view group,
                                             std::span<const std::string> entries) {
  if (entries.empty()) return Done{};
  Command command{"XACK", EdgeKeys(edge).requests(), group};
  for (const std::string& entry : entries) command.add(entry);
  const auto reply = client(edge).run(command);
  if (!reply) return tl::unexpected(reply.error());
  return Done{};
}

RedisPlannerLease::RedisPlannerLease(const Servers& servers, Clock clock, std::uint64_t seed)
    : client_(servers.of_control(), std::move(clock), seed) {}

Stored<std::optional<std::uint64_t>> RedisPlannerLease::acquire(std::string_view owner,
                                                                std::int64_t ttl_ms) {
  const std::array names{std::string(kLeaderKey), std::string(kEpochKey)};
  const auto reply =
      client_.run(Command::eval(kAcquireLease, names).add(owner).add(std::to_string(ttl_ms)));
  if (!reply) return tl::unexpected(reply.error());
  if (!reply->is_integer()) return std::optional<std::uint64_t>();
  return std::optional(static_cast<std::uint64_t>(reply->integer));
}

Stored<bool> RedisPlannerLease::renew(std::string_view owner, std::int64_t ttl_ms) {
  return keep(owner, std::max<std::int64_t>(ttl_ms, 1));
}

Stored<bool> RedisPlannerLease::release(std::string_view owner) {
  return keep(owner, 0);
}

Stored<bool> RedisPlannerLease::keep(std::string_view owner, std::int64_t ttl_ms) {
  const std::array names{std::string(kLeaderKey)};
  const auto reply =
      client_.run(Command::eval(kKeepLease, names).add(owner).add(std::to_string(ttl_ms)));
  if (!reply) return tl::unexpected(reply.error());
  return reply->integer == 1;
}

}  // namespace edgeward::cache::redis
