// What every implementation of the stores has to do, in memory and in a real Redis.

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "cache/random.hpp"
#include "tests/cache/store/stores.hpp"

namespace edgeward::cache {

namespace {

using test::good;
using test::MemoryStores;
using test::RedisStores;

Plan plan_of(std::size_t actions, std::uint64_t epoch, std::int64_t valid_until_ms = 1'000'000) {
  Plan plan{.epoch = epoch, .valid_until_ms = valid_until_ms};
  for (std::size_t i = 0; i < actions; ++i) {
    const bool is_evict = i % 3 == 0;
    plan.actions.push_back({.kind = is_evict ? ActionKind::evict : ActionKind::prefetch,
                            .content = ContentId{i * 0x9E37'79B9'7F4A'7C15},
                            .key = fmt::format("/object/{}", i),
                            .size_bytes = 1000 + i,
                            .gain = 0.5 * static_cast<double>(i)});
  }
  plan.id = id_of(plan, "fra1");
  return plan;
}

std::vector<PlannedAction> all_actions(AgentStore& agent) {
  std::vector<PlannedAction> all;
  while (true) {
    const auto some = good(agent.next_actions("one", 100));
    if (some.empty()) return all;
    all.insert(all.end(), some.begin(), some.end());
  }
}

ObjectMeta meta_of(std::uint64_t length, std::uint64_t version) {
  return {.key = "/a",
          .length_bytes = length,
          .version = version,
          .fields = "Content-Type: text/plain\r\n",
          .etag = "\"1\"",
          .stored_at_ms = 1000,
          .fresh_until_ms = 2000,
          .stale_until_ms = 3000,
          .error_stale_until_ms = 4000};
}

void hold(AgentStore& agent, ContentId content, std::uint64_t length, std::uint64_t version = 1) {
  good(agent.begin_object(content, version));
  good(agent.put_chunk(content, 0, std::string(length, 'x')));
  good(agent.complete_object(content, meta_of(length, version)));
}

EdgeRequest request_of(std::uint64_t n) {
  return {.at_ms = static_cast<std::int64_t>(1000 + n),
          .client = *geo::IpPrefix::parse("192.0.2.0/24"),
          .key = fmt::format("/{}", n),
          .content = ContentId{n},
          .size_bytes = n,
          .is_hit = n % 2 == 0};
}

}  // namespace

TEMPLATE_TEST_CASE("a published plan comes to its edge whole and in order", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto controller = stores.controller();
  const auto agent = stores.agent("fra1");
  for (const std::size_t size : {0U, 1U, 512U, 513U, 1700U}) {
    const Plan plan = plan_of(size, 3);
    CHECK(good(controller->publish("fra1", plan)) == Published::now);
    const auto summary = good(agent->plan());
    REQUIRE(summary);
    CHECK(summary == good(controller->plan("fra1")));
    CHECK(summary->id == plan.id);
    CHECK(summary->epoch == 3);
    CHECK(summary->status == PlanStatus::complete);
    CHECK(summary->actions == size);
    CHECK(summary->batches == std::max<std::size_t>((size + 511) / 512, 1));
    CHECK(summary->prefetch_bytes == summary_of(plan).prefetch_bytes);
    const auto actions = all_actions(*agent);
    REQUIRE(actions.size() == size);
    for (std::size_t i = 0; i < size; ++i) {
      CHECK(actions[i].action == plan.actions[i]);
      CHECK(actions[i].n == i);
      CHECK(actions[i].plan == plan.id);
      CHECK(actions[i].epoch == 3);
      CHECK(actions[i].deadline_ms == plan.valid_until_ms);
    }
  }
}

TEMPLATE_TEST_CASE("to publish a plan again does nothing", "", MemoryStores, RedisStores) {
  TestType stores;
  const auto controller = stores.controller();
  const auto agent = stores.agent("fra1");
  const Plan plan = plan_of(600, 3);
  CHECK(good(controller->publish("fra1", plan)) == Published::now);
  CHECK(good(controller->publish("fra1", plan)) == Published::before);
  CHECK(all_actions(*agent).size() == 600);
  SECTION("by the next planner too, who fences the one before") {
    Plan later = plan;
    later.epoch = 4;
    CHECK(good(stores.controller()->publish("fra1", later)) == Published::before);
    CHECK(all_actions(*agent).empty());
    const auto refused = controller->publish("fra1", plan_of(5, 3));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == StoreFault::stale_epoch);
  }
}

TEMPLATE_TEST_CASE("a planner of an earlier epoch is refused and changes nothing", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto controller = stores.controller();
  const auto agent = stores.agent("fra1");
  const Plan current = plan_of(10, 7);
  good(controller->publish("fra1", current));
  const auto refused = controller->publish("fra1", plan_of(20, 6));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == StoreFault::stale_epoch);
  CHECK(good(agent->plan())->id == current.id);
  CHECK(all_actions(*agent).size() == 10);
  // Edges are apart.
  CHECK(good(controller->publish("ams1", plan_of(20, 6))) == Published::now);
}

TEMPLATE_TEST_CASE("what nobody can ask for is not published", "", MemoryStores, RedisStores) {
  TestType stores;
  const auto controller = stores.controller();
  Plan plan = plan_of(2, 1);
  plan.actions[1].key = "/" + std::string(kKeyBytesMax, 'k');
  const auto refused = controller->publish("fra1", plan);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == StoreFault::too_large);
  CHECK_FALSE(good(controller->plan("fra1")));
}

TEMPLATE_TEST_CASE("an action comes again until it is finished and counts once", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto controller = stores.controller();
  const auto agent = stores.agent("fra1");
  good(controller->publish("fra1", plan_of(4, 1)));
  const auto actions = good(agent->next_actions("one", 4));
  REQUIRE(actions.size() == 4);
  CHECK(actions[0].deliveries == 1);
  CHECK(good(agent->claim_actions("two", 10, 60'000)).empty());
  const auto again = good(stores.agent("fra1")->claim_actions("two", 10, 0));
  REQUIRE(again.size() == 4);
  CHECK(again[0].action == actions[0].action);
  CHECK(again[0].deliveries == 2);

  CHECK(good(agent->finish(actions[0])));
  CHECK_FALSE(good(agent->finish(again[0])));
  CHECK(good(agent->give_up(actions[1], "404 Not Found", 5000)));
  CHECK_FALSE(good(agent->give_up(again[1], "404 Not Found", 6000)));
  CHECK_FALSE(good(agent->finish(actions[1])));
  good(agent->drop(std::vector{actions[2]}));
  CHECK_FALSE(good(agent->finish(actions[2])));

  const auto plan = good(controller->plan("fra1"));
  CHECK(plan->done == 1);
  CHECK(plan->failed == 1);
  const auto left = good(agent->claim_actions("two", 10, 0));
  REQUIRE(left.size() == 1);
  CHECK(left[0].n == 3);
  const auto letters = good(controller->dead_letters("fra1", "", 10));
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].error == "404 Not Found");
  CHECK(letters[0].n == 1);
  CHECK(letters[0].at_ms == 5000);
  CHECK(letters[0].key == "/object/1");
  CHECK(letters[0].plan == plan->id);
  CHECK(good(controller->dead_letters("fra1", letters[0].entry, 10)).empty());
}

TEMPLATE_TEST_CASE("actions of a plan that was replaced count for nothing", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto controller = stores.controller();
  const auto agent = stores.agent("fra1");
  good(controller->publish("fra1", plan_of(2, 1)));
  const auto old = good(agent->next_actions("one", 10));
  good(controller->publish("fra1", plan_of(3, 1)));
  CHECK(good(agent->finish(old[0])));
  CHECK(good(controller->plan("fra1"))->done == 0);
}

TEMPLATE_TEST_CASE("an object is there once it is complete", "", MemoryStores, RedisStores) {
  TestType stores;
  const auto agent = stores.agent("fra1");
  const auto controller = stores.controller();
  const ContentId content{0xAB00'0000'0000'0001};
  good(agent->begin_object(content, 1));
  const std::string first(kChunkBytes, 'a');
  good(agent->put_chunk(content, 0, first));
  CHECK(good(controller->inventory("fra1", 0xAB)).empty());
  good(agent->put_chunk(content, 1, "tail"));
  const ObjectMeta meta = meta_of(kChunkBytes + 4, 1);
  good(agent->complete_object(content, meta));
  good(agent->complete_object(content, meta));  // again
  const std::vector held{Holding{.content = content, .size_bytes = kChunkBytes + 4}};
  CHECK(good(controller->inventory("fra1", 0xAB)) == held);
  CHECK(good(agent->chunk(content, 1, 0)) == first);
  CHECK(good(agent->chunk(content, 1, 1)) == "tail");
  CHECK_FALSE(good(agent->chunk(content, 1, 2)));
  CHECK_FALSE(good(agent->chunk(content, 2, 0)));
  CHECK(good(agent->recover()) == std::vector{HeldObject{.content = content, .meta = meta}});

  ObjectMeta later = meta;
  later.fresh_until_ms = 9000;
  CHECK(good(agent->update_object(content, later)));
  CHECK(good(agent->recover())[0].meta == later);
  later.version = 2;
  CHECK_FALSE(good(agent->update_object(content, later)));

  good(agent->remove_object(content, 2));
  good(agent->remove_object(content, 2));  // again
  CHECK_FALSE(good(agent->chunk(content, 1, 0)));
  CHECK(good(agent->recover()).empty());
  const auto changes = good(controller->inventory_changes("fra1", 0, 10));
  CHECK(changes.changes ==
        std::vector{InventoryChange{1, true, held[0]}, InventoryChange{2, false, held[0]}});
  CHECK_FALSE(changes.has_gap);
}

TEMPLATE_TEST_CASE("what a crash left half written is gone after recovery", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto agent = stores.agent("fra1");
  hold(*agent, ContentId{1}, 10);
  good(agent->begin_object(ContentId{2}, 1));
  for (std::uint64_t n = 0; n < 70; ++n) good(agent->put_chunk(ContentId{2}, n, "bytes"));
  const auto objects = good(stores.agent("fra1")->recover());
  REQUIRE(objects.size() == 1);
  CHECK(objects[0].content == ContentId{1});
  CHECK_FALSE(good(agent->chunk(ContentId{2}, 1, 0)));
  CHECK_FALSE(good(agent->chunk(ContentId{2}, 1, 69)));
}

TEMPLATE_TEST_CASE("following changes leads to the inventory and to its digests", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto agent = stores.agent("fra1");
  const auto controller = stores.controller();
  const std::uint64_t seed = 7;
  INFO("seed " << seed);
  Random random(seed);
  std::map<ContentId, std::uint64_t> followed;
  std::uint64_t seq = 0;
  for (int step = 0; step < 300; ++step) {
    const ContentId content{(random.below(20) << 56) + random.below(2)};
    if (random.below(3) == 0) {
      good(agent->remove_object(content, 1));
    } else {
      hold(*agent, content, 1 + random.below(3), static_cast<std::uint64_t>(step));
    }
    if (step % 10 != 9) continue;
    const auto news = good(controller->inventory_changes("fra1", seq, 1000));
    CHECK_FALSE(news.has_gap);
    for (const InventoryChange& change : news.changes) {
      CHECK(change.seq == ++seq);
      if (change.is_held) {
        followed[change.holding.content] = change.holding.size_bytes;
      } else {
        followed.erase(change.holding.content);
      }
    }
    const InventoryDigests digests = good(controller->inventory_digests("fra1"));
    CHECK(digests.seq == seq);
    std::vector<std::uint64_t> own(kInventoryBuckets);
    for (const auto& [held, size] : followed) {
      own[inventory_bucket(held)] ^= digest_of({.content = held, .size_bytes = size});
    }
    CHECK(digests.buckets == own);
    std::map<ContentId, std::uint64_t> listed;
    for (std::size_t bucket = 0; bucket < 20; ++bucket) {
      for (const Holding& held : good(controller->inventory("fra1", bucket))) {
        listed[held.content] = held.size_bytes;
      }
    }
    CHECK(listed == followed);
  }
  // One who is ahead of what is there has followed something else.
  CHECK(good(controller->inventory_changes("fra1", seq + 5, 10)).has_gap);
  CHECK_FALSE(good(controller->inventory_changes("fra1", seq, 10)).has_gap);
}

TEMPLATE_TEST_CASE("requests come to one controller of a group and again if it forgets none", "",
                   MemoryStores, RedisStores) {
  TestType stores;
  const auto agent = stores.agent("fra1");
  const auto one = stores.controller();
  const auto two = stores.controller();
  CHECK(good(one->read_requests("fra1", "controllers", "one", 10, 60'000)).batches.empty());
  std::vector<EdgeRequest> sent;
  for (std::uint64_t n = 0; n < kRequestsAnEntryMax; ++n) sent.push_back(request_of(n));
  good(agent->append_requests(sent));
  good(agent->append_requests(std::span(sent).first(1)));
  const auto first = good(one->read_requests("fra1", "controllers", "one", 1, 60'000));
  REQUIRE(first.batches.size() == 1);
  CHECK(first.batches[0].requests == sent);
  const auto second = good(two->read_requests("fra1", "controllers", "two", 10, 60'000));
  REQUIRE(second.batches.size() == 1);
  CHECK(second.batches[0].requests.size() == 1);
  good(two->forget_requests("fra1", "controllers", std::vector{second.batches[0].entry}));
  const auto again = good(two->read_requests("fra1", "controllers", "two", 10, 0));
  REQUIRE(again.batches.size() == 1);
  CHECK(again.batches[0].entry == first.batches[0].entry);
  CHECK(again.lost_entries == 0);
  // Another group reads all of it.
  CHECK(good(one->read_requests("fra1", "others", "one", 10, 60'000)).batches.size() == 2);
  sent.push_back(request_of(1));
  const auto refused = agent->append_requests(sent);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == StoreFault::too_large);
}

TEMPLATE_TEST_CASE("requests that were trimmed unread are counted once", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto agent = stores.agent("fra1");
  const auto controller = stores.controller();
  const std::vector sent{request_of(1)};
  for (int i = 0; i < 9000; ++i) good(agent->append_requests(sent));
  std::uint64_t lost = 0;
  std::uint64_t read = 0;
  while (true) {
    const auto some = good(controller->read_requests("fra1", "controllers", "one", 1000, 60'000));
    lost += some.lost_entries;
    if (some.batches.empty()) break;
    read += some.batches.size();
    std::vector<std::string> entries;
    for (const RequestBatch& batch : some.batches) entries.push_back(batch.entry);
    good(controller->forget_requests("fra1", "controllers", entries));
  }
  CHECK(lost > 500);
  CHECK(lost + read == 9000);
}

TEMPLATE_TEST_CASE("a report is there for as long as it was to live", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto agent = stores.agent("fra1");
  const auto controller = stores.controller();
  CHECK_FALSE(good(controller->report("fra1")));
  EdgeReport report{.seq = 3,
                    .at_ms = 1'700'000'000'123,
                    .load_ratio = 0.25,
                    .bandwidth_used_bps = 1'000'000,
                    .capacity_bytes = 1 << 30,
                    .used_bytes = 12,
                    .mode = EdgeMode::drain};
  good(agent->report(report, 60'000));
  CHECK(good(controller->report("fra1")) == report);
  good(agent->report(report, 1));
  const std::int64_t end = test::steady_ms() + 10'000;
  while (good(controller->report("fra1")) && test::steady_ms() < end) ::poll(nullptr, 0, 1);
  CHECK_FALSE(good(controller->report("fra1")));
}

TEMPLATE_TEST_CASE("one planner at a time has the lease and each has a larger epoch", "",
                   MemoryStores, RedisStores) {
  TestType stores;
  const auto lease = stores.lease();
  const auto other = stores.lease();
  const auto first = good(lease->acquire("a", 60'000));
  REQUIRE(first);
  CHECK_FALSE(good(other->acquire("b", 60'000)));
  CHECK(good(lease->acquire("a", 60'000)) == first);
  CHECK(good(lease->renew("a", 60'000)));
  CHECK_FALSE(good(other->renew("b", 60'000)));
  CHECK_FALSE(good(other->release("b")));
  CHECK(good(lease->release("a")));
  CHECK_FALSE(good(lease->renew("a", 60'000)));
  const auto second = good(other->acquire("b", 1));
  REQUIRE(second);
  CHECK(*second > *first);
  // It runs out by itself.
  const std::int64_t end = test::steady_ms() + 10'000;
  std::optional<std::uint64_t> third;
  while (!third && test::steady_ms() < end) third = good(lease->acquire("a", 60'000));
  REQUIRE(third);
  CHECK(*third > *second);
}

}  // namespace edgeward::cache
