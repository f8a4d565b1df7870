#include "controller/http/client_address.hpp"

#include <algorithm>
#include <optional>

#include "sim/logs/field_text.hpp"

namespace edgeward::controller {

namespace {

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
std::optional<geo::IpAddress> address_of(std::string_view node) {
  if (node.size() >= 2 && node.front() == '"' && node.back() == '"') {
    node = node.substr(1, node.size() - 2);
  }
  if (!node.empty() && node.front() == '[') {
    const std::size_t end = node.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    node = node.substr(1, end - 1);
  } else if (std::count(node.begin(), node.end(), ':') == 1) {
    node = node.substr(0, node.find(':'));
  }
  return geo::IpAddress::parse(node);
}

bool is_for(std::string_view text) {
  const auto lower = [](char c) { return static_cast<char>(c | 0x20); };
  return text.size() == 3 && lower(text[0]) == 'f' && lower(text[1]) == 'o' &&
         lower(text[2]) == 'r';
}

/// The `for` of one element of Forwarded (RFC 7239 §4).
std::optional<geo::IpAddress> forwarded_for(std::string_view element) {
  while (!element.empty()) {
    const std::size_t end = std::min(element.find(';'), element.size());
    const std::string_view pair = sim::trimmed(element.substr(0, end));
    element.remove_prefix(std::min(end + 1, element.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (is_for(pair.substr(0, equals))) {
      return address_of(pair.substr(std::min(equals + 1, pair.size())));
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(ProxyField field) {
  return field == ProxyField::forwarded ? "forwarded" : "x_forwarded_for";
}

bool is_among(const geo::IpAddress& address, const std::vector<geo::IpPrefix>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const geo::IpPrefix& prefix) { return prefix.contains(address); });
}

geo::IpAddress client_of(const geo::IpAddress& peer, const HttpRequest& request,
                         const TrustRules& rules) {
  const bool is_forwarded = rules.proxy_field == ProxyField::forwarded;
  std::string_view list = is_forwarded ? request.forwarded : request.x_forwarded_for;
  geo::IpAddress client = peer;
  while (!list.empty() && is_among(client, rules.proxies)) {
    const std::size_t comma = list.rfind(',');
    const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
    const std::string_view last = sim::trimmed(list.substr(begin));
    const auto address = is_forwarded ? forwarded_for(last) : address_of(last);
    if (!address) break;  // an unknown or hidden one: as far as anybody can say
    client = *address;
    list = list.substr(0, comma == std::string_view::npos ? 0 : comma);
  }
  return client;
}

}  // namespace edgeward::controller
