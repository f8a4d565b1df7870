#include "tests/scenarios/dns_wire.hpp"

#include <algorithm>

namespace edgeward::test {

void word(Message& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

Message name_of(std::string_view name) {
  Message out;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    out.push_back(static_cast<std::uint8_t>(end));
    out.insert(out.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  out.push_back(0);
  return out;
}

Message message(const DnsHeader& header, const std::vector<Message>& parts) {
  Message out;
  for (const unsigned value : {header.id, header.flags, header.questions, header.answers,
                               header.authorities, header.additionals}) {
    word(out, value);
  }
  for (const Message& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Message question(std::string_view name, unsigned type, unsigned class_code) {
  Message out = name_of(name);
  word(out, type);
  word(out, class_code);
  return out;
}

Message opt(unsigned version, const Message& options, unsigned udp_bytes) {
  Message out{0};
  word(out, 41);
  word(out, udp_bytes);
  out.insert(out.end(), {0, static_cast<std::uint8_t>(version), 0, 0});
  word(out, static_cast<unsigned>(options.size()));
  out.insert(out.end(), options.begin(), options.end());
  return out;
}

unsigned word_at(const Message& bytes, std::size_t at) {
  return static_cast<unsigned>(bytes.at(at) << 8 | bytes.at(at + 1));
}

unsigned code_of(const Message& answer) {
  return word_at(answer, 2) & 0xF;
}

Message framed(const Message& query) {
  Message out;
  word(out, static_cast<unsigned>(query.size()));
  out.insert(out.end(), query.begin(), query.end());
  return out;
}

}  // namespace edgeward::test
