#include "controller/tls/context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <new>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace edgeward::controller {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCertificate = "certificate";
constexpr std::string_view kPrivateKey = "private_key";
constexpr std::string_view kClientCa = "client_ca";
/// A chain has a few KiB, all that browsers trust 250 KiB.
constexpr std::size_t kPemBytesMax = 1 << 20;

template <auto kFree>
struct Freer {
  template <class Object>
  void operator()(Object* object) const {
    (void)kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

/// Why OpenSSL failed last.
std::string reason() {
  const char* const text = ERR_reason_error_string(ERR_peek_last_error());
  return text == nullptr ? "an unknown error" : text;
}

TlsFault fault(std::string_view key, const fs::path& file, std::string_view what) {
  return {.key = key, .message = fmt::format("{}: {}: {}", key, file.string(), what)};
}

tl::expected<std::string, TlsFault> read_pem(std::string_view key, const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error) && !error) {
    return tl::unexpected(
        TlsFault{.key = key, .message = fmt::format("{}: no such file: {}", key, file.string())});
  }
  if (fs::is_directory(file, error)) return tl::unexpected(fault(key, file, "a folder"));
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  if (stream) {
    text.resize(kPemBytesMax + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream.is_open() || stream.bad()) {
    return tl::unexpected(fault(
        key, file, fmt::format("{}: the service's user has to read it", std::strerror(errno))));
  }
  if (text.size() > kPemBytesMax) {
    return tl::unexpected(
        fault(key, file, fmt::format("longer than {} bytes: no file of that kind", kPemBytesMax)));
  }
  return text;
}

/// All certificates of a text, in their order.
tl::expected<std::vector<Certificate>, TlsFault> read_certificates(std::string_view key,
                                                                   const fs::path& file) {
  const auto text = read_pem(key, file);
  if (!text) return tl::unexpected(text.error());
  const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  std::vector<Certificate> certificates;
  ERR_clear_error();
  while (X509* const one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(one);
  }
  // The end of a text is an error like any other.
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string wrong = is_end ? std::string() : reason();
  ERR_clear_error();
  if (is_end && !certificates.empty()) return certificates;
  const std::string expected =
      "expected PEM, each certificate between -----BEGIN CERTIFICATE----- and its END line";
  return tl::unexpected(
      fault(key, file, wrong.empty() ? expected : fmt::format("{} ({})", expected, wrong)));
}

/// Nobody is there to be asked for a passphrase. `was_asked` notes that one is needed.
int refuse_passphrase(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

tl::expected<Key, TlsFault> read_key(const fs::path& file) {
  const auto text = read_pem(kPrivateKey, file);
  if (!text) return tl::unexpected(text.error());
  const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  bool was_asked = false;
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_passphrase, &was_asked));
  ERR_clear_error();
  if (key != nullptr) return key;
  return tl::unexpected(
      fault(kPrivateKey, file,
            was_asked ? "a passphrase protects it: write it without one (openssl pkey -in FILE)"
                      : "expected PEM with a private key: -----BEGIN PRIVATE KEY-----"));
}

std::int64_t expiry_s(const X509& certificate) {
  std::tm at{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &at) != 1) return 0;
  return ::timegm(&at);
}

/// HTTP/1.1 of what the client offers; who offers other protocols only is refused.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char kHttp[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kHttp, sizeof kHttp - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* native) const {
  SSL_CTX_free(native);
}

TlsContext::TlsContext() : native_(SSL_CTX_new(TLS_server_method())) {
  SSL_CTX* const context = native_.get();
  if (context == nullptr) throw std::bad_alloc();
  SSL_CTX_set_security_level(context, 2);
  (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  (void)SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // A connection between two requests keeps no buffers.
  (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Tickets need no memory and no lock here.
  (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  static constexpr unsigned char kSessions[] = "edgeward";
  (void)SSL_CTX_set_session_id_context(context, kSessions, sizeof kSessions - 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

std::optional<TlsFault> TlsContext::take(const TlsFiles& files) {
  const auto chain = read_certificates(kCertificate, files.certificate);
  if (!chain) return chain.error();
  const auto key = read_key(files.private_key);
  if (!key) return key.error();
  X509* const own = chain->front().get();
  if (X509_check_private_key(own, key->get()) != 1) {
    return fault(kPrivateKey, files.private_key,
                 fmt::format("not the key of the first certificate of {}: give the two that were "
                             "made together",
                             files.certificate.string()));
  }
  for (const Certificate& one : *chain) {
    const bool is_own = one.get() == own;
    if ((is_own ? SSL_CTX_use_certificate(native_.get(), own)
                : SSL_CTX_add1_chain_cert(native_.get(), one.get())) != 1) {
      return fault(
          kCertificate, files.certificate,
          fmt::format("{}: expected RSA of 2048 bits or more, or ECDSA, and SHA-256", reason()));
    }
    const std::int64_t at_s = expiry_s(*one);
    expires_at_s_ = is_own ? at_s : std::min(expires_at_s_, at_s);
  }
  if (SSL_CTX_use_PrivateKey(native_.get(), key->get()) != 1) {
    return fault(kPrivateKey, files.private_key, reason());
  }
  if (!files.client_ca) return std::nullopt;
  const auto authorities = read_certificates(kClientCa, *files.client_ca);
  if (!authorities) return authorities.error();
  for (const Certificate& one : *authorities) {
    (void)X509_STORE_add_cert(SSL_CTX_get_cert_store(native_.get()), one.get());
    (void)SSL_CTX_add_client_CA(native_.get(), one.get());
  }
  SSL_CTX_set_verify(native_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return std::nullopt;
}

tl::expected<std::shared_ptr<const TlsContext>, TlsFault> TlsContext::read(const TlsFiles& files) {
  const std::shared_ptr<TlsContext> context(new TlsContext);
  std::optional<TlsFault> fault = context->take(files);
  ERR_clear_error();
  if (fault) return tl::unexpected(*std::move(fault));
  return context;
}

TlsContexts load_tls(const std::optional<TlsFiles>& clients, const std::optional<TlsFiles>& admin) {
  const auto read = [](const std::optional<TlsFiles>& files, std::string_view key) {
    if (!files) return std::shared_ptr<const TlsContext>();
    auto context = TlsContext::read(*files);
    if (context) return *std::move(context);
    throw std::runtime_error(fmt::format("serve.{}: {}", key, context.error().message));
  };
  return {.clients = read(clients, "tls"), .admin = read(admin, "admin_tls")};
}

std::optional<TlsFault> tls_fault(const TlsFiles& files) {
  const auto context = TlsContext::read(files);
  if (context) return std::nullopt;
  return context.error();
}

}  // namespace edgeward::controller
