#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/config/yaml_document.hpp"

namespace edgeward::controller {

inline constexpr std::int64_t kDayMs = 86'400'000;  ///< in which ranges of durations are written

/// Closed range of a number and what it counts, for messages: "km", "" for a bare number.
struct NumberRange {
  double low = 0;
  double high = 0;
  std::string_view unit = "";
};

/// Takes the members of a map by name into values whose defaults stand where a key is absent. All
/// that is wrong is noted in the Faults at its place, and reading goes on, so that everything is
/// told at once; a value that is wrong leaves the default.
///
///     YamlMap map(node, "routing", faults);
///     map.number("radius_km", options.radius_km, {1, 20'100, "km"});
///     map.finish();   // 12:3: unknown key 'radius', did you mean 'radius_km'?
class YamlMap {
 public:
  /// `what` names the map in messages. A node that is no map is a fault, and read as an empty one.
  YamlMap(const YamlNode& node, std::string what, Faults& faults);

  /// The value of a key, or nullptr where it is absent; `key:` with nothing behind it is a fault.
  [[nodiscard]] const YamlNode* find(std::string_view key);
  /// The same; absence is a fault.
  const YamlNode* require(std::string_view key);

  // Each says whether a good value was read.
  bool number(std::string_view key, double& value, NumberRange range);
  bool count(std::string_view key, unsigned& value, unsigned low, unsigned high);
  bool flag(std::string_view key, bool& value);
  bool text(std::string_view key, std::string& value);
  bool size(std::string_view key, std::uint64_t& bytes);
  bool bandwidth(std::string_view key, std::uint64_t& bps, std::uint64_t low_bps);
  bool duration(std::string_view key, std::int64_t& ms, std::int64_t low_ms, std::int64_t high_ms);

  /// One of an enum's values by name; `values` are all of them.
  template <class Enum>
  bool choice(std::string_view key, Enum& value, std::span<const Enum> values) {
    std::vector<std::string_view> names;
    for (const Enum one : values) names.push_back(name(one));
    std::size_t chosen = 0;
    if (!choose(key, names, chosen)) return false;
    value = values[chosen];
    return true;
  }

  /// Notes every key that nobody asked for.
  void finish();

  [[nodiscard]] bool is_map() const { return node_.kind == YamlNode::Kind::map; }
  [[nodiscard]] Position at() const { return node_.at; }
  void fault(Position at, std::string message) { faults_.add(at, std::move(message)); }
  [[nodiscard]] Faults& faults() { return faults_; }

 private:
  /// The text of a scalar; nullptr where it is absent or no scalar.
  const YamlNode* scalar(std::string_view key, std::string_view expected);
  bool choose(std::string_view key, std::span<const std::string_view> names, std::size_t& chosen);
  void refuse(const YamlNode& node, std::string_view key, std::string_view expected);

  const YamlNode& node_;
  std::string what_;
  Faults& faults_;
  std::vector<std::string_view> known_;
};

/// The items of a list of words: `[a, b]`. What is no list, and items that are no words, are
/// faults.
[[nodiscard]] std::vector<const YamlNode*> words(const YamlNode& node, std::string_view what,
                                                 Faults& faults);

/// ", did you mean 'NAME'?", ": it is one of A, B", or what else helps with a name that is none of
/// `names`.
[[nodiscard]] std::string suggestion(std::string_view name,
                                     std::span<const std::string_view> names);

/// What a node is, for messages: "a list", "nothing", "'text'".
[[nodiscard]] std::string description(const YamlNode& node);

}  // namespace edgeward::controller
