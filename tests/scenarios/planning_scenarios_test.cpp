// A controller follows real edges through their Redis, plans for them and sees that plans are
// carried out, whatever happens to Redis and to controllers. It decides all the while.

#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "cache/random.hpp"
#include "cache/redis/scripts.hpp"
#include "tests/scenarios/planned_world.hpp"
#include "tests/tcp_proxy.hpp"

namespace edgeward::test {

namespace json = boost::json;

TEST_CASE("edges that threads follow get plans and carry them out") {
  const PlannedWorld world;
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  const Clients clients(agent);
  const auto store = world.store();
  const cache::PlanSummary summary = wait_for_plan(*store);
  CHECK(summary.failed == 0);
  CHECK(summary.epoch >= 1);

  const json::object status = plans_of(service);
  CHECK(status.at("mode").as_string() == "independent");
  CHECK(status.at("leader").as_bool());
  const json::object edge = edge_in(status, "fra1");
  CHECK(edge.at("reachable").as_bool());
  CHECK(edge.at("requests").to_number<int>() > 0);
  CHECK(edge.at("held_objects").to_number<int>() > 0);
  CHECK(edge.at("held_bytes").to_number<int>() <= 400'000);
  CHECK(edge.at("lost_entries").to_number<int>() == 0);
  CHECK(edge.at("share").to_number<double>() == 0.5);
  // What its own state says comes through Redis too.
  HttpConnection admin(service.admin_port());
  const std::string edges = admin.get("/v1/edges").body;
  CHECK(edges.find("\"age_ms\": null") == edges.rfind("\"age_ms\": null"));

  const std::string metrics = admin.get("/metrics").body;
  for (const char* line : {"edgeward_planner 1", "edgeward_edge_store_reachable{edge=\"fra1\"} 1",
                           "edgeward_plan_share{edge=\"fra1\"} 0.5",
                           "edgeward_edge_requests_read_total{edge=\"fra1\"}",
                           "edgeward_edge_requests_lag_seconds{edge=\"fra1\"}"}) {
    CAPTURE(line);
    CHECK(metrics.find(line) != std::string::npos);
  }
  eventually("it is known what came of a plan",
             [&] { return !edge_in(plans_of(service), "fra1").at("calibration").is_null(); });
}

TEST_CASE("edgeward plan shows what edges are to keep and publishes it only if it is to") {
  const PlannedWorld world;
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  const Clients clients(agent);
  (void)wait_for_plan(*world.store());
  const std::string admin = fmt::format("127.0.0.1:{}", service.admin_port());

  const Outcome dry = run(EDGEWARD_BINARY, {"plan", "--dry-run", "--admin", admin});
  CAPTURE(dry.out, dry.err);
  CHECK(dry.exit_code == 0);
  CHECK(dry.out.find("fra1: plans may have 50 % of 390.6 KiB") != std::string::npos);
  CHECK(dry.out.find("hit ratio expected:") != std::string::npos);
  CHECK(dry.err.find("nothing was published") != std::string::npos);

  const Outcome real = run(EDGEWARD_BINARY, {"plan", "--json", "--admin", admin, "--edge", "fra1"});
  CAPTURE(real.out, real.err);
  REQUIRE(real.exit_code == 0);
  const json::value run = json::parse(real.out);
  CHECK_FALSE(run.at("dry_run").as_bool());
  REQUIRE(run.at("edges").as_array().size() == 1);
  const json::object& edge = run.at("edges").at(0).as_object();
  // It keeps no more than it may.
  const auto bytes = [&](const char* part) {
    return edge.at(part).at("bytes").to_number<std::uint64_t>();
  };
  CHECK(bytes("keep") + bytes("prefetch") <= edge.at("budget_bytes").to_number<std::uint64_t>());
  CHECK(bytes("keep") + bytes("prefetch") > 0);

  HttpConnection connection(service.admin_port());
  CHECK(connection.get("/v1/plans/fra1").status == 200);
  CHECK(connection.get("/v1/plans/lhr1").status == 404);
  CHECK(connection.post("/v1/plans/run?dry_run=perhaps").status == 400);
}

TEST_CASE("edgeward optimize gives strategies and tells later what they brought") {
  const PlannedWorld world;
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  const Clients clients(agent);
  (void)wait_for_plan(*world.store());
  const std::string admin = fmt::format("127.0.0.1:{}", service.admin_port());
  CHECK(run(EDGEWARD_BINARY, {"optimize", "--status", "--admin", admin}).exit_code == 2);

  const Outcome begun =
      run(EDGEWARD_BINARY, {"optimize", "--measure-after", "24h", "--admin", admin});
  CAPTURE(begun.out, begun.err);
  CHECK(begun.exit_code == 0);
  CHECK(begun.out.find("fra1: ") != std::string::npos);
  CHECK(begun.out.find("ams1: insufficient_data, hit ratio - of 0 requests") != std::string::npos);
  CHECK(begun.err.find("edgeward optimize --status") != std::string::npos);
  json::value told;
  std::this_thread::sleep_for(std::chrono::seconds(20));  // the same hours come again
  eventually("it is measured", [&] {
    told =
        json::parse(run(EDGEWARD_BINARY, {"optimize", "--status", "--json", "--admin", admin}).out);
    return told.at("status").as_string() == "measured";
  });
  const json::object& outcome = told.at("outcome").as_object();
  CHECK(outcome.at("edges_optimized").to_number<int>() == 2);
  CHECK(outcome.at("canary").is_null());
  const json::object edge = outcome.at("edges").at(0).as_object();
  CHECK(edge.at("edge").as_string() == "fra1");
  const auto ratio = [&](const char* which) { return edge.at(which).to_number<double>(); };
  CHECK(ratio("improvement") ==
        Approx(ratio("optimized_hit_ratio") - ratio("baseline_hit_ratio")).margin(1e-8));

  // Half of the edges, the other half without plans until it is measured.
  const Outcome canary = run(EDGEWARD_BINARY, {"optimize", "--measure-after", "1h", "--canary",
                                               "50%", "--json", "--admin", admin});
  REQUIRE(canary.exit_code == 0);
  int applied = 0;
  const json::value run_told = json::parse(canary.out);
  for (const json::value& strategy : run_told.at("strategies").as_array()) {
    applied += strategy.at("applied").as_bool() ? 1 : 0;
  }
  CHECK(applied == 1);

  HttpConnection connection(service.admin_port());
  CHECK(connection.post("/v1/optimize?measure_after_s=60").status == 400);
  CHECK(connection.post("/v1/optimize?canary_percent=100").status == 400);
  CHECK(run(EDGEWARD_BINARY, {"optimize", "--canary", "0.1", "--admin", admin}).exit_code == 2);
}

TEST_CASE("without redis.follow there are no plans and the answer says why") {
  const Serving service({});
  HttpConnection admin(service.admin_port());
  CHECK(admin.get("/v1/plans").status == 503);
  const HttpAnswer refused = admin.post("/v1/plans/run");
  CHECK(refused.status == 503);
  CHECK(refused.body.find("redis.follow") != std::string::npos);
}

TEST_CASE("a redis that is killed and comes back gets its plan done and decisions go on") {
  PlannedWorld world;
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  Asking asking(service);
  const Clients clients(agent);
  const auto store = world.store();
  const cache::PlanSummary before = wait_for_plan(*store);

  world.redis.kill();
  eventually("it is noticed",
             [&] { return !edge_in(plans_of(service), "fra1").at("reachable").as_bool(); });
  CHECK(edge_in(plans_of(service), "ams1").at("reachable").as_bool());
  world.redis.start();
  const cache::PlanSummary after = wait_for_plan(*store, before.id);
  CHECK(after.done + after.failed == after.actions);
  // Whoever reads it comes back in its own time, maybe after whoever plans.
  eventually("it is read again",
             [&] { return edge_in(plans_of(service), "fra1").at("reachable").as_bool(); });
  asking.end();
  CHECK(asking.answered() > 0);
  CHECK(asking.failed() == 0);
}

TEST_CASE("a redis that hangs delays neither decisions nor the other edges") {
  PlannedWorld world;
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  Asking asking(service);
  const Clients clients(agent);
  const auto store = world.store();
  (void)wait_for_plan(*store);

  world.other_redis.hang();
  eventually("it is noticed",
             [&] { return !edge_in(plans_of(service), "ams1").at("reachable").as_bool(); });
  const cache::PlanSummary then = good(store->plan("fra1")).value();
  const cache::PlanSummary next = wait_for_plan(*store, then.id);
  CHECK(next.id != then.id);
  world.other_redis.go_on();
  eventually("it is read again",
             [&] { return edge_in(plans_of(service), "ams1").at("reachable").as_bool(); });
  asking.end();
  CHECK(asking.failed() == 0);
}

TEST_CASE("a plan that its store has lost is published again") {
  const PlannedWorld world;
  const RunningAgent agent(world.config());
  // The next plan is days away: it is this one that has to come back.
  const Serving service(world.arguments("one", "", "7d"));
  const auto store = world.store();
  const Clients clients(agent);
  plan_something(service, *store);
  const cache::PlanSummary plan = wait_for_plan(*store);
  // As after a failover that loses what was acknowledged.
  CHECK(world.redis.ask("FLUSHALL") == "+OK");
  service.wait_for("has lost its plan: it is published again");
  const cache::PlanSummary again = wait_for_plan(*store);
  CHECK(again.id == plan.id);
  CHECK(again.actions == plan.actions);
}

TEST_CASE("a controller that is killed is followed by its successor with a later epoch") {
  const PlannedWorld world;
  const RunningAgent agent(world.config());
  const Clients clients(agent);
  const auto store = world.store();
  std::uint64_t first = 0;
  cache::PlanSummary plan;
  {
    const Serving service(world.arguments("one"));
    plan = wait_for_plan(*store);
    first = plan.epoch;
    service.signal(SIGKILL);
  }
  const Serving service(world.arguments("two"));
  eventually("the successor publishes", [&] {
    const auto now = store->plan("fra1");
    return now && *now && (*now)->epoch > first && (*now)->actions > 0;
  });
  const cache::PlanSummary after = wait_for_plan(*store, plan.id);
  CHECK(after.epoch > first);
  CHECK(after.done + after.failed == after.actions);
}

TEST_CASE("a plan that is broken off between two batches is followed by a whole one") {
  const Contents contents{.count = 1'000, .bytes = 300};
  PlannedWorld world(contents);
  std::atomic<bool> is_held{false};
  int batches = 0;
  const TcpProxy proxy(world.redis.port(), [&](std::string_view piece) {
    // A command's first piece has its script.
    if (piece.find(cache::redis::kPublishEnd) != std::string_view::npos) batches = 0;
    if (piece.find(cache::redis::kPublishBatch) == std::string_view::npos || ++batches < 2) {
      return TcpProxy::Verdict::pass;
    }
    is_held = true;
    return TcpProxy::Verdict::hold;
  });
  const RunningAgent agent(world.config());
  const Clients clients(agent, contents);
  const auto store = world.store();
  world.server = proxy.address();
  {
    const Serving service(world.arguments("one"));
    eventually("half of a plan is there", [&] { return is_held.load(); });
    service.signal(SIGKILL);
  }
  const cache::PlanSummary broken = good(store->plan("fra1")).value();
  CHECK(broken.status == cache::PlanStatus::writing);
  CHECK(broken.batches == 1);
  CHECK(broken.done + broken.failed == 0);
  world.server = world.redis.address();
  const Serving service(world.arguments("two", "", "7d"));
  plan_something(service, *store, broken.id);
  const cache::PlanSummary after = wait_for_plan(*store, broken.id);
  CHECK(after.epoch > broken.epoch);
  CHECK(after.done + after.failed == after.actions);
  CHECK(after.failed == 0);
}

TEST_CASE("of two controllers one plans and both see all demand") {
  const PlannedWorld world;
  const RunningAgent agent(world.config());
  const auto store = world.store();
  const Serving one(world.arguments("one"));
  const Serving two(world.arguments("two"));
  const Clients clients(agent);
  (void)wait_for_plan(*store);
  const bool first_leads = plans_of(one).at("leader").as_bool();
  CHECK(first_leads != plans_of(two).at("leader").as_bool());
  const auto requests = [](const Serving& service) {
    return edge_in(plans_of(service), "fra1").at("requests").to_number<std::uint64_t>();
  };
  const std::uint64_t seen = requests(one);
  eventually("the other has seen as much", [&] { return requests(two) >= seen; });
  CHECK(seen > 0);

  const Serving& leader = first_leads ? one : two;
  const Serving& other = first_leads ? two : one;
  HttpConnection admin(other.admin_port());
  CHECK(admin.post("/v1/plans/run").status == 409);
  const auto epoch = plans_of(leader).at("epoch").to_number<std::uint64_t>();
  leader.signal(SIGKILL);
  eventually("the other plans", [&] { return plans_of(other).at("leader").as_bool(); });
  CHECK(plans_of(other).at("epoch").to_number<std::uint64_t>() > epoch);
  const cache::PlanSummary then = good(store->plan("fra1")).value();
  CHECK(wait_for_plan(*store, then.id).epoch > epoch);
}

TEST_CASE("a redis that is full takes its plan once it has room") {
  const PlannedWorld world;
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  Asking asking(service);
  const Clients clients(agent);
  const auto store = world.store();
  const cache::PlanSummary before = wait_for_plan(*store);

  CHECK(world.redis.ask("CONFIG SET maxmemory 1") == "+OK");
  eventually("it is told", [&] {
    const json::value error = edge_in(plans_of(service), "fra1").at("error");
    return error.is_string() && error.as_string().find("OOM") != std::string::npos;
  });
  CHECK(world.redis.ask("CONFIG SET maxmemory 0") == "+OK");
  const cache::PlanSummary then = good(store->plan("fra1")).value();
  CHECK(wait_for_plan(*store, then.id).id != before.id);
  eventually("nothing is wrong any more",
             [&] { return edge_in(plans_of(service), "fra1").at("error").is_null(); });
  asking.end();
  CHECK(asking.failed() == 0);
}

TEST_CASE("connections that are reset again and again keep no plan from being done") {
  const PlannedWorld world;
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  Asking asking(service);
  const Clients clients(agent);
  const auto store = world.store();
  const cache::PlanSummary before = wait_for_plan(*store);
  for (int i = 0; i < 20; ++i) {
    CHECK(world.redis.ask("CLIENT KILL TYPE normal").starts_with(':'));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const cache::PlanSummary after = wait_for_plan(*store, before.id);
  CHECK(after.done + after.failed == after.actions);
  CHECK(after.failed == 0);
  eventually("it is read again",
             [&] { return edge_in(plans_of(service), "fra1").at("reachable").as_bool(); });
  asking.end();
  CHECK(asking.failed() == 0);
}

TEST_CASE("of what edges and controllers say to redis one in ten may be lost with its connection") {
  PlannedWorld world;
  cache::Random random(7);
  std::atomic<int> resets{0};
  std::atomic<bool> has_begun{false};  // an agent does not start without its Redis
  const TcpProxy proxy(world.redis.port(), [&](std::string_view) {
    if (!has_begun || random.below(10) != 0) return TcpProxy::Verdict::pass;
    ++resets;
    return TcpProxy::Verdict::reset;
  });
  world.server = proxy.address();
  const RunningAgent agent(world.config());
  const Serving service(world.arguments("one"));
  has_begun = true;
  Asking asking(service);
  const Clients clients(agent);
  const auto store = world.store();
  cache::PlanSummary plan = wait_for_plan(*store);
  for (int i = 0; i < 3; ++i) {
    plan = wait_for_plan(*store, plan.id);
    CHECK(plan.done + plan.failed == plan.actions);
    CHECK(plan.failed == 0);
  }
  asking.end();
  CHECK(resets > 10);
  CHECK(asking.answered() > 0);
  CHECK(asking.failed() == 0);
}

TEST_CASE("with a wrong password there are no plans and decisions all the same") {
  const PlannedWorld world;
  const auto file = world.folder.write("password", "wrong\n");
  const Serving service(
      world.arguments("one", fmt::format(", user: nobody, password_file: {}", file.string())));
  service.wait_for("an edge's store cannot be read");
  eventually("it is told", [&] {
    const json::object edge = edge_in(plans_of(service), "fra1");
    return !edge.at("reachable").as_bool() && edge.at("error").is_string() &&
           edge.at("error").as_string().find("WRONGPASS") != std::string::npos;
  });
  HttpConnection connection(service.port());
  CHECK(connection.get("/v1/route?client=192.0.2.7&content=/a").status == 200);
}

}  // namespace edgeward::test
