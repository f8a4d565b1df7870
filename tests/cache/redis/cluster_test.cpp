// A cluster of two nodes, of which one is known.

#include <fmt/format.h>
#include <poll.h>

#include <catch2/catch.hpp>

#include "cache/redis/key_names.hpp"
#include "tests/cache/store/stores.hpp"

namespace edgeward::cache::redis {

namespace {

using test::good;
using test::RedisServer;

/// Each has half of the slots.
class Cluster {
 public:
  Cluster() {
    CHECK(one_.ask("CLUSTER ADDSLOTSRANGE 0 8191") == "+OK");
    CHECK(two_.ask("CLUSTER ADDSLOTSRANGE 8192 16383") == "+OK");
    CHECK(one_.ask(fmt::format("CLUSTER MEET 127.0.0.1 {} {}", two_.port(), bus_two_)) == "+OK");
    const std::int64_t end_ms = test::steady_ms() + 30'000;
    while (!is_ready(one_) || !is_ready(two_)) {
      if (test::steady_ms() > end_ms) throw std::runtime_error("no cluster");
      ::poll(nullptr, 0, 5);
    }
  }

  [[nodiscard]] const RedisServer& one() const { return one_; }
  [[nodiscard]] const RedisServer& two() const { return two_; }
  [[nodiscard]] static std::string id_of(const RedisServer& node) {
    Client client(test::servers_at(node).options, test::steady_ms, 1);
    return good(client.run(Command{"CLUSTER", "MYID"})).text;
  }

 private:
  static std::vector<std::string> arguments(std::uint16_t bus_port) {
    return {"--cluster-enabled", "yes", "--cluster-port", std::to_string(bus_port)};
  }
  /// Whether it knows who has which slot.
  static bool is_ready(const RedisServer& node) {
    Client client(test::servers_at(node).options, test::steady_ms, 1);
    const auto info = client.run(Command{"CLUSTER", "INFO"});
    return info && info->text.find("cluster_state:ok") != std::string::npos;
  }

  std::uint16_t bus_one_ = test::free_port();
  std::uint16_t bus_two_ = test::free_port();
  RedisServer one_{arguments(bus_one_)};
  RedisServer two_{arguments(bus_two_)};
};

}  // namespace

TEST_CASE("edges are found on the node that has them whichever node is asked") {
  const Cluster cluster;
  RedisEdgeStore controller(test::servers_at(cluster.one()), test::steady_ms, 1);
  bool is_on_one = false;
  bool is_on_two = false;
  for (int i = 0; i < 12; ++i) {
    const std::string edge = fmt::format("edge{}", i);
    (slot_of(edge) < 8192 ? is_on_one : is_on_two) = true;
    Plan plan{.epoch = 1, .valid_until_ms = 1000};
    for (std::uint64_t n = 0; n < 600; ++n) {
      plan.actions.push_back({.kind = ActionKind::evict, .content = ContentId{n}});
    }
    plan.id = id_of(plan, edge);
    CHECK(good(controller.publish(edge, plan)) == Published::now);
    RedisAgentStore agent(edge, test::servers_at(cluster.two()), test::steady_ms, 2);
    CHECK(good(agent.plan())->status == PlanStatus::complete);
    const auto actions = good(agent.next_actions("agent", 1000));
    REQUIRE(actions.size() == 600);
    CHECK(good(agent.finish(actions[0])));
    good(agent.begin_object(ContentId{1}, 1));
    good(agent.put_chunk(ContentId{1}, 0, "bytes"));
    good(agent.complete_object(ContentId{1}, {.length_bytes = 5, .version = 1}));
    CHECK(good(agent.recover()).size() == 1);
    CHECK(good(controller.plan(edge))->done == 1);
    CHECK(good(controller.inventory_changes(edge, 0, 10)).changes.size() == 1);
    CHECK(good(controller.read_requests(edge, "controllers", "one", 10, 0)).batches.empty());
  }
  CHECK(is_on_one);
  CHECK(is_on_two);
  RedisPlannerLease lease(test::servers_at(cluster.one()), test::steady_ms, 3);
  RedisPlannerLease other(test::servers_at(cluster.two()), test::steady_ms, 4);
  CHECK(good(lease.acquire("a", 60'000)));
  CHECK_FALSE(good(other.acquire("b", 60'000)));
}

TEST_CASE("a slot on its way is asked for on both sides and then at its new place") {
  const Cluster cluster;
  const std::string one = Cluster::id_of(cluster.one());
  const std::string two = Cluster::id_of(cluster.two());
  std::string tag = "a";
  while (slot_of(tag) >= 8192) tag += "a";
  const std::uint16_t slot = slot_of(tag);
  Client client(test::servers_at(cluster.one()).options, test::steady_ms, 1);
  const std::string old_key = fmt::format("{{{}}}:old", tag);
  const std::string new_key = fmt::format("{{{}}}:new", tag);
  good(client.run(Command{"SET", old_key, "1"}));
  CHECK(cluster.two().ask(fmt::format("CLUSTER SETSLOT {} IMPORTING {}", slot, one)) == "+OK");
  CHECK(cluster.one().ask(fmt::format("CLUSTER SETSLOT {} MIGRATING {}", slot, two)) == "+OK");
  const std::vector<Command> commands{Command{"GET", old_key}, Command{"SET", new_key, "2"},
                                      Command{"GET", new_key}, Command{"GET", old_key}};
  const auto replies = client.run(commands);
  REQUIRE(replies);
  CHECK((*replies)[0].text == "1");   // still there
  CHECK((*replies)[1].text == "OK");  // asked for at its new place
  CHECK((*replies)[2].text == "2");
  CHECK((*replies)[3].text == "1");
  // A command for one place of keys in two is to be tried again, when both are in one.
  const auto both = client.run(Command{"MGET", old_key, new_key});
  REQUIRE_FALSE(both);
  CHECK(both.error().fault == StoreFault::busy);

  CHECK(cluster.one().ask(fmt::format("MIGRATE 127.0.0.1 {} {} 0 10000", cluster.two().port(),
                                      old_key)) == "+OK");
  for (const RedisServer* node : {&cluster.two(), &cluster.one()}) {
    CHECK(node->ask(fmt::format("CLUSTER SETSLOT {} NODE {}", slot, two)) == "+OK");
  }
  CHECK(good(client.run(Command{"MGET", old_key, new_key})).elements.size() == 2);
  CHECK(good(client.run(Command{"GET", old_key})).text == "1");
}

}  // namespace edgeward::cache::redis
