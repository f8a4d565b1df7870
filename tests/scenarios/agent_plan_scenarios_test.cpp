// An edge's agent carries out plans, whatever happens to it, to its Redis and to the origin.

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <vector>

#include "tests/scenarios/running_agent.hpp"

namespace edgeward::test {

namespace {

using cache::Action;
using cache::Plan;

constexpr std::size_t kSize = 300'000;

std::string path_of(std::size_t i) {
  return fmt::format("/object/{}", i);
}

/// Objects 0 … count - 1 at the origin.
void fill_origin(EdgeWorld& world, std::size_t count, std::size_t bytes = kSize) {
  for (std::size_t i = 0; i < count; ++i) {
    world.origin.set(path_of(i), {.body = body_of(bytes, static_cast<char>('a' + i % 26))});
  }
}

std::map<cache::ContentId, std::uint64_t> holdings(cache::EdgeStore& controller) {
  std::map<cache::ContentId, std::uint64_t> held;
  for (std::size_t bucket = 0; bucket < cache::kInventoryBuckets; ++bucket) {
    for (const cache::Holding& holding : good(controller.inventory("fra1", bucket))) {
      held[holding.content] = holding.size_bytes;
    }
  }
  return held;
}

std::map<cache::ContentId, std::uint64_t> objects(std::size_t begin, std::size_t end,
                                                  std::size_t bytes = kSize) {
  std::map<cache::ContentId, std::uint64_t> expected;
  for (std::size_t i = begin; i < end; ++i) expected[cache::content_id(path_of(i))] = bytes;
  return expected;
}

void wait_until_over(cache::EdgeStore& controller, std::uint64_t actions) {
  eventually("the plan is carried out", [&] {
    const auto plan = controller.plan("fra1");
    return plan && *plan && (*plan)->done + (*plan)->failed >= actions;
  });
}

Plan prefetches(std::size_t begin, std::size_t end) {
  std::vector<Action> actions;
  for (std::size_t i = begin; i < end; ++i) actions.push_back(prefetch_of(path_of(i), kSize));
  return plan_of(std::move(actions));
}

/// Each thing that was done was done once, as the changes tell.
void check_changes(cache::EdgeStore& controller, std::uint64_t capacity_bytes) {
  const auto news = good(controller.inventory_changes("fra1", 0, 100'000));
  CHECK_FALSE(news.has_gap);
  std::map<cache::ContentId, std::uint64_t> held;
  std::uint64_t used = 0;
  for (const cache::InventoryChange& change : news.changes) {
    const cache::Holding& holding = change.holding;
    if (change.is_held) {
      CHECK(held.emplace(holding.content, holding.size_bytes).second);
      used += holding.size_bytes;
    } else {
      CHECK(held.erase(holding.content) == 1);
      used -= holding.size_bytes;
    }
    CHECK(used <= capacity_bytes);
  }
  CHECK(held == holdings(controller));
}

}  // namespace

TEST_CASE("a plan is carried out in its order and within the capacity") {
  EdgeWorld world;
  fill_origin(world, 40);
  RunningAgent agent(world.config("", "storage: 64MiB, capacity: 6000000B"));
  const auto controller = world.controller();
  good(controller->publish("fra1", prefetches(0, 20)));
  wait_until_over(*controller, 20);
  CHECK(holdings(*controller) == objects(0, 20));
  CHECK(agent.get(path_of(3)).field("Cache-Status").starts_with("edgeward; hit"));

  std::vector<Action> actions;
  for (std::size_t i = 0; i < 20; ++i) {
    actions.push_back(evict_of(path_of(i), kSize));
    actions.push_back(prefetch_of(path_of(20 + i), kSize));
  }
  good(controller->publish("fra1", plan_of(actions)));
  wait_until_over(*controller, 40);
  const auto plan = good(controller->plan("fra1"));
  CHECK(plan->done == 40);
  CHECK(plan->failed == 0);
  CHECK(holdings(*controller) == objects(20, 40));
  check_changes(*controller, 6'000'000);
  for (std::size_t i = 0; i < 40; ++i) CHECK(world.origin.requests(path_of(i)) == 1);
  CHECK(agent.get(path_of(30)).body == body_of(kSize, static_cast<char>('a' + 30 % 26)));
  CHECK(world.origin.requests(path_of(30)) == 1);
}

TEST_CASE("what a plan asks for outlives a scan and what none asks for does not") {
  constexpr std::size_t kCount = 30;
  EdgeWorld world;
  fill_origin(world, kCount);
  OriginObject changes{
      .body = body_of(kSize), .fields = "Cache-Control: max-age=0\r\n", .etag = "\"1\""};
  world.origin.set("/changes", changes);
  // Six of them have room.
  RunningAgent agent(world.config("", "storage: 64MiB, capacity: 2000000B"));
  const auto controller = world.controller();
  CHECK(agent.get(path_of(0)).status == 200);  // before there is a plan
  CHECK(agent.get(path_of(1)).status == 200);
  const auto is_held = [&](std::size_t i) {
    return holdings(*controller).contains(cache::content_id(path_of(i)));
  };
  eventually("both are held", [&] { return is_held(0) && is_held(1); });
  // One that is held already, three that are not.
  good(controller->publish(
      "fra1", plan_of({prefetch_of(path_of(0), kSize), prefetch_of(path_of(2), kSize),
                       prefetch_of(path_of(3), kSize), prefetch_of("/changes", kSize)})));
  wait_until_over(*controller, 4);
  CHECK(is_held(1));
  // What is fetched anew stays what the plan asks for.
  changes.etag = "\"2\"";
  world.origin.set("/changes", changes);
  CHECK(agent.get("/changes").field("Cache-Status").find("stored") != std::string::npos);
  CHECK(world.origin.requests("/changes") == 2);
  for (std::size_t i = 4; i < kCount; ++i) CHECK(agent.get(path_of(i)).status == 200);
  eventually("the last of the scan is held", [&] { return is_held(kCount - 1); });
  for (const std::size_t i : {0U, 2U, 3U}) {
    CHECK(is_held(i));
    CHECK(agent.get(path_of(i)).field("Cache-Status").starts_with("edgeward; hit"));
    CHECK(world.origin.requests(path_of(i)) == 1);
  }
  CHECK(holdings(*controller).contains(cache::content_id("/changes")));
  CHECK_FALSE(is_held(1));
  CHECK_FALSE(is_held(4));
  // Another plan says otherwise.
  good(controller->publish("fra1", plan_of({evict_of(path_of(2), kSize)})));
  wait_until_over(*controller, 1);
  CHECK_FALSE(is_held(2));
  check_changes(*controller, 2'000'000);
  CHECK(agent.stop() == 0);
  CHECK(agent.said().find("protected_bytes=900000") != std::string::npos);
  CHECK(agent.said().find("protected_evictions=0") != std::string::npos);
}

TEST_CASE("actions of a plan that is not in force are taken off and not done") {
  EdgeWorld world;
  fill_origin(world, 20);
  const auto controller = world.controller();
  good(controller->publish("fra1", prefetches(0, 10)));
  good(controller->publish("fra1", prefetches(10, 15)));
  RunningAgent agent(world.config());
  wait_until_over(*controller, 5);
  CHECK(holdings(*controller) == objects(10, 15));
  for (std::size_t i = 0; i < 10; ++i) CHECK(world.origin.requests(path_of(i)) == 0);
}

TEST_CASE("actions whose plan ended before their turn are dead letters that say so") {
  EdgeWorld world;
  fill_origin(world, 20);
  const auto controller = world.controller();
  RunningAgent agent(world.config());
  Plan ended = prefetches(15, 20);
  ended.valid_until_ms = 1000;
  ended.id = id_of(ended, "fra1");
  good(controller->publish("fra1", ended));
  wait_until_over(*controller, 5);
  CHECK(good(controller->plan("fra1"))->done == 0);
  const auto letters = good(controller->dead_letters("fra1", "", 10));
  CHECK(letters.size() == 5);
  for (const auto& letter : letters) CHECK(letter.error == "its plan has ended");
  cache::redis::RedisAgentStore store("fra1", servers_at(world.redis), steady_ms, 9);
  CHECK(good(store.claim_actions("test", 10, 0)).empty());
  for (std::size_t i = 15; i < 20; ++i) CHECK(world.origin.requests(path_of(i)) == 0);
}

TEST_CASE("half a plan is not acted on") {
  EdgeWorld world;
  fill_origin(world, 5);
  RunningAgent agent(world.config());
  const auto controller = world.controller();
  good(controller->publish("fra1", prefetches(0, 2)));
  wait_until_over(*controller, 2);
  const Plan plan = prefetches(2, 5);
  good(controller->publish("fra1", plan));
  wait_until_over(*controller, 3);
  // As a planner leaves it that ends before its last step.
  CHECK(world.redis.ask("HSET edgeward:{fra1}:plan status writing id 00000000000000aa") == ":0");
  CHECK(world.redis
            .ask(fmt::format("XADD edgeward:{{fra1}}:actions * plan 00000000000000aa epoch 1 n 0 "
                             "kind evict content {} key /a size_bytes 1 gain 0 deadline 9999999999",
                             to_hex(cache::content_id(path_of(0)))))
            .starts_with("$"));
  const auto pending = [&] { return world.redis.ask("XLEN edgeward:{fra1}:actions"); };
  for (int i = 0; i < 20; ++i) {
    CHECK(agent.get(path_of(0)).field("Cache-Status").starts_with("edgeward; hit"));
  }
  CHECK(pending() == ":1");
  CHECK(world.redis.ask("HSET edgeward:{fra1}:plan status complete") == ":0");
  eventually("it is acted on once it is whole", [&] { return pending() == ":0"; });
  CHECK(holdings(*controller) == objects(1, 5));
}

TEST_CASE("what cannot be done is told as a dead letter with its error") {
  EdgeWorld world;
  fill_origin(world, 1);
  world.origin.set("/500", {.status = 500});
  world.origin.set("/silent", {.is_silent = true});
  world.origin.set("/cut", {.body = body_of(kSize), .cut_at = kSize / 2});
  world.origin.set("/stalls", {.body = body_of(kSize), .held_at = kSize / 2});
  world.origin.set("/no-store", {.body = "x", .fields = "Cache-Control: no-store\r\n"});
  world.origin.set("/larger", {.body = body_of(2'000'000)});
  RunningAgent agent(world.config("fetch: {response: 200ms, stall: 200ms},",
                                  "storage: 64MiB, capacity: 1000000B"));
  const auto controller = world.controller();
  Action other = prefetch_of("/a", 10);
  other.content = cache::ContentId{5};
  good(controller->publish(
      "fra1", plan_of({prefetch_of("/404", 10), prefetch_of("/500", 10), prefetch_of("/silent", 10),
                       prefetch_of("/cut", kSize), prefetch_of("/stalls", kSize),
                       prefetch_of("/no-store", 1), prefetch_of("/larger", 10),
                       prefetch_of("/huge", 2'000'000), other, prefetch_of(path_of(0), kSize)})));
  wait_until_over(*controller, 10);
  const auto plan = good(controller->plan("fra1"));
  CHECK(plan->done == 1);
  CHECK(plan->failed == 9);
  std::map<std::string, std::string> errors;
  for (const cache::DeadLetter& letter : good(controller->dead_letters("fra1", "", 100))) {
    CHECK(errors.emplace(letter.key, letter.error).second);
  }
  const auto says = [&](const std::string& key, std::string_view words) {
    INFO(key << ": " << errors[key]);
    CHECK(errors[key].find(words) != std::string::npos);
  };
  says("/404", "status 404");
  says("/500", "status 500");
  says("/silent", "no answer in time");
  says("/cut", "ended before its length");
  says("/stalls", "no answer in time");
  says("/no-store", "lets nobody keep it");
  says("/larger", "at most 1000000 of one");
  says("/huge", "2000000 bytes");
  says("/a", "not the content of this key");
  // What may pass was tried again, what will not was not.
  CHECK(world.origin.requests("/404") == 1);
  CHECK(world.origin.requests("/500") == 3);
  CHECK(world.origin.requests("/cut") == 3);
  CHECK(world.origin.requests("/huge") == 0);
  CHECK(holdings(*controller) == objects(0, 1));
}

TEST_CASE("an agent that was killed goes on where it was and nothing counts twice") {
  EdgeWorld world;
  fill_origin(world, 30);
  world.origin.set(path_of(5), {.body = body_of(2'000'000), .held_at = 1'200'000});
  const auto controller = world.controller();
  auto agent = std::make_unique<RunningAgent>(world.config());
  good(controller->publish("fra1", prefetches(0, 30)));
  eventually("some are done and one is half done", [&] {
    const auto plan = good(controller->plan("fra1"));
    return plan->done >= 3 && world.origin.requests(path_of(5)) == 1 &&
           world.redis.ask("EXISTS edgeward:{fra1}:object:" +
                           to_hex(cache::content_id(path_of(5))) + ":0") == ":1";
  });
  agent->kill();
  CHECK(good(controller->plan("fra1"))->done < 30);
  world.origin.set(path_of(5), {.body = body_of(kSize)});
  world.origin.release();
  agent = std::make_unique<RunningAgent>(world.config());
  wait_until_over(*controller, 30);
  const auto plan = good(controller->plan("fra1"));
  CHECK(plan->done == 30);
  CHECK(plan->failed == 0);
  CHECK(holdings(*controller) == objects(0, 30));
  check_changes(*controller, 64 << 20);
  CHECK(world.redis.ask("XLEN edgeward:{fra1}:actions") == ":0");
  CHECK(world.redis.ask("HLEN edgeward:{fra1}:writing") == ":0");
  CHECK(agent->get(path_of(5)).body == body_of(kSize));
}

TEST_CASE("a Redis that is killed and comes back finds the plan carried out once") {
  EdgeWorld world;
  fill_origin(world, 40);
  const auto controller = world.controller();
  RunningAgent agent(world.config("", "storage: 64MiB, capacity: 20000000B"));
  good(controller->publish("fra1", prefetches(0, 40)));
  eventually("some are done", [&] { return good(controller->plan("fra1"))->done >= 5; });
  world.redis.kill();
  // Clients are served all the while.
  for (std::size_t i = 0; i < 3; ++i) {
    const HttpAnswer answer = agent.get(path_of(i));
    CHECK(answer.status == 200);
    CHECK(answer.body == body_of(kSize, static_cast<char>('a' + i)));
  }
  agent.wait_for("the store does not take reports");
  world.redis.start();
  wait_until_over(*controller, 40);
  const auto plan = good(controller->plan("fra1"));
  INFO(good(controller->dead_letters("fra1", "", 100)).size());
  CHECK(plan->done + plan->failed == 40);
  CHECK(plan->failed == 0);
  CHECK(holdings(*controller) == objects(0, 40));
  check_changes(*controller, 20'000'000);
  agent.wait_for("the store takes reports again");
}

TEST_CASE("while Redis hangs clients are served and after it the store is used again") {
  EdgeWorld world;
  fill_origin(world, 3);
  RunningAgent agent(world.config());
  CHECK(agent.get(path_of(0)).status == 200);
  eventually("it is held", [&] {
    return agent.get(path_of(0)).field("Cache-Status").starts_with("edgeward; hit");
  });
  world.redis.hang();
  for (const std::size_t i : {0U, 1U, 0U}) {
    const HttpAnswer answer = agent.get(path_of(i));
    CHECK(answer.status == 200);
    CHECK(answer.body == body_of(kSize, static_cast<char>('a' + i)));
    CHECK(answer.field("Cache-Status").find("hit") == std::string::npos);
  }
  world.redis.go_on();
  eventually("the store is used again", [&] {
    return agent.get(path_of(0)).field("Cache-Status").starts_with("edgeward; hit");
  });
  eventually("and filled again", [&] {
    return agent.get(path_of(2)).field("Cache-Status").starts_with("edgeward; hit");
  });
}

TEST_CASE("a Redis that is full makes the edge hold less and fails no client") {
  // Less memory than the edge believes to have.
  EdgeWorld world({"--maxmemory", "12mb", "--maxmemory-policy", "noeviction"});
  constexpr std::size_t kCount = 60;
  fill_origin(world, kCount);
  RunningAgent agent(world.config("", "storage: 64MiB, capacity: 40MiB"));
  for (std::size_t i = 0; i < kCount; ++i) {
    const HttpAnswer answer = agent.get(path_of(i));
    CHECK(answer.status == 200);
    CHECK(answer.body == body_of(kSize, static_cast<char>('a' + i % 26)));
  }
  const auto controller = world.controller();
  eventually("the last is held", [&] {
    return agent.get(path_of(kCount - 1)).field("Cache-Status").starts_with("edgeward; hit");
  });
  const auto held = holdings(*controller);
  CHECK(held.size() > 10);
  CHECK(held.size() < 45);
  check_changes(*controller, 40 << 20);
}

}  // namespace edgeward::test
