#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "controller/tls/options.hpp"

struct ssl_ctx_st;

namespace edgeward::controller {

/// What is wrong with one of a listener's files.
struct TlsFault {
  std::string_view key;  ///< of the configuration: `certificate`, `private_key` or `client_ca`
  std::string message;   ///< names the file and says what to do
};

/// Certificates and key of one listener, found to fit each other, and how TLS is spoken with them:
/// TLS 1.3 or 1.2, what OpenSSL chooses at security level 2, HTTP/1.1 by ALPN (RFC 7301); tickets
/// resume sessions, nothing is compressed or renegotiated. Immutable and thread-safe. Sessions
/// outlive it.
class TlsContext {
 public:
  /// Reads the files once.
  [[nodiscard]] static tl::expected<std::shared_ptr<const TlsContext>, TlsFault> read(
      const TlsFiles& files);

  [[nodiscard]] ssl_ctx_st* native() const { return native_.get(); }
  /// When the first of the listener's certificates expires, s since the epoch.
  [[nodiscard]] std::int64_t expires_at_s() const { return expires_at_s_; }

 private:
  struct Free {
    void operator()(ssl_ctx_st* native) const;
  };

  TlsContext();
  [[nodiscard]] std::optional<TlsFault> take(const TlsFiles& files);

  std::unique_ptr<ssl_ctx_st, Free> native_;
  std::int64_t expires_at_s_ = 0;
};

/// Those of both HTTP listeners; null: it speaks plain HTTP.
struct TlsContexts {
  std::shared_ptr<const TlsContext> clients;
  std::shared_ptr<const TlsContext> admin;
};

/// Reads the files of both. Throws std::runtime_error.
[[nodiscard]] TlsContexts load_tls(const std::optional<TlsFiles>& clients,
                                   const std::optional<TlsFiles>& admin);

/// Finds what is wrong with a listener's files, if anything is.
using CheckTls = std::function<std::optional<TlsFault>(const TlsFiles&)>;
[[nodiscard]] std::optional<TlsFault> tls_fault(const TlsFiles& files);

}  // namespace edgeward::controller
