#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace edgeward::controller {

/// What is refused for its length, in bytes.
struct HttpLimits {
  std::size_t target_bytes_max = 8192;
  /// Request line and all fields; where they arrive apart, the line may come on top.
  std::size_t header_bytes_max = 16'384;
  std::size_t body_bytes_max = 1 << 20;

  bool operator==(const HttpLimits&) const = default;
};

/// One request as it was sent: what Edgeward reads of it. Fields that are absent are empty.
struct HttpRequest {
  std::string method;  ///< as sent
  std::string target;  ///< origin form or absolute form, as sent
  std::string host;
  std::string authorization;
  std::string content_type;
  std::string forwarded;        ///< RFC 7239; fields of one name are joined by ", "
  std::string x_forwarded_for;  ///< joined in the same way
  // What an edge answers with less than the whole for (RFC 9110 §13, §14).
  std::string range;
  std::string if_range;
  std::string if_none_match;  ///< joined in the same way
  std::string if_modified_since;
  std::string body;
  bool is_http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;

  void clear();
};

/// Why a request cannot be answered: the status of the answer, and what is wrong with it. The
/// connection is closed after it, since nobody knows where the next request begins.
struct HttpRefusal {
  int status = 400;
  std::string detail;
};

/// Reads requests from a stream of bytes: Beast's parser (RFC 9112) into an HttpRequest whose
/// buffers are used again, so that nothing is allocated once they have grown.
///
/// Stricter than the RFC where leniency lets two parsers see different requests (smuggling):
/// exactly one Host with HTTP/1.1 and at most one with 1.0, no Transfer-Encoding but `chunked`
/// alone, and not with 1.0 or beside Content-Length, no control bytes. Folded lines are read as one
/// (RFC 9112, section 5.2).
class HttpRequestReader {
 public:
  enum class State : std::uint8_t {
    needs_more,
    wants_continue,  ///< needs more, and the client waits for `100 Continue` before it sends it
    done,
    refused,
  };

  explicit HttpRequestReader(const HttpLimits& limits);
  ~HttpRequestReader();

  /// Takes bytes; `used` says how many. Those that are not used come again, with what follows them.
  /// After done or refused next() comes first.
  State read(std::string_view bytes, std::size_t& used);
  /// Whether a part of a request has been read.
  [[nodiscard]] bool is_within() const;
  /// Whether its header has been, and its body has not come to its end.
  [[nodiscard]] bool is_within_body() const;
  void next();

  [[nodiscard]] const HttpRequest& request() const { return request_; }
  [[nodiscard]] const HttpRefusal& refusal() const { return refusal_; }

 private:
  class Parser;

  HttpLimits limits_;
  HttpRequest request_;
  HttpRefusal refusal_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace edgeward::controller
