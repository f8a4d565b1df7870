#include "tests/exposition.hpp"

#include <algorithm>
#include <stdexcept>

namespace edgeward::test {

namespace {

/// Takes the next label off a text that begins with one.
void take_label(std::string_view& rest, Sample& sample) {
  const std::size_t equals = rest.find("=\"");
  if (equals == std::string_view::npos) throw std::runtime_error("no label: " + std::string(rest));
  const std::string label(rest.substr(0, equals));
  rest.remove_prefix(equals + 2);
  std::string value;
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\') {
      rest.remove_prefix(1);
      value += rest.front() == 'n' ? '\n' : rest.front();
    } else {
      value += rest.front();
    }
    rest.remove_prefix(1);
  }
  rest.remove_prefix(rest.starts_with("\",") ? 2 : 1);
  if (!sample.labels.emplace(label, value).second) throw std::runtime_error("twice: " + label);
}

Sample parse_sample(std::string_view line) {
  Sample sample;
  const std::size_t end = line.find_first_of("{ ");
  if (end == std::string_view::npos || end == 0) {
    throw std::runtime_error("no sample: " + std::string(line));
  }
  sample.name = line.substr(0, end);
  line.remove_prefix(end);
  if (line.starts_with('{')) {
    line.remove_prefix(1);
    while (!line.starts_with('}')) take_label(line, sample);
    line.remove_prefix(1);
  }
  sample.value = std::stod(std::string(line));
  return sample;
}

}  // namespace

Exposition::Exposition(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && !line.starts_with('#')) samples_.push_back(parse_sample(line));
  }
}

double Exposition::sum(std::string_view name,
                       const std::map<std::string, std::string>& labels) const {
  double sum = 0;
  bool is_found = false;
  for (const Sample& sample : samples_) {
    const bool is_one =
        sample.name == name && std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
          const auto found = sample.labels.find(label.first);
          return found != sample.labels.end() && found->second == label.second;
        });
    if (!is_one) continue;
    is_found = true;
    sum += sample.value;
  }
  if (!is_found) throw std::runtime_error("there is no such sample: " + std::string(name));
  return sum;
}

}  // namespace edgeward::test
