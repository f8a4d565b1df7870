#include "sim/logs/cache_key.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sim/logs/field_text.hpp"

namespace edgeward::sim {

namespace {

enum class ByteKind : std::uint8_t {
  plain,    ///< stays as it is in a path or query
  illegal,  ///< no URI may hold it unencoded
  percent,
};

constexpr bool is_alphanumeric(char c) {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

/// RFC 3986 §2.3: bytes that mean the same whether encoded or not.
constexpr bool is_unreserved(char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

constexpr auto kByteKinds = [] {
  std::array<ByteKind, 256> kinds{};
  for (std::size_t byte = 0; byte < kinds.size(); ++byte) {
    const bool is_graphic = byte > 0x20 && byte < 0x7F;
    const bool is_excluded =
        std::string_view("\"<>\\^`{|}").find(static_cast<char>(byte)) != std::string_view::npos;
    kinds[byte] = is_graphic && !is_excluded ? ByteKind::plain : ByteKind::illegal;
  }
  kinds['%'] = ByteKind::percent;
  return kinds;
}();

ByteKind kind(char c) {
  return kByteKinds[static_cast<unsigned char>(c)];
}

void append_encoded(unsigned byte, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out.push_back('%');
  out.push_back(kHex[byte >> 4U]);
  out.push_back(kHex[byte & 15U]);
}

/// Appends the text's byte at `i`, or the encoded one that begins there, normalised. Returns how
/// many bytes of the text that took.
std::size_t append_normalised(std::string_view text, std::size_t i, std::string& out) {
  if (kind(text[i]) == ByteKind::plain) {
    out.push_back(text[i]);
    return 1;
  }
  if (kind(text[i]) == ByteKind::percent && i + 2 < text.size()) {
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high >= 0 && low >= 0) {
      const auto byte = static_cast<unsigned>(high * 16 + low);
      if (is_unreserved(static_cast<char>(byte))) {
        out.push_back(static_cast<char>(byte));
      } else {
        append_encoded(byte, out);
      }
      return 3;
    }
  }
  append_encoded(static_cast<unsigned char>(text[i]), out);
  return 1;
}

void append_normalised(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size();) i += append_normalised(text, i, out);
}

/// Whether the text is normalised and has no dot segment; a '.' behind a '/' is taken for one.
bool is_plain(std::string_view text) {
  bool is_suspect = false;
  char before = '/';
  for (const char c : text) {
    is_suspect |= kind(c) != ByteKind::plain;
    is_suspect |= before == '/' && c == '.';
    before = c;
  }
  return !is_suspect;
}

/// RFC 3986 §5.2.4 in place on text[begin, end), which begins with '/'.
void remove_dot_segments(std::string& text, std::size_t begin) {
  std::size_t out = begin;
  std::size_t in = begin;
  while (in < text.size()) {
    const std::size_t end = std::min(text.find('/', in + 1), text.size());
    const std::string_view segment = std::string_view(text).substr(in + 1, end - in - 1);
    const bool is_last = end == text.size();
    if (segment == "." || segment == "..") {
      if (segment == ".." && out > begin) out = text.rfind('/', out - 1);
      if (is_last) text[out++] = '/';
    } else {
      std::memmove(text.data() + out, text.data() + in, end - in);
      out += end - in;
    }
    in = end;
  }
  text.resize(out);
}

/// How long the `scheme://` in front is; 0 if there is none.
std::size_t scheme_length(std::string_view url) {
  if (url.empty() || url.front() == '/') return 0;
  std::size_t i = 0;
  constexpr std::string_view kPunctuation = "+-._";
  while (i < url.size() &&
         (is_alphanumeric(url[i]) || kPunctuation.find(url[i]) != std::string_view::npos)) {
    ++i;
  }
  return i > 0 && url.substr(i, 3) == "://" ? i + 3 : 0;
}

/// Without trailing dots and default ports, as often as there are any.
void trim_host(std::string& text, std::size_t begin) {
  while (text.size() > begin) {
    const std::string_view host = std::string_view(text).substr(begin);
    if (host.back() == '.') {
      text.pop_back();
      continue;
    }
    const std::size_t colon = host.rfind(':');
    if (colon == std::string_view::npos) return;
    const std::string_view port = host.substr(colon + 1);
    const std::string_view name = host.substr(0, colon);
    const bool is_bare_ipv6 = name.find(':') != std::string_view::npos && !name.ends_with(']');
    if (is_bare_ipv6 || !(port.empty() || port == "80" || port == "443")) return;
    text.resize(begin + colon);
  }
}

std::string_view parameter_name(std::string_view parameter) {
  return parameter.substr(0, parameter.find('='));
}

}  // namespace

bool set_query_rule(std::string_view text, CacheKeyRules& rules) {
  using Query = CacheKeyRules::Query;
  rules.dropped_parameters.clear();
  if (text == "keep" || text == "drop" || text == "sort") {
    rules.query = text == "keep" ? Query::keep : text == "drop" ? Query::drop : Query::sort;
    return true;
  }
  constexpr std::string_view kDropNamed = "drop:";
  if (!text.starts_with(kDropNamed)) return false;
  text.remove_prefix(kDropNamed.size());
  rules.query = Query::drop_named;
  for (;;) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma == 0) return false;
    rules.dropped_parameters.emplace_back(text.substr(0, comma));
    if (comma == text.size()) return true;
    text.remove_prefix(comma + 1);
  }
}

CacheKeyWriter::CacheKeyWriter(CacheKeyRules rules) : rules_(std::move(rules)) {
  std::map<std::string, std::string, std::less<>> aliases;
  aliases.swap(rules_.host_aliases);
  for (const auto& [from, to] : aliases) {
    std::string canonical_from;
    std::string canonical_to;
    append_host(from, canonical_from);
    append_host(to, canonical_to);
    rules_.host_aliases.insert_or_assign(std::move(canonical_from), std::move(canonical_to));
  }
}

void CacheKeyWriter::append_host(std::string_view host, std::string& key) {
  const std::size_t begin = key.size();
  for (std::size_t i = 0; i < host.size();) {
    const char c = host[i];
    if (is_alphanumeric(c)) {
      key.push_back(to_lower(c));
      ++i;
    } else if (c == '/' || c == '?' || c == '#' || c == '@') {
      append_encoded(static_cast<unsigned char>(c), key);
      ++i;
    } else {
      const std::size_t written = key.size();
      i += append_normalised(host, i, key);
      if (key.size() == written + 1) key.back() = to_lower(key.back());
    }
  }
  trim_host(key, begin);
  if (rules_.host_aliases.empty()) return;
  const auto alias = rules_.host_aliases.find(std::string_view(key).substr(begin));
  if (alias != rules_.host_aliases.end()) key.replace(begin, std::string::npos, alias->second);
}

bool CacheKeyWriter::is_dropped(std::string_view parameter) const {
  const std::string_view name = parameter_name(parameter);
  return std::any_of(rules_.dropped_parameters.begin(), rules_.dropped_parameters.end(),
                     [&](std::string_view dropped) {
                       if (!dropped.ends_with('*')) return name == dropped;
                       return name.starts_with(dropped.substr(0, dropped.size() - 1));
                     });
}

void CacheKeyWriter::append_query(std::string_view query, std::string& key) {
  using Query = CacheKeyRules::Query;
  if (rules_.query == Query::drop) return;
  if (rules_.query == Query::keep) {
    key.push_back('?');
    append_normalised(query, key);
    return;
  }
  query_.clear();
  append_normalised(query, query_);
  parameters_.clear();
  for (std::string_view rest = query_; !rest.empty();) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view parameter = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool is_kept = rules_.query == Query::sort || !is_dropped(parameter);
    if (!parameter.empty() && is_kept) parameters_.push_back(parameter);
  }
  if (rules_.query == Query::sort) {
    // By name, then by place in the line: a stable order without std::stable_sort's buffer.
    std::sort(parameters_.begin(), parameters_.end(), [](std::string_view a, std::string_view b) {
      const int order = parameter_name(a).compare(parameter_name(b));
      return order != 0 ? order < 0 : a.data() < b.data();
    });
  }
  char separator = '?';
  for (const std::string_view parameter : parameters_) {
    key.append(1, separator).append(parameter);
    separator = '&';
  }
}

void CacheKeyWriter::write(const LogRecord& record, std::string& key) {
  write(record.host, record.url, key);
}

void CacheKeyWriter::write(std::string_view host, std::string_view url, std::string& key) {
  key.clear();
  if (const std::size_t scheme = scheme_length(url); scheme > 0) {
    url.remove_prefix(scheme);
    const std::size_t end = std::min(url.find_first_of("/?#"), url.size());
    std::string_view authority = url.substr(0, end);
    url.remove_prefix(end);
    authority.remove_prefix(authority.rfind('@') + 1);  // npos + 1 = 0
    if (!authority.empty()) host = authority;
  }
  if (rules_.use_host) append_host(host, key);
  const std::size_t path_begin = key.size();
  if (!url.starts_with('/')) key.push_back('/');

  url = url.substr(0, url.find('#'));
  const std::size_t question = url.find('?');
  const std::string_view path = url.substr(0, question);
  if (is_plain(path)) {
    key.append(path);
  } else {
    append_normalised(path, key);
    remove_dot_segments(key, path_begin);
  }
  if (question == std::string_view::npos) return;
  const std::string_view query = url.substr(question + 1);
  append_query(query, key);
}

}  // namespace edgeward::sim
