#include "controller/http/response.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "policy/json.hpp"

namespace edgeward::controller {

void HttpResponse::clear() {
  status = 200;
  content_type = "application/json";
  body.clear();
  location.clear();
  allow = {};
  retry_after_s = 0;
  wants_token = false;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

void set_problem(int status, std::string_view detail, HttpResponse& response) {
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = policy::json_text(boost::json::object{{"type", "about:blank"},
                                                        {"title", reason_phrase(status)},
                                                        {"status", status},
                                                        {"detail", detail}});
}

void append_header(const HttpResponse& response, const HttpFraming& framing, std::string& out) {
  // Of every answer: formats are not read anew for each.
  const auto field = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  const auto number = [&out](std::string_view name, std::size_t value) {
    out.append(name).append(": ").append(fmt::format_int(value).c_str()).append("\r\n");
  };
  out.append("HTTP/1.1 ").append(fmt::format_int(response.status).c_str()).append(" ");
  out.append(reason_phrase(response.status)).append("\r\n");
  field("Date", framing.date);
  if (response.status != 204) {
    field("Content-Type", response.content_type);
    number("Content-Length", response.body.size());
  }
  field("Cache-Control", "no-store");
  if (!response.location.empty()) field("Location", response.location);
  if (!response.allow.empty()) field("Allow", response.allow);
  if (response.retry_after_s > 0) number("Retry-After", response.retry_after_s);
  if (response.wants_token) field("WWW-Authenticate", "Bearer");
  if (!framing.keep_alive) field("Connection", "close");
  out += "\r\n";
}

void append(const HttpResponse& response, const HttpFraming& framing, std::string& out) {
  append_header(response, framing, out);
  if (!framing.is_head) out += response.body;
}

}  // namespace edgeward::controller
