#include "cache/plan.hpp"

#include <catch2/catch.hpp>

namespace edgeward::cache {

namespace {

Plan sample() {
  return {
      .edge = EdgeId{3},
      .epoch = 7,
      .valid_until_ms = 1000,
      .actions = {
          {.kind = ActionKind::evict, .content = ContentId{1}, .size_bytes = 10},
          {.kind = ActionKind::prefetch, .content = ContentId{2}, .key = "/b", .size_bytes = 8}}};
}

}  // namespace

TEST_CASE("the same plan has the same id under another epoch or edge number") {
  Plan again = sample();
  again.epoch = 8;
  again.edge = EdgeId{4};
  CHECK(id_of(again, "fra1") == id_of(sample(), "fra1"));
}

TEST_CASE("whatever a plan asks for is part of its id") {
  const std::uint64_t id = id_of(sample(), "fra1");
  CHECK(id_of(sample(), "fra2") != id);
  Plan later = sample();
  later.valid_until_ms += 1;
  CHECK(id_of(later, "fra1") != id);
  Plan turned = sample();
  std::swap(turned.actions[0], turned.actions[1]);
  CHECK(id_of(turned, "fra1") != id);
  Plan other_kind = sample();
  other_kind.actions[0].kind = ActionKind::prefetch;
  CHECK(id_of(other_kind, "fra1") != id);
  Plan larger = sample();
  larger.actions[1].size_bytes = 9;
  CHECK(id_of(larger, "fra1") != id);
  Plan shorter = sample();
  shorter.actions.pop_back();
  CHECK(id_of(shorter, "fra1") != id);
}

}  // namespace edgeward::cache
