#include "controller/config/yaml_document.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace edgeward::controller {

namespace {

using Kind = YamlNode::Kind;

struct Parsed {
  std::optional<YamlNode> root;
  std::vector<Fault> faults;
};

Parsed parse(std::string_view text) {
  Faults faults("f");
  Parsed parsed{.root = parse_yaml(text, faults), .faults = {}};
  parsed.faults = faults.sorted();
  return parsed;
}

/// The only fault of a text, as the user sees it.
std::string fault_of(std::string_view text) {
  const Parsed parsed = parse(text);
  REQUIRE(parsed.faults.size() == 1);
  return parsed.faults[0].text();
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("a document is read as it is written, scalars as text") {
  const Parsed parsed = parse("a: NO\nb: [1.0, '2', \"x y\"]\nc:\n  d: ~\n");
  REQUIRE(parsed.root);
  CHECK(parsed.faults.empty());
  const auto& members = parsed.root->children;
  REQUIRE(members.size() == 3);
  CHECK(members[0].key == "a");
  CHECK(members[0].text == "NO");
  CHECK(members[1].kind == Kind::list);
  REQUIRE(members[1].children.size() == 3);
  CHECK(members[1].children[0].text == "1.0");
  CHECK(members[1].children[2].text == "x y");
  CHECK(members[2].key_at == Position{.line = 3, .column = 1});
  REQUIRE(members[2].children.size() == 1);
  CHECK(members[2].children[0].kind == Kind::none);
  CHECK(members[2].children[0].key_at == Position{.line = 4, .column = 3});
}

TEST_CASE("an empty text is a document with nothing in it") {
  const auto* const text = GENERATE("", "\n\n", "# nothing\n", "---\n", "~");
  const Parsed parsed = parse(text);
  REQUIRE(parsed.root);
  CHECK(parsed.root->kind == Kind::none);
  CHECK(parsed.faults.empty());
}

TEST_CASE("a key given twice is told where, and where first") {
  CHECK(fault_of("a: 1\nb: 2\na: 3\n") == "f:3:1: 'a' is given twice; first in line 1");
  CHECK(fault_of("x: {a: 1, 'a': 2}") == "f:1:11: 'a' is given twice; first in line 1");
}

TEST_CASE("aliases, anchors, tags and keys that are no words are refused, the rest is read") {
  CHECK(parse("a: &x [1]\nb: *x\nc: 3\n").faults.size() == 2);
  CHECK(parse("a: &x [1]\nb: *x\nc: 3\n").root->children.size() == 3);
  CHECK_THAT(fault_of("a: !!int 5\n"), Catch::StartsWith("f:1:4: the tag 'tag:yaml.org,2002:int'"));
  CHECK(fault_of("? [a, b]\n: 1\n") == "f:1:3: a key has to be a word");
  CHECK(fault_of("{a: {{b: c}: d}}") == "f:1:6: a key has to be a word");
  CHECK(fault_of("~: 1") == "f:1:1: a key has to be a word");
  CHECK_THAT(fault_of("a: 1\n---\nb: 2\n"), Catch::Contains("a second document begins here"));
}

TEST_CASE("what is no YAML is told where it stops being it") {
  CHECK_THAT(fault_of("a: [1, 2\nb: 3\n"), Catch::StartsWith("f:2:2: not YAML: "));
  CHECK_THAT(fault_of("a: \"open"), Catch::Contains("not YAML"));
  CHECK_THAT(fault_of("a: *missing"), Catch::Contains("not YAML"));
  CHECK_THAT(fault_of("]"), Catch::Contains("not YAML"));
}

TEST_CASE("tabs that indent, controls and bytes that are not UTF-8 are told where they are") {
  CHECK(fault_of("a:\n\tb: 1\n") == "f:2:1: a tab; indent with spaces");
  CHECK(parse("a: 1\t# tabs before a comment hurt nobody\n").faults.empty());
  CHECK(fault_of(std::string_view("a: \0", 4)) == "f:1:4: control character 0x00");
  CHECK(fault_of("a: \x1B[31m") == "f:1:4: control character 0x1B");
  const auto* const bad = GENERATE("\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80",
                                   "\xE2\x82", "\xF0\x80\x80\x80", "\x80");
  CHECK_THAT(fault_of(std::string("a: ").append(bad)), Catch::StartsWith("f:1:4: byte 0x"));
  CHECK(parse("a: Zürich \xF0\x9F\x98\x80").root->children[0].text == "Zürich \xF0\x9F\x98\x80");
  CHECK(parse("\xEF\xBB\xBF"
              "a: 1")
            .root->children[0]
            .key == "a");  // byte order mark
}

TEST_CASE("depth, length and number of values have limits") {
  for (const char* const opening : {"[", "{a: ", "- ", "? "}) {
    INFO(opening);
    const Parsed deep = parse(repeated(opening, 100'000));
    CHECK_FALSE(deep.root);
    REQUIRE_FALSE(deep.faults.empty());
    CHECK_THAT(deep.faults.back().message, Catch::Contains("nested deeper than 16 levels"));
  }
  CHECK(parse(repeated("[", 16) + repeated("]", 16)).faults.empty());
  CHECK_FALSE(parse(repeated("[", 17) + repeated("]", 17)).faults.empty());
  CHECK_THAT(fault_of(repeated(" ", kYamlBytesMax + 1)), Catch::Contains("longer than 8 MiB"));
  CHECK_THAT(fault_of(repeated("[", 1) + repeated("1,", kYamlNodesMax + 1) + "]"),
             Catch::Contains("more than 500000 values"));
}

TEST_CASE("any text is read or refused with a fault") {
  constexpr std::string_view kParts[] = {
      "a", ":", " ", "\n", "- ", "[", "]",  "{", "}", ",", "'",  "\"",     "&",     "*",
      "!", "|", ">", "?",  "#",  "%", "  ", "~", "-", "@", "\\", "b: 1\n", "---\n", "...\n"};
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t n = random() % 24; n > 0; --n) text += kParts[random() % std::size(kParts)];
    const Parsed parsed = parse(text);
    INFO(text);
    REQUIRE((parsed.root.has_value() || !parsed.faults.empty()));
    for (const Fault& fault : parsed.faults) {
      REQUIRE(fault.at.line >= 1);
      REQUIRE(fault.at.column >= 1);
      REQUIRE_FALSE(fault.message.empty());
    }
  }
}

}  // namespace edgeward::controller
