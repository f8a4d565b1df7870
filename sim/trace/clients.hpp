#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "geo/ip_address.hpp"
#include "geo/location.hpp"
#include "sim/trace/column.hpp"

namespace edgeward::sim {

/// Who sent a request, as far as the log says.
struct TraceClient {
  std::optional<geo::IpAddress> address;
  geo::Country country = geo::Country::none;

  bool operator==(const TraceClient&) const = default;
};

/// What a log's client text says: an address, alone or as `192.0.2.1:443`, `[2001:db8::1]:443`, or
/// first in a list of forwarded ones; a country's two letters; anything else (host names, what was
/// made anonymous) is a client of whom nothing is known.
[[nodiscard]] TraceClient parse_client(std::string_view text);

/// Gives each distinct client a dense number, in order of first appearance; 0 is the one of whom
/// nothing is known. Not thread-safe.
class ClientTable {
 public:
  ClientTable() { clients_.emplace_back(); }

  [[nodiscard]] std::uint32_t index(const TraceClient& client);
  [[nodiscard]] std::vector<TraceClient> take() { return std::move(clients_); }

 private:
  struct Hash {
    std::size_t operator()(const TraceClient& client) const;
  };

  std::vector<TraceClient> clients_;
  std::unordered_map<TraceClient, std::uint32_t, Hash> known_;
};

/// The same for the names of edges that a log gives: 0 is no name.
class EdgeNameTable {
 public:
  /// Names that are told apart; a log with more has something else in that column.
  static constexpr std::size_t kNamesMax = 0xFFFF;

  EdgeNameTable() { names_.emplace_back(); }

  /// 0 for the empty name, and once there are kNamesMax of them.
  [[nodiscard]] std::uint16_t index(std::string_view name);
  [[nodiscard]] std::vector<std::string> take() { return std::move(names_); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint16_t, Hash, std::equal_to<>> known_;
};

/// Who sent each request of a trace and which edge served it. Columns are by request, uncacheable
/// ones included, in replay order; empty unless asked for.
struct TraceClients {
  explicit TraceClients(MemoryBudget& budget) : client(budget), edge(budget) {}

  std::vector<TraceClient> clients;     ///< by number; 0: nothing is known
  std::vector<std::string> edge_names;  ///< by number; 0: not named
  Column<std::uint32_t> client;
  Column<std::uint16_t> edge;

  [[nodiscard]] bool is_known() const { return !clients.empty(); }
  [[nodiscard]] bool names_edges() const { return edge_names.size() > 1; }
};

}  // namespace edgeward::sim
