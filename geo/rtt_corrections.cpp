#include "geo/rtt_corrections.hpp"

#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

namespace edgeward::geo {

namespace {

constexpr double kFinestCellDeg = 0.25;
/// Measurements against which a client's own height is weighed.
constexpr double kHeightPrior = 2;

bool is_before(const IpPrefix& a, const IpPrefix& b) {
  return std::tie(a.address.bytes, a.length) < std::tie(b.address.bytes, b.length);
}

/// The middle one, or the mean of the two; 0 of none. Reorders the values.
double median(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// What one client measured to one site.
struct Measured {
  std::uint32_t client = 0;
  std::uint16_t site = 0;
  std::uint16_t count = 0;
  double residual_ms = 0;  ///< median - model
};

struct Clients {
  std::vector<IpPrefix> prefixes;
  std::vector<GeoPoint> points;    ///< where each was located last
  std::vector<Measured> measured;  ///< by client, then site
};

Clients gather(const RttModel& model, const RttObservations& observations) {
  const auto taken = observations.accepted();
  std::vector<std::uint32_t> order(taken.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (taken[a].client != taken[b].client) return is_before(taken[a].client, taken[b].client);
    return std::tie(taken[a].site, a) < std::tie(taken[b].site, b);
  });
  Clients clients;
  std::vector<double> times;
  for (std::size_t i = 0; i < order.size();) {
    const IpPrefix& prefix = taken[order[i]].client;
    std::size_t end = i;
    std::uint32_t latest = order[i];
    for (; end < order.size() && taken[order[end]].client == prefix; ++end) {
      latest = std::max(latest, order[end]);
    }
    const auto client = static_cast<std::uint32_t>(clients.prefixes.size());
    clients.prefixes.push_back(prefix);
    clients.points.push_back(taken[latest].client_at);
    while (i < end) {
      const std::uint16_t site = taken[order[i]].site;
      times.clear();
      for (; i < end && taken[order[i]].site == site; ++i) times.push_back(taken[order[i]].rtt_ms);
      const auto count = static_cast<std::uint16_t>(times.size());
      const double km = distance_km(clients.points.back(), observations.sites()[site]);
      clients.measured.push_back({.client = client,
                                  .site = site,
                                  .count = count,
                                  .residual_ms = median(times) - model.estimate_ms(km)});
    }
  }
  return clients;
}

struct Places {
  std::vector<GeoPoint> points;          ///< the mean of their clients
  std::vector<std::uint16_t> of_client;  ///< by client
  std::vector<RttGroup> groups;
};

/// Clients by the cell they lie in; nothing if there are too many cells.
std::optional<Places> cluster(const Clients& clients, double cell_deg) {
  struct Member {
    std::int32_t row;
    std::int32_t column;
    std::uint32_t client;
    auto operator<=>(const Member&) const = default;
  };
  std::vector<Member> members;
  members.reserve(clients.points.size());
  for (std::uint32_t i = 0; i < clients.points.size(); ++i) {
    const GeoPoint& point = clients.points[i];
    members.push_back({static_cast<std::int32_t>(std::floor(point.lat_deg / cell_deg)),
                       static_cast<std::int32_t>(std::floor(point.lon_deg / cell_deg)), i});
  }
  std::sort(members.begin(), members.end());
  Places places{.of_client = std::vector<std::uint16_t>(clients.points.size())};
  for (std::size_t i = 0; i < members.size();) {
    if (places.points.size() == kRttPlacesMax) return std::nullopt;
    const Member& first = members[i];
    GeoPoint sum;
    double count = 0;
    for (; i < members.size(); ++i) {
      const Member& member = members[i];
      if (member.row != first.row || member.column != first.column) break;
      sum.lat_deg += clients.points[member.client].lat_deg;
      sum.lon_deg += clients.points[member.client].lon_deg;
      count += 1;
      places.of_client[member.client] = static_cast<std::uint16_t>(places.points.size());
    }
    places.points.push_back({.lat_deg = sum.lat_deg / count, .lon_deg = sum.lon_deg / count});
  }
  return places;
}

/// The median over the clients of each place, for each site.
std::vector<RttGroup> group(const Clients& clients, const Places& places) {
  struct Member {
    std::uint16_t place;
    std::uint16_t site;
    double residual_ms;
    auto operator<=>(const Member&) const = default;
  };
  std::vector<Member> members;
  members.reserve(clients.measured.size());
  for (const Measured& one : clients.measured) {
    members.push_back({places.of_client[one.client], one.site, one.residual_ms});
  }
  std::sort(members.begin(), members.end());
  std::vector<RttGroup> groups;
  std::vector<double> residuals;
  for (std::size_t i = 0; i < members.size();) {
    const Member& first = members[i];
    residuals.clear();
    for (; i < members.size(); ++i) {
      if (members[i].place != first.place || members[i].site != first.site) break;
      residuals.push_back(members[i].residual_ms);
    }
    const std::size_t counted = std::min(residuals.size(), RttCorrections::kCrowd);
    groups.push_back({.place = first.place,
                      .site = first.site,
                      .residual_ms = median(residuals),
                      .clients = static_cast<double>(counted)});
  }
  return groups;
}

/// Of each place the nearest sites: those that its clients may be sent to.
void keep_nearest(std::span<const GeoPoint> sites, Places& places) {
  std::vector<RttGroup> kept;
  for (auto begin = places.groups.begin(); begin != places.groups.end();) {
    auto end = std::find_if(begin, places.groups.end(),
                            [&](const RttGroup& one) { return one.place != begin->place; });
    const auto next = end;
    const GeoPoint& point = places.points[begin->place];
    if (static_cast<std::size_t>(end - begin) > kRttSitesPerPlaceMax) {
      std::sort(begin, end, [&](const RttGroup& a, const RttGroup& b) {
        const double a_km = distance_km(point, sites[a.site]);
        const double b_km = distance_km(point, sites[b.site]);
        return std::tie(a_km, a.site) < std::tie(b_km, b.site);
      });
      end = begin + kRttSitesPerPlaceMax;
    }
    kept.insert(kept.end(), begin, end);
    begin = next;
  }
  places.groups = std::move(kept);
}

Places place(const Clients& clients, std::span<const GeoPoint> sites) {
  double cell_deg = kFinestCellDeg;
  std::optional<Places> places = cluster(clients, cell_deg);
  while (!places) places = cluster(clients, cell_deg *= 2);
  places->groups = group(clients, *places);
  keep_nearest(sites, *places);
  return *std::move(places);
}

/// How much of what a client alone says, beyond height and field, is believed.
double trust(const Measured& measured, double rest_ms) {
  const double doubt = measured.count < RttCorrections::kQuorum ? rest_ms / RttField::kDoubtMs : 0;
  const double count = measured.count / (1 + doubt * doubt);
  return count / (count + 1);
}

}  // namespace

RttCorrections RttCorrections::build(const RttModel& model, const RttObservations& observations) {
  RttCorrections result(model);
  Clients clients = gather(model, observations);
  if (clients.prefixes.empty()) return result;
  Places places = place(clients, observations.sites());
  result.field_ =
      RttField::fit(std::move(places.points),
                    {observations.sites().begin(), observations.sites().end()}, places.groups);

  const auto& measured = clients.measured;
  std::vector<double> rests;
  std::vector<double> sorted;
  for (std::size_t i = 0; i < measured.size();) {
    const std::uint32_t client = measured[i].client;
    const auto anchor = RttField::anchor_of(places.of_client[client]);
    const std::size_t begin = i;
    rests.clear();
    for (; i < measured.size() && measured[i].client == client; ++i) {
      rests.push_back(measured[i].residual_ms - result.field_.at(anchor, measured[i].site));
    }
    sorted = rests;
    const auto count = static_cast<double>(rests.size());
    const double height_ms = median(sorted) * count / (count + kHeightPrior);
    result.own_.push_back({.place = places.of_client[client],
                           .height_ms = static_cast<float>(height_ms),
                           .first_site = static_cast<std::uint32_t>(begin)});
    for (std::size_t k = 0; k < rests.size(); ++k) {
      const double rest_ms = rests[k] - height_ms;
      const double correction_ms = rest_ms * trust(measured[begin + k], rest_ms);
      result.own_sites_.push_back(
          {.site = measured[begin + k].site, .correction_ms = static_cast<float>(correction_ms)});
    }
  }
  result.own_.push_back({.first_site = static_cast<std::uint32_t>(measured.size())});
  result.prefixes_ = std::move(clients.prefixes);
  std::set<unsigned, std::greater<>> lengths;
  for (const IpPrefix& prefix : result.prefixes_) lengths.insert(prefix.length);
  result.lengths_.assign(lengths.begin(), lengths.end());
  return result;
}

RttCorrections::Client RttCorrections::client(const GeoPoint& client_at,
                                              std::optional<std::uint32_t> known) const {
  Client client;
  client.all_ = this;
  if (known && *known < prefixes_.size()) {
    const Own& own = own_[*known];
    client.anchor_ = RttField::anchor_of(own.place);
    client.height_ms_ = static_cast<double>(own.height_ms);
    const std::size_t end = own_[*known + 1].first_site;
    client.own_ = std::span(own_sites_).subspan(own.first_site, end - own.first_site);
  } else {
    client.anchor_ = field_.anchor_at(client_at);
  }
  return client;
}

double RttCorrections::Client::estimate_ms(std::uint16_t site, double km) const noexcept {
  double estimate = all_->model_.estimate_ms(km) + all_->field_.at(anchor_, site) + height_ms_;
  const auto own = std::lower_bound(own_.begin(), own_.end(), site,
                                    [](const OwnSite& a, std::uint16_t b) { return a.site < b; });
  if (own != own_.end() && own->site == site) {
    estimate += static_cast<double>(own->correction_ms);
  }
  return std::clamp(estimate, light_rtt_ms(std::min(km, kDistanceKmMax)), kRttMsMax);
}

std::optional<std::uint32_t> RttCorrections::find(const IpPrefix& prefix) const {
  const IpPrefix block = client_block(prefix);
  const bool is_v4 = block.address.is_v4();
  for (const unsigned length : lengths_) {
    if (length > block.length || (length >= kV4LengthOffset) != is_v4) continue;
    const IpPrefix wider = IpPrefix::around(block.address, length);
    const auto found = std::lower_bound(prefixes_.begin(), prefixes_.end(), wider, is_before);
    if (found != prefixes_.end() && *found == wider) {
      return static_cast<std::uint32_t>(found - prefixes_.begin());
    }
  }
  return std::nullopt;
}

}  // namespace edgeward::geo
