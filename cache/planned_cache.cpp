#include "cache/planned_cache.hpp"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>

namespace edgeward::cache {

PlannedCache::PlannedCache(std::unique_ptr<EvictionPolicy> policy,
                           std::unique_ptr<AdmissionPolicy> admission,
                           std::span<const std::uint64_t> sizes_bytes)
    : policy_(std::move(policy)), admission_(std::move(admission)), sizes_bytes_(sizes_bytes) {}

void PlannedCache::replay(std::span<const ObjectIndex> accesses, std::uint8_t* flags) {
  if (kept_.size() == 0) {
    policy_->replay(accesses, admission_.get(), flags);
    return;
  }
  constexpr std::uint8_t kLeft = 2;
  others_.clear();
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    Content* const content = kept_.find(accesses[i]);
    flags[i] = content == nullptr ? kLeft : 1;
    if (content == nullptr) {
      others_.push_back(accesses[i]);
    } else if (content->is_unused) {
      content->is_unused = false;
      prefetched_.used_bytes += sizes_bytes_[accesses[i]];
    }
  }
  other_flags_.resize(others_.size());
  policy_->replay(others_, admission_.get(), other_flags_.data());
  std::size_t next = 0;
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    if (flags[i] == kLeft) flags[i] = other_flags_[next++];
  }
}

PlannedCache::Kept PlannedCache::keep(ObjectIndex object) {
  if (keeps(object)) return Kept::held;
  const std::uint64_t size_bytes = sizes_bytes_[object];
  if (size_bytes > capacity_bytes() - kept_bytes_) return Kept::refused;
  const bool is_held = policy_->contains(object);
  kept_.insert_or_assign(object, {.place = static_cast<std::uint32_t>(kept_list_.size()),
                                  .is_unused = !is_held,
                                  .is_common = is_held});
  kept_list_.push_back(object);
  kept_bytes_ += size_bytes;
  if (is_held) common_bytes_ += size_bytes;
  share();
  if (is_held) return Kept::held;
  prefetched_.bytes += size_bytes;
  return Kept::fetched;
}

bool PlannedCache::evict(ObjectIndex object) {
  const Content* const content = kept_.find(object);
  if (content == nullptr) return false;
  const std::uint32_t place = content->place;
  if (content->is_common) common_bytes_ -= sizes_bytes_[object];
  const ObjectIndex last = kept_list_.back();
  kept_list_[place] = last;
  kept_list_.pop_back();
  if (last != object) kept_.find(last)->place = place;
  kept_.erase(object);
  kept_bytes_ -= sizes_bytes_[object];
  share();
  return true;
}

std::uint64_t PlannedCache::take_over(ObjectIndex object) {
  Content* const content = kept_.find(object);
  if (content == nullptr) return 0;
  assert(content->is_common);
  content->is_common = false;
  common_bytes_ -= sizes_bytes_[object];
  return sizes_bytes_[object];
}

void PlannedCache::release_all() {
  if (kept_list_.empty()) return;
  const std::vector<ObjectIndex> released = std::move(kept_list_);
  kept_list_.clear();
  kept_ = {};
  kept_bytes_ = common_bytes_ = 0;
  share();
  other_flags_.resize(std::max(other_flags_.size(), released.size()));
  policy_->replay(released, nullptr, other_flags_.data());
}

void PlannedCache::check_invariants() const {
  policy_->check_invariants();
  std::uint64_t bytes = 0;
  std::uint64_t common_bytes = 0;
  for (std::size_t place = 0; place < kept_list_.size(); ++place) {
    const Content* const content = kept_.find(kept_list_[place]);
    if (content == nullptr || content->place != place) {
      throw std::logic_error("planned cache: lost a content that it keeps");
    }
    bytes += sizes_bytes_[kept_list_[place]];
    const bool is_common = policy_->contains(kept_list_[place]);
    if (is_common != content->is_common) {
      throw std::logic_error("planned cache: wrong about what its policy holds");
    }
    if (is_common) common_bytes += sizes_bytes_[kept_list_[place]];
  }
  if (bytes != kept_bytes_ || kept_list_.size() != kept_.size() || common_bytes != common_bytes_ ||
      kept_bytes_ - common_bytes + policy_->used_bytes() > capacity_bytes()) {
    throw std::logic_error("planned cache: miscounted, or over its capacity");
  }
}

}  // namespace edgeward::cache
