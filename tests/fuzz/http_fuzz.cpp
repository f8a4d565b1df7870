// The HTTP interface: bytes as a client sends them, through the reader and the endpoints to the
// bytes of the answers. The first byte says how the rest arrives.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cache_events.hpp"
#include "controller/http/request.hpp"
#include "controller/http/response.hpp"
#include "controller/service/api.hpp"
#include "geo/address_map_builder.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward;
using fuzz::require;
using State = controller::HttpRequestReader::State;

/// The header's is beyond the longest input: whether its request line counts depends on how the
/// bytes arrive (HttpLimits), which is no difference to look for.
constexpr controller::HttpLimits kLimits{
    .target_bytes_max = 256, .header_bytes_max = 16'384, .body_bytes_max = 1024};
constexpr std::int64_t kNowMs = 1'700'000'000'000;

controller::Routing routing() {
  auto fleet = std::make_shared<cache::Fleet>();
  fleet->edges.push_back({.name = "fra1", .point = {50.03, 8.57}});
  fleet->edges.push_back({.name = "nrt1", .point = {35.76, 140.39}});
  controller::Routing routing;
  routing.fleet = fleet;
  routing.map = geo::AddressMapBuilder(geo::Location{}).build();
  policy::RoutingOptions options;
  options.services = {policy::Service{.name = "www.example"}, policy::Service{.name = "b"}};
  routing.part = std::make_shared<const policy::FleetPart>(fleet, options, routing.map);
  return routing;
}

/// Head and body of one answer are what HTTP lets them be.
void check_answer(std::string_view answer, const controller::HttpResponse& response) {
  const std::size_t end = answer.find("\r\n\r\n");
  require(end != std::string_view::npos, "a header ends");
  require(answer.size() == end + 4 + response.body.size(), "the body follows it");
  std::string_view head = answer.substr(0, end + 2);
  require(head.starts_with("HTTP/1.1 "), "it begins with the version");
  while (!head.empty()) {
    const std::size_t line_end = head.find("\r\n");
    require(line_end != std::string_view::npos, "lines end with CR LF");
    for (const char c : head.substr(0, line_end)) {
      require(c >= 0x20 && c < 0x7F, "a header is printable ASCII");
    }
    head.remove_prefix(line_end + 2);
  }
  const int status = response.status;
  require(status >= 200 && status < 600 && controller::reason_phrase(status) != "Error",
          "its status is one of ours");
  require((status == 302) == !response.location.empty(), "a redirection leads somewhere");
}

/// Events that were taken are what an edge can have told.
bool check_events(std::span<const cache::CacheEvent> events, const cache::Fleet& fleet) {
  for (const cache::CacheEvent& event : events) {
    require(cache::index(event.edge) < fleet.edges.size(), "an event is of an edge that is there");
    require(event.at_ms <= kNowMs + controller::kEventAheadMaxMs &&
                event.at_ms >= kNowMs - controller::kEventAgeMaxMs,
            "it is of a time near now");
  }
  return true;
}

/// All requests in a stream, answered; `at_a_time` bytes arrive at once. Of a refusal only that
/// there is one: what is found wrong first may depend on how much has arrived.
std::string answers(std::string_view bytes, std::size_t at_a_time) {
  static const controller::Routing kRouting = routing();
  controller::Publisher publisher(kRouting, {.is_silent_ready = true}, kNowMs);
  controller::Api api({.trust = {.callers = {*geo::IpPrefix::parse("127.0.0.0/8")},
                                 .proxies = {*geo::IpPrefix::parse("10.0.0.0/8")}},
                       .batch_items_max = 8},
                      {.learn = check_events}, publisher);
  const controller::Caller caller{
      .peer = *geo::IpAddress::parse("10.0.0.1"), .is_admin = at_a_time % 2 == 0, .now_ms = kNowMs};
  controller::HttpRequestReader reader(kLimits);
  controller::HttpResponse response;
  std::string all;
  std::string pending;
  while (true) {
    std::size_t used = 0;
    const State state = reader.read(pending, used);
    require(used <= pending.size(), "no more is used than there is");
    pending.erase(0, used);
    if (state == State::done || state == State::refused) {
      response.clear();
      if (state == State::done) {
        require(reader.request().body.size() <= kLimits.body_bytes_max, "the body is in bounds");
        api.answer(reader.request(), caller, response);
      } else {
        set_problem(reader.refusal().status, reader.refusal().detail, response);
      }
      std::string answer;
      controller::append(response, {.date = "Thu, 01 Jan 1970 00:00:00 GMT"}, answer);
      check_answer(answer, response);
      if (state == State::refused) return all + "refused";
      // What the process has used changes from one call to the next.
      const bool is_metrics = response.content_type.starts_with("text/plain; version=");
      all += is_metrics ? "metrics" : answer;
      reader.next();
      continue;
    }
    if (bytes.empty()) return all;
    const std::size_t count = std::min(at_a_time, bytes.size());
    pending += bytes.substr(0, count);
    bytes.remove_prefix(count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  // A header that does not end is refused early when it arrives at once, and waited for else.
  const std::string bytes =
      std::string(reinterpret_cast<const char*>(data) + 1, size - 1) + "\r\n\r\n";
  // The same parity is the same listener.
  const std::size_t at_a_time = 1 + data[0];
  const std::size_t whole = 100'000 + at_a_time % 2;
  require(answers(bytes, at_a_time) == answers(bytes, whole), "how bytes arrive changes nothing");
  return 0;
}
