#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "cache/store/purge_values.hpp"
#include "controller/service/purging.hpp"

namespace edgeward::controller {

/// The body of `POST /v1/purge`: {"key":"/a"} or {"prefix":"/video/"}, "edges":["fra1"] for those
/// alone, and "all":true where the prefix is that of everything; nothing else. The key, a path or a
/// URL of which the path counts, is made canonical, as edges hold it; what stands at a prefix's end
/// stays. On error, what was found and what was expected.
[[nodiscard]] tl::expected<cache::Purge, std::string> parse_purge(std::string_view json);

/// With what each edge said.
[[nodiscard]] std::string purge_text(const PurgeView& view, std::string_view store_error);
/// Without.
[[nodiscard]] std::string purges_text(std::span<const PurgeView> views,
                                      std::string_view store_error);

}  // namespace edgeward::controller
