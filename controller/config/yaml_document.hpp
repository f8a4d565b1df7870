#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/config/fault.hpp"

namespace edgeward::controller {

/// A node of a YAML document, as written: scalars are text, whatever they look like, so that the
/// country NO stays Norway.
struct YamlNode {
  enum class Kind : std::uint8_t {
    none,  ///< nothing was written: `key:` or `key: ~`
    text,
    list,
    map,
    refused,  ///< an alias, a tagged value …: its fault has been noted
  };

  Kind kind = Kind::none;
  Position at;
  std::string text;
  std::string key;  ///< where it is a member of a map
  Position key_at;
  std::vector<YamlNode> children;  ///< items of a list, members of a map
};

// Limits: what a configuration never needs, and a bomb does.
inline constexpr std::size_t kYamlBytesMax = std::size_t{8} << 20;
inline constexpr int kYamlDepthMax = 16;
inline constexpr std::size_t kYamlNodesMax = 500'000;

/// Parses one document of YAML 1.2 as far as configurations use it: maps, lists, scalars and
/// comments. Refused as faults: anchors and aliases (a few lines of which can stand for gigabytes),
/// tags, keys that are no scalars, keys given twice, a second document, tabs as indentation, text
/// that is not UTF-8, and what exceeds the limits above. Never throws for what is in the text.
/// Returns nothing where the text has no structure that could be read on; other faults leave it
/// whole.
[[nodiscard]] std::optional<YamlNode> parse_yaml(std::string_view text, Faults& faults);

}  // namespace edgeward::controller
