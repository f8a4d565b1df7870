#include "controller/service/catalog_answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "controller/config/fault.hpp"
#include "controller/service/problem.hpp"
#include "policy/json.hpp"
#include "sim/catalog_lines.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/logs/cache_key.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

double json_seconds(std::int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

json::object entry_json(const cache::RankedEntry& ranked) {
  const cache::CatalogEntry& entry = ranked.entry;
  json::object object{{"key", entry.key},
                      {"content", cache::to_hex(cache::content_id(entry.key))},
                      {"size_bytes", entry.size_bytes},
                      {"duration_min", entry.duration_min},
                      {"type", entry.type},
                      {"created_at", json_seconds(entry.created_at_ms)},
                      {"last_viewed_at", nullptr},
                      {"views", entry.views},
                      {"rating", entry.rating},
                      {"popularity", ranked.popularity}};
  if (entry.last_viewed_at_ms) object["last_viewed_at"] = json_seconds(*entry.last_viewed_at_ms);
  return object;
}

}  // namespace

struct CatalogAnswers::State {
  ServedCatalog& catalog;
  sim::CacheKeyWriter keys{sim::CacheKeyRules{}};
  sim::CatalogLineParser parser{};

  [[nodiscard]] std::string canonical(std::string_view url) {
    std::string key;
    keys.write("", url, key);
    return key;
  }

  /// What is known under that key.
  [[nodiscard]] cache::RankedEntry find(std::string_view key) {
    require_key(key);
    if (auto found = catalog.find(cache::content_id(canonical(key)))) return *std::move(found);
    // As entries are listed that have a host.
    const std::string url = fmt::format("https://{}", key);
    if (auto found = catalog.find(cache::content_id(canonical(url)))) return *std::move(found);
    refuse(404, fmt::format("the catalogue has no {}", quote(canonical(key))));
  }

  static void require_key(std::string_view key) {
    if (key.empty()) refuse(404, "a key is missing behind /v1/catalog/");
  }
};

CatalogAnswers::CatalogAnswers(ServedCatalog& catalog)
    : state_(std::make_unique<State>(State{.catalog = catalog})) {}
CatalogAnswers::~CatalogAnswers() = default;
CatalogAnswers::CatalogAnswers(CatalogAnswers&&) noexcept = default;
CatalogAnswers& CatalogAnswers::operator=(CatalogAnswers&&) noexcept = default;

std::string CatalogAnswers::list(std::uint64_t count) const {
  if (count < 1 || count > ServedCatalog::kRankedMax) {
    refuse(400, fmt::format("top: expected from 1 to {}", ServedCatalog::kRankedMax));
  }
  const auto ranking = state_->catalog.ranking();
  const ServedCatalog::Counts counts = state_->catalog.counts();
  json::array entries;
  for (const cache::RankedEntry& ranked : ranking->entries) {
    if (entries.size() == count) break;
    entries.emplace_back(entry_json(ranked));
  }
  return policy::json_text(json::object{{"entries", std::move(entries)},
                                        {"total", counts.entries},
                                        {"entries_max", counts.entries_max},
                                        {"refused", counts.refused},
                                        {"ranked_at", json_seconds(ranking->at_ms)}});
}

std::string CatalogAnswers::get(std::string_view key) {
  return policy::json_text(entry_json(state_->find(key)));
}

CatalogAnswers::Put CatalogAnswers::put(std::string_view key, std::string_view text) {
  State::require_key(key);
  const auto line = state_->parser.parse_json(text, key);
  if (!line) refuse(400, line.error().message);
  if (!line->unknown.empty()) {
    refuse(400, fmt::format("unknown member {}: known are key, size_bytes, duration_min, type, "
                            "created_at, last_viewed_at, views, rating",
                            quote(line->unknown)));
  }
  const std::string asked = state_->canonical(key);
  const std::string& named = line->update.key;
  if (named != asked) {
    refuse(400,
           fmt::format("key: it is {}, but {} is what is to be put", quote(named), quote(asked)));
  }
  const cache::Catalog::Put done = state_->catalog.put(line->update);
  if (done == cache::Catalog::Put::full) {
    refuse(409, fmt::format("the catalogue has {} contents, as many as catalog.entries_max allows: "
                            "remove some, or raise it",
                            state_->catalog.counts().entries));
  }
  return {.is_new = done == cache::Catalog::Put::added, .body = get(key)};
}

void CatalogAnswers::remove(std::string_view key) {
  (void)state_->catalog.remove(cache::content_id(state_->find(key).entry.key));
}

std::string CatalogAnswers::import(std::string_view text) {
  std::vector<cache::CatalogUpdate> updates;
  sim::TextSource source(text);
  sim::CatalogReading reading;
  try {
    reading = sim::read_catalog(source, "the body", [&](cache::CatalogUpdate update) {
      updates.push_back(std::move(update));
    });
  } catch (const sim::InputError& error) {
    refuse(400, error.what());
  }
  const CatalogTaken taken = state_->catalog.take(updates);
  json::object rejected;
  for (std::size_t i = 0; i < sim::kCatalogFaults; ++i) {
    if (reading.faults[i] == 0) continue;
    rejected[sim::name(static_cast<sim::CatalogFault>(i))] = reading.faults[i];
  }
  if (taken.full > 0) rejected["full"] = taken.full;
  return policy::json_text(json::object{{"accepted", taken.added + taken.updated},
                                        {"added", taken.added},
                                        {"updated", taken.updated},
                                        {"rejected", std::move(rejected)}});
}

}  // namespace edgeward::controller
