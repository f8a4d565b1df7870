#include "geo/network_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "geo/csv_reader.hpp"

namespace edgeward::geo {

namespace {

MmdbRecord read_record(CsvReader& rows) {
  MmdbRecord record;
  record.point = rows.point();
  record.country = rows.country("country").value_or(Country::none);
  record.asn = rows.count("asn").value_or(0);
  record.city = rows.text("city");
  if (record.point && static_cast<float>(record.point->lat_deg) == 0 &&
      static_cast<float>(record.point->lon_deg) == 0) {
    rows.fault("lat and lon are 0,0, which stands for not known");
  }
  if (record.city.size() > MmdbRecord::kCityBytesMax) {
    rows.fault(fmt::format("a city of {} bytes, expected at most {}", record.city.size(),
                           MmdbRecord::kCityBytesMax));
  }
  if (rows.is_good() && record == MmdbRecord{}) rows.fault("a network of which nothing is said");
  return record;
}

/// Networks that are given twice, with the lines.
std::vector<std::string> repetitions(const std::vector<MmdbContents::Network>& networks,
                                     const std::vector<std::uint64_t>& lines,
                                     const std::string& name) {
  std::vector<std::size_t> order(networks.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const IpPrefix& left = networks[a].prefix;
    const IpPrefix& right = networks[b].prefix;
    if (left.address != right.address) return left.address.bytes < right.address.bytes;
    return left.length != right.length ? left.length < right.length : a < b;
  });
  std::vector<std::string> errors;
  for (std::size_t i = 1; i < order.size() && errors.size() < CsvReader::kErrorsMax; ++i) {
    if (networks[order[i]].prefix != networks[order[i - 1]].prefix) continue;
    errors.push_back(fmt::format("{}:{}: {} is given on line {} already", name, lines[order[i]],
                                 networks[order[i]].prefix.text(), lines[order[i - 1]]));
  }
  return errors;
}

}  // namespace

tl::expected<MmdbContents, std::vector<std::string>> read_network_table(std::istream& stream,
                                                                        const std::string& name) {
  CsvReader rows(stream, name,
                 {.required = {"network"}, .optional = {"lat", "lon", "country", "asn", "city"}});
  MmdbContents contents;
  std::vector<std::uint64_t> lines;
  while (rows.next()) {
    const auto prefix = rows.prefix("network");
    if (prefix) {
      const std::string_view fault = mmdb_network_fault(*prefix);
      if (!fault.empty()) rows.fault(fmt::format("{} {}", prefix->text(), fault));
    }
    MmdbRecord record = read_record(rows);
    if (!rows.is_good()) continue;
    const auto number = static_cast<std::uint32_t>(contents.records.size());
    contents.networks.push_back({.prefix = *prefix, .record = number});
    contents.records.push_back(std::move(record));
    lines.push_back(rows.line());
  }
  if (!rows.errors().empty()) return tl::unexpected(rows.errors());
  std::vector<std::string> errors = repetitions(contents.networks, lines, name);
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return contents;
}

tl::expected<void, std::string> add_networks(const Mmdb& database, MmdbContents& contents) {
  std::unordered_map<std::uint32_t, std::uint32_t> record_at;  // by offset
  std::string fault;
  const auto done = database.visit([&](const Mmdb::Network& network) {
    if (!fault.empty() || !mmdb_network_fault(network.prefix).empty()) return;
    const auto next = static_cast<std::uint32_t>(contents.records.size());
    const auto [known, is_new] = record_at.emplace(network.offset, next);
    if (is_new) {
      auto record = database.read(network.offset);
      if (!record) {
        fault = std::move(record.error());
        return;
      }
      contents.records.push_back(std::move(*record));
    }
    contents.networks.push_back({.prefix = network.prefix, .record = known->second});
  });
  if (!done) return done;
  if (!fault.empty()) return tl::unexpected(std::move(fault));
  contents.build_time_s = std::max(contents.build_time_s, database.build_time_s());
  return {};
}

}  // namespace edgeward::geo
