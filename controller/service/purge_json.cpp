#include "controller/service/purge_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>

#include "controller/config/fault.hpp"
#include "controller/config/yaml_map.hpp"
#include "policy/json.hpp"
#include "sim/logs/cache_key.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 4> kPurgeMembers{"key", "prefix", "edges", "all"};

/// Thrown and caught here only: the first thing that is wrong.
struct WrongPurge {
  std::string message;
};

/// As edges name contents: by their path and query.
std::string canonical(std::string_view url) {
  sim::CacheKeyRules rules;
  rules.use_host = false;
  std::string key;
  sim::CacheKeyWriter(rules).write("", url, key);
  return key;
}

/// What begins with a prefix is not known, so something stands for it while it is made canonical.
std::string canonical_prefix(std::string_view prefix) {
  // Who writes one means the pattern, not a key with that in it.
  if (prefix.ends_with('*')) throw WrongPurge{"prefix: leave out the * at its end"};
  constexpr char kRest = 'x';
  const std::size_t percent = prefix.rfind('%');
  const bool is_cut = percent != prefix.npos && prefix.size() - percent < 3;
  std::string text = canonical(std::string(prefix) + kRest);
  if (is_cut || !text.ends_with(kRest) || prefix.find('#') != prefix.npos) {
    throw WrongPurge{fmt::format("prefix: {} is no beginning of a path", quote(prefix))};
  }
  text.pop_back();
  return text;
}

std::string key_in(std::string_view member, const json::value& value) {
  if (!value.is_string() || value.get_string().empty()) {
    throw WrongPurge{fmt::format("{}: expected a path such as /a, found {}", member,
                                 quote(json::serialize(value)))};
  }
  const json::string& text = value.get_string();
  if (text.size() > cache::kKeyBytesMax) {
    throw WrongPurge{
        fmt::format("{}: {} bytes, at most {}", member, text.size(), cache::kKeyBytesMax)};
  }
  return {text.begin(), text.end()};
}

std::vector<std::string> edges_in(const json::value& value) {
  std::vector<std::string> names;
  const bool is_list = value.is_array() && !value.get_array().empty();
  for (std::size_t i = 0; is_list && i < value.get_array().size(); ++i) {
    const json::value& name = value.get_array()[i];
    if (name.is_string()) names.emplace_back(name.get_string().begin(), name.get_string().end());
  }
  if (!is_list || names.size() != value.get_array().size()) {
    throw WrongPurge{fmt::format("edges: expected names, found {}", quote(json::serialize(value)))};
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

cache::Purge purge_of(const json::object& members) {
  cache::Purge purge;
  std::optional<std::string> key;
  std::optional<std::string> prefix;
  bool is_all = false;
  for (const auto& member : members) {
    const std::string_view name(member.key().data(), member.key().size());
    const json::value& value = member.value();
    if (name == "key") {
      key = key_in(name, value);
    } else if (name == "prefix") {
      prefix = value.is_string() && value.get_string().empty() ? "" : key_in(name, value);
    } else if (name == "edges") {
      purge.edges = edges_in(value);
    } else if (name == "all" && value.is_bool()) {
      is_all = value.get_bool();
    } else if (name == "all") {
      throw WrongPurge{"all: expected true or false"};
    } else {
      throw WrongPurge{
          fmt::format("unknown member {}{}", quote(name), suggestion(name, kPurgeMembers))};
    }
  }
  if (key.has_value() == prefix.has_value()) {
    throw WrongPurge{"expected either a key or a prefix"};
  }
  purge.kind = key ? cache::PurgeKind::key : cache::PurgeKind::prefix;
  purge.text = key ? canonical(*key) : canonical_prefix(*prefix);
  if (purge.text.size() > cache::kKeyBytesMax) {
    throw WrongPurge{fmt::format("{}: {} bytes once it is encoded, at most {}", name(purge.kind),
                                 purge.text.size(), cache::kKeyBytesMax)};
  }
  const bool is_everything = prefix && purge.text == "/";
  if (is_everything && !is_all) {
    throw WrongPurge{"prefix: this is everything; if that is meant, say \"all\": true"};
  }
  if (is_all && !is_everything) {
    throw WrongPurge{"all: goes with the prefix / alone, which is that of everything"};
  }
  return purge;
}

json::object summary_json(const PurgeView& view) {
  const cache::Purge& purge = view.status.purge;
  const std::size_t pending = view.status.pending();
  return {{"id", purge.id},
          {"at", static_cast<double>(purge.at_ms) / 1000},
          {"kind", name(purge.kind)},
          {"text", purge.text},
          {"status", name(view.state)},
          {"acknowledged", view.status.answers.size() - pending},
          {"pending", pending},
          {"removed", view.status.removed()}};
}

json::value or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

tl::expected<cache::Purge, std::string> parse_purge(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error) return tl::unexpected(fmt::format("not JSON: {}", error.message()));
  if (!value.is_object()) return tl::unexpected(std::string("expected a JSON object"));
  try {
    return purge_of(value.get_object());
  } catch (const WrongPurge& wrong) {
    return tl::unexpected(wrong.message);
  }
}

std::string purge_text(const PurgeView& view, std::string_view store_error) {
  json::object purge = summary_json(view);
  json::array edges;
  for (const cache::PurgeAnswer& answer : view.status.answers) {
    edges.push_back(
        {{"edge", answer.edge},
         {"status", answer.removed ? "done" : "pending"},
         {"removed", answer.removed ? json::value(*answer.removed) : json::value(nullptr)}});
  }
  purge["edges"] = std::move(edges);
  purge["store_error"] = or_null(store_error);
  return policy::json_text(purge);
}

std::string purges_text(std::span<const PurgeView> views, std::string_view store_error) {
  json::array purges;
  for (const PurgeView& view : views) purges.emplace_back(summary_json(view));
  return policy::json_text(
      json::object{{"purges", std::move(purges)}, {"store_error", or_null(store_error)}});
}

}  // namespace edgeward::controller
