#include "policy/snapshot_excerpt.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "cache/bytes.hpp"

namespace edgeward::policy {

namespace {

using cache::ByteReader;
using cache::ByteWriter;
using cache::EdgeId;

/// Values in the order in which they come first, each once, with its number.
class Numbers {
 public:
  std::uint16_t of(std::uint16_t value) {
    const auto [found, is_new] =
        numbers_.emplace(value, static_cast<std::uint16_t>(values_.size()));
    if (is_new) values_.push_back(value);
    return found->second;
  }
  [[nodiscard]] const std::vector<std::uint16_t>& values() const { return values_; }

 private:
  std::map<std::uint16_t, std::uint16_t> numbers_;
  std::vector<std::uint16_t> values_;
};

template <class Value>
std::vector<Value> sorted_once(std::span<const Value> values) {
  std::vector<Value> result(values.begin(), values.end());
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

EdgeId edge_id(std::size_t at) {
  return EdgeId{static_cast<std::uint16_t>(at)};
}

void put_live(const std::vector<LiveEdge>& live, ByteWriter& bytes) {
  for (const LiveEdge& edge : live) {
    bytes.put(edge.load);
    bytes.put(edge.bandwidth);
    bytes.put(edge.queue_ms);
    bytes.put(edge.miss_ms);
    bytes.put(edge.ms_per_byte);
    bytes.put(edge.exclusion);
  }
}

/// Gives what was written, or throws.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class Value>
  Value get() {
    Value value{};
    require(bytes_.get(value));
    return value;
  }
  /// Numbers below `end`.
  template <class Value>
  Value get_below(std::size_t end) {
    const auto value = get<Value>();
    require(static_cast<std::size_t>(value) < end);
    return value;
  }
  std::string_view get_text() {
    std::string_view text;
    require(bytes_.get_text(text));
    return text;
  }
  /// How many of something follow, of which each takes at least a byte.
  std::size_t get_count() {
    const auto count = get<std::uint64_t>();
    require(count <= bytes_.left());
    return count;
  }
  [[nodiscard]] std::size_t left() const { return bytes_.left(); }
  [[nodiscard]] bool is_at_end() const { return bytes_.is_at_end(); }

  static void require(bool holds) {
    if (!holds) throw std::runtime_error("not a snapshot of this fleet, or a damaged one");
  }

 private:
  ByteReader bytes_;
};

geo::Cell read_cell(Reader& reader, std::size_t areas, std::size_t zones) {
  geo::Cell cell;
  cell.lat_deg = reader.get<float>();
  cell.lon_deg = reader.get<float>();
  cell.at = reader.get<geo::UnitVector>();
  cell.country = reader.get<geo::Country>();
  cell.accuracy_km = reader.get<std::uint16_t>();
  cell.zone = reader.get<std::uint16_t>();
  cell.area = reader.get_below<std::uint16_t>(areas);
  cell.measured = reader.get<std::uint16_t>();
  cell.source = reader.get_below<geo::LocationSource>(
      static_cast<std::size_t>(geo::LocationSource::fallback) + 1);
  const auto is_component = [](float value) { return value >= -1.01F && value <= 1.01F; };
  Reader::require(cell.zone == geo::Cell::kNoZone || cell.zone < zones);
  Reader::require(geo::is_valid(cell.location().point));
  Reader::require(is_component(cell.at.x) && is_component(cell.at.y) && is_component(cell.at.z));
  return cell;
}

}  // namespace

std::string excerpt(const Snapshot& snapshot, std::span<const geo::CellIndex> wanted_cells,
                    std::span<const cache::ContentId> wanted_contents) {
  const FleetPart& fleet = *snapshot.fleet;
  const std::vector<geo::CellIndex> cells = sorted_once(wanted_cells);
  Numbers areas;
  Numbers zones;
  for (const geo::CellIndex cell : cells) {
    (void)areas.of(fleet.map()[cell].area);
    if (fleet.map()[cell].zone != geo::Cell::kNoZone) (void)zones.of(fleet.map()[cell].zone);
  }
  ByteWriter bytes;
  bytes.put(snapshot.version);
  bytes.put(snapshot.published_at_ms);
  bytes.put(fleet.rtt().knots_ms());
  bytes.put(std::uint64_t{fleet.fleet().edges.size()});
  put_live(*snapshot.live, bytes);

  bytes.put(std::uint64_t{zones.values().size()});
  for (const std::uint16_t zone : zones.values()) {
    const std::vector<std::string>& names = fleet.map().zones()[zone];
    bytes.put(std::uint64_t{names.size()});
    for (const std::string& name : names) bytes.put_text(name);
  }
  bytes.put(std::uint64_t{areas.values().size()});
  bytes.put(std::uint8_t{snapshot.shares != nullptr});
  if (snapshot.shares != nullptr) {
    for (const std::uint16_t area : areas.values()) {
      for (std::size_t edge = 0; edge < fleet.fleet().edges.size(); ++edge) {
        bytes.put(snapshot.shares->share(area, edge_id(edge)));
      }
    }
  }
  bytes.put(std::uint64_t{cells.size()});
  bytes.put(std::uint8_t{snapshot.rtts != nullptr});
  for (const geo::CellIndex index : cells) {
    const geo::Cell& cell = fleet.map()[index];
    bytes.put(index);
    bytes.put(cell.lat_deg);
    bytes.put(cell.lon_deg);
    bytes.put(cell.at);
    bytes.put(cell.country);
    bytes.put(cell.accuracy_km);
    bytes.put(cell.zone == geo::Cell::kNoZone ? cell.zone : zones.of(cell.zone));
    bytes.put(areas.of(cell.area));
    bytes.put(cell.measured);
    bytes.put(cell.source);
    if (snapshot.rtts == nullptr) continue;
    const auto near = fleet.sites().nearest(index);
    bytes.put(std::uint64_t{near.size()});
    for (std::size_t k = 0; k < near.size(); ++k) {
      bytes.put(near[k]);
      bytes.put(snapshot.rtts->rtt_ms(index, k));
    }
  }
  bytes.put(std::uint8_t{snapshot.hits != nullptr});
  if (snapshot.hits != nullptr) bytes.put_text(snapshot.hits->save(sorted_once(wanted_contents)));
  return std::move(bytes).text();
}

geo::CellIndex Excerpt::find(geo::CellIndex before) const {
  const auto found = std::lower_bound(cells.begin(), cells.end(), before);
  if (found == cells.end() || *found != before) throw std::out_of_range("no such cell");
  return static_cast<geo::CellIndex>(found - cells.begin());
}

Excerpt restore(std::string_view bytes, std::shared_ptr<const cache::Fleet> fleet,
                const RoutingOptions& options) {
  Reader reader(bytes);
  Excerpt result;
  Snapshot& snapshot = result.snapshot;
  const std::size_t edges = fleet->edges.size();
  snapshot.version = reader.get<std::uint64_t>();
  snapshot.published_at_ms = reader.get<std::int64_t>();
  const geo::RttModel rtt(reader.get<geo::RttModel::Knots>());
  Reader::require(reader.get<std::uint64_t>() == edges);
  std::vector<LiveEdge> live;
  for (std::size_t i = 0; i < edges; ++i) {
    LiveEdge& edge = live.emplace_back();
    edge.load = reader.get<float>();
    edge.bandwidth = reader.get<float>();
    edge.queue_ms = reader.get<float>();
    edge.miss_ms = reader.get<float>();
    edge.ms_per_byte = reader.get<float>();
    edge.exclusion = reader.get_below<Exclusion>(static_cast<std::size_t>(Exclusion::too_far) + 1);
  }
  snapshot.live = std::make_shared<const std::vector<LiveEdge>>(std::move(live));

  std::vector<std::vector<std::string>> zones(reader.get_count());
  for (std::vector<std::string>& names : zones) {
    for (std::size_t left = reader.get_count(); left > 0; --left) {
      names.emplace_back(reader.get_text());
    }
  }
  const std::size_t areas = reader.get_count();
  if (reader.get<std::uint8_t>() != 0) {
    Reader::require(areas * edges * sizeof(double) <= reader.left());
    AdmitShares shares(areas, edges);
    for (std::size_t area = 0; area < areas; ++area) {
      for (std::size_t edge = 0; edge < edges; ++edge) {
        const auto share = reader.get<double>();
        Reader::require(share >= 0 && share <= 1);
        shares.set(static_cast<std::uint16_t>(area), edge_id(edge), share);
      }
    }
    snapshot.shares = std::make_shared<const AdmitShares>(std::move(shares));
  }
  const std::size_t count = reader.get_count();
  Reader::require(count > 0);
  const bool has_rtts = reader.get<std::uint8_t>() != 0;
  std::vector<geo::Cell> cells;
  std::vector<std::map<geo::SiteIndex, float>> rtts(has_rtts ? count : 0);
  for (std::size_t i = 0; i < count; ++i) {
    result.cells.push_back(reader.get<geo::CellIndex>());
    Reader::require(i == 0 || result.cells[i - 1] < result.cells[i]);
    cells.push_back(read_cell(reader, areas, zones.size()));
    if (!has_rtts) continue;
    for (std::size_t left = reader.get_count(); left > 0; --left) {
      const auto site = reader.get_below<geo::SiteIndex>(edges);
      const auto rtt_ms = reader.get<float>();
      Reader::require(rtt_ms >= 0 && rtt_ms <= geo::kRttMsMax);
      rtts[i][site] = rtt_ms;
    }
  }
  snapshot.fleet = std::make_shared<const FleetPart>(
      fleet, options, geo::AddressMap::of_cells(cells, std::move(zones)), rtt);
  if (has_rtts) {
    snapshot.rtts = std::make_shared<const geo::CellRtts>(
        cells, snapshot.fleet->points(), snapshot.fleet->sites(),
        [&](geo::CellIndex cell, geo::SiteIndex site, double) {
          const auto found = rtts[cell].find(site);
          Reader::require(found != rtts[cell].end());
          return static_cast<double>(found->second);
        });
  }
  if (reader.get<std::uint8_t>() != 0) {
    snapshot.hits = cache::HitModel::restored(reader.get_text());
    Reader::require(snapshot.hits != nullptr && snapshot.hits->edges() == edges);
  }
  Reader::require(reader.is_at_end());
  return result;
}

}  // namespace edgeward::policy
