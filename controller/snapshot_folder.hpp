#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "cache/ids.hpp"
#include "controller/config/config_file.hpp"
#include "geo/address_map.hpp"
#include "policy/snapshot.hpp"
#include "policy/snapshot_excerpt.hpp"

namespace edgeward::controller {

/// The snapshots that logged decisions were made with (`serve.decision_log.snapshot_dir`): a file a
/// version, policy::excerpt with a checksum, and beside them the fleets they are of. The writer;
/// errors are std::runtime_error that name the file.
class SnapshotFolder {
 public:
  /// Keeps the last `kept_max` of those that are there and that are written. Makes the folder.
  SnapshotFolder(std::filesystem::path path, std::size_t kept_max);

  /// 0: there is none.
  [[nodiscard]] std::uint64_t last_version() const;
  /// Versions are to rise; the latest few may be written again.
  void write(const policy::Snapshot& snapshot, std::span<const geo::CellIndex> cells,
             std::span<const cache::ContentId> contents);

 private:
  struct Kept {
    std::uint64_t version = 0;
    std::string fleet;  ///< name of the file
  };
  [[nodiscard]] const std::string& keep_fleet(const policy::Snapshot& snapshot);
  void prune();

  std::filesystem::path path_;
  std::size_t kept_max_;
  std::deque<Kept> kept_;  ///< by version
  std::shared_ptr<const policy::FleetPart> part_;
  std::string fleet_;  ///< the file with what part_ is of
};

/// The snapshot that is asked for is not kept, or cannot be read.
class SnapshotUnreadable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads what a SnapshotFolder keeps, each fleet once.
class SnapshotReader {
 public:
  explicit SnapshotReader(std::filesystem::path path) : path_(std::move(path)) {}

  /// `other`: routing options to take in place of those that the snapshot had; its services are to
  /// be the same. Throws SnapshotUnreadable that says what is missing, or wrong with which file.
  [[nodiscard]] policy::Excerpt read(std::uint64_t version,
                                     const std::optional<policy::RoutingOptions>& other = {});

 private:
  struct Fleet {
    std::shared_ptr<const cache::Fleet> fleet;
    policy::RoutingOptions options;
  };
  [[nodiscard]] const Fleet& fleet(const std::string& name);

  std::filesystem::path path_;
  std::map<std::string, Fleet> fleets_;
};

}  // namespace edgeward::controller
