#include "controller/http/client_address.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace edgeward::controller {

namespace {

geo::IpAddress address(const char* text) {
  return geo::IpAddress::parse(text).value();
}

/// Behind 10.0.0.0/8 and ::1.
std::string client(const char* peer, const char* field, ProxyField kind) {
  TrustRules rules{
      .proxies = {*geo::IpPrefix::parse("10.0.0.0/8"), *geo::IpPrefix::parse("::1/128")},
      .proxy_field = kind};
  HttpRequest request;
  (kind == ProxyField::forwarded ? request.forwarded : request.x_forwarded_for) = field;
  // The other field is what a client may have written.
  (kind == ProxyField::forwarded ? request.x_forwarded_for : request.forwarded) = "for=6.6.6.6";
  return client_of(address(peer), request, rules).text();
}

}  // namespace

TEST_CASE("a list of proxies is believed from the right, as far as they are trusted") {
  const auto by = [](const char* peer, const char* field) {
    return client(peer, field, ProxyField::x_forwarded_for);
  };
  CHECK(by("192.0.2.9", "198.51.100.1") == "192.0.2.9");  // anybody may write that
  CHECK(by("10.0.0.1", "198.51.100.1") == "198.51.100.1");
  CHECK(by("10.0.0.1", "203.0.113.7, 198.51.100.1") == "198.51.100.1");
  CHECK(by("10.0.0.1", "203.0.113.7,198.51.100.1 , 10.1.1.1") == "198.51.100.1");
  CHECK(by("10.0.0.1", "10.0.0.2, 10.0.0.3") == "10.0.0.2");
  CHECK(by("10.0.0.1", "") == "10.0.0.1");
  CHECK(by("10.0.0.1", "203.0.113.7, junk, 10.0.0.2") == "10.0.0.2");
  CHECK(by("10.0.0.1", ",") == "10.0.0.1");
  CHECK(by("::1", "2001:db8::1") == "2001:db8::1");
  CHECK(by("::1", "[2001:db8::1]:4711") == "2001:db8::1");
  CHECK(by("::1", "192.0.2.1:80") == "192.0.2.1");
}

TEST_CASE("Forwarded is read where the proxies write that") {
  const auto by = [](const char* field) {
    return client("10.0.0.1", field, ProxyField::forwarded);
  };
  CHECK(by("for=192.0.2.1") == "192.0.2.1");
  CHECK(by("proto=http; For=\"[2001:db8::1]:80\";by=x") == "2001:db8::1");
  CHECK(by("for=203.0.113.7, for=192.0.2.1;by=10.0.0.2, for=10.0.0.2") == "192.0.2.1");
  CHECK(by("for=unknown") == "10.0.0.1");
  CHECK(by("for=\"_hidden\"") == "10.0.0.1");
  CHECK(by("host=192.0.2.1") == "10.0.0.1");
}

}  // namespace edgeward::controller
