#pragma once

#include <string>

#include "policy/decision_json.hpp"
#include "policy/router.hpp"

namespace edgeward::controller {

/// A decision for people: the edge, the address to send the client to, where the client is, and
/// why, in sentences.
[[nodiscard]] std::string decision_text(const policy::Explanation& explanation,
                                        const policy::Question& question,
                                        const policy::Snapshot& snapshot);

/// The same with every candidate's terms in a table, and what excluded the other edges.
[[nodiscard]] std::string explanation_text(const policy::Explanation& explanation,
                                           const policy::Request& request,
                                           const policy::Question& question,
                                           const policy::Snapshot& snapshot);

}  // namespace edgeward::controller
