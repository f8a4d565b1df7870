#include "cache/hit_model.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

#include "cache/bytes.hpp"

namespace edgeward::cache {

namespace {

using hit_row::kHeldWord;
using hit_row::kIdWord;
using hit_row::kRateOne;
using hit_row::kRatesWord;
using hit_row::kSpan;

/// Slots a row: look-ups then read 1.5 rows on average (Knuth, vol. 3, section 6.4).
constexpr double kSlotsPerRow = 2;
constexpr std::size_t kSlotsMin = 16;
/// Models smaller than this fit into the processor's cache of address translations anyway.
constexpr std::size_t kPackedBytesMin = std::size_t{4} << 20;
/// Rows looked at for one that may give way.
constexpr std::size_t kVictimsLookedAt = 8;
constexpr int kStepsPerDoubling = 8;

/// Ids are hashes, but those of binary traces are small numbers. The low bits choose the slot.
std::uint64_t mixed(std::uint64_t id) {
  id = (id ^ (id >> 32)) * 0xD6E8FEB86659FD93;
  id = (id ^ (id >> 32)) * 0xD6E8FEB86659FD93;
  return id ^ (id >> 32);
}

constexpr std::size_t kWordsPerLine = 8;

/// Words with a bit an edge.
std::size_t held_words(std::size_t edges) {
  return (edges + 63) / 64;
}

/// Words a row, padded so that it lies on as few cache lines as it can.
std::size_t stride_of(std::size_t edges) {
  const std::size_t words = kHeldWord + held_words(edges);
  return words <= kWordsPerLine ? std::bit_ceil(words)
                                : (words + kWordsPerLine - 1) / kWordsPerLine * kWordsPerLine;
}

std::size_t shard_of(std::uint64_t hash) {
  return hash >> 56;
}

/// Fast range reduction (Lemire 2019) of the hash's low 32 bits.
std::size_t slot_of(std::uint64_t hash, std::size_t slots) {
  return ((hash & 0xFFFF'FFFF) * slots) >> 32;
}

/// A free slot has the id 0, so a content of that id has another.
std::uint64_t row_id(ContentId content) {
  const auto id = static_cast<std::uint64_t>(content);
  return id == 0 ? ~std::uint64_t{0} : id;
}

std::uint8_t code_of_rate(double requests_per_second) {
  if (!(requests_per_second > 0)) return 0;
  const double code = std::round(std::log2(requests_per_second) * kStepsPerDoubling) + kRateOne;
  return static_cast<std::uint8_t>(std::clamp(code, 1.0, 255.0));
}

}  // namespace

const std::array<float, 2 * kSpan + 1> HitModel::kHitByExponent = [] {
  std::array<float, 2 * kSpan + 1> table{};
  for (int x = -kSpan; x <= kSpan; ++x) {
    table[static_cast<std::size_t>(x + kSpan)] =
        static_cast<float>(-std::expm1(-std::exp2(static_cast<double>(x) / kStepsPerDoubling)));
  }
  return table;
}();

std::array<float, EdgeHits::kSizeClasses> EdgeHits::filled(float value) {
  std::array<float, kSizeClasses> result{};
  result.fill(value);
  return result;
}

std::size_t EdgeHits::size_class(std::uint64_t size_bytes) {
  // Below 4 KiB is class 0, every fourfold one more.
  const auto bits = static_cast<std::size_t>(std::bit_width(size_bytes >> 12));
  return std::min((bits + 1) / 2, kSizeClasses - 1);
}

const std::uint64_t* HitModel::home(const View& shard, std::uint64_t hash) const noexcept {
  return shard.words + slot_of(hash, shard.slots) * stride_;
}

void HitModel::prefetch(ContentId content) const noexcept {
  const std::uint64_t hash = mixed(row_id(content));
  const View& shard = views_[shard_of(hash)];
  if (shard.slots == 0) return;
  const std::uint64_t* const row = home(shard, hash);
  for (std::size_t word = 0; word < stride_; word += kWordsPerLine) {
    __builtin_prefetch(row + word);
  }
}

const std::uint64_t* HitModel::row(ContentId content) const noexcept {
  const std::uint64_t id = row_id(content);
  const std::uint64_t hash = mixed(id);
  const View& shard = views_[shard_of(hash)];
  if (shard.slots == 0) return nullptr;
  const std::uint64_t* const begin = shard.words;
  const std::uint64_t* const end = begin + shard.slots * stride_;
  // Never full, so a free slot ends the search.
  for (const std::uint64_t* row = home(shard, hash); row[kIdWord] != 0;) {
    if (row[kIdWord] == id) return row;
    row += stride_;
    if (row == end) row = begin;
  }
  return nullptr;
}

HitModel::Chances HitModel::find(ContentId content, std::uint64_t size_bytes) const noexcept {
  return {*this, content == ContentId{} ? nullptr : row(content), content, size_bytes};
}

std::size_t HitModel::memory_bytes() const {
  std::size_t bytes = edges_.size() * (sizeof(EdgeTerms) + sizeof(Prior));
  for (const auto& shard : shards_) bytes += shard->slots * stride_ * sizeof(std::uint64_t);
  return bytes;
}

std::string HitModel::save(std::span<const ContentId> contents) const {
  ByteWriter bytes;
  bytes.put(std::uint64_t{edges_.size()});
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    bytes.put(edges_[i].region);
    bytes.put(edges_[i].answer);
    bytes.put(edges_[i].exponent);
    bytes.put(edges_[i].predicted);
    bytes.put(priors_[i]);
  }
  const std::size_t row_words = kHeldWord + held_words(edges_.size());
  for (const ContentId content : contents) {
    const std::uint64_t* const words = row(content);
    if (words == nullptr) continue;
    for (std::size_t i = 0; i < row_words; ++i) bytes.put(words[i]);
  }
  return std::move(bytes).text();
}

std::shared_ptr<const HitModel> HitModel::restored(std::string_view saved) {
  ByteReader reader(saved);
  std::uint64_t edges = 0;
  if (!reader.get(edges) || edges > kEdgesMax) return nullptr;
  // Rows for all that could follow, wherever their shards are: they are made as they come.
  HitModelWriter writer(edges, kShards * (saved.size() / sizeof(std::uint64_t)));
  for (std::size_t i = 0; i < edges; ++i) {
    EdgeTerms& terms = writer.edges_[i];
    if (!reader.get(terms.region) || !reader.get(terms.answer) || !reader.get(terms.exponent) ||
        !reader.get(terms.predicted) || !reader.get(writer.priors_[i]) ||
        terms.region >= kRegionsMax || static_cast<std::size_t>(terms.answer) >= kAnswers) {
      return nullptr;
    }
  }
  std::vector<std::uint64_t> words(kHeldWord + held_words(edges));
  while (!reader.is_at_end()) {
    for (std::uint64_t& word : words) {
      if (!reader.get(word)) return nullptr;
    }
    if (words[kIdWord] == 0) return nullptr;
    std::copy(words.begin(), words.end(), writer.row(ContentId{words[kIdWord]}, true));
  }
  return writer.publish();
}

HitModelWriter::HitModelWriter(std::size_t edges, std::size_t tracked_contents)
    : edges_(edges),
      priors_(edges),
      stride_(stride_of(edges)),
      shard_rows_max_(std::max<std::size_t>(tracked_contents / HitModel::kShards, 1)) {
  for (std::size_t i = 0; i < edges; ++i) {
    set_edge(EdgeId{static_cast<std::uint16_t>(i)}, EdgeHits{});
  }
  for (auto& shard : shards_) shard = std::make_shared<Shard>();
}

void HitModelWriter::set_edge(EdgeId edge, const EdgeHits& hits) {
  assert(hits.region < HitModel::kRegionsMax);
  const double held_for = hits.region_share_ratio * hits.characteristic_time_s;
  const double exponent = held_for > 0 ? std::log2(held_for) * kStepsPerDoubling : -2.0 * kSpan;
  const bool is_predicted = !hits.is_inventory_known && !hits.is_rate_known;
  edges_[index(edge)] = {
      .region = hits.region,
      .answer = hits.is_inventory_known ? HitModel::Answer::held
                : is_predicted          ? HitModel::Answer::predicted
                                        : HitModel::Answer::by_rate,
      .exponent = static_cast<std::int16_t>(std::round(std::clamp(exponent, -1e3, 1e3))),
      .predicted = hits.predicted_hit_ratio};
  priors_[index(edge)] = hits.prior;
}

void HitModelWriter::set_held(ContentId content, EdgeId edge, bool is_held) {
  std::uint64_t* const words = row(content, is_held);
  if (words == nullptr) return;
  const std::uint64_t bit = std::uint64_t{1} << (index(edge) % 64);
  std::uint64_t& word = words[kHeldWord + index(edge) / 64];
  word = is_held ? word | bit : word & ~bit;
}

void HitModelWriter::set_rate(ContentId content, std::size_t region, double requests_per_second) {
  assert(region < HitModel::kRegionsMax);
  const std::uint8_t code = code_of_rate(requests_per_second);
  std::uint64_t* const words = row(content, code != 0);
  if (words == nullptr) return;
  const std::size_t shift = 8 * region;
  words[kRatesWord] = (words[kRatesWord] & ~(std::uint64_t{0xFF} << shift)) | std::uint64_t{code}
                                                                                  << shift;
}

void HitModelWriter::prefetch(ContentId content) const noexcept {
  const std::uint64_t hash = mixed(row_id(content));
  const Shard& shard = *shards_[shard_of(hash)];
  if (shard.slots > 0) __builtin_prefetch(shard.words + slot_of(hash, shard.slots) * stride_);
}

void HitModelWriter::set_holders(ContentId content, std::span<const std::uint64_t> edges) {
  assert(edges.size() == held_words(edges_.size()));
  const std::uint64_t id = row_id(content);
  const std::uint64_t hash = mixed(id);
  const std::uint64_t* const known = find(*shards_[shard_of(hash)], id, hash);
  if (known != nullptr && std::equal(edges.begin(), edges.end(), known + kHeldWord)) return;
  const bool is_held =
      std::any_of(edges.begin(), edges.end(), [](std::uint64_t word) { return word != 0; });
  std::uint64_t* const words = row(content, is_held);
  if (words != nullptr) std::copy(edges.begin(), edges.end(), words + kHeldWord);
}

std::uint64_t* HitModelWriter::find(const Shard& shard, std::uint64_t id,
                                    std::uint64_t hash) const {
  if (shard.slots == 0) return nullptr;
  std::size_t slot = slot_of(hash, shard.slots);
  while (true) {
    std::uint64_t* const words = shard.words + slot * stride_;
    if (words[kIdWord] == id) return words;
    if (words[kIdWord] == 0) return nullptr;
    slot = slot + 1 == shard.slots ? 0 : slot + 1;
  }
}

std::uint64_t* HitModelWriter::row(ContentId content, bool make) {
  const std::uint64_t id = row_id(content);
  const std::uint64_t hash = mixed(id);
  std::shared_ptr<Shard>& shared = shards_[shard_of(hash)];
  const bool is_there = find(*shared, id, hash) != nullptr;
  if (!is_there && !make) return nullptr;
  // What a published model reads stays as it is.
  if (shared.use_count() > 1) {
    Shard own = make_shard(shared->slots);
    own.used = shared->used;
    std::copy_n(shared->words, shared->slots * stride_, own.words);
    shared = std::make_shared<Shard>(std::move(own));
  }
  return is_there ? find(*shared, id, hash) : add(*shared, id, hash);
}

void HitModelWriter::forget(ContentId content) {
  std::uint64_t* gap = row(content, false);
  if (gap == nullptr) return;
  Shard& shard = *shards_[shard_of(mixed(row_id(content)))];
  const auto slot_at = [&](const std::uint64_t* words) {
    return static_cast<std::size_t>(words - shard.words) / stride_;
  };
  // Rows that a search would pass the gap for move into it, so that no search stops short.
  std::size_t free = slot_at(gap);
  for (std::size_t at = (free + 1) % shard.slots; shard.words[at * stride_ + kIdWord] != 0;
       at = (at + 1) % shard.slots) {
    const std::uint64_t* const words = shard.words + at * stride_;
    const std::size_t home = slot_of(mixed(words[kIdWord]), shard.slots);
    const std::size_t from_home = (at + shard.slots - home) % shard.slots;
    const std::size_t from_gap = (at + shard.slots - free) % shard.slots;
    if (from_home < from_gap) continue;
    std::copy_n(words, stride_, shard.words + free * stride_);
    free = at;
  }
  std::fill_n(shard.words + free * stride_, stride_, std::uint64_t{0});
  --shard.used;
}

std::uint64_t* HitModelWriter::add(Shard& shard, std::uint64_t id, std::uint64_t hash) {
  if (shard.used == shard_rows_max_) {
    // Take over the row that matters least among those after the new one's place. Only a row whose
    // removal breaks no probe sequence may go: one whose next slot is free.
    std::size_t best = shard.slots;
    std::size_t slot = slot_of(hash, shard.slots);
    std::size_t looked_at = 0;
    std::uint64_t best_rates = 0;
    for (std::size_t i = 0; i < shard.slots && looked_at < kVictimsLookedAt; ++i) {
      const std::size_t next = slot + 1 == shard.slots ? 0 : slot + 1;
      const std::uint64_t* const words = shard.words + slot * stride_;
      if (words[kIdWord] != 0 && shard.words[next * stride_ + kIdWord] == 0) {
        ++looked_at;
        const bool is_held = std::any_of(words + kHeldWord, words + stride_,
                                         [](std::uint64_t word) { return word != 0; });
        std::uint64_t rates = 0;
        for (std::size_t region = 0; region < HitModel::kRegionsMax; ++region) {
          rates = std::max<std::uint64_t>(rates, hit_row::rate_code(words, region));
        }
        if (!is_held && (best == shard.slots || rates < best_rates)) {
          best = slot;
          best_rates = rates;
        }
      }
      slot = next;
    }
    if (best == shard.slots) return nullptr;
    std::fill_n(shard.words + best * stride_, stride_, std::uint64_t{0});
    --shard.used;
  }
  if (static_cast<double>(shard.used + 1) * kSlotsPerRow > static_cast<double>(shard.slots)) {
    grow(shard);
  }
  std::size_t slot = slot_of(hash, shard.slots);
  while (shard.words[slot * stride_ + kIdWord] != 0) slot = slot + 1 == shard.slots ? 0 : slot + 1;
  ++shard.used;
  shard.words[slot * stride_ + kIdWord] = id;
  return shard.words + slot * stride_;
}

void HitModelWriter::grow(Shard& shard) {
  const auto slots_max =
      static_cast<std::size_t>(static_cast<double>(shard_rows_max_ + 1) * kSlotsPerRow) + 2;
  Shard larger = make_shard(std::clamp(shard.slots * 2, kSlotsMin, std::max(slots_max, kSlotsMin)));
  larger.used = shard.used;
  for (std::size_t i = 0; i < shard.slots; ++i) {
    const std::uint64_t* const words = shard.words + i * stride_;
    if (words[kIdWord] == 0) continue;
    std::size_t slot = slot_of(mixed(words[kIdWord]), larger.slots);
    while (larger.words[slot * stride_] != 0) slot = slot + 1 == larger.slots ? 0 : slot + 1;
    std::copy_n(words, stride_, larger.words + slot * stride_);
  }
  shard = std::move(larger);
}

HitModelWriter::Shard HitModelWriter::make_shard(std::size_t slots) const {
  Shard shard{.slots = slots,
              .block = std::make_shared<geo::HugeArray<std::uint64_t>>(slots * stride_)};
  shard.words = shard.block->data();
  return shard;
}

bool HitModelWriter::is_worth_packing() const {
  std::size_t words = 0;
  std::size_t loose = 0;
  for (const auto& shard : shards_) {
    words += shard->slots * stride_;
    loose += shard->is_packed ? 0 : shard->slots * stride_;
  }
  return words * sizeof(std::uint64_t) >= kPackedBytesMin && loose > words / 4;
}

void HitModelWriter::pack() {
  std::size_t words = 0;
  for (const auto& shard : shards_) words += shard->slots * stride_;
  const auto block = std::make_shared<geo::HugeArray<std::uint64_t>>(words);
  std::uint64_t* next = block->data();
  for (auto& shard : shards_) {
    const std::size_t count = shard->slots * stride_;
    std::copy_n(shard->words, count, next);
    shard = std::make_shared<Shard>(Shard{.words = next,
                                          .slots = shard->slots,
                                          .used = shard->used,
                                          .block = block,
                                          .is_packed = true});
    next += count;
  }
}

std::shared_ptr<const HitModel> HitModelWriter::publish() {
  if (is_worth_packing()) pack();
  auto model = std::make_shared<HitModel>();
  model->edges_ = edges_;
  model->priors_ = priors_;
  model->stride_ = stride_;
  for (std::size_t i = 0; i < HitModel::kShards; ++i) {
    model->shards_[i] = shards_[i];
    model->views_[i] = {shards_[i]->words, shards_[i]->slots};
    model->tracked_ += shards_[i]->used;
  }
  return model;
}

}  // namespace edgeward::cache
