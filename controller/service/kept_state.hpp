#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/service/state_table.hpp"

namespace edgeward::controller {

/// What is known of an edge, by its name: numbers change with the fleet.
struct NamedEdge {
  std::string name;
  KnownEdge known;

  bool operator==(const NamedEdge&) const = default;
};

/// As JSON, and back. parse_kept_edges() throws std::runtime_error that says what is wrong.
[[nodiscard]] std::string kept_edges_text(std::span<const NamedEdge> edges);
[[nodiscard]] std::vector<NamedEdge> parse_kept_edges(std::string_view text);

/// A folder for what outlives a restart. Files are replaced as a whole: whoever reads one, after a
/// crash too, finds the old text or the new one. Errors are std::runtime_error that name the file.
class KeptFolder {
 public:
  static constexpr const char* kEdges = "edges.json";    ///< kept_edges_text()
  static constexpr const char* kHits = "hits";           ///< HitLearning::save()
  static constexpr const char* kCatalog = "catalog";     ///< of ServedCatalog
  static constexpr const char* kConfig = "config.yaml";  ///< the last that was good
  static constexpr const char* kFiles = "files";         ///< a folder: what that one names

  explicit KeptFolder(std::filesystem::path path) : path_(std::move(path)) {}

  [[nodiscard]] std::filesystem::path file(std::string_view name) const { return path_ / name; }
  /// Nothing if there is no such file.
  [[nodiscard]] std::optional<std::string> read(std::string_view name) const;
  /// Makes the folder if need be.
  void write(std::string_view name, std::string_view text) const;
  /// Copies files into kFiles, and says for each where it lies; others there are removed. A copy
  /// that is there is taken for right if it has the size and the time of its file, a file that lies
  /// there itself stays. `are_same` is asked when all is copied: whether the files still are what
  /// they were; if not, nothing is replaced, and nothing returned.
  [[nodiscard]] std::vector<std::filesystem::path> keep_copies(
      std::span<const std::filesystem::path> files, const std::function<bool()>& are_same) const;

 private:
  std::filesystem::path path_;
};

}  // namespace edgeward::controller
