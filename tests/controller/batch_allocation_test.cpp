#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "controller/service/api.hpp"
#include "tests/allocations.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::controller {

TEST_CASE("a decision of a batch allocates nothing") {
  policy::World world;
  world.add_edge("fra1", {50.03, 8.57});
  world.add_edge("an-edge-of-a-longer-name", {52.31, 4.76});
  world.add_place({50.11, 8.68});
  world.options.services = {policy::Service{.name = "www.example"},
                            policy::Service{.name = "a-service-of-a-longer-name.example"}};
  Routing routing;
  routing.fleet = world.fleet;
  routing.map = world.map();
  routing.part =
      std::make_shared<const policy::FleetPart>(routing.fleet, world.options, routing.map);
  constexpr std::int64_t kNowMs = 1'700'000'000'000;
  Publisher publisher(routing, {.is_silent_ready = true}, kNowMs);
  Api api({.trust = {.callers = {*geo::IpPrefix::parse("127.0.0.0/8")}}}, {}, publisher);
  const Caller caller{.peer = *geo::IpAddress::parse("127.0.0.1"), .now_ms = kNowMs};
  HttpResponse response;
  // As many as there are for `items` decisions, once buffers have grown.
  const auto allocations = [&](const std::string& type, int items) {
    std::string body;
    for (int i = 0; i < items; ++i) {
      body += fmt::format(
          R"({}{{"client":"0.0.1.{}","content":"/a/rather/long/path/{}.mp4","size_bytes":{},)"
          R"("service":"a-service-of-a-longer-name.example"}})",
          i == 0                       ? ""
          : type == "application/json" ? ","
                                       : "\n",
          i % 256, i, i);
    }
    if (type == "application/json") body = "[" + body + "]";
    const HttpRequest request{
        .method = "POST", .target = "/v1/route", .content_type = type, .body = body};
    for (int i = 0; i < 20; ++i) api.answer(request, caller, response);
    const std::size_t before = test::allocations();
    api.answer(request, caller, response);
    CHECK(response.status == 200);
    CHECK(response.body.find("error") == std::string::npos);
    return test::allocations() - before;
  };
  for (const char* type : {"application/json", "application/x-ndjson"}) {
    CHECK(allocations(type, 2000) == allocations(type, 1));
  }
}

}  // namespace edgeward::controller
