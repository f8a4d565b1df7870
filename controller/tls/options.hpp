#pragma once

#include <filesystem>
#include <optional>

namespace edgeward::controller {

/// PEM files that one listener speaks TLS with: the keys `serve.tls` and `serve.admin_tls`.
struct TlsFiles {
  std::filesystem::path certificate;  ///< the listener's, then those that lead to who signed it
  std::filesystem::path private_key;  ///< of the first certificate, without a passphrase
  /// Who signs certificates of clients, each of which has to show one; nothing: none is asked for.
  std::optional<std::filesystem::path> client_ca;

  bool operator==(const TlsFiles&) const = default;
};

}  // namespace edgeward::controller
