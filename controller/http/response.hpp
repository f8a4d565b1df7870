#pragma once

#include <string>
#include <string_view>

namespace edgeward::controller {

/// One answer. Header values are ours, or have passed content_url(): no byte of a request gets into
/// a header as it came.
struct HttpResponse {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string body;
  std::string location;        ///< of a redirection
  std::string_view allow;      ///< with 405: the methods there are
  unsigned retry_after_s = 0;  ///< with 503; 0: nothing is said
  bool wants_token = false;    ///< with 401

  void clear();
};

/// The standard's phrase for a status (RFC 9110 §15).
[[nodiscard]] std::string_view reason_phrase(int status);

/// Makes the answer a problem (RFC 9457): {"type":"about:blank","title":…,"status":…,"detail":…}.
void set_problem(int status, std::string_view detail, HttpResponse& response);

/// How an answer goes out.
struct HttpFraming {
  bool keep_alive = true;
  bool is_head = false;   ///< the header alone, with the length that the body would have
  std::string_view date;  ///< IMF-fixdate
};

/// Appends the header; what follows it is the body, but for HEAD.
void append_header(const HttpResponse& response, const HttpFraming& framing, std::string& out);
/// Appends the whole message.
void append(const HttpResponse& response, const HttpFraming& framing, std::string& out);

}  // namespace edgeward::controller
