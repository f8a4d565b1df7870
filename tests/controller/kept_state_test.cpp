#include "controller/service/kept_state.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace edgeward::controller {

namespace {

std::vector<NamedEdge> some_edges() {
  std::vector<NamedEdge> edges{{.name = "fra1"}, {.name = "a \"b\"\n"}, {.name = "nrt1"}};
  edges[0].known = {.last = StateReport{.edge = "fra1",
                                        .seq = 18'446'744'073'709'551'615U,
                                        .at_ms = 1'700'000'000'123,
                                        .load_ratio = 0.4375,
                                        .bandwidth_used_bps = 123'456'789'012,
                                        .used_bytes = 42,
                                        .mode = cache::EdgeMode::down},
                    .heard_at_ms = 1'700'000'000'456,
                    .is_drained = true,
                    .is_away = true,
                    .ready_since_ms = 77};
  edges[1].known.last = StateReport{.edge = edges[1].name};
  return edges;
}

}  // namespace

TEST_CASE("what is known of edges is the same after it was kept") {
  const std::vector<NamedEdge> edges = some_edges();
  CHECK(parse_kept_edges(kept_edges_text(edges)) == edges);
  CHECK(parse_kept_edges(kept_edges_text({})).empty());
}

TEST_CASE("what is no kept state is refused, whatever it is") {
  const std::string whole = kept_edges_text(some_edges());
  const std::string_view text = std::string_view(whole).substr(0, whole.find_last_of(']') + 1);
  for (std::size_t length = 0; length < text.size(); ++length) {
    REQUIRE_THROWS_AS(parse_kept_edges(text.substr(0, length)), std::runtime_error);
  }
  for (const char* bad : {"{}", "[1]", "[{}]", R"([{"edge":"a"}])", "null", "[[]]"}) {
    CHECK_THROWS_AS(parse_kept_edges(bad), std::runtime_error);
  }
}

TEST_CASE("a kept file is replaced as a whole, and its folder made") {
  const test::TemporaryFolder place;
  const KeptFolder folder(place.path() / "a" / "b");
  CHECK_FALSE(folder.read("x"));
  folder.write("x", "one");
  CHECK(folder.read("x") == "one");
  const std::string two("t\0wo", 4);
  folder.write("x", two);
  CHECK(folder.read("x") == two);
  // Nothing is left behind.
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(place.path() / "a" / "b")) {
    files += entry.exists() ? 1 : 0;
  }
  CHECK(files == 1);
  place.write("file", "");
  CHECK_THROWS_AS(KeptFolder(place.path() / "file").write("x", "one"), std::exception);
}

}  // namespace edgeward::controller
