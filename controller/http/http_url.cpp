#include "controller/http/http_url.hpp"

#include <boost/url/parse.hpp>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace edgeward::controller {

std::string HttpUrl::authority() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string text = is_v6 ? "[" + host + "]" : host;
  if (port != "80") text += ":" + port;
  return text;
}

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  const auto parsed = boost::urls::parse_uri({text.data(), text.size()});
  if (!parsed || parsed->scheme_id() != boost::urls::scheme::http) return std::nullopt;
  const bool has_path = !parsed->encoded_path().empty() && parsed->encoded_path() != "/";
  if (has_path || parsed->has_query() || parsed->has_fragment() || parsed->has_userinfo()) {
    return std::nullopt;
  }
  HttpUrl url;
  const auto host = parsed->encoded_host_address();
  url.host.assign(host.data(), host.size());
  if (url.host.empty()) return std::nullopt;
  if (!parsed->has_port()) return url;
  const auto text_of_port = parsed->port();
  std::uint16_t port = 0;
  const char* const end = text_of_port.data() + text_of_port.size();
  const auto read = std::from_chars(text_of_port.data(), end, port);
  if (read.ec != std::errc() || read.ptr != end || port == 0) return std::nullopt;
  url.port = std::to_string(port);
  return url;
}

}  // namespace edgeward::controller
