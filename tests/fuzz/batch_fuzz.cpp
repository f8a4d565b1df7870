// The body of POST /v1/route: bytes through the reader, the router and the writer. The first byte
// says which of the two formats they are.

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/service/problem.hpp"
#include "controller/service/route_batch.hpp"
#include "geo/address_map_builder.hpp"
#include "policy/decision_json.hpp"
#include "policy/json.hpp"
#include "policy/router.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward;
using fuzz::require;

policy::Snapshot make_snapshot() {
  auto fleet = std::make_shared<cache::Fleet>();
  fleet->edges.push_back({.name = "fra1", .point = {50.03, 8.57}});
  fleet->edges.push_back({.name = "nrt1", .point = {35.76, 140.39}});
  policy::RoutingOptions options;
  options.services = {policy::Service{.name = "www.example"}, policy::Service{.name = "b"}};
  const geo::Location fallback{.point = {1, 1}, .source = geo::LocationSource::fallback};
  policy::Snapshot snapshot{.version = 1};
  snapshot.fleet = std::make_shared<const policy::FleetPart>(
      fleet, options, geo::AddressMapBuilder(fallback).build());
  snapshot.live = std::make_shared<const std::vector<policy::LiveEdge>>(
      2, policy::LiveEdge{.exclusion = policy::Exclusion::none});
  return snapshot;
}

bool is_json(std::string_view text) {
  boost::json::error_code error;
  boost::json::parse(text, error);
  return !error;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static const policy::Snapshot kSnapshot = make_snapshot();
  static const policy::DecisionWriter kWriter(kSnapshot.fleet);
  static controller::RouteBatch batch;  // as it is used: again and again
  constexpr std::size_t kItemsMax = 64;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto format =
      data[0] % 2 == 0 ? controller::BatchFormat::lines : controller::BatchFormat::array;
  try {
    batch.read(body, format,
               {.services = kSnapshot.fleet->options().services, .items_max = kItemsMax});
  } catch (const controller::Problem& problem) {
    require(problem.status == 400 || problem.status == 413, "a refusal has its status");
    std::string detail;
    policy::append_json_string(problem.detail, detail);
    require(is_json(detail), "a refusal is text");
    return 0;
  }
  require(batch.size() <= kItemsMax, "there are no more items than may be");
  std::vector<policy::Decision> decisions(batch.size());
  policy::route(batch.requests(), kSnapshot, decisions);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    std::string line;
    if (batch.error_at(i).empty()) {
      require(geo::IpAddress::parse(batch.client_at(i)) == batch.requests()[i].client,
              "the client is an address");
      require(batch.key_at(i).find('/') != std::string_view::npos, "the key has a path");
      require(batch.requests()[i].service < 2, "the service is there");
      kWriter.append(decisions[i], {.client = batch.client_at(i), .key = batch.key_at(i)}, line);
    } else {
      policy::append_json_string(batch.error_at(i), line);
    }
    require(is_json(line), "an answer is JSON");
  }
  return 0;
}
