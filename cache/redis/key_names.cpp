#include "cache/redis/key_names.hpp"

#include <fmt/format.h>

namespace edgeward::cache::redis {

EdgeKeys::EdgeKeys(std::string_view edge) : start_(fmt::format("edgeward:{{{}}}:", edge)) {}

std::string EdgeKeys::inventory(std::size_t bucket) const {
  return fmt::format("{}inventory:{}", start_, bucket_name(bucket));
}

std::string EdgeKeys::object_meta(ContentId content) const {
  return fmt::format("{}object:{}:meta", start_, to_hex(content));
}

std::string EdgeKeys::object_chunk(ContentId content, std::uint64_t n) const {
  return fmt::format("{}object:{}:{}", start_, to_hex(content), n);
}

std::string purge_answers_key(std::string_view id) {
  return fmt::format("{}:{}", kPurgeKey, id);
}

std::size_t catalog_shard(ContentId content) {
  return static_cast<std::uint64_t>(content) % kCatalogShards;
}

std::string catalog_entry_key(ContentId content) {
  return fmt::format("edgeward:{{catalog:{:02}}}:{}", catalog_shard(content), to_hex(content));
}

std::string catalog_index_key(std::size_t shard) {
  return fmt::format("edgeward:{{catalog:{:02}}}:index", shard);
}

std::string bucket_name(std::size_t bucket) {
  return fmt::format("{:02x}", bucket);
}

}  // namespace edgeward::cache::redis
