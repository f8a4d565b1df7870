#include "sim/trace/clients.hpp"

#include <cstring>

#include "sim/logs/field_text.hpp"

namespace edgeward::sim {

TraceClient parse_client(std::string_view text) {
  text = trimmed(text.substr(0, text.find(',')));
  if (const auto country = geo::parse_country(text)) return {.country = *country};
  if (const auto address = geo::IpAddress::parse(text)) return {.address = address};
  const std::size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    return {.address = geo::IpAddress::parse(text.substr(1, text.find(']') - 1))};
  }
  if (colon == std::string_view::npos) return {};
  return {.address = geo::IpAddress::parse(text.substr(0, colon))};
}

std::size_t ClientTable::Hash::operator()(const TraceClient& client) const {
  std::uint64_t words[2] = {0, 0};
  if (client.address) std::memcpy(words, client.address->bytes.data(), sizeof words);
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  std::uint64_t hash = (words[0] ^ static_cast<std::uint64_t>(client.country)) * kOdd;
  hash = (hash ^ (hash >> 32) ^ words[1]) * kOdd;
  return static_cast<std::size_t>(hash ^ (hash >> 29));
}

std::uint32_t ClientTable::index(const TraceClient& client) {
  if (client == TraceClient{}) return 0;
  const auto [at, is_new] = known_.try_emplace(client, static_cast<std::uint32_t>(clients_.size()));
  if (is_new) clients_.push_back(client);
  return at->second;
}

std::uint16_t EdgeNameTable::index(std::string_view name) {
  if (name.empty()) return 0;
  if (const auto found = known_.find(name); found != known_.end()) return found->second;
  if (names_.size() > kNamesMax) return 0;
  const auto number = static_cast<std::uint16_t>(names_.size());
  names_.emplace_back(name);
  known_.emplace(name, number);
  return number;
}

}  // namespace edgeward::sim
