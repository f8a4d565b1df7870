#include "sim/logs/cache_key.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "cache/random.hpp"

namespace edgeward::sim {

namespace {

std::string key_of(std::string_view host, std::string_view url, CacheKeyRules rules = {}) {
  CacheKeyWriter writer(std::move(rules));
  std::string key = "left over";
  writer.write(host, url, key);
  return key;
}

std::string path_of(std::string_view url) {
  return key_of("", url, {.use_host = false});
}

std::string with_query_rule(std::string_view rule, std::string_view url) {
  CacheKeyRules rules{.use_host = false};
  REQUIRE(set_query_rule(rule, rules));
  return key_of("", url, rules);
}

}  // namespace

TEST_CASE("a key is host, path and query, scheme and fragment do not count") {
  CHECK(key_of("example.com", "/a/b?x=1") == "example.com/a/b?x=1");
  CHECK(key_of("", "https://example.com/a/b?x=1#top") == "example.com/a/b?x=1");
  CHECK(key_of("", "http://example.com/a/b?x=1") == "example.com/a/b?x=1");
  CHECK(key_of("", "/a#b?c") == "/a");
  CHECK(key_of("", "https://example.com") == "example.com/");
  CHECK(key_of("", "https://example.com?x=1") == "example.com/?x=1");
}

TEST_CASE("the host of an absolute URL counts more than the record's") {
  CHECK(key_of("edge.example", "http://origin.example/a") == "origin.example/a");
  CHECK(key_of("edge.example", "http:///a") == "edge.example/a");
}

TEST_CASE("hosts are in lower case, without user, default port and trailing dot") {
  CHECK(key_of("WWW.Example.COM", "/A") == "www.example.com/A");
  CHECK(key_of("", "http://u:p@Example.com:80/") == "example.com/");
  CHECK(key_of("", "https://example.com:443/") == "example.com/");
  CHECK(key_of("example.com.", "/") == "example.com/");
  CHECK(key_of("example.com:8080", "/") == "example.com:8080/");
  CHECK(key_of("example.com:", "/") == "example.com/");
  CHECK(key_of("[2001:DB8::1]:443", "/") == "[2001:db8::1]/");
  CHECK(key_of("fe80::80", "/") == "fe80::80/");
}

TEST_CASE("a hostile host cannot pass for a path") {
  CHECK(key_of("a/b", "/c") == "a%2Fb/c");
  CHECK(key_of("a?b#c d", "/") == "a%3Fb%23c%20d/");
}

TEST_CASE("host aliases join names, however they are written") {
  const CacheKeyRules rules{.host_aliases = {{"Static.Example.com:443", "EXAMPLE.com"}}};
  CHECK(key_of("static.example.com", "/a", rules) == "example.com/a");
  CHECK(key_of("other.example.com", "/a", rules) == "other.example.com/a");
}

TEST_CASE("without hosts the path alone is the key") {
  CHECK(path_of("https://example.com/a") == "/a");
  CHECK(key_of("example.com", "/a", {.use_host = false}) == "/a");
}

TEST_CASE("percent-encoding is normalised as RFC 3986 says") {
  CHECK(path_of("/%7Euser/%41%2d%2E%5f") == "/~user/A-._");
  CHECK(path_of("/a%2fb%c3%bc") == "/a%2Fb%C3%BC");
  CHECK(path_of("/zstd-2.0.8%2Bzstd") == "/zstd-2.0.8%2Bzstd");
  CHECK(path_of("/zstd-2.0.8+zstd") == "/zstd-2.0.8+zstd");
  CHECK(path_of("/a%2541") == "/a%2541");
  CHECK(path_of("/?a=%7e%3d") == "/?a=~%3D");
}

TEST_CASE("bytes that no URI may hold are percent-encoded") {
  CHECK(path_of("/a b") == "/a%20b");
  CHECK(path_of("/\xC3\xBC") == "/%C3%BC");
  CHECK(path_of(std::string_view("/\0\x1b[31m", 7)) == "/%00%1B[31m");
  CHECK(path_of("/100%") == "/100%25");
  CHECK(path_of("/%zz%%34%31") == "/%25zz%2541");
  CHECK(path_of("/a|b") == "/a%7Cb");
}

TEST_CASE("dot segments are removed, encoded or not") {
  CHECK(path_of("/a/./b/../c") == "/a/c");
  CHECK(path_of("/a/%2e%2E/b") == "/b");
  CHECK(path_of("/../../a") == "/a");
  CHECK(path_of("/a/..") == "/");
  CHECK(path_of("/a/.") == "/a/");
  CHECK(path_of("/..") == "/");
  CHECK(path_of("/a//b/") == "/a//b/");
  CHECK(path_of("/.well-known/x") == "/.well-known/x");
  CHECK(path_of("/a/...") == "/a/...");
  CHECK(path_of("/a?b=/../c") == "/a?b=/../c");
}

TEST_CASE("what is no URL still makes a key with a path") {
  CHECK(path_of("*") == "/*");
  CHECK(path_of("") == "/");
  CHECK(path_of("www.example.com:443") == "/www.example.com:443");
  CHECK(path_of("digest/0.5.2") == "/digest/0.5.2");
  CHECK(path_of("17") == "/17");
  CHECK(path_of("?a") == "/?a");
  CHECK(path_of("..") == "/");
  CHECK(path_of("redirect/http://a/b") == "/redirect/http://a/b");
}

TEST_CASE("queries are kept, dropped, sorted or stripped of names") {
  constexpr std::string_view kUrl = "/a?utm_source=x&b=2&a=1&b=1&&utm_medium=y&id";
  CHECK(with_query_rule("keep", kUrl) == kUrl);
  CHECK(with_query_rule("drop", kUrl) == "/a");
  CHECK(with_query_rule("sort", kUrl) == "/a?a=1&b=2&b=1&id&utm_medium=y&utm_source=x");
  CHECK(with_query_rule("drop:utm_*,id", kUrl) == "/a?b=2&a=1&b=1");
  CHECK(with_query_rule("drop:id", "/a?id=1") == "/a");
  CHECK(with_query_rule("drop:id", "/a?%69d=1&idx=2") == "/a?idx=2");
  CHECK(with_query_rule("sort", "/a?") == "/a");
  CHECK(with_query_rule("keep", "/a?") == "/a?");
}

TEST_CASE("unknown query rules are refused") {
  CacheKeyRules rules;
  for (const std::string_view text : {"", "none", "drop:", "drop:a,", "drop:,a", "KEEP"}) {
    CHECK_FALSE(set_query_rule(text, rules));
  }
}

TEST_CASE("a canonical key is stable") {
  const std::uint64_t seed = 21;
  INFO("seed " << seed);
  cache::Random random(seed);
  constexpr std::string_view kAlphabet = "aZ09-._~/.?&=%%%2eE4f3:@#+*[]| \x80\x01\"";
  CacheKeyRules rules{};
  for (const std::string_view query : {"keep", "sort", "drop:a*"}) {
    REQUIRE(set_query_rule(query, rules));
    CacheKeyWriter writer(rules);
    for (int i = 0; i < 20'000; ++i) {
      std::string host;
      std::string url = random.below(3) == 0 ? "http://" : "/";
      while (random.below(6) != 0) host += kAlphabet[random.below(kAlphabet.size())];
      while (random.below(20) != 0) url += kAlphabet[random.below(kAlphabet.size())];
      std::string key;
      writer.write(host, url, key);
      const std::size_t slash = key.find('/');
      REQUIRE(slash != std::string::npos);
      std::string again;
      writer.write(key.substr(0, slash), key.substr(slash), again);
      INFO(host << " " << url);
      REQUIRE(again == key);
    }
  }
}

}  // namespace edgeward::sim
