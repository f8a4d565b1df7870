#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "controller/config/config_file.hpp"
#include "controller/locator_loading.hpp"
#include "geo/address_map.hpp"
#include "policy/snapshot.hpp"
#include "sim/rtt_lines.hpp"

namespace edgeward::controller {

/// A location database as it says itself.
struct DatabaseFacts {
  std::string file;
  std::string type;
  std::uint64_t built_at_s = 0;  ///< since the epoch
};

/// What routing needs of files, compiled: the parts of a snapshot that change when one of them
/// does.
struct Routing {
  std::shared_ptr<const cache::Fleet> fleet;
  std::shared_ptr<const geo::AddressMap> map;
  std::shared_ptr<const policy::FleetPart> part;
  std::shared_ptr<const geo::CellRtts> rtts;  ///< null without measured round trips
  std::vector<DatabaseFacts> databases;       ///< that the map was made of, each once
};

/// A file as it was: another one of the same name, or one written to, has another stamp. A file
/// that cannot be looked at has the stamp of zeros.
struct FileStamp {
  std::filesystem::path path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t changed_at_ns = 0;

  [[nodiscard]] static FileStamp of(const std::filesystem::path& path);
  bool operator==(const FileStamp&) const = default;
};

/// Reads databases, country centres, overrides and measured round trips and compiles them with the
/// fleet, again and again as they change: what is made of files that did not change is used again.
/// Seconds for the largest databases; milliseconds where only options changed. Not thread-safe; a
/// copy compiles on its own, from what this one has.
class RoutingCompiler {
 public:
  /// Says which records cannot be read and which of the overrides' edges there are not. `measured`:
  /// round trips beside those of the configuration's file. Databases that it has by name are used
  /// as they were: see forget_databases(). Throws sim::InputError for files that cannot be used;
  /// what was compiled before then stays what the next one is made from.
  [[nodiscard]] Routing compile(const Config& config, std::span<const sim::RttLine> measured,
                                const Talk& talk);

  /// Whether it has a configuration's databases, by name: then compile() does not read them.
  [[nodiscard]] bool has_databases(const Config& config) const;
  /// Whether it has them as they are on disk now.
  [[nodiscard]] bool has_databases_on_disk(const Config& config) const;
  /// The next compile() reads databases anew.
  void forget_databases() { located_ = {}; }

  /// What the last routing was made of, as it was when it was read; in the order of inputs().
  [[nodiscard]] const std::vector<FileStamp>& made_of() const { return made_of_; }
  /// The databases, overrides and round trips of a configuration, as they are now.
  [[nodiscard]] static std::vector<FileStamp> inputs(const Config& config);

 private:
  /// A map and what it was made of.
  struct Base {
    std::vector<FileStamp> files;
    geo::Location fallback;
    std::shared_ptr<const geo::AddressMap> map;
    std::vector<DatabaseFacts> databases;
  };

  Base located_;     ///< by databases and centres
  Base overridden_;  ///< with the overrides over it
  std::vector<FileStamp> made_of_;
  std::shared_ptr<const policy::FleetPart> part_;
};

/// A snapshot with these states of the edges and nothing learned yet: no hit model, no admit
/// shares.
[[nodiscard]] policy::Snapshot make_snapshot(const Routing& routing,
                                             std::span<const cache::EdgeState> states,
                                             std::int64_t now_ms, std::uint64_t version);

}  // namespace edgeward::controller
