#include "cache/redis/entries.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "cache/random.hpp"

namespace edgeward::cache::redis {

namespace {

Action action_of(Random& random) {
  return {.kind = random.below(2) == 0 ? ActionKind::evict : ActionKind::prefetch,
          .content = ContentId{random.next()},
          .key = fmt::format("/{}", random.next()),
          .size_bytes = random.next(),
          .gain = random.unit()};
}

EdgeRequest request_of(Random& random) {
  return {.at_ms = static_cast<std::int64_t>(random.below(4'000'000'000'000)),
          .client = geo::IpPrefix::around(
              geo::IpAddress::v4(static_cast<std::uint32_t>(random.next())), 120),
          .key = fmt::format("/{}", random.next()),
          .content = ContentId{random.next()},
          .size_bytes = random.next(),
          .is_hit = random.below(2) == 0};
}

}  // namespace

TEST_CASE("what is written is read back") {
  const std::uint64_t seed = 11;
  INFO("seed " << seed);
  Random random(seed);
  for (int i = 0; i < 200; ++i) {
    const PlanSummary plan{.id = random.next(),
                           .epoch = random.next(),
                           .valid_until_ms = static_cast<std::int64_t>(random.below(1ULL << 45)),
                           .actions = 3,
                           .prefetch_bytes = random.next()};
    const Action action = action_of(random);
    const auto planned =
        decode_action({.id = "5-1", .fields = encode(plan, static_cast<std::uint64_t>(i), action)});
    REQUIRE(planned);
    CHECK(planned->action == action);
    CHECK(planned->plan == plan.id);
    CHECK(planned->epoch == plan.epoch);
    CHECK(planned->deadline_ms == plan.valid_until_ms);
    CHECK(planned->entry == "5-1");
    const auto letter = decode_dead({.id = "6-0", .fields = encode(*planned, "why", 1234)});
    REQUIRE(letter);
    CHECK(letter->error == "why");
    CHECK(letter->at_ms == 1234);
    CHECK(letter->content == action.content);
    Fields head = encode(plan);
    head.put("status", "complete");
    auto summary = decode_plan(head);
    REQUIRE(summary);
    summary->status = plan.status;
    CHECK(*summary == plan);

    std::vector<EdgeRequest> requests;
    for (std::uint64_t n = random.below(kRequestsAnEntryMax + 1); n > 0; --n) {
      requests.push_back(request_of(random));
    }
    CHECK(decode_requests(encode_requests(requests)) == requests);
    const EdgeReport report{.seq = random.next(),
                            .at_ms = static_cast<std::int64_t>(random.below(1ULL << 45)),
                            .load_ratio = random.unit() * 3,
                            .used_bytes = random.next(),
                            .mode = EdgeMode::down};
    CHECK(decode_report(encode(report)) == report);
  }
}

TEST_CASE("a key that would break its line is not told") {
  EdgeRequest request{.client = *geo::IpPrefix::parse("2001:db8::/48"), .key = "/a\n/b"};
  const auto read = decode_requests(encode_requests(std::vector{request}));
  REQUIRE(read);
  CHECK((*read)[0].key.empty());
  request.key = std::string(kKeyBytesMax + 1, 'k');
  CHECK((*decode_requests(encode_requests(std::vector{request})))[0].key.empty());
}

TEST_CASE("a line that is wrong makes its entry worthless") {
  const std::string good = "1.000\t192.0.2.0/24\t00000000000000ff\t5\thit\t/a\n";
  CHECK(decode_requests(good));
  CHECK(decode_requests("")->empty());
  for (const std::string& text :
       {std::string("\n"), std::string("1.000\n"), good + "x", good.substr(0, good.size() - 1),
        std::string("1.0\t192.0.2.0/24\t00000000000000ff\t5\thit\t/a\n"),
        std::string("1.000\t192.0.2.1/24\t00000000000000ff\t5\thit\t/a\n"),
        std::string("1.000\t192.0.2.0/24\tff\t5\thit\t/a\n"),
        std::string("1.000\t192.0.2.0/24\t00000000000000ff\t-5\thit\t/a\n"),
        std::string("1.000\t192.0.2.0/24\t00000000000000ff\t5\tHIT\t/a\n"),
        std::string("1.000\t192.0.2.0/24\t00000000000000ff\t5\thit\t/a\tb\n")}) {
    INFO(text);
    CHECK_FALSE(decode_requests(text));
  }
  std::string many;
  for (std::size_t i = 0; i <= kRequestsAnEntryMax; ++i) many += good;
  CHECK_FALSE(decode_requests(many));
}

TEST_CASE("fields that are absent or out of their range make an action none") {
  const Action action{.kind = ActionKind::prefetch, .content = ContentId{1}, .key = "/a"};
  CHECK(decode_action({.id = "1-0", .fields = encode(PlanSummary{}, 0, action)}));
  CHECK_FALSE(decode_action({.id = "1-0", .fields = {}}));
  Action keyless = action;
  keyless.key.clear();
  CHECK_FALSE(decode_action({.id = "1-0", .fields = encode(PlanSummary{}, 0, keyless)}));
  Action long_key = action;
  long_key.key.assign(kKeyBytesMax + 1, 'k');
  CHECK_FALSE(decode_action({.id = "1-0", .fields = encode(PlanSummary{}, 0, long_key)}));
}

TEST_CASE("times are seconds with three decimals") {
  CHECK(time_text(1'700'000'000'042) == "1700000000.042");
  CHECK(parse_time("1700000000.042") == 1'700'000'000'042);
  CHECK(parse_time("5") == 5000);
  for (const char* text : {"", ".", "1.", "1.5", "1.0000", "-1", "1e3", "9999999999999", "1.-12"}) {
    INFO(text);
    CHECK_FALSE(parse_time(text));
  }
}

}  // namespace edgeward::cache::redis
