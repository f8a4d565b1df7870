#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/admission/admission.hpp"
#include "cache/eviction/policy.hpp"
#include "cache/object_map.hpp"

namespace edgeward::cache {

/// A cache that carries out plans: what plans keep in it stays until a plan evicts it; an eviction
/// policy has the rest of the capacity, and never hears of requests for what is kept. Without plans
/// it is that policy, request for request.
///
/// A content that was in the policy's part when a plan began to keep it is there once: in the
/// policy's books until the policy, which hears no more of it, lets it go.
class PlannedCache final : private Sharer {
 public:
  enum class Kept : std::uint8_t {
    refused,  ///< there is no room in the capacity
    held,     ///< it was there: nothing to fetch
    fetched,  ///< the caller fetches it
  };
  /// What plans brought and what of it was asked for, in bytes.
  struct Prefetched {
    std::uint64_t bytes = 0;
    std::uint64_t used_bytes = 0;  ///< each fetched content once
  };

  /// `sizes_bytes` as in the policy's CacheSpec; `admission` may be null.
  PlannedCache(std::unique_ptr<EvictionPolicy> policy, std::unique_ptr<AdmissionPolicy> admission,
               std::span<const std::uint64_t> sizes_bytes);
  PlannedCache(PlannedCache&&) = delete;  // the policy knows where it is

  /// As EvictionPolicy::replay.
  void replay(std::span<const ObjectIndex> accesses, std::uint8_t* flags);
  void prefetch(std::span<const ObjectIndex> objects) const { policy_->prefetch_all(objects); }

  /// Keeps a content until evict(); of one that is kept: `held`.
  [[nodiscard]] Kept keep(ObjectIndex object);
  /// Drops what plans keep; false if they do not keep it.
  bool evict(ObjectIndex object);
  /// Plans are over: what they kept is the policy's, as if it had just been asked for in the order
  /// in which plans came to keep it.
  void release_all();

  [[nodiscard]] bool contains(ObjectIndex object) const {
    return keeps(object) || policy_->contains(object);
  }
  [[nodiscard]] bool keeps(ObjectIndex object) const {
    return kept_.size() != 0 && kept_.find(object) != nullptr;
  }
  [[nodiscard]] std::uint64_t kept_bytes() const { return kept_bytes_; }
  [[nodiscard]] const std::vector<ObjectIndex>& kept() const { return kept_list_; }
  [[nodiscard]] std::uint64_t capacity_bytes() const { return policy_->capacity_bytes(); }
  [[nodiscard]] const Prefetched& prefetched() const { return prefetched_; }
  [[nodiscard]] const EvictionPolicy& policy() const { return *policy_; }

  /// EvictionPolicy::check_invariants, and the same of what plans keep.
  void check_invariants() const;

 private:
  struct Content {
    std::uint32_t place = 0;  ///< in kept_list_
    bool is_unused = false;   ///< fetched for a plan, and not asked for since
    bool is_common = false;   ///< in the policy's books too
  };

  [[nodiscard]] std::uint64_t take_over(ObjectIndex object) override;
  void share() { policy_->share(this, kept_bytes_, common_bytes_); }

  std::unique_ptr<EvictionPolicy> policy_;
  std::unique_ptr<AdmissionPolicy> admission_;
  std::span<const std::uint64_t> sizes_bytes_;
  ObjectMap<Content> kept_;
  std::vector<ObjectIndex> kept_list_;
  std::uint64_t kept_bytes_ = 0;
  std::uint64_t common_bytes_ = 0;  ///< of these, what is in the policy's books too
  Prefetched prefetched_;
  // Of replay(): what is left for the policy, and what it said.
  std::vector<ObjectIndex> others_;
  std::vector<std::uint8_t> other_flags_;
};

}  // namespace edgeward::cache
