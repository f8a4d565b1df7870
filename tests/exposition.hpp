#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace edgeward::test {

/// One line of Prometheus' text format.
struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

/// What a scrape brought.
class Exposition {
 public:
  /// Throws std::runtime_error for a line that is neither a comment nor a sample.
  explicit Exposition(std::string_view text);

  [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }
  /// The sum over all samples of that name that have these labels. Throws std::runtime_error where
  /// there is none.
  [[nodiscard]] double sum(std::string_view name,
                           const std::map<std::string, std::string>& labels = {}) const;

 private:
  std::vector<Sample> samples_;
};

}  // namespace edgeward::test
