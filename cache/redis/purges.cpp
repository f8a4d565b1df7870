#include "cache/redis/purges.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "cache/redis/entries.hpp"
#include "cache/redis/scripts.hpp"

namespace edgeward::cache::redis {

namespace {

tl::unexpected<StoreError> senseless(std::string_view what, const Client& client) {
  return failed(StoreFault::protocol,
                fmt::format("{} at {} makes no sense", what, client.address().text()));
}

/// What an entry says that it came after.
constexpr std::string_view kNone = "0-0";

/// MS-N, as entries are named.
bool is_entry(std::string_view text) {
  const std::size_t dash = text.find('-');
  return dash != text.npos && parse_number(text.substr(0, dash)) &&
         parse_number(text.substr(dash + 1));
}

}  // namespace

RedisPurgeStore::RedisPurgeStore(const Servers& servers, Clock clock, std::uint64_t seed)
    : client_(servers.of_control(), std::move(clock), seed) {}

Stored<bool> RedisPurgeStore::ask(const Purge& purge, std::span<const std::string> awaited,
                                  std::int64_t ttl_ms) {
  if (purge.text.size() > kKeyBytesMax) {
    return failed(StoreFault::too_large,
                  fmt::format("a key of {} bytes: at most {}", purge.text.size(), kKeyBytesMax));
  }
  const std::array names{std::string(kPurgeKey), purge_answers_key(purge.id)};
  const Fields fields = encode(purge);
  Command command = Command::eval(kAskPurge, names);
  command.add(std::uint64_t{kPurgesMax}).add(std::to_string(ttl_ms));
  command.add(std::uint64_t{fields.words()});
  fields.add_to(command);
  for (const std::string& edge : awaited) command.add(edge);
  const auto reply = client_.run(command);
  if (!reply) return tl::unexpected(reply.error());
  return reply->integer == 1;
}

Stored<std::optional<PurgeStatus>> RedisPurgeStore::status(std::string_view id) {
  const auto reply = client_.run(Command{"HGETALL", purge_answers_key(id)});
  if (!reply) return tl::unexpected(reply.error());
  if (reply->is_array() && reply->elements.empty()) return std::optional<PurgeStatus>();
  auto status = decode_purge_status(*reply);
  if (!status) return senseless("a purge", client_);
  return status;
}

Stored<std::vector<Purge>> RedisPurgeStore::latest(std::size_t count) {
  const auto reply =
      client_.run(Command{"XREVRANGE", kPurgeKey, "+", "-", "COUNT"}.add(std::uint64_t{count}));
  if (!reply) return tl::unexpected(reply.error());
  const auto entries = stream_entries(*reply);
  if (!entries) return senseless("a stream of purges", client_);
  std::vector<Purge> purges;
  for (const StreamEntry& entry : *entries) {
    if (auto purge = decode_purge(entry)) purges.push_back(std::move(*purge));
  }
  return purges;
}

RedisEdgePurges::RedisEdgePurges(std::string_view edge, const Servers& servers, Clock clock,
                                 std::uint64_t seed)
    : edge_(edge),
      keys_(edge),
      control_(servers.of_control(), clock, seed),
      own_(servers.of(edge), clock, seed + 1) {}

Stored<std::string> RedisEdgePurges::position() {
  const auto reply = own_.run(Command{"GET", keys_.purged()});
  if (!reply) return tl::unexpected(reply.error());
  // Whatever else stands there, all that is retained is done again, which does no harm.
  return is_entry(reply->text) ? reply->text : std::string();
}

Stored<Done> RedisEdgePurges::set_position(std::string_view entry) {
  const auto reply = own_.run(Command{"SET", keys_.purged(), entry});
  if (!reply) return tl::unexpected(reply.error());
  return Done{};
}

Stored<PurgeNews> RedisEdgePurges::purges(std::string_view after, std::size_t count) {
  const std::string from = after.empty() ? "-" : fmt::format("({}", after);
  const auto reply =
      control_.run(Command{"XRANGE", kPurgeKey, from, "+", "COUNT"}.add(std::uint64_t{count}));
  if (!reply) return tl::unexpected(reply.error());
  const auto entries = stream_entries(*reply);
  if (!entries) return senseless("a stream of purges", control_);
  PurgeNews news{.purges = {}, .last = std::string(after), .lost_before_ms = {}};
  if (entries->empty()) return news;
  for (const StreamEntry& entry : *entries) {
    if (auto purge = decode_purge(entry)) news.purges.push_back(std::move(*purge));
  }
  // A stream that begins anew was lost with all that waited for answers.
  const std::string_view before = entries->front().fields.text("after").value_or(kNone);
  if (before != kNone && before != after) {
    news.lost_before_ms = entries->front().fields.time("at").value_or(INT64_MAX);
  }
  news.last = entries->back().id;
  return news;
}

Stored<Done> RedisEdgePurges::acknowledge(std::string_view id, std::uint64_t removed) {
  const std::array names{purge_answers_key(id)};
  const auto reply =
      control_.run(Command::eval(kAnswerPurge, names).add(std::string_view(edge_)).add(removed));
  if (!reply) return tl::unexpected(reply.error());
  return Done{};
}

}  // namespace edgeward::cache::redis
