#include "sim/input/line_splitter.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace edgeward::sim {

// Twice the longest line, so that a full line always fits behind the bytes already read.
LineSplitter::LineSplitter(ByteSource& source) : source_(source), buffer_(2 * kLineBytesMax) {}

bool LineSplitter::fill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t count = source_.read(std::span(buffer_).subspan(end_));
  end_ += count;
  at_end_ = count == 0;
  return !at_end_;
}

bool LineSplitter::next(Line& line) {
  std::size_t searched = 0;
  while (true) {
    const char* const start = buffer_.data() + begin_;
    const std::size_t available = end_ - begin_;
    const void* const newline = std::memchr(start + searched, '\n', available - searched);
    if (newline != nullptr) {
      std::size_t length = static_cast<std::size_t>(static_cast<const char*>(newline) - start);
      begin_ += length + 1;
      line.cut = length > kLineBytesMax;
      length = std::min(length, kLineBytesMax);
      if (length > 0 && start[length - 1] == '\r') --length;
      line.text = {start, length};
      return true;
    }
    searched = available;
    if (available > kLineBytesMax) {
      std::memmove(buffer_.data(), start, kLineBytesMax);
      line = {.text = {buffer_.data(), kLineBytesMax}, .cut = true};
      skip_to_line_end();
      return true;
    }
    if (fill()) continue;
    if (available == 0) return false;
    // Where it lies now: fill() may have moved it.
    line = {.text = {buffer_.data() + begin_, available}, .cut = false};
    begin_ = end_;
    return true;
  }
}

void LineSplitter::skip_to_line_end() {
  // The cut line's text stays in the first half of the buffer; what follows passes through the
  // second half. Everything read so far has been searched: it holds no line end.
  char* const scratch = buffer_.data() + kLineBytesMax;
  begin_ = end_ = kLineBytesMax;
  while (!at_end_) {
    const std::size_t count = source_.read({scratch, buffer_.size() - kLineBytesMax});
    at_end_ = count == 0;
    const void* const newline = std::memchr(scratch, '\n', count);
    if (newline == nullptr) continue;
    begin_ += static_cast<std::size_t>(static_cast<const char*>(newline) - scratch) + 1;
    end_ += count;
    return;
  }
}

}  // namespace edgeward::sim
