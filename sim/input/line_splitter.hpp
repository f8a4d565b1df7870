#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/input/byte_source.hpp"

namespace edgeward::sim {

/// Cuts a byte source into lines. A line ends with "\n" or "\r\n", which are not part of it; an
/// unterminated last line is a line. Constant memory: of a line longer than kLineBytesMax only the
/// first kLineBytesMax bytes are given, marked `cut`. Views live until the next call.
class LineSplitter {
 public:
  static constexpr std::size_t kLineBytesMax = std::size_t{1} << 20;

  struct Line {
    std::string_view text;
    bool cut = false;
  };

  explicit LineSplitter(ByteSource& source);

  /// False at the end.
  [[nodiscard]] bool next(Line& line);

 private:
  bool fill();
  void skip_to_line_end();

  ByteSource& source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
};

}  // namespace edgeward::sim
