#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "cache/eviction/policy.hpp"
#include "cache/parameters.hpp"

namespace edgeward::cache {

/// What is known of an eviction policy before one is made.
struct PolicyKind {
  std::string_view name;
  std::string_view summary;  ///< one line for --help: what it does, its settings
  bool is_ceiling = false;   ///< sees the future: a bound to compare with, not a choice
  std::unique_ptr<EvictionPolicy> (*make)(const CacheSpec&, Parameters&) = nullptr;
};

/// All eviction policies, in the order in which --help lists them.
[[nodiscard]] std::span<const PolicyKind> policy_kinds();

/// The kind of that name. Throws ParameterError with the nearest name if there is none.
[[nodiscard]] const PolicyKind& policy_kind(std::string_view name);

/// Throws ParameterError for an unknown name or setting.
[[nodiscard]] std::unique_ptr<EvictionPolicy> make_policy(const NamedSettings& settings,
                                                          const CacheSpec& spec);

// The factories, one a file. Each takes its settings out of `parameters`.
std::unique_ptr<EvictionPolicy> make_fifo(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_lru(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_clock(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_sieve(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_s3fifo(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_slru(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_twoq(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_arc(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_lirs(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_lfu(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_lfuda(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_gdsf(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_lhd(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_wtinylfu(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_hyperbolic(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_random(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_belady(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_belady_size(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_unbounded(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_pfoo_lower(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<EvictionPolicy> make_pfoo_upper(const CacheSpec& spec, Parameters& parameters);

}  // namespace edgeward::cache
