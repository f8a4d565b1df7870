#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/admission/admission.hpp"
#include "cache/eviction/policy.hpp"
#include "sim/replay/accountant.hpp"
#include "sim/replay/in_flight.hpp"
#include "sim/replay/replay.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// The cache of one edge in a fleet replay: an eviction policy, what is fresh, what is under way.
/// Policies are told of accesses in order (replay); what a client sees of an access is settled
/// after that (settle), in order too, since it depends on fetches that other edges take part in.
class EdgeCache {
 public:
  EdgeCache(const Trace& trace, const RunSpec& spec, std::uint64_t capacity_bytes,
            const Freshness& freshness, std::uint64_t seed);

  void replay(std::span<const cache::ObjectIndex> accesses, std::uint8_t* flags) {
    policy_->replay(accesses, admission_.get(), flags);
  }
  [[nodiscard]] bool replay_one(cache::ObjectIndex object) {
    std::uint8_t flag = 0;
    replay({&object, 1}, &flag);
    return flag != 0;
  }

  void prefetch(std::span<const cache::ObjectIndex> objects) const {
    policy_->prefetch_all(objects);
  }

  struct Access {
    cache::ObjectIndex object = 0;
    std::uint64_t position = 0;  ///< in the stream, for lifetimes that the log states
    std::uint32_t time = 0;      ///< in the trace's units
    std::int64_t now_us = 0;     ///< the same in µs
  };
  struct Outcome {
    enum class Kind : std::uint8_t { hit, delayed, expired, miss };
    Kind kind = Kind::miss;
    std::int64_t wait_us = 0;  ///< of a delayed hit
  };
  /// `flag`: what the policy said of this access. After expired and miss the caller fetches.
  [[nodiscard]] Outcome settle(const Access& access, bool flag);
  /// The fetch for an access takes so long; it starts at once.
  void fetch(const Access& access, std::int64_t fill_us) {
    in_flight_.add(access.object, access.now_us, access.now_us + fill_us);
  }

  [[nodiscard]] bool contains(cache::ObjectIndex object) const { return policy_->contains(object); }
  [[nodiscard]] const cache::EvictionPolicy& policy() const { return *policy_; }

 private:
  void make_fresh(const Access& access);

  const Trace& trace_;
  Freshness freshness_;
  std::unique_ptr<cache::EvictionPolicy> policy_;
  std::unique_ptr<cache::AdmissionPolicy> admission_;
  InFlight in_flight_;
  std::vector<std::int64_t> fresh_until_;  ///< by object, in the trace's units; empty without ttl
};

}  // namespace edgeward::sim
