#include "controller/config/fault.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace edgeward::controller {

namespace {

std::string joined(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) {
    if (!text.empty()) text += '\n';
    text += fault.text();
  }
  return text;
}

}  // namespace

std::string Fault::text() const {
  return fmt::format("{}:{}:{}: {}", file, at.line, at.column, message);
}

void Faults::add(Position at, std::string message) {
  if (list_.size() == kFaultsMax) return;
  if (list_.size() + 1 == kFaultsMax) message = "too many errors; the rest is not listed";
  list_.push_back({.file = file_, .at = at, .message = std::move(message)});
}

std::vector<Fault> Faults::sorted() const {
  std::vector<Fault> faults = list_;
  std::stable_sort(faults.begin(), faults.end(),
                   [](const Fault& a, const Fault& b) { return a.at < b.at; });
  // A value may be looked at twice, and be told wrong each time.
  faults.erase(std::unique(faults.begin(), faults.end()), faults.end());
  return faults;
}

ConfigError::ConfigError(std::vector<Fault> faults)
    : std::runtime_error(joined(faults)), faults_(std::move(faults)) {}

std::string quote(std::string_view text) {
  constexpr std::size_t kShownMax = 60;
  if (text.size() <= kShownMax) return fmt::format("'{}'", text);
  std::size_t end = kShownMax;  // not within a character of UTF-8
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("'{}…'", text.substr(0, end));
}

}  // namespace edgeward::controller
