#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "controller/service/api.hpp"
#include "controller/service/hit_learning.hpp"
#include "controller/service/purging.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::controller {

inline constexpr std::int64_t kNowMs = 1'700'000'000'000;

/// Three edges, clients of 0.0.1.0/24 in Frankfurt; edges that never reported are ready.
inline Routing europe() {
  policy::World world;
  world.add_edge("fra1", {50.03, 8.57});
  world.add_edge("ams1", {52.31, 4.76});
  world.add_edge("nrt1", {35.76, 140.39});
  world.add_place({50.11, 8.68});
  world.options.spread_epsilon_score = 0;
  world.options.candidates_min = 1;
  world.options.services = {policy::Service{.name = "www.example"},
                            policy::Service{.name = "other.example"}};
  Routing routing;
  routing.fleet = world.fleet;
  routing.map = world.map();
  routing.part =
      std::make_shared<const policy::FleetPart>(routing.fleet, world.options, routing.map);
  return routing;
}

/// An Api, asked without a network.
class Asked {
 public:
  explicit Asked(std::string token = {}, const Routing& routing = europe(),
                 Purging* purging = nullptr)
      : learning_(routing.fleet, {.interval_ms = 0}, 0.5),
        publisher_(routing, {.is_silent_ready = true}, kNowMs),
        api_({.trust = {.callers = {*geo::IpPrefix::parse("127.0.0.0/8")},
                        .proxies = {*geo::IpPrefix::parse("10.0.0.0/8")}},
              .admin_token = std::move(token),
              .stale_after_ms = 5000,
              .batch_items_max = 3},
             {.reload = [this] { ++reloads_; },
              .save = [this] { ++saves_; },
              .learn = [this](auto events,
                              const cache::Fleet& of) { return learning_.add(events, of); },
              .measure =
                  [](std::string_view body, const geo::AddressMap&, std::int64_t) {
                    if (body == "neither") throw sim::InputError("the body:1: neither");
                    sim::RttReading reading{.lines = 3, .accepted = 1};
                    reading.faults[static_cast<std::size_t>(sim::RttLineFault::bad_time)] = 1;
                    reading
                        .rejected[static_cast<std::size_t>(geo::RttRejection::faster_than_light)] =
                        1;
                    return reading;
                  },
              .purging = purging,
              .catalog = &catalog_},
             publisher_) {
    caller_.peer = geo::IpAddress::parse("127.0.0.1").value();
    caller_.now_ms = kNowMs;
  }

  const HttpResponse& get(const std::string& target) {
    request_.method = "GET";
    request_.target = target;
    api_.answer(request_, caller_, response_);
    return response_;
  }
  const HttpResponse& post(const std::string& target, const std::string& body = {},
                           const std::string& type = "application/json") {
    request_.method = "POST";
    request_.target = target;
    request_.body = body;
    request_.content_type = type;
    api_.answer(request_, caller_, response_);
    request_.body.clear();
    return response_;
  }
  const HttpResponse& ask(const std::string& method, const std::string& target,
                          const std::string& body = {}) {
    request_.method = method;
    request_.target = target;
    request_.body = body;
    api_.answer(request_, caller_, response_);
    request_.body.clear();
    return response_;
  }
  void tick(std::int64_t now_ms = kNowMs) {
    publisher_.add(api_.tally().take());
    if (auto hits = learning_.learn(now_ms)) publisher_.set_hits(std::move(*hits));
    api_.install(publisher_.tick(now_ms, 1));
  }
  void replace(const Routing& routing) {
    publisher_.replace(routing, {.is_silent_ready = true}, learning_.replace(routing.fleet, kNowMs),
                       kNowMs);
  }

  HttpRequest request_;
  Caller caller_;
  HitLearning learning_;
  const Log log_{LogOptions{}};
  ServedCatalog catalog_{{.entries_max = 3, .now_ms = [] { return kNowMs; }}, {}, log_};
  Publisher publisher_;
  int reloads_ = 0;
  int saves_ = 0;

 private:
  Api api_;
  HttpResponse response_;
};

inline boost::json::object body(const HttpResponse& response) {
  return boost::json::parse(response.body).as_object();
}

}  // namespace edgeward::controller
