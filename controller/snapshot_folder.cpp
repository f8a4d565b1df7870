#include "controller/snapshot_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>
#include <utility>

#include "cache/bytes.hpp"
#include "controller/config/effective.hpp"
#include "controller/config/fault.hpp"
#include "controller/service/kept_state.hpp"

namespace edgeward::controller {

namespace {

constexpr std::string_view kMagic = "edgeward snapshot 1\n";
constexpr std::string_view kSuffix = ".snapshot";

std::string file_name(std::uint64_t version) {
  return fmt::format("{}{}", version, kSuffix);
}

/// The version that a file of this name holds.
std::optional<std::uint64_t> version_of(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return version;
}

/// A snapshot's file, opened up: within its bytes.
struct Opened {
  std::string_view fleet;  ///< name of its file
  std::string_view excerpt;
};

std::optional<Opened> opened(std::string_view bytes) {
  Opened result;
  const auto content = cache::unsealed(kMagic, bytes);
  if (!content) return std::nullopt;
  cache::ByteReader reader(*content);
  if (!reader.get_text(result.fleet)) return std::nullopt;
  if (result.fleet.find('/') != std::string_view::npos) return std::nullopt;
  result.excerpt = content->substr(content->size() - reader.left());
  return result;
}

/// The fleet's file as a snapshot's begins with it, the rest unread; empty if it does not. One that
/// is damaged is kept for who wants to look at it, until its time is over.
std::string fleet_of(const std::filesystem::path& snapshot) {
  constexpr std::size_t kEnough = 256;
  std::string begin(kEnough, '\0');
  std::ifstream stream(snapshot, std::ios::binary);
  stream.read(begin.data(), kEnough);
  begin.resize(static_cast<std::size_t>(stream.gcount()));
  if (!begin.starts_with(kMagic)) return {};
  cache::ByteReader reader(std::string_view(begin).substr(kMagic.size()));
  std::string_view fleet;
  const bool is_name = reader.get_text(fleet) && fleet.find('/') == std::string_view::npos;
  return is_name ? std::string(fleet) : std::string();
}

std::string fleet_name(std::string_view text) {
  return fmt::format("fleet-{}.yaml", cache::to_hex(cache::content_id(text)));
}

}  // namespace

SnapshotFolder::SnapshotFolder(std::filesystem::path path, std::size_t kept_max)
    : path_(std::move(path)), kept_max_(kept_max) {
  std::filesystem::create_directories(path_);
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    const auto version = version_of(name);
    if (!version) continue;
    kept_.push_back({*version, fleet_of(entry.path())});
  }
  std::sort(kept_.begin(), kept_.end(),
            [](const Kept& a, const Kept& b) { return a.version < b.version; });
  prune();
}

std::uint64_t SnapshotFolder::last_version() const {
  return kept_.empty() ? 0 : kept_.back().version;
}

const std::string& SnapshotFolder::keep_fleet(const policy::Snapshot& snapshot) {
  if (part_ == snapshot.fleet) return fleet_;
  const std::string text = effective_yaml(
      FleetFile{.fleet = snapshot.fleet->fleet(), .routing = snapshot.fleet->options()});
  KeptFolder(path_).write(fleet_name(text), text);
  part_ = snapshot.fleet;
  fleet_ = fleet_name(text);
  return fleet_;
}

void SnapshotFolder::write(const policy::Snapshot& snapshot, std::span<const geo::CellIndex> cells,
                           std::span<const cache::ContentId> contents) {
  cache::ByteWriter bytes;
  bytes.put_text(keep_fleet(snapshot));
  const std::string content = std::move(bytes).text() + policy::excerpt(snapshot, cells, contents);
  KeptFolder(path_).write(file_name(snapshot.version), cache::sealed(kMagic, content));
  const bool is_again = std::any_of(kept_.rbegin(), kept_.rend(), [&](const Kept& kept) {
    return kept.version == snapshot.version;
  });
  if (!is_again) kept_.push_back({snapshot.version, fleet_});
  prune();
}

void SnapshotFolder::prune() {
  std::error_code ignored;
  while (kept_.size() > kept_max_) {
    const Kept oldest = std::move(kept_.front());
    kept_.pop_front();
    std::filesystem::remove(path_ / file_name(oldest.version), ignored);
    const bool is_wanted =
        oldest.fleet == fleet_ || std::any_of(kept_.begin(), kept_.end(), [&](const Kept& kept) {
          return kept.fleet == oldest.fleet;
        });
    if (!is_wanted && !oldest.fleet.empty()) {
      std::filesystem::remove(path_ / oldest.fleet, ignored);
    }
  }
}

const SnapshotReader::Fleet& SnapshotReader::fleet(const std::string& name) {
  const auto found = fleets_.find(name);
  if (found != fleets_.end()) return found->second;
  const std::string path = (path_ / name).string();
  const auto text = read_text(path);
  if (!text) throw SnapshotUnreadable(fmt::format("{}: {}", path, text.error()));
  if (fleet_name(*text) != name) throw SnapshotUnreadable(path + ": changed since it was written");
  FleetFile file = parse_fleet_file(*text, path);
  return fleets_
      .emplace(name, Fleet{std::make_shared<const cache::Fleet>(std::move(file.fleet)),
                           std::move(file.routing)})
      .first->second;
}

policy::Excerpt SnapshotReader::read(std::uint64_t version,
                                     const std::optional<policy::RoutingOptions>& other) {
  const std::string name = file_name(version);
  const std::string path = (path_ / name).string();
  std::optional<std::string> bytes;
  try {
    bytes = KeptFolder(path_).read(name);
  } catch (const std::exception& error) {
    throw SnapshotUnreadable(error.what());
  }
  if (!bytes) {
    throw SnapshotUnreadable(
        fmt::format("{}: snapshot {} is not kept: it is older than those that are, or the service "
                    "ended before it was written",
                    path_.string(), version));
  }
  const auto file = opened(*bytes);
  if (!file) throw SnapshotUnreadable(fmt::format("{}: not a snapshot, or a damaged one", path));
  try {
    const Fleet& known = fleet(std::string(file->fleet));
    policy::RoutingOptions options = other.value_or(known.options);
    if (other) options.services = known.options.services;
    return policy::restore(file->excerpt, known.fleet, options);
  } catch (const std::exception& error) {
    throw SnapshotUnreadable(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace edgeward::controller
