#include "geo/mmdb_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "geo/mmdb_value.hpp"

namespace edgeward::geo {

namespace {

/// Gathers a record from its maps. Each function is for one map, and returns false where it found a
/// fault.
class RecordReader {
 public:
  explicit RecordReader(std::span<const std::uint8_t> section) : reader_(section) {}

  tl::expected<MmdbRecord, std::string> read(std::uint32_t offset) {
    const auto top = reader_.value(offset);
    if (!top) return tl::unexpected(std::string("what it holds cannot be read"));
    if (top->type != MmdbValue::Type::map) {
      return tl::unexpected(fmt::format("is {}, expected a map", name(top->type)));
    }
    const bool is_read = each(*top, [this](std::string_view key, const MmdbValue& value) {
      return top_field(key, value);
    });
    if (!is_read || !place()) return tl::unexpected(fault_);
    if (record_.country == Country::none) record_.country = registered_country_;
    return record_;
  }

 private:
  template <typename Visit>
  bool each(const MmdbValue& map, Visit visit) {
    if (reader_.for_each(map, visit)) return true;
    if (fault_.empty()) fault_ = "what it holds cannot be read";
    return false;
  }

  bool top_field(std::string_view key, const MmdbValue& value) {
    if (key == "latitude") return number(key, value, lat_deg_);
    if (key == "longitude") return number(key, value, lon_deg_);
    if (key == "country_code") return country(key, value, record_.country);
    if (key == "city") return city(value);
    if (key == "autonomous_system_number") return asn(key, value);
    if (key == "location") {
      return map(key, value, [this](std::string_view field, const MmdbValue& entry) {
        if (field == "latitude") return number(field, entry, lat_deg_);
        if (field == "longitude") return number(field, entry, lon_deg_);
        return field != "accuracy_radius" || number(field, entry, accuracy_km_);
      });
    }
    if (key == "country") return country_map(key, value, record_.country);
    if (key == "registered_country") return country_map(key, value, registered_country_);
    return true;
  }

  bool country_map(std::string_view key, const MmdbValue& value, Country& found) {
    return map(key, value, [this, &found](std::string_view field, const MmdbValue& entry) {
      return field != "iso_code" || country(field, entry, found);
    });
  }

  bool city(const MmdbValue& value) {
    if (value.type != MmdbValue::Type::map) return text("city", value, record_.city);
    return each(value, [this](std::string_view key, const MmdbValue& entry) {
      return key != "names" ||
             map(key, entry, [this](std::string_view language, const MmdbValue& city_name) {
               return language != "en" || text(language, city_name, record_.city);
             });
    });
  }

  template <typename Visit>
  bool map(std::string_view key, const MmdbValue& value, Visit visit) {
    if (value.type != MmdbValue::Type::map) return mismatch(key, value, "a map");
    return each(value, visit);
  }

  bool text(std::string_view key, const MmdbValue& value, std::string& found) {
    const auto text = value.as_text();
    if (!text) return mismatch(key, value, "text");
    if (text->size() <= MmdbRecord::kCityBytesMax) found = *text;
    return true;
  }

  /// What is no two letters is no country, but no reason to give up the rest either.
  bool country(std::string_view key, const MmdbValue& value, Country& found) {
    const auto text = value.as_text();
    if (!text) return mismatch(key, value, "text");
    found = parse_country(*text).value_or(Country::none);
    return true;
  }

  bool number(std::string_view key, const MmdbValue& value, std::optional<double>& found) {
    // An empty text stands for an absent number in flat files made from CSV.
    if (value.as_text() == "") return true;
    found = value.as_number();
    return found || mismatch(key, value, "a number");
  }

  bool asn(std::string_view key, const MmdbValue& value) {
    std::optional<double> found;
    if (!number(key, value, found)) return false;
    if (!found) return true;
    if (!(*found >= 0 && *found <= 0xFFFF'FFFF)) {
      fault_ = fmt::format("{} is {}, expected 0 to 4294967295", key, *found);
      return false;
    }
    record_.asn = static_cast<std::uint32_t>(*found);
    return true;
  }

  bool mismatch(std::string_view key, const MmdbValue& value, std::string_view expected) {
    fault_ = fmt::format("{} is {}, expected {}", key, name(value.type), expected);
    return false;
  }

  bool place() {
    if (lat_deg_.has_value() != lon_deg_.has_value()) {
      fault_ = fmt::format("has a {} alone", lat_deg_ ? "latitude" : "longitude");
      return false;
    }
    if (accuracy_km_ && *accuracy_km_ > 0) {
      record_.accuracy_km = std::min(*accuracy_km_, kDistanceKmMax);
    }
    if (!lat_deg_ || (*lat_deg_ == 0 && *lon_deg_ == 0)) return true;
    const GeoPoint point{.lat_deg = *lat_deg_, .lon_deg = *lon_deg_};
    if (!is_valid(point)) {
      fault_ = fmt::format("latitude {}, longitude {} is no place on Earth", *lat_deg_, *lon_deg_);
      return false;
    }
    record_.point = point;
    return true;
  }

  MmdbValueReader reader_;
  MmdbRecord record_;
  Country registered_country_ = Country::none;
  std::optional<double> lat_deg_;
  std::optional<double> lon_deg_;
  std::optional<double> accuracy_km_;
  std::string fault_;
};

}  // namespace

tl::expected<MmdbRecord, std::string> read_mmdb_record(std::span<const std::uint8_t> section,
                                                       std::uint32_t offset) {
  return RecordReader(section).read(offset);
}

}  // namespace edgeward::geo
