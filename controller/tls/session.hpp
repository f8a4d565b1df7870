#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct bio_st;
struct ssl_st;

namespace edgeward::controller {

class TlsContext;

/// What a client is sent whose handshake is not even begun: a record with the fatal alert
/// internal_error (RFC 8446 section 6).
inline constexpr std::string_view kTlsRefusal{"\x15\x03\x03\x00\x02\x02\x50", 7};

/// The server's side of one TLS connection, without a socket: bytes of the client in, text out and
/// bytes for the client out. The handshake goes on as its bytes come. Not thread-safe.
class TlsSession {
 public:
  enum class State : std::uint8_t {
    handshake,
    open,
    ended,   ///< the client sends no more (close_notify), but may be sent to
    failed,  ///< nothing can be said but what is to be sent yet, an alert
  };

  explicit TlsSession(const TlsContext& context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Takes what the client has sent. The text in it is written to `text` from `size` on, both of
  /// which grow by it; the bytes may lie there, beyond `size`, themselves.
  void receive(std::string_view bytes, std::vector<char>& text, std::size_t& size);
  /// Replaces a text, which may be empty, by what is to be sent for it and for what came before.
  void seal(std::string& text);
  /// Sends our close_notify, where the handshake is done.
  void end();

  [[nodiscard]] State state() const { return state_; }
  /// Whether the client has sent anything.
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  /// Whether keys were agreed on, whatever came then.
  [[nodiscard]] bool has_keys() const { return has_keys_; }
  /// Whether the client is in the middle of a handshake or of a record.
  [[nodiscard]] bool is_within() const;
  /// Whether there is something to send without any text.
  [[nodiscard]] bool has_output() const;

 private:
  struct Free {
    void operator()(ssl_st* native) const;
  };

  std::unique_ptr<ssl_st, Free> native_;
  bio_st* in_;   ///< of native_
  bio_st* out_;  ///< the same
  State state_ = State::handshake;
  bool has_begun_ = false;
  bool has_keys_ = false;
};

}  // namespace edgeward::controller
