#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace edgeward::controller {

/// What the decision log says of who asked.
enum class LoggedClient : std::uint8_t {
  prefix,   ///< the /24 or /48, which is what decisions depend on
  address,  ///< all of the address
};
[[nodiscard]] std::string_view name(LoggedClient client);

/// The decision log: the key `serve.decision_log`.
struct DecisionLogOptions {
  std::optional<std::filesystem::path> file;  ///< NDJSON; none: no log
  double sample_ratio = 0.01;                 ///< part of the decisions that are logged
  LoggedClient client = LoggedClient::prefix;
  std::uint64_t bytes_max = std::uint64_t{1} << 30;  ///< a file this large becomes FILE.1
  /// Where what the logged decisions were made with is kept, so that they can be made again.
  std::optional<std::filesystem::path> snapshot_dir;
  unsigned snapshots_max = 3600;  ///< of them

  bool operator==(const DecisionLogOptions&) const = default;
};

}  // namespace edgeward::controller
