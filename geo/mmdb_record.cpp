#include "geo/mmdb_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "geo/mmdb_value.hpp"

namespace edgeward::geo {

namespace {

/// Gathers a record from its maps. Each function is for one field, and returns false where it found
/// a fault.
class RecordReader {
 public:
  explicit RecordReader(std::span<const std::uint8_t> section) : reader_(section) {}

  tl::expected<MmdbRecord, std::string> read(std::uint32_t offset) {
    const auto top = reader_.value(offset);
    if (!top) return tl::unexpected(std::string("what it holds cannot be read"));
    if (top->type != MmdbValue::Type::map) {
      return tl::unexpected(fmt::format("is {}, expected a map", name(top->type)));
    }
    constexpr std::array kFields{Field{"latitude", &RecordReader::latitude},
                                 Field{"longitude", &RecordReader::longitude},
                                 Field{"country_code", &RecordReader::country_code},
                                 Field{"city", &RecordReader::city},
                                 Field{"autonomous_system_number", &RecordReader::asn},
                                 Field{"location", &RecordReader::location},
                                 Field{"country", &RecordReader::country},
                                 Field{"registered_country", &RecordReader::registered_country}};
    if (!fields(*top, kFields) || !place()) return tl::unexpected(fault_);
    if (record_.country == Country::none) record_.country = registered_country_;
    return record_;
  }

 private:
  struct Field {
    std::string_view key;
    bool (RecordReader::*read)(std::string_view key, const MmdbValue& value);
  };

  /// Reads those fields of a map that it has; others say nothing that is asked for.
  bool fields(const MmdbValue& map, std::span<const Field> known) {
    const Field* field = nullptr;
    const auto is_known = [&](std::string_view key) {
      const auto found = std::find_if(known.begin(), known.end(),
                                      [key](const Field& each) { return each.key == key; });
      field = found == known.end() ? nullptr : &*found;
      return field != nullptr;
    };
    const auto read = [&](std::string_view key, const MmdbValue& value) {
      return (this->*field->read)(key, value);
    };
    if (reader_.for_each(map, is_known, read)) return true;
    if (fault_.empty()) fault_ = "what it holds cannot be read";
    return false;
  }
  bool fields_of(std::string_view key, const MmdbValue& value, std::span<const Field> known) {
    if (value.type != MmdbValue::Type::map) return mismatch(key, value, "a map");
    return fields(value, known);
  }

  bool latitude(std::string_view key, const MmdbValue& value) {
    return number(key, value, lat_deg_);
  }
  bool longitude(std::string_view key, const MmdbValue& value) {
    return number(key, value, lon_deg_);
  }
  bool accuracy(std::string_view key, const MmdbValue& value) {
    return number(key, value, accuracy_km_);
  }
  bool location(std::string_view key, const MmdbValue& value) {
    constexpr std::array kFields{Field{"latitude", &RecordReader::latitude},
                                 Field{"longitude", &RecordReader::longitude},
                                 Field{"accuracy_radius", &RecordReader::accuracy}};
    return fields_of(key, value, kFields);
  }

  bool country(std::string_view key, const MmdbValue& value) {
    constexpr std::array kFields{Field{"iso_code", &RecordReader::country_code}};
    return fields_of(key, value, kFields);
  }
  bool country_code(std::string_view key, const MmdbValue& value) {
    return code(key, value, record_.country);
  }
  bool registered_country(std::string_view key, const MmdbValue& value) {
    constexpr std::array kFields{Field{"iso_code", &RecordReader::registered_code}};
    return fields_of(key, value, kFields);
  }
  bool registered_code(std::string_view key, const MmdbValue& value) {
    return code(key, value, registered_country_);
  }

  bool city(std::string_view key, const MmdbValue& value) {
    constexpr std::array kFields{Field{"names", &RecordReader::city_names}};
    if (value.type != MmdbValue::Type::map) return city_name(key, value);
    return fields(value, kFields);
  }
  bool city_names(std::string_view key, const MmdbValue& value) {
    constexpr std::array kFields{Field{"en", &RecordReader::city_name}};
    return fields_of(key, value, kFields);
  }
  bool city_name(std::string_view key, const MmdbValue& value) {
    return text(key, value, record_.city);
  }

  bool text(std::string_view key, const MmdbValue& value, std::string& found) {
    const auto text = value.as_text();
    if (!text) return mismatch(key, value, "text");
    if (text->size() <= MmdbRecord::kCityBytesMax) found = *text;
    return true;
  }

  /// What is no two letters is no country, but no reason to give up the rest either.
  bool code(std::string_view key, const MmdbValue& value, Country& found) {
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
