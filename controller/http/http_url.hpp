#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace edgeward::controller {

/// http://HOST[:PORT], of whom an edge fetches.
struct HttpUrl {
  std::string host;  ///< without brackets
  std::string port = "80";

  bool operator==(const HttpUrl&) const = default;
  /// As the Host field has it (RFC 9110 §7.2).
  [[nodiscard]] std::string authority() const;
};

/// Of a text without user, path or query; nothing for anything else, https among it.
[[nodiscard]] std::optional<HttpUrl> parse_http_url(std::string_view text);

}  // namespace edgeward::controller
