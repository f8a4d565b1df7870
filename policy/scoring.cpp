#include "policy/scoring.hpp"

#include <algorithm>

namespace edgeward::policy {

namespace {

__extension__ using Wide = unsigned __int128;

/// Both halves of a 64 × 64-bit product, folded: a hash of two words.
std::uint64_t folded(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hashed(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kFirst = 0xA0761D6478BD642F;
  constexpr std::uint64_t kSecond = 0xE7037ED1A0B428DB;
  return folded(folded(a ^ kFirst, b ^ kSecond) ^ kSecond, kFirst);
}

float unit(std::uint64_t hash) {
  return static_cast<float>(hash >> 40) * 0x1.0p-24F;
}

struct Scorer {
  const Request& request;
  const Draw& draw;
  geo::CellIndex cell;
  const Snapshot& snapshot;
  const RoutingOptions& options;

  [[nodiscard]] std::uint64_t salt(cache::EdgeId edge) const {
    return snapshot.fleet->salts()[cache::index(edge)];
  }

  /// Edges of equal state and distance are told apart by hash alone.
  template <class HitAt>
  void weighted(Candidates& candidates, const HitAt& hit_at) const {
    const auto scale = static_cast<float>(1 / options.distance_scale_km);
    const std::array<float, 4> weights{
        static_cast<float>(options.weights.distance), static_cast<float>(options.weights.hit),
        static_cast<float>(options.weights.load), static_cast<float>(options.weights.bandwidth)};
    const auto epsilon = static_cast<float>(options.spread_epsilon_score);
    const std::span<const float> bias = options.services[request.service].bias_score;
    for (std::size_t i = 0; i < candidates.count; ++i) {
      const std::size_t edge = cache::index(candidates.edge[i]);
      const LiveEdge& live = (*snapshot.live)[edge];
      Terms& terms = candidates.terms[i];
      terms = {std::max(0.0F, 1 - candidates.distance_km[i] * scale), hit_at(candidates.edge[i]),
               live.load, live.bandwidth};
      float score = bias.empty() ? 0 : bias[edge];
      for (std::size_t k = 0; k < terms.size(); ++k) score += weights[k] * terms[k];
      candidates.score[i] = score;
      candidates.rank[i] = score + epsilon * draw.spread(salt(candidates.edge[i]));
    }
  }

  template <class HitAt>
  void latency(Candidates& candidates, const HitAt& hit_at) const {
    const auto epsilon = static_cast<float>(options.spread_epsilon_ms);
    const std::span<const float> bias = options.services[request.service].bias_ms;
    const auto bytes = static_cast<float>(request.size_bytes);
    for (std::size_t i = 0; i < candidates.count; ++i) {
      const std::size_t edge = cache::index(candidates.edge[i]);
      const LiveEdge& live = (*snapshot.live)[edge];
      Terms& terms = candidates.terms[i];
      terms = {network_ms(candidates, i), live.queue_ms,
               (1 - hit_at(candidates.edge[i])) * live.miss_ms, bytes * live.ms_per_byte};
      float score = bias.empty() ? 0 : -bias[edge];
      for (const float term : terms) score += term;
      candidates.score[i] = score;
      candidates.rank[i] = epsilon * draw.spread(salt(candidates.edge[i])) - score;
    }
  }

  [[nodiscard]] float network_ms(const Candidates& candidates, std::size_t i) const {
    if (snapshot.rtts != nullptr && candidates.near[i] != Candidates::kNotNear) {
      return snapshot.rtts->rtt_ms(cell, candidates.near[i]);
    }
    return static_cast<float>(snapshot.fleet->rtt().estimate_ms(candidates.distance_km[i]));
  }

  void nearest(Candidates& candidates) const {
    for (std::size_t i = 0; i < candidates.count; ++i) {
      candidates.terms[i] = {candidates.distance_km[i]};
      candidates.score[i] = candidates.distance_km[i];
      candidates.rank[i] = -candidates.distance_km[i];
    }
  }

  void random(Candidates& candidates) const {
    for (std::size_t i = 0; i < candidates.count; ++i) {
      candidates.terms[i] = {};
      candidates.score[i] = draw.any(salt(candidates.edge[i]));
      candidates.rank[i] = candidates.score[i];
    }
  }
};

}  // namespace

Draw::Draw(std::uint64_t content, std::uint64_t client, std::int64_t at_ms)
    : content_(hashed(content, 0)),
      asks_(hashed(content, client)),
      request_(hashed(asks_, static_cast<std::uint64_t>(at_ms))) {}

// Salts are hashes already, so one product is enough to make an edge's number of them.
float Draw::spread(std::uint64_t salt) const noexcept {
  return unit(folded(content_ ^ salt, salt | 1));
}

std::uint16_t Draw::admission(std::uint64_t salt) const noexcept {
  return static_cast<std::uint16_t>(folded(asks_ ^ ~salt, salt | 1) >> 48);
}

float Draw::any(std::uint64_t salt) const noexcept {
  return unit(folded(request_ ^ salt, salt | 1));
}

void score(const Request& request, const Draw& draw, geo::CellIndex cell, const Snapshot& snapshot,
           Candidates& candidates) noexcept {
  const RoutingOptions& options = snapshot.fleet->options();
  const Scorer scorer{request, draw, cell, snapshot, options};
  if (options.scoring == Scoring::nearest) return scorer.nearest(candidates);
  if (options.scoring == Scoring::random) return scorer.random(candidates);
  const auto score_with = [&](const auto& hit_at) {
    if (options.scoring == Scoring::weighted) {
      scorer.weighted(candidates, hit_at);
    } else {
      scorer.latency(candidates, hit_at);
    }
  };
  if (snapshot.hits == nullptr) {
    const auto prior = static_cast<float>(options.hit_prior);
    return score_with([prior](cache::EdgeId) { return prior; });
  }
  const cache::HitModel::Chances chances = snapshot.hits->find(request.content, request.size_bytes);
  score_with([&](cache::EdgeId edge) { return chances.at(edge); });
}

}  // namespace edgeward::policy
