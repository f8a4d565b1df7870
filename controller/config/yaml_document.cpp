#include "controller/config/yaml_document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

namespace edgeward::controller {

namespace {

/// What ends a parse early: a fault that has been noted.
struct Stop {};

Position position(const YAML::Mark& mark) {
  return {.line = mark.line + 1, .column = mark.column + 1};
}

/// Builds the tree from the parser's events. The parser calls a handler before it descends, so the
/// limit on depth bounds its recursion too.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(YamlNode& root, Faults& faults) : root_(root), faults_(faults) {
    open_.reserve(kYamlDepthMax);  // nodes of keys live in it and are pointed at
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(has_document_, true)) {
      stop(mark, "a second document begins here; a configuration is one document");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, YamlNode::Kind::none, "", anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    faults_.add(position(mark), "an alias (*name): write the value out");
    add(mark, YamlNode::Kind::refused, "", 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    add(mark, YamlNode::Kind::text, tag, anchor).text = value;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(add(mark, YamlNode::Kind::list, tag, anchor), mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(add(mark, YamlNode::Kind::map, tag, anchor), mark);
  }
  void OnMapEnd() override {
    if (!open_.back().is_key) note_repeated_keys(*open_.back().node);
    close();
  }

 private:
  /// A list or map whose end has not come yet.
  struct Open {
    YamlNode* node = nullptr;
    bool is_key = false;  ///< within a key that is no scalar: refused, but parsed to its end
    std::optional<YamlNode> key{};  ///< of a map: read, its value is to come
  };

  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
    faults_.add(position(mark), std::move(message));
    throw Stop{};
  }

  YamlNode& add(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& tag,
                YAML::anchor_t anchor) {
    if (++nodes_ > kYamlNodesMax) {
      stop(mark, fmt::format("more than {} values", kYamlNodesMax));
    }
    YamlNode node{.kind = kind, .at = position(mark)};
    // "?" is a plain value's tag, "!" that of a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!") {
      faults_.add(node.at, fmt::format("the tag {}: values are written without", quote(tag)));
      node.kind = kind == YamlNode::Kind::text ? YamlNode::Kind::refused : kind;
    }
    if (anchor != 0) {
      faults_.add(node.at, "an anchor (&name): anchors and aliases are not taken");
    }
    return place(std::move(node));
  }

  YamlNode& place(YamlNode node) {
    if (open_.empty()) return root_ = std::move(node);
    Open& parent = open_.back();
    if (parent.node->kind == YamlNode::Kind::map && !parent.key) {
      if (node.kind != YamlNode::Kind::text) {
        faults_.add(node.at, "a key has to be a word");
        if (node.kind != YamlNode::Kind::list && node.kind != YamlNode::Kind::map) {
          node.kind = YamlNode::Kind::refused;
        }
      }
      return parent.key.emplace(std::move(node));
    }
    YamlNode& placed = parent.node->children.emplace_back(std::move(node));
    if (parent.key) {
      placed.key = std::move(parent.key->text);
      placed.key_at = parent.key->at;
      if (parent.key->kind != YamlNode::Kind::text) placed.kind = YamlNode::Kind::refused;
      parent.key.reset();
    }
    return placed;
  }

  void open(YamlNode& node, const YAML::Mark& mark) {
    if (open_.size() == static_cast<std::size_t>(kYamlDepthMax)) {
      stop(mark, fmt::format("nested deeper than {} levels", kYamlDepthMax));
    }
    const bool is_key = !open_.empty() && (open_.back().is_key || open_.back().key.has_value());
    open_.push_back({.node = &node, .is_key = is_key});
  }

  void close() { open_.pop_back(); }

  void note_repeated_keys(const YamlNode& map) {
    std::vector<const YamlNode*> members;
    for (const YamlNode& member : map.children) {
      // A refused key has no text, and has been told.
      if (!member.key.empty() || member.kind != YamlNode::Kind::refused) members.push_back(&member);
    }
    std::stable_sort(members.begin(), members.end(),
                     [](const YamlNode* a, const YamlNode* b) { return a->key < b->key; });
    for (std::size_t i = 1; i < members.size(); ++i) {
      if (members[i]->key != members[i - 1]->key) continue;
      faults_.add(members[i]->key_at,
                  fmt::format("{} is given twice; first in line {}", quote(members[i]->key),
                              members[i - 1]->key_at.line));
    }
  }

  YamlNode& root_;
  Faults& faults_;
  bool has_document_ = false;
  std::size_t nodes_ = 0;
  std::vector<Open> open_;  ///< the innermost last
};

/// Length of the well-formed UTF-8 sequence at `at` (Unicode §3.9, table 3-7), 0 if there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto continues = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xBF; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool is_overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool is_surrogate = lead == 0xED && byte(1) > 0x9F;
    return continues(1) && continues(2) && !is_overlong && !is_surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool is_overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool is_beyond = lead == 0xF4 && byte(1) > 0x8F;
    const bool is_whole = continues(1) && continues(2) && continues(3);
    return is_whole && !is_overlong && !is_beyond ? 4 : 0;
  }
  return 0;
}

/// What the parser would guess at rather than refuse. False where something was found.
bool check_characters(std::string_view text, Faults& faults) {
  if (text.size() > kYamlBytesMax) {
    faults.add({}, fmt::format("longer than {} MiB", kYamlBytesMax >> 20));
    return false;
  }
  Position at;
  bool is_indentation = true;
  bool is_clean = true;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text, i);
    const char c = text[i];
    if (length == 0) {
      faults.add(at, fmt::format("byte 0x{:02X} is not UTF-8", static_cast<unsigned char>(c)));
      return false;
    }
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    if (is_control && c != '\n' && c != '\r' && c != '\t') {
      faults.add(at, fmt::format("control character 0x{:02X}", static_cast<unsigned char>(c)));
      return false;
    }
    if (c == '\t' && is_indentation) {
      faults.add(at, "a tab; indent with spaces");
      is_clean = false;
      is_indentation = false;  // once a line
    }
    if (c != ' ') is_indentation = false;
    i += length;
    at.column += static_cast<int>(length);
    if (c == '\n') {
      at = {.line = at.line + 1, .column = 1};
      is_indentation = true;
    }
  }
  return is_clean;
}

}  // namespace

std::optional<YamlNode> parse_yaml(std::string_view text, Faults& faults) {
  YamlNode root;
  if (!check_characters(text, faults)) return std::nullopt;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(root, faults);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    faults.add(error.mark.is_null() ? Position{} : position(error.mark),
               fmt::format("not YAML: {}", error.msg));
    return std::nullopt;
  }
  return root;
}

}  // namespace edgeward::controller
