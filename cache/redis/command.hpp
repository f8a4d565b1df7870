#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edgeward::cache::redis {

/// One command in its words. A cluster sends it to the node of its first key.
class Command {
 public:
  /// A command without a key, or whose second word is its key.
  Command(std::initializer_list<std::string_view> words) : words_(words.begin(), words.end()) {
    if (words_.size() > 1) key_ = 1;
  }
  /// A script with its keys, the first of which has the tag; what it takes beside them is added.
  [[nodiscard]] static Command eval(std::string_view script, std::span<const std::string> keys) {
    Command command{"EVAL", script, std::to_string(keys.size())};
    for (const std::string& key : keys) command.add(key);
    command.key_ = 3;
    return command;
  }

  Command& add(std::string_view word) {
    words_.emplace_back(word);
    return *this;
  }
  Command& add(std::uint64_t number) { return add(std::to_string(number)); }
  /// Says at which word the key stands, where it is not the second.
  Command& keyed_by(std::size_t word) {
    key_ = word;
    return *this;
  }

  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }
  /// Empty: any node will do.
  [[nodiscard]] std::string_view key() const {
    return key_ == 0 ? std::string_view() : std::string_view(words_[key_]);
  }

  /// Appends it as RESP has it.
  void encode(std::string& out) const;

 private:
  std::vector<std::string> words_;
  std::size_t key_ = 0;
};

}  // namespace edgeward::cache::redis
