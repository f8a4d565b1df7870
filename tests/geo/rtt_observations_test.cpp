#include "geo/rtt_observations.hpp"

#include <catch2/catch.hpp>
#include <limits>

#include "geo/rtt_model.hpp"

namespace edgeward::geo {

namespace {

constexpr GeoPoint kBerlin{.lat_deg = 52.52, .lon_deg = 13.40};
constexpr GeoPoint kFrankfurt{.lat_deg = 50.11, .lon_deg = 8.68};  // 424 km, 4.15 ms of light
constexpr GeoPoint kTokyo{.lat_deg = 35.68, .lon_deg = 139.69};

RttObservation observation(const char* client, double rtt_ms, std::uint16_t site = 0) {
  return {.client = IpPrefix::parse(client).value(),
          .client_at = kBerlin,
          .site = site,
          .rtt_ms = rtt_ms};
}

}  // namespace

TEST_CASE("what cannot be believed is refused and counted under its reason") {
  RttObservations observations({kFrankfurt, kTokyo});
  const auto refused = [&](const RttObservation& one, RttRejection reason) {
    const auto before = observations.rejected(reason);
    CHECK(observations.add(one) == reason);
    CHECK(observations.rejected(reason) == before + 1);
  };
  for (const double rtt_ms : {0.0, -1.0, kRttMsMax * 1.01, std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()}) {
    refused(observation("192.0.2.0/24", rtt_ms), RttRejection::bad_rtt);
  }
  auto nowhere = observation("192.0.2.0/24", 12);
  nowhere.client_at.lat_deg = 91;
  refused(nowhere, RttRejection::bad_location);
  refused(observation("192.0.2.0/24", 12, 2), RttRejection::unknown_site);
  refused(observation("10.0.0.0/15", 12), RttRejection::wide_prefix);
  refused(observation("2000::/31", 12), RttRejection::wide_prefix);
  refused(observation("0.0.0.0/0", 12), RttRejection::wide_prefix);
  refused(observation("::/0", 12), RttRejection::wide_prefix);
  refused(observation("192.0.2.0/24", 80, 1), RttRejection::faster_than_light);
  CHECK(observations.accepted().empty());
}

TEST_CASE("a client somewhat nearer than located is believed, but no faster than light") {
  RttObservations observations({kFrankfurt});
  const double km = distance_km(kBerlin, kFrankfurt);
  const double slack_ms = light_rtt_ms(RttObservations::kLocationSlackKm);
  CHECK(observations.add(observation("192.0.2.0/24", light_rtt_ms(km) - slack_ms * 1.01)) ==
        RttRejection::faster_than_light);
  REQUIRE_FALSE(observations.add(observation("192.0.2.0/24", light_rtt_ms(km) - slack_ms * 0.99)));
  CHECK(observations.accepted()[0].rtt_ms == light_rtt_ms(km));
}

TEST_CASE("clients are remembered as blocks, never as single addresses") {
  RttObservations observations({kFrankfurt});
  for (const char* const text :
       {"192.0.2.77", "192.0.2.128/25", "192.0.0.0/16", "2001:db8:1:2::3", "2001:db8:1::/48"}) {
    REQUIRE_FALSE(observations.add(observation(text, 12)));
  }
  const auto taken = observations.accepted();
  CHECK(taken[0].client.text() == "192.0.2.0/24");
  CHECK(taken[1].client.text() == "192.0.2.0/24");
  CHECK(taken[2].client.text() == "192.0.0.0/16");
  CHECK(taken[3].client.text() == "2001:db8:1::/48");
  CHECK(taken[4].client.text() == "2001:db8:1::/48");
}

TEST_CASE("one client cannot crowd out the others") {
  RttObservations observations({kFrankfurt});
  for (std::size_t i = 0; i < RttObservations::kPerClientMax; ++i) {
    REQUIRE_FALSE(observations.add(observation(i % 2 == 0 ? "192.0.2.1" : "192.0.2.2", 12)));
  }
  CHECK(observations.add(observation("192.0.2.3", 12)) == RttRejection::client_full);
  CHECK_FALSE(observations.add(observation("192.0.3.3", 12)));
}

TEST_CASE("no more observations are held than the limit") {
  RttObservations observations({kFrankfurt});
  RttObservation one = observation("10.0.0.0/24", 12);
  for (std::size_t i = 0; i < RttObservations::kObservationsMax; ++i) {
    const auto block = static_cast<std::uint32_t>(i / RttObservations::kPerClientMax);
    one.client = IpPrefix::around(IpAddress::v4(0x0A00'0000 + block * 256), kClientLengthV4);
    if (observations.add(one)) FAIL("refused before the limit, at " << i);
  }
  CHECK(observations.add(observation("192.0.2.0/24", 12)) == RttRejection::full);
  CHECK(observations.accepted().size() == RttObservations::kObservationsMax);
}

}  // namespace edgeward::geo
