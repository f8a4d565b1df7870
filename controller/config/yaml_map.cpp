#include "controller/config/yaml_map.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "cache/parameters.hpp"
#include "controller/config/quantity.hpp"

namespace edgeward::controller {

YamlMap::YamlMap(const YamlNode& node, std::string what, Faults& faults)
    : node_(node), what_(std::move(what)), faults_(faults) {
  if (node.kind == YamlNode::Kind::map || node.kind == YamlNode::Kind::refused) return;
  faults_.add(node.at,
              fmt::format("{}: expected keys with values, found {}", what_, description(node)));
}

const YamlNode* YamlMap::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  if (!is_map()) return nullptr;
  const auto found = std::find_if(node_.children.begin(), node_.children.end(),
                                  [key](const YamlNode& member) { return member.key == key; });
  if (found == node_.children.end() || found->kind == YamlNode::Kind::refused) return nullptr;
  if (found->kind != YamlNode::Kind::none) return &*found;
  faults_.add(found->key_at, fmt::format("{}: a value is missing", key));
  return nullptr;
}

const YamlNode* YamlMap::require(std::string_view key) {
  const YamlNode* const node = find(key);
  const auto is_it = [key](const YamlNode& member) { return member.key == key; };
  if (node == nullptr && is_map() &&
      std::none_of(node_.children.begin(), node_.children.end(), is_it)) {
    faults_.add(node_.at, fmt::format("{} needs {}", what_, key));
  }
  return node;
}

const YamlNode* YamlMap::scalar(std::string_view key, std::string_view expected) {
  const YamlNode* const node = find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::text) return node;
  refuse(*node, key, expected);
  return nullptr;
}

void YamlMap::refuse(const YamlNode& node, std::string_view key, std::string_view expected) {
  faults_.add(node.at, fmt::format("{}: expected {}, found {}", key, expected, description(node)));
}

bool YamlMap::number(std::string_view key, double& value, NumberRange range) {
  const std::string expected = fmt::format("a number from {} to {}{}{}", range.low, range.high,
                                           range.unit.empty() ? "" : " ", range.unit);
  const YamlNode* const node = scalar(key, expected);
  if (node == nullptr) return false;
  const auto number = parse_number(node->text);
  if (!number || *number < range.low || *number > range.high) {
    refuse(*node, key, expected);
    return false;
  }
  value = *number;
  return true;
}

bool YamlMap::count(std::string_view key, unsigned& value, unsigned low, unsigned high) {
  const std::string expected = fmt::format("a whole number from {} to {}", low, high);
  const YamlNode* const node = scalar(key, expected);
  if (node == nullptr) return false;
  const char* const end = node->text.data() + node->text.size();
  unsigned number = 0;
  const auto [stopped, error] = std::from_chars(node->text.data(), end, number);
  if (error != std::errc{} || stopped != end || number < low || number > high) {
    refuse(*node, key, expected);
    return false;
  }
  value = number;
  return true;
}

bool YamlMap::flag(std::string_view key, bool& value) {
  const YamlNode* const node = scalar(key, "true or false");
  if (node == nullptr) return false;
  if (node->text != "true" && node->text != "false") {
    refuse(*node, key, "true or false");
    return false;
  }
  value = node->text == "true";
  return true;
}

bool YamlMap::text(std::string_view key, std::string& value) {
  const YamlNode* const node = scalar(key, "a word");
  if (node == nullptr) return false;
  if (node->text.empty()) {
    refuse(*node, key, "a word");
    return false;
  }
  value = node->text;
  return true;
}

bool YamlMap::size(std::string_view key, std::uint64_t& bytes) {
  constexpr std::string_view kExpected = "bytes with their unit, such as 2TiB, 500GB or 1000000B";
  const YamlNode* const node = scalar(key, kExpected);
  if (node == nullptr) return false;
  const auto size = parse_size(node->text);
  if (!size) {
    refuse(*node, key, kExpected);
    return false;
  }
  bytes = *size;
  return true;
}

bool YamlMap::bandwidth(std::string_view key, std::uint64_t& bps, std::uint64_t low_bps) {
  const std::string expected =
      fmt::format("bits a second with their unit, such as 100Gbps or 800Mbps, at least {}",
                  bandwidth_text(low_bps));
  const YamlNode* const node = scalar(key, expected);
  if (node == nullptr) return false;
  const auto bandwidth = parse_bandwidth(node->text);
  if (!bandwidth || *bandwidth < low_bps) {
    refuse(*node, key, expected);
    return false;
  }
  bps = *bandwidth;
  return true;
}

bool YamlMap::duration(std::string_view key, std::int64_t& ms, std::int64_t low_ms,
                       std::int64_t high_ms) {
  const std::string expected = fmt::format("a duration with its unit, such as 15s, from {} to {}",
                                           duration_text(low_ms), duration_text(high_ms));
  const YamlNode* const node = scalar(key, expected);
  if (node == nullptr) return false;
  const auto duration = parse_duration(node->text);
  if (!duration || *duration < low_ms || *duration > high_ms) {
    refuse(*node, key, expected);
    return false;
  }
  ms = *duration;
  return true;
}

bool YamlMap::choose(std::string_view key, std::span<const std::string_view> names,
                     std::size_t& chosen) {
  const std::string expected = fmt::format("{}", fmt::join(names, " or "));
  const YamlNode* const node = scalar(key, expected);
  if (node == nullptr) return false;
  const auto found = std::find(names.begin(), names.end(), node->text);
  if (found == names.end()) {
    refuse(*node, key, expected);
    return false;
  }
  chosen = static_cast<std::size_t>(found - names.begin());
  return true;
}

void YamlMap::finish() {
  if (!is_map()) return;
  for (const YamlNode& member : node_.children) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    if (member.kind == YamlNode::Kind::refused && member.key.empty()) continue;
    faults_.add(member.key_at, fmt::format("{}: unknown key {}{}", what_, quote(member.key),
                                           suggestion(member.key, known_)));
  }
}

std::vector<const YamlNode*> words(const YamlNode& node, std::string_view what, Faults& faults) {
  std::vector<const YamlNode*> result;
  if (node.kind != YamlNode::Kind::list) {
    if (node.kind != YamlNode::Kind::refused) {
      faults.add(node.at, fmt::format("{}: expected a list such as [a, b], found {}", what,
                                      description(node)));
    }
    return result;
  }
  for (const YamlNode& item : node.children) {
    if (item.kind == YamlNode::Kind::text && !item.text.empty()) {
      result.push_back(&item);
    } else if (item.kind != YamlNode::Kind::refused) {
      faults.add(item.at, fmt::format("{}: expected a word, found {}", what, description(item)));
    }
  }
  return result;
}

std::string suggestion(std::string_view name, std::span<const std::string_view> names) {
  constexpr std::size_t kNamesShownMax = 30;
  constexpr std::size_t kLettersMax = 50'000;  // compared with each other, so that none is slow
  if (names.empty()) return ": there is none";
  const std::string_view nearest = name.size() * names.size() > kLettersMax
                                       ? std::string_view{}
                                       : cache::nearest_name(name, names);
  if (!nearest.empty()) return fmt::format(", did you mean '{}'?", nearest);
  const std::size_t shown = std::min(names.size(), kNamesShownMax);
  return fmt::format("; known are {}{}", fmt::join(names.first(shown), ", "),
                     shown < names.size() ? fmt::format(" and {} more", names.size() - shown) : "");
}

std::string description(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::none:
      return "nothing";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "keys with values";
    default:
      return quote(node.text);
  }
}

}  // namespace edgeward::controller
