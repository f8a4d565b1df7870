// Fleet and configuration files. What lies before the first byte 0xFF, which no such file holds, is
// the file; what lies behind it is the fleet file that a configuration may name.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "controller/config/config_file.hpp"
#include "controller/config/effective.hpp"
#include "controller/config/fault.hpp"

namespace {

using namespace edgeward;

void require(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s: %.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

void check_faults(const controller::ConfigError& error, std::string_view text) {
  require(!error.faults().empty(), "an error says what is wrong", text);
  for (const controller::Fault& fault : error.faults()) {
    require(fault.at.line >= 1 && fault.at.column >= 1, "a fault has a place", text);
    require(!fault.message.empty() && fault.message.size() < 4096, "a fault is told briefly", text);
  }
}

void check_fleet(const cache::Fleet& fleet, std::string_view text) {
  require(!fleet.edges.empty() && fleet.edges.size() <= cache::kEdgesMax, "edges", text);
  for (std::size_t i = 0; i < fleet.edges.size(); ++i) {
    const cache::Edge& edge = fleet.edges[i];
    require(geo::is_valid(edge.point), "an edge is on Earth", text);
    require(edge.capacity_bytes <= edge.storage_bytes, "a cache fits its disk", text);
    require(fleet.find(edge.name) == static_cast<cache::EdgeId>(i), "names are unique", text);
    std::size_t steps = 0;
    for (cache::EdgeId id = edge.parent; id != cache::kNoEdge; id = fleet[id].parent) {
      require(cache::index(id) < fleet.edges.size(), "a parent exists", text);
      require(++steps <= fleet.edges.size(), "parents go round in no circle", text);
    }
  }
}

/// A text that is read, written out and read again is the same value.
void check_fleet_file(const std::string& text) {
  controller::FleetFile file;
  try {
    file = controller::parse_fleet_file(text, "fleet.yaml");
  } catch (const controller::ConfigError& error) {
    return check_faults(error, text);
  }
  check_fleet(file.fleet, text);
  const std::string effective = controller::effective_yaml(file);
  require(controller::parse_fleet_file(effective, "fleet.yaml") == file, "it reads back",
          effective);
}

void check_config(const std::string& text, const std::string& other) {
  const controller::ConfigContext context{
      .file = "edgeward.yaml",
      .folder = "/folder",
      .data_folder = "/data",
      .read = [&other](const std::filesystem::path&) -> tl::expected<std::string, std::string> {
        if (other.empty()) return tl::unexpected(std::string("no such file"));
        return other;
      },
      .exists = [](const std::filesystem::path& path) { return path.filename() != "gone"; }};
  controller::Config config;
  try {
    config = controller::parse_config(text, context);
  } catch (const controller::ConfigError& error) {
    return check_faults(error, text);
  }
  check_fleet(config.fleet, text);
  const std::string effective = controller::effective_yaml(config);
  require(controller::parse_config(effective, context) == config, "it reads back", effective);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string whole(data, data + size);
  const std::size_t end = whole.find('\xFF');
  const std::string text = whole.substr(0, end);
  const std::string other = end == std::string::npos ? std::string() : whole.substr(end + 1);
  check_fleet_file(text);
  check_config(text, other);
  return 0;
}
