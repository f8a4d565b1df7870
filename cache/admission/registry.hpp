#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "cache/admission/admission.hpp"
#include "cache/eviction/policy.hpp"
#include "cache/parameters.hpp"

namespace edgeward::cache {

struct AdmissionKind {
  std::string_view name;
  std::string_view summary;  ///< one line for --help
  std::unique_ptr<AdmissionPolicy> (*make)(const CacheSpec&, Parameters&) = nullptr;
};

/// All admission policies in the order of --help; the first is `none`, whose maker is null.
[[nodiscard]] std::span<const AdmissionKind> admission_kinds();

/// Null for `none`. Throws ParameterError for an unknown name or setting.
[[nodiscard]] std::unique_ptr<AdmissionPolicy> make_admission(const NamedSettings& settings,
                                                              const CacheSpec& spec);

// The factories, one a file. Each takes its settings out of `parameters`.
std::unique_ptr<AdmissionPolicy> make_second_hit(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<AdmissionPolicy> make_size(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<AdmissionPolicy> make_adaptsize(const CacheSpec& spec, Parameters& parameters);
std::unique_ptr<AdmissionPolicy> make_tinylfu(const CacheSpec& spec, Parameters& parameters);

}  // namespace edgeward::cache
