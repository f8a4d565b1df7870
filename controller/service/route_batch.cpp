#include "controller/service/route_batch.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "cache/ids.hpp"
#include "controller/config/fault.hpp"
#include "controller/config/routing_reader.hpp"
#include "controller/config/yaml_map.hpp"
#include "controller/service/problem.hpp"
#include "geo/ip_address.hpp"
#include "sim/logs/cache_key.hpp"

namespace edgeward::controller {

namespace {

namespace ondemand = simdjson::ondemand;

struct Member {
  enum Index : std::size_t { client, content, service, size_bytes };
};
constexpr std::array<std::string_view, 4> kMemberNames{"client", "content", "service",
                                                       "size_bytes"};

constexpr std::string_view kNoObject = "expected an object";

/// The members of an item as they were read, before they are judged.
struct Fields {
  std::array<bool, kMemberNames.size()> is_there{};
  std::array<bool, kMemberNames.size()> is_read{};  ///< it has the type that it should have
  std::array<std::string_view, Member::size_bytes> text{};
  std::uint64_t size = 0;
  std::string wrong_name;  ///< what is wrong with a member's name

  /// There, but of another type.
  [[nodiscard]] bool is_wrong(Member::Index i) const { return is_there[i] && !is_read[i]; }
  /// Something was passed over.
  [[nodiscard]] bool is_wrong() const { return !wrong_name.empty() || is_there != is_read; }
};

/// What a string holds: in place, but for one with escapes, which the parser keeps until it reads
/// the next document. Not read where the value is no string.
simdjson::error_code read_string(ondemand::value& value, std::string_view& text, bool& is_read) {
  const std::string_view token = value.raw_json_token();
  if (token.front() != '"') return simdjson::SUCCESS;
  is_read = true;
  if (std::memchr(token.data(), '\\', token.size()) != nullptr) return value.get_string().get(text);
  text = token.substr(1, token.rfind('"') - 1);
  return value.get_raw_json_string().error();
}

/// A whole number, however it is spelt: 1000, 1e3.
bool read_whole(ondemand::value& value, std::uint64_t& whole) {
  if (value.get_uint64().get(whole) == simdjson::SUCCESS) return true;
  double number = 0;
  if (value.get_double().get(number) != simdjson::SUCCESS) return false;
  if (!(number >= 0 && number < 0x1p64 && number == std::floor(number))) return false;
  whole = static_cast<std::uint64_t>(number);
  return true;
}

std::string not_json(simdjson::error_code error) {
  return fmt::format("the body is not JSON: {}", simdjson::error_message(error));
}

void require_json(simdjson::error_code error) {
  if (error) refuse(400, not_json(error));
}

/// Whether nothing follows what has been read.
bool is_at_end(ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

std::string not_text(Member::Index member) {
  return fmt::format("{}: expected text", kMemberNames[member]);
}

}  // namespace

struct RouteBatch::Json {
  ondemand::parser parser;
  simdjson::dom::parser strict_parser;
  std::string padded;  ///< the body, and what simdjson may read beyond it
  Fields fields;
  sim::CacheKeyWriter keys{sim::CacheKeyRules{}};
  std::string key;

  simdjson::error_code parse(std::size_t at, std::size_t bytes, ondemand::document& document) {
    return parser.iterate(padded.data() + at, bytes, padded.size() - at).get(document);
  }

  /// Whether a text is JSON to its end: of what is not read, `parser` sees no more than brackets.
  /// A number that is none, or beyond all that could be meant, is a fault of its item alone.
  simdjson::error_code check(std::size_t at, std::size_t bytes) {
    const auto error = strict_parser.parse(padded.data() + at, bytes, false).error();
    return error == simdjson::NUMBER_ERROR ? simdjson::SUCCESS : error;
  }

  simdjson::error_code read_fields(ondemand::object object) {
    fields = {};
    for (auto next : object) {
      ondemand::field field;
      if (const auto error = std::move(next).get(field)) return error;
      std::size_t i = 0;
      while (i < kMemberNames.size() && !field.key().unsafe_is_equal(kMemberNames[i])) ++i;
      if (i == kMemberNames.size()) {  // unknown, or spelt with escapes
        std::string_view name;
        if (const auto error = field.unescaped_key().get(name)) return error;
        i = static_cast<std::size_t>(std::find(kMemberNames.begin(), kMemberNames.end(), name) -
                                     kMemberNames.begin());
        if (i == kMemberNames.size()) {
          note([&] {
            return fmt::format("unknown member {}{}", quote(name), suggestion(name, kMemberNames));
          });
          continue;
        }
      }
      if (std::exchange(fields.is_there[i], true)) {
        note([&] { return fmt::format("member {} is given twice", kMemberNames[i]); });
        continue;
      }
      if (i == Member::size_bytes) {
        fields.is_read[i] = read_whole(field.value(), fields.size);
      } else if (const auto error = read_string(field.value(), fields.text[i], fields.is_read[i])) {
        return error;
      }
    }
    return simdjson::SUCCESS;
  }

  /// Makes a request of the fields, and its key; what is wrong with them is returned.
  std::optional<std::string> judge(const BatchRules& rules, policy::Request& request) {
    if (!fields.wrong_name.empty()) return std::move(fields.wrong_name);
    if (fields.is_wrong(Member::client)) return not_text(Member::client);
    const auto address = geo::IpAddress::parse(fields.text[Member::client]);
    if (!address) return not_an_address(fields.text[Member::client]);
    request.client = *address;
    if (fields.is_wrong(Member::content)) return not_text(Member::content);
    if (fields.text[Member::content].empty()) return "content: a path such as /a is missing";
    keys.write("", fields.text[Member::content], key);
    request.content = cache::content_id(key);
    if (fields.is_wrong(Member::service)) return not_text(Member::service);
    const auto found = find_service(fields.text[Member::service], rules.services);
    if (!found) return no_such_service(fields.text[Member::service], found.error());
    request.service = *found;
    if (fields.is_wrong(Member::size_bytes)) return "size_bytes: expected a whole number";
    request.size_bytes = fields.size;
    return std::nullopt;
  }

 private:
  /// Only the first is told.
  template <class MakeText>
  void note(MakeText wrong) {
    if (fields.wrong_name.empty()) fields.wrong_name = wrong();
  }
};

RouteBatch::RouteBatch() : json_(std::make_unique<Json>()) {}
RouteBatch::~RouteBatch() = default;
RouteBatch::RouteBatch(RouteBatch&&) noexcept = default;
RouteBatch& RouteBatch::operator=(RouteBatch&&) noexcept = default;

void RouteBatch::read(std::string_view body, BatchFormat format, const BatchRules& rules) {
  requests_.clear();
  ends_.clear();
  texts_.clear();
  json_->padded.assign(body);
  json_->padded.append(simdjson::SIMDJSON_PADDING, ' ');
  if (format == BatchFormat::lines) {
    read_lines(body.size(), rules);
  } else {
    read_array(body.size(), rules);
  }
}

void RouteBatch::read_lines(std::size_t body_bytes, const BatchRules& rules) {
  const std::string_view body = std::string_view(json_->padded).substr(0, body_bytes);
  std::size_t next = 0;
  for (std::size_t begin = 0; begin < body.size(); begin = next) {
    const std::size_t end = std::min(body.find('\n', begin), body.size());
    next = end + 1;
    const std::string_view line = body.substr(begin, end - begin);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    ondemand::document document;
    ondemand::object object;
    auto error = json_->parse(begin, line.size(), document);
    if (!error) error = document.get_object().get(object);
    if (!error) error = json_->read_fields(object);
    if (!error && !is_at_end(document)) error = simdjson::TRAILING_CONTENT;
    const bool is_other = error == simdjson::INCORRECT_TYPE;
    if (is_other || (!error && json_->fields.is_wrong())) error = json_->check(begin, line.size());
    if (error) {
      add_error(not_json(error), rules);
    } else if (is_other) {
      add_error(kNoObject, rules);
    } else {
      add_fields(rules);
    }
  }
}

void RouteBatch::read_array(std::size_t body_bytes, const BatchRules& rules) {
  ondemand::document document;
  ondemand::array items;
  require_json(json_->parse(0, body_bytes, document));
  const auto not_array = document.get_array().get(items);
  if (not_array == simdjson::INCORRECT_TYPE) refuse(400, "expected an array of objects");
  require_json(not_array);
  bool is_wrong = false;
  for (auto next : items) {
    ondemand::value item;
    require_json(std::move(next).get(item));
    ondemand::object object;
    const auto not_object = item.get_object().get(object);
    if (not_object == simdjson::INCORRECT_TYPE) {
      add_error(kNoObject, rules);
      is_wrong = true;
      continue;
    }
    require_json(not_object);
    require_json(json_->read_fields(object));
    is_wrong |= json_->fields.is_wrong();
    add_fields(rules);
  }
  if (!is_at_end(document)) require_json(simdjson::TRAILING_CONTENT);
  if (is_wrong) require_json(json_->check(0, body_bytes));
}

void RouteBatch::add_fields(const BatchRules& rules) {
  policy::Request request{.at_ms = rules.now_ms};
  if (const auto error = json_->judge(rules, request)) return add_error(*error, rules);
  require_room(rules);
  Ends ends{.begin = texts_.size()};
  texts_ += json_->fields.text[Member::client];
  ends.client = texts_.size();
  texts_ += json_->key;
  ends.key = ends.error = texts_.size();
  requests_.push_back(request);
  ends_.push_back(ends);
}

void RouteBatch::add_error(std::string_view error, const BatchRules& rules) {
  require_room(rules);
  const std::size_t begin = texts_.size();
  texts_ += error;
  requests_.push_back({.at_ms = rules.now_ms});
  ends_.push_back({.begin = begin, .client = begin, .key = begin, .error = texts_.size()});
}

void RouteBatch::require_room(const BatchRules& rules) const {
  if (size() < rules.items_max) return;
  refuse(413, fmt::format("a batch has at most {} items", rules.items_max));
}

std::string_view RouteBatch::client_at(std::size_t i) const {
  return text(ends_[i].begin, ends_[i].client);
}
std::string_view RouteBatch::key_at(std::size_t i) const {
  return text(ends_[i].client, ends_[i].key);
}
std::string_view RouteBatch::error_at(std::size_t i) const {
  return text(ends_[i].key, ends_[i].error);
}

std::string not_an_address(std::string_view text) {
  return fmt::format("client: expected an IPv4 or IPv6 address, found {}", quote(text));
}

std::string no_such_service(std::string_view name, std::string_view help) {
  return fmt::format("service: no service is named {}{}", quote(name), help);
}

}  // namespace edgeward::controller
