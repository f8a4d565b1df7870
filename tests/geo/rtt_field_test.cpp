#include "geo/rtt_field.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::geo {

namespace {

GeoPoint random_point(cache::Random& random) {
  return {.lat_deg = random.unit() * 140 - 70, .lon_deg = random.unit() * 360 - 180};
}

struct Problem {
  std::vector<GeoPoint> places;
  std::vector<GeoPoint> sites;
  std::vector<RttGroup> groups;
};

/// Heights of places and sites, some noise, and now and then something wild.
Problem random_problem(std::uint64_t seed) {
  cache::Random random(seed);
  Problem problem;
  std::vector<double> heights_ms;
  for (int i = 0; i < 40; ++i) {
    problem.places.push_back(random_point(random));
    heights_ms.push_back(random.unit() * 50);
  }
  for (int i = 0; i < 15; ++i) problem.sites.push_back(random_point(random));
  for (std::uint16_t p = 0; p < 40; ++p) {
    for (std::uint16_t s = 0; s < 15; ++s) {
      if (random.below(3) != 0) continue;
      const double wild_ms = random.below(20) == 0 ? 300.0 : 0.0;
      problem.groups.push_back({.place = p,
                                .site = s,
                                .residual_ms = heights_ms[p] + random.unit() * 20 - 10 + wild_ms,
                                .clients = static_cast<double>(1 + random.below(4))});
    }
  }
  return problem;
}

// The oracle writes the whole covariance down, from the formula of the class comment, and
// eliminates.

double alike(const GeoPoint& a, const GeoPoint& b, bool is_same) {
  const double km = distance_km(a, b);
  return 1 + (is_same ? 0.5 : 0) + 2 * std::exp(-km / 600) + 1.4 * std::exp(-km / 4000);
}

std::vector<double> eliminated(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t c = 0; c < n; ++c) {
    for (std::size_t r = 0; r < n; ++r) {
      if (r == c) continue;
      const double factor = a[r][c] / a[c][c];
      for (std::size_t k = c; k < n; ++k) a[r][k] -= factor * a[c][k];
      b[r] -= factor * b[c];
    }
  }
  for (std::size_t i = 0; i < n; ++i) b[i] /= a[i][i];
  return b;
}

std::vector<std::vector<double>> dense_field(const Problem& problem) {
  const std::size_t n = problem.groups.size();
  const auto covariance = [&](std::size_t p, std::size_t s, const RttGroup& group) {
    return alike(problem.places[p], problem.places[group.place], p == group.place) *
           alike(problem.sites[s], problem.sites[group.site], s == group.site);
  };
  std::vector<double> weights(n, 1);
  std::vector<double> sources;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::vector<double>> matrix(n, std::vector<double>(n));
    std::vector<double> right(n);
    for (std::size_t i = 0; i < n; ++i) {
      const RttGroup& group = problem.groups[i];
      for (std::size_t j = 0; j < n; ++j) {
        matrix[i][j] = covariance(group.place, group.site, problem.groups[j]);
      }
      matrix[i][i] += 1 / (group.clients * weights[i]);
      right[i] = group.residual_ms;
    }
    sources = eliminated(matrix, right);
    for (std::size_t i = 0; i < n; ++i) {
      const double off_ms = sources[i] / (problem.groups[i].clients * weights[i]);
      weights[i] = std::max(1e-3, 1 / (1 + off_ms * off_ms / (30 * 30)));
    }
  }
  std::vector<std::vector<double>> field(problem.places.size(),
                                         std::vector<double>(problem.sites.size()));
  for (std::size_t p = 0; p < problem.places.size(); ++p) {
    for (std::size_t s = 0; s < problem.sites.size(); ++s) {
      for (std::size_t i = 0; i < n; ++i) {
        field[p][s] += sources[i] * covariance(p, s, problem.groups[i]);
      }
    }
  }
  return field;
}

}  // namespace

TEST_CASE("the field agrees with the covariance written down and eliminated") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Problem problem = random_problem(seed);
    const RttField field = RttField::fit(problem.places, problem.sites, problem.groups);
    const auto dense = dense_field(problem);
    double squares = 0;
    for (std::size_t p = 0; p < problem.places.size(); ++p) {
      for (std::size_t s = 0; s < problem.sites.size(); ++s) {
        const auto anchor = RttField::anchor_of(static_cast<std::uint16_t>(p));
        const double off_ms = field.at(anchor, static_cast<std::uint16_t>(s)) - dense[p][s];
        squares += off_ms * off_ms;
        INFO("seed " << seed << ", place " << p << ", site " << s);
        CHECK(std::abs(off_ms) < 6);
      }
    }
    const auto pairs = static_cast<double>(problem.places.size() * problem.sites.size());
    INFO("seed " << seed);
    CHECK(std::sqrt(squares / pairs) < 1);
  }
}

TEST_CASE("a point between places is between them, one far from all is near nothing special") {
  const std::vector<GeoPoint> places{{.lat_deg = 50, .lon_deg = 8}, {.lat_deg = 50, .lon_deg = 12}};
  std::vector<RttGroup> groups;
  std::vector<GeoPoint> sites;
  for (std::uint16_t s = 0; s < 10; ++s) {
    sites.push_back({.lat_deg = 40.0 + s, .lon_deg = 0.0 + s});
    groups.push_back({.place = 0, .site = s, .residual_ms = 60});
  }
  for (std::uint16_t s = 0; s < 10; ++s)
    groups.push_back({.place = 1, .site = s, .residual_ms = 0});
  const RttField field = RttField::fit(places, sites, groups);
  const double west_ms = field.at(RttField::anchor_of(0), 3);
  const double east_ms = field.at(RttField::anchor_of(1), 3);
  const double middle_ms = field.at(field.anchor_at({.lat_deg = 50, .lon_deg = 10}), 3);
  const double nearer_ms = field.at(field.anchor_at({.lat_deg = 50, .lon_deg = 8.2}), 3);
  CHECK(west_ms == Approx(60).margin(8));
  CHECK(east_ms == Approx(0).margin(8));
  CHECK(middle_ms == Approx((west_ms + east_ms) / 2).margin(8));
  CHECK(nearer_ms > middle_ms);
  CHECK(nearer_ms < west_ms);
  const double far_ms = field.at(field.anchor_at({.lat_deg = -40, .lon_deg = -170}), 3);
  CHECK(std::abs(far_ms) < middle_ms);
}

TEST_CASE("a point has of each place around it what kriging gives") {
  cache::Random random(6);
  Problem problem;
  for (std::uint16_t p = 0; p < RttField::Anchor::kPlacesMax; ++p) {
    problem.places.push_back({.lat_deg = 45 + random.unit() * 10, .lon_deg = random.unit() * 15});
    problem.groups.push_back({.place = p, .site = 0, .residual_ms = random.unit() * 60});
  }
  problem.sites = {{.lat_deg = 40, .lon_deg = 5}};
  const RttField field = RttField::fit(problem.places, problem.sites, problem.groups);
  const std::size_t n = problem.places.size();
  std::vector<std::vector<double>> covariance(n, std::vector<double>(n));
  std::vector<double> at_places;
  for (std::size_t i = 0; i < n; ++i) {
    at_places.push_back(field.at(RttField::anchor_of(static_cast<std::uint16_t>(i)), 0));
    for (std::size_t j = 0; j < n; ++j) {
      covariance[i][j] = alike(problem.places[i], problem.places[j], i == j);
    }
  }
  const std::vector<double> sources = eliminated(covariance, at_places);
  for (int k = 0; k < 50; ++k) {
    // Nobody was measured just there, so the point is like none of the places in itself.
    const GeoPoint point{.lat_deg = 40 + random.unit() * 20, .lon_deg = random.unit() * 25 - 5};
    double expected_ms = 0;
    for (std::size_t i = 0; i < n; ++i) {
      expected_ms += sources[i] * alike(point, problem.places[i], false);
    }
    CHECK(field.at(field.anchor_at(point), 0) == Approx(expected_ms).margin(0.1));
  }
}

TEST_CASE("without groups there is no correction anywhere") {
  const RttField field = RttField::fit({}, {{.lat_deg = 1, .lon_deg = 1}}, {});
  CHECK(field.at(field.anchor_at({.lat_deg = 1, .lon_deg = 1}), 0) == 0);
}

}  // namespace edgeward::geo
