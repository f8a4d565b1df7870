#pragma once

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace edgeward::controller {

/// Now as HTTP writes it, made anew once a second.
class HttpDate {
 public:
  std::string_view at(std::int64_t now_ms) {
    const std::time_t second = now_ms / 1000;
    if (second != second_) {
      second_ = second;
      text_ = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(second));
    }
    return text_;
  }

 private:
  std::time_t second_ = -1;
  std::string text_;
};

}  // namespace edgeward::controller
