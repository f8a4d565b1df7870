#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/logs/record.hpp"

namespace edgeward::sim {

/// What makes two requests ask for the same object.
struct CacheKeyRules {
  enum class Query : std::uint8_t {
    keep,
    drop,
    sort,        ///< parameters by name, those of one name in their order; empty ones go
    drop_named,  ///< parameters named in dropped_parameters go, and empty ones
  };

  bool use_host = true;  ///< host_path, else path
  Query query = Query::keep;
  std::vector<std::string> dropped_parameters{};  ///< names; `utm_*` is every name so begun
  std::map<std::string, std::string, std::less<>> host_aliases{};  ///< `static.example` → `example`

  bool operator==(const CacheKeyRules&) const = default;
};

/// Reads `keep`, `drop`, `sort` or `drop:NAME,NAME*` into the rules. False for anything else.
[[nodiscard]] bool set_query_rule(std::string_view text, CacheKeyRules& rules);

/// Writes the canonical key of a request: `host/path?query`, or `/path?query` without a host.
///
/// Scheme, user, fragment and a default port (80, 443) are dropped; the host is in lower case
/// without a trailing dot; an absolute URL's own host counts more than the record's. By RFC 3986
/// §6.2.2: percent-encoded unreserved bytes are decoded, other encodings are in upper case, dot
/// segments are removed. Bytes that no URI may hold (blanks, controls, beyond ASCII, a '%' without
/// two digits) are percent-encoded, so a key is printable ASCII. The path begins with '/': a URL
/// that is neither absolute nor begins so (`*`, `host:443` of CONNECT, an object's name) gets one.
///
/// Canonical keys are stable: host and path of a key give that key again, unless an alias leads to
/// an alias. No allocation once buffers have grown. Not thread-safe.
class CacheKeyWriter {
 public:
  explicit CacheKeyWriter(CacheKeyRules rules);

  /// Replaces `key` by the key of the record's host and url.
  void write(const LogRecord& record, std::string& key);
  void write(std::string_view host, std::string_view url, std::string& key);

 private:
  void append_host(std::string_view host, std::string& key);
  void append_query(std::string_view query, std::string& key);
  [[nodiscard]] bool is_dropped(std::string_view parameter) const;

  CacheKeyRules rules_;
  std::string query_;
  std::vector<std::string_view> parameters_;
};

}  // namespace edgeward::sim
