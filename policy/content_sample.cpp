#include "policy/content_sample.hpp"

#include <algorithm>

namespace edgeward::policy {

using cache::ObjectIndex;

bool ContentSample::contains(cache::ContentId content) const {
  if (halvings_ == 0) return true;
  const std::uint64_t mixed = static_cast<std::uint64_t>(content) * 0x9E37'79B9'7F4A'7C15;
  return mixed >> (64 - halvings_) == 0;
}

ObjectIndex ContentSample::add(cache::ContentId content, std::uint64_t size_bytes) {
  if (!contains(content)) return cache::kNoObject;
  const ObjectIndex known = find(content);
  if (known != cache::kNoObject) return known;
  if (numbers_.size() == sizes_bytes_.size()) {
    is_full_ = true;
    return cache::kNoObject;
  }
  const auto number = static_cast<ObjectIndex>(numbers_.size());
  numbers_.emplace(static_cast<std::uint64_t>(content), number);
  sizes_bytes_[number] = size_bytes;
  return number;
}

ObjectIndex ContentSample::find(cache::ContentId content) const {
  const auto found = numbers_.find(static_cast<std::uint64_t>(content));
  return found == numbers_.end() ? cache::kNoObject : found->second;
}

void ContentSample::restart(bool with_half) {
  constexpr unsigned kHalvingsMax = 40;
  if (with_half) halvings_ = std::min(halvings_ + 1, kHalvingsMax);
  numbers_.clear();
  std::fill(sizes_bytes_.begin(), sizes_bytes_.end(), 0);
  is_full_ = false;
}

}  // namespace edgeward::policy
