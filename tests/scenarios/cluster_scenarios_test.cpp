// The loop of plans over a Redis cluster: three masters and their replicas, a slot that moves and
// a master that is killed.

#include <fmt/format.h>
#include <signal.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "cache/redis/client.hpp"
#include "cache/redis/slots.hpp"
#include "tests/scenarios/planned_world.hpp"

namespace edgeward::test {

namespace {

using cache::redis::Client;
using cache::redis::Command;
using cache::redis::Reply;

/// Three masters, each with a third of the slots, and a replica of each.
class ReplicatedCluster {
 public:
  static constexpr std::size_t kMasters = 3;

  ReplicatedCluster() {
    for (std::size_t i = 0; i < 2 * kMasters; ++i) {
      nodes_.push_back(std::make_unique<RedisServer>(std::vector<std::string>{
          "--cluster-enabled", "yes", "--cluster-port", fmt::format("{}", free_port()),
          "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0",
          // However old what a replica has, it takes over.
          "--cluster-replica-validity-factor", "0"}));
    }
    std::vector<std::string> words{"--cluster", "create"};
    for (const auto& node : nodes_) words.push_back(node->address());
    words.insert(words.end(), {"--cluster-replicas", "1", "--cluster-yes"});
    const Outcome created = run("/usr/bin/redis-cli", words);
    INFO(created.out << created.err);
    REQUIRE(created.exit_code == 0);
    for (const auto& node : nodes_) {
      eventually("the cluster is there", [&] {
        const auto info = ask(*node, {"CLUSTER", "INFO"});
        return info.text.find("cluster_state:ok") != std::string::npos;
      });
    }
    eventually("replicas have all", [&] {
      std::size_t linked = 0;
      for (const auto& node : nodes_) {
        linked += ask(*node, {"INFO", "replication"}).text.find("master_link_status:up") !=
                  std::string::npos;
      }
      return linked == kMasters;
    });
  }

  static Reply ask(const RedisServer& node, std::initializer_list<std::string_view> words) {
    Client client(servers_at(node).options, steady_ms, 1);
    const Command command(words);
    auto replies = client.run(std::span(&command, 1));
    return replies ? std::move(replies->front()) : Reply{};
  }
  [[nodiscard]] RedisServer& first() { return *nodes_.front(); }
  /// The master that has an edge's slot.
  [[nodiscard]] RedisServer& master_of(std::string_view edge) {
    for (const auto& node : nodes_) {
      if (serves(*node, edge)) return *node;
    }
    throw std::runtime_error("no master");
  }
  /// Some other master.
  [[nodiscard]] RedisServer& other_master(const RedisServer& than) {
    for (const auto& node : nodes_) {
      const Reply role = ask(*node, {"ROLE"});
      if (node.get() != &than && !role.elements.empty() && role.elements.front().text == "master") {
        return *node;
      }
    }
    throw std::runtime_error("no other master");
  }
  /// From now on what a master takes reaches none of its replicas.
  static void cut_off_replicas(const RedisServer& master) {
    REQUIRE(ask(master, {"ACL", "SETUSER", "default", "-psync", "-sync"}).text == "OK");
    REQUIRE(ask(master, {"CLIENT", "KILL", "TYPE", "replica"}).integer == 1);
  }
  /// Moves the slot of an edge, while it is used.
  void move_slot(std::string_view edge) {
    RedisServer& from = master_of(edge);
    RedisServer& to = other_master(from);
    const std::string slot = fmt::format("{}", cache::redis::slot_of(edge));
    const std::string from_id = ask(from, {"CLUSTER", "MYID"}).text;
    const std::string to_id = ask(to, {"CLUSTER", "MYID"}).text;
    REQUIRE(ask(to, {"CLUSTER", "SETSLOT", slot, "IMPORTING", from_id}).text == "OK");
    REQUIRE(ask(from, {"CLUSTER", "SETSLOT", slot, "MIGRATING", to_id}).text == "OK");
    while (true) {
      const Reply keys = ask(from, {"CLUSTER", "GETKEYSINSLOT", slot, "10"});
      if (keys.elements.empty()) break;
      for (const Reply& key : keys.elements) {
        const Reply moved = ask(
            from, {"MIGRATE", "127.0.0.1", fmt::format("{}", to.port()), key.text, "0", "5000"});
        CAPTURE(key.text, moved.text);
        CHECK(moved.is_text());
      }
    }
    for (RedisServer* const node : {&to, &from}) {
      CHECK(ask(*node, {"CLUSTER", "SETSLOT", slot, "NODE", to_id}).text == "OK");
    }
  }

 private:
  /// Whether it has the slot, and says so.
  static bool serves(const RedisServer& node, std::string_view edge) {
    const std::string id = ask(node, {"CLUSTER", "MYID"}).text;
    const std::uint16_t slot = cache::redis::slot_of(edge);
    for (const Reply& range : ask(node, {"CLUSTER", "SLOTS"}).elements) {
      if (range.elements.size() < 3 || range.elements[2].elements.size() < 3) continue;
      const bool is_in = range.elements[0].integer <= slot && slot <= range.elements[1].integer;
      if (is_in && range.elements[2].elements[2].text == id) return true;
    }
    return false;
  }

  std::vector<std::unique_ptr<RedisServer>> nodes_;
};

}  // namespace

TEST_CASE("in a cluster plans go on through a slot that moves and a master that is killed") {
  ReplicatedCluster cluster;
  const PlannedWorld world(cluster.first().address());
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  Asking asking(service);
  const Clients clients(agent);
  cache::redis::RedisEdgeStore store(servers_at(cluster.first()), steady_ms, 1);
  const cache::PlanSummary first = wait_for_plan(store);

  cluster.move_slot("fra1");
  const cache::PlanSummary second = wait_for_plan(store, first.id);
  CHECK(second.done + second.failed == second.actions);
  CHECK(second.failed == 0);

  // Also where it is the node that all were told of.
  RedisServer& master = cluster.master_of("fra1");
  const cache::PlanSummary before = good(store.plan("fra1")).value();
  master.kill();
  eventually("its replica takes over, and a plan is carried out there", [&] {
    const auto plan = store.plan("fra1");
    return plan && *plan && (*plan)->id != before.id && (*plan)->actions > 0 &&
           (*plan)->done + (*plan)->failed == (*plan)->actions;
  });
  eventually("the edge is read again",
             [&] { return edge_in(plans_of(service), "fra1").at("reachable").as_bool(); });
  asking.end();
  CHECK(asking.failed() == 0);
}

TEST_CASE("a plan that a failover loses although it was acknowledged is published again") {
  ReplicatedCluster cluster;
  const PlannedWorld world(cluster.first().address());
  const RunningAgent agent(world.config());
  // The next plan is days away: it is this one that has to come back.
  const Serving service(world.arguments("one", "", "7d"));
  Asking asking(service);
  const Clients clients(agent);
  cache::redis::RedisEdgeStore store(servers_at(cluster.first()), steady_ms, 1);
  RedisServer& master = cluster.master_of("fra1");
  ReplicatedCluster::cut_off_replicas(master);
  plan_something(service, store);
  const cache::PlanSummary plan = wait_for_plan(store);

  master.kill();
  service.wait_for("has lost its plan: it is published again");
  cache::PlanSummary again;
  eventually("it is carried out where the replica took over", [&] {
    const auto found = store.plan("fra1");
    if (!found || !*found) return false;
    again = **found;
    return again.status == cache::PlanStatus::complete &&
           again.done + again.failed == again.actions;
  });
  CHECK(again.id == plan.id);
  CHECK(again.actions == plan.actions);
  CHECK(again.failed == 0);
  asking.end();
  CHECK(asking.failed() == 0);
}

TEST_CASE("a cluster's other nodes are asked where the one that is known was killed") {
  ReplicatedCluster cluster;
  Client client(servers_at(cluster.first()).options, steady_ms, 1);
  std::string key = "a";
  // One that the known node has itself, so that nobody ever said where else anything is.
  while (cache::redis::slot_of(key) > 5000) key += "a";
  REQUIRE(good(client.run(Command{"SET", key, "1"})).text == "OK");
  // Its replica has that too: an acknowledgement is the master's alone.
  REQUIRE(good(client.run(Command{"WAIT", "1", "10000"})).integer == 1);
  cluster.first().kill();
  eventually("the replica answers", [&] {
    const auto reply = client.run(Command{"GET", key});
    return reply && reply->text == "1";
  });
}

}  // namespace edgeward::test
