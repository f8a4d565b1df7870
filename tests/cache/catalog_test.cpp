#include "cache/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kNowMs = 1'700'000'000'000;

CatalogUpdate told(const std::string& key) {
  return {.key = key, .size_bytes = 1000, .duration_min = 1.5, .type = "video", .rating = 7.25};
}

CatalogEntry aged(std::uint64_t views, double rating, std::int64_t age_ms) {
  return {.key = "/a", .created_at_ms = kNowMs - age_ms, .views = views, .rating = rating};
}

/// Everything of a catalogue, by key.
std::vector<CatalogEntry> all_of(const Catalog& catalog) {
  std::vector<CatalogEntry> entries;
  for (Catalog::Slot slot = 0; slot < catalog.slots(); ++slot) {
    if (catalog.at(slot) != nullptr) entries.push_back(*catalog.at(slot));
  }
  std::sort(entries.begin(), entries.end(),
            [](const CatalogEntry& a, const CatalogEntry& b) { return a.key < b.key; });
  return entries;
}

std::string saved(const Catalog& catalog, std::uint32_t step = 1000) {
  ByteWriter bytes;
  for (Catalog::Slot begin = 0; begin < catalog.slots(); begin += step) {
    const auto end = std::min<std::size_t>(begin + step, catalog.slots());
    catalog.save(begin, static_cast<Catalog::Slot>(end), bytes);
  }
  return std::move(bytes).text();
}

}  // namespace

TEST_CASE("popularity is what it is by hand") {
  // 0.4·log10(1) = 0; e^0 = 1.
  CHECK(popularity(aged(0, 0, 0), kNowMs) == Approx(0.3).epsilon(1e-12));
  // 0.4·log10(10) = 0.4; 0.3·5 = 1.5; 0.3·e^-1 = 0.110363832351.
  CHECK(popularity(aged(9, 5, 365 * kDayMs), kNowMs) == Approx(2.010363832351).epsilon(1e-12));
  // 0.4·3 = 1.2; 3; 0.3.
  CHECK(popularity(aged(999, 10, 0), kNowMs) == Approx(4.5).epsilon(1e-12));
  // 0.4·2 = 0.8; 2.25; 0.3·e^-2 = 0.0406005849710.
  CHECK(popularity(aged(99, 7.5, 730 * kDayMs), kNowMs) == Approx(3.090600584971).epsilon(1e-12));
  // 0.4·log10(2) = 0.120411998266; 0.3·e^(-1/365) = 0.299179207079.
  CHECK(popularity(aged(1, 0, kDayMs), kNowMs) == Approx(0.419591205345).epsilon(1e-11));
}

TEST_CASE("age counts whole days and what is yet to come has none") {
  const double fresh = popularity(aged(5, 5, 0), kNowMs);
  CHECK(popularity(aged(5, 5, kDayMs - 1), kNowMs) == fresh);
  CHECK(popularity(aged(5, 5, kDayMs), kNowMs) < fresh);
  CHECK(popularity(aged(5, 5, kDayMs), kNowMs) == popularity(aged(5, 5, 2 * kDayMs - 1), kNowMs));
  CHECK(popularity(aged(5, 5, -400 * kDayMs), kNowMs) == fresh);
}

TEST_CASE("an update replaces what was told and leaves what it does not tell of") {
  Catalog catalog;
  CatalogUpdate update = told("/a");
  CHECK(catalog.put(update, ViewsRule::told, kNowMs) == Catalog::Put::added);
  const CatalogEntry* const entry = catalog.find(content_id("/a"));
  REQUIRE(entry != nullptr);
  CHECK(*entry == CatalogEntry{.key = "/a",
                               .size_bytes = 1000,
                               .duration_min = 1.5,
                               .type = "video",
                               .created_at_ms = kNowMs,
                               .rating = 7.25});
  CHECK(catalog.view(content_id("/a"), kNowMs + 5));
  CHECK(catalog.view(content_id("/a"), kNowMs + 3));
  update = {.key = "/a", .rating = 1};
  CHECK(catalog.put(update, ViewsRule::told, kNowMs + 9) == Catalog::Put::updated);
  CHECK(*entry == CatalogEntry{.key = "/a",
                               .created_at_ms = kNowMs,
                               .last_viewed_at_ms = kNowMs + 5,
                               .views = 2,
                               .rating = 1});
  CHECK(catalog.size() == 1);
}

TEST_CASE("a list read again takes no views away, and who sets them may") {
  Catalog catalog;
  CatalogUpdate update = told("/a");
  update.views = 10;
  update.last_viewed_at_ms = 500;
  (void)catalog.put(update, ViewsRule::larger, kNowMs);
  (void)catalog.view(content_id("/a"), 900);
  const CatalogEntry* const entry = catalog.find(content_id("/a"));
  (void)catalog.put(update, ViewsRule::larger, kNowMs);
  CHECK(entry->views == 11);
  CHECK(entry->last_viewed_at_ms == 900);
  update.views = 12;
  update.last_viewed_at_ms = 1000;
  (void)catalog.put(update, ViewsRule::larger, kNowMs);
  CHECK(entry->views == 12);
  CHECK(entry->last_viewed_at_ms == 1000);
  update.views = 0;
  update.last_viewed_at_ms = 1;
  (void)catalog.put(update, ViewsRule::told, kNowMs);
  CHECK(entry->views == 0);
  CHECK(entry->last_viewed_at_ms == 1);
}

TEST_CASE("a full catalogue takes nothing new and goes on with what it has") {
  Catalog catalog(2);
  CHECK(catalog.put(told("/a"), ViewsRule::told, kNowMs) == Catalog::Put::added);
  CHECK(catalog.put(told("/b"), ViewsRule::told, kNowMs) == Catalog::Put::added);
  CHECK(catalog.put(told("/c"), ViewsRule::told, kNowMs) == Catalog::Put::full);
  CHECK(catalog.put(told("/a"), ViewsRule::told, kNowMs) == Catalog::Put::updated);
  CHECK_FALSE(catalog.view(content_id("/c"), kNowMs));
  const auto slot = catalog.slot_of(content_id("/a"));
  CHECK(catalog.remove(content_id("/a")));
  CHECK_FALSE(catalog.remove(content_id("/a")));
  CHECK(catalog.find(content_id("/a")) == nullptr);
  CHECK(catalog.at(*slot) == nullptr);
  CHECK(catalog.put({.key = "/c"}, ViewsRule::told, kNowMs) == Catalog::Put::added);
  // Nothing of what was in its place before.
  CHECK(*catalog.find(content_id("/c")) == CatalogEntry{.key = "/c", .created_at_ms = kNowMs});
  CHECK(catalog.slots() == 2);
  CHECK(catalog.size() == 2);
}

TEST_CASE("what is saved is taken up again and nothing else is") {
  Catalog catalog;
  for (int i = 0; i < 100; ++i) {
    CatalogUpdate update = told(fmt::format("/{}", i));
    update.views = static_cast<std::uint64_t>(i);
    if (i % 3 == 0) update.last_viewed_at_ms = i;
    (void)catalog.put(update, ViewsRule::told, kNowMs - i);
  }
  (void)catalog.remove(content_id("/50"));
  const std::string bytes = saved(catalog, 7);
  CHECK(bytes == saved(catalog));
  Catalog again;
  CHECK(again.take_saved(bytes) == 0u);
  CHECK(all_of(again) == all_of(catalog));
  CHECK(again.find(content_id("/3"))->last_viewed_at_ms == 3);
  CHECK_FALSE(again.find(content_id("/4"))->last_viewed_at_ms);

  Catalog smaller(90);
  CHECK(smaller.take_saved(bytes) == 9u);
  CHECK(smaller.size() == 90);

  Catalog untouched;
  std::size_t whole = 0;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Catalog part;
    const auto left_out = part.take_saved(bytes.substr(0, cut));
    whole += left_out ? 1 : 0;
    if (!left_out) CHECK(part.size() == 0);
  }
  CHECK(whole == 100);  // between two entries, and before and after all
  CHECK_FALSE(untouched.take_saved("something else"));
  CHECK(untouched.size() == 0);
}

TEST_CASE("the most popular are those that sorting all finds") {
  const std::uint64_t seed = 5;
  INFO("seed " << seed);
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<double, ContentId>> all;
    const std::size_t count = random.below(12);
    MostPopular best(count);
    for (std::uint64_t i = random.below(40); i > 0; --i) {
      // Few values, so that there are equals.
      all.emplace_back(static_cast<double>(random.below(5)), ContentId{random.below(1000)});
      best.offer(all.back().first, all.back().second);
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second > b.second;
    });
    all.resize(std::min(all.size(), count));
    CHECK(std::move(best).sorted() == all);
  }
}

}  // namespace edgeward::cache
