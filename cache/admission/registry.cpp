#include "cache/admission/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace edgeward::cache {

namespace {

constexpr std::array kAdmissions = {
    AdmissionKind{.name = "none", .summary = "everything is admitted"},
    AdmissionKind{.name = "second_hit",
                  .summary = "what was missed before; ids=N remembered by each of two filters",
                  .make = make_second_hit},
    AdmissionKind{.name = "size",
                  .summary = "objects of at most so many bytes: size:1MiB",
                  .make = make_size},
    AdmissionKind{.name = "adaptsize",
                  .summary = "small objects likelier, as a model of the cache says; window=250000",
                  .make = make_adaptsize},
    AdmissionKind{.name = "tinylfu",
                  .summary = "what is requested more often than the victim",
                  .make = make_tinylfu},
};

}  // namespace

std::span<const AdmissionKind> admission_kinds() {
  return kAdmissions;
}

std::unique_ptr<AdmissionPolicy> make_admission(const NamedSettings& settings,
                                                const CacheSpec& spec) {
  const auto* const found =
      std::find_if(kAdmissions.begin(), kAdmissions.end(),
                   [&](const auto& kind) { return kind.name == settings.name; });
  if (found == kAdmissions.end()) {
    std::vector<std::string_view> names;
    for (const AdmissionKind& kind : kAdmissions) names.push_back(kind.name);
    const std::string_view nearest = nearest_name(settings.name, names);
    throw ParameterError(
        fmt::format("unknown admission '{}'{}; there is: {}", settings.name,
                    nearest.empty() ? "" : fmt::format(", did you mean '{}'?", nearest),
                    fmt::join(names, ", ")));
  }
  Parameters parameters(settings);
  auto admission = found->make == nullptr ? nullptr : found->make(spec, parameters);
  parameters.finish();
  return admission;
}

}  // namespace edgeward::cache
