#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "sim/input/byte_source.hpp"

namespace edgeward::test {

/// A text as an input.
class TextSource final : public sim::ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::size_t read(std::span<char> buffer) override {
    const std::size_t size = std::min(buffer.size(), text_.size() - at_);
    std::memcpy(buffer.data(), text_.data() + at_, size);
    at_ += size;
    return size;
  }
  [[nodiscard]] double fraction_read() const override { return 0; }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace edgeward::test
