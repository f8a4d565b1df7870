#include "cache/redis/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace edgeward::cache::redis {

namespace {

constexpr std::size_t kErrorBytesMax = 500;

std::string plan_id(std::uint64_t id) {
  return to_hex(ContentId{id});
}

std::optional<EdgeMode> parse_mode(std::string_view text) {
  for (const EdgeMode mode : {EdgeMode::ready, EdgeMode::drain, EdgeMode::down}) {
    if (text == name(mode)) return mode;
  }
  return std::nullopt;
}

std::optional<ActionKind> parse_kind(std::optional<std::string_view> text) {
  for (const ActionKind kind : {ActionKind::evict, ActionKind::prefetch}) {
    if (text == name(kind)) return kind;
  }
  return std::nullopt;
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

bool is_key(std::string_view text) {
  return text.size() <= kKeyBytesMax && is_printable(text);
}

/// Takes what stands before the next tab.
std::optional<std::string_view> take_column(std::string_view& line) {
  const std::size_t tab = line.find('\t');
  if (tab == line.npos) return std::nullopt;
  const std::string_view column = line.substr(0, tab);
  line.remove_prefix(tab + 1);
  return column;
}

std::optional<EdgeRequest> decode_request(std::string_view line) {
  std::array<std::string_view, 5> columns;
  for (std::string_view& column : columns) {
    const auto taken = take_column(line);
    if (!taken) return std::nullopt;
    column = *taken;
  }
  const auto at_ms = parse_time(columns[0]);
  const auto client = geo::IpPrefix::parse(columns[1]);
  const auto content = parse_hex(columns[2]);
  const auto size = parse_number(columns[3]);
  const bool is_hit = columns[4] == "hit";
  if (!at_ms || !client || !content || !size || (!is_hit && columns[4] != "miss")) {
    return std::nullopt;
  }
  if (!is_key(line)) return std::nullopt;
  return EdgeRequest{.at_ms = *at_ms,
                     .client = *client,
                     .key = std::string(line),
                     .content = *content,
                     .size_bytes = *size,
                     .is_hit = is_hit};
}

}  // namespace

Fields encode(const EdgeReport& report) {
  Fields fields;
  fields.put("seq", report.seq).put_time("at", report.at_ms);
  fields.put_ratio("load_ratio", report.load_ratio);
  fields.put("bandwidth_used_bps", report.bandwidth_used_bps);
  fields.put("capacity_bytes", report.capacity_bytes).put("used_bytes", report.used_bytes);
  fields.put("mode", name(report.mode));
  return fields;
}

std::optional<EdgeReport> decode_report(const Fields& fields) {
  const auto seq = fields.number("seq");
  const auto at_ms = fields.time("at");
  const auto load = fields.ratio("load_ratio");
  const auto bandwidth = fields.number("bandwidth_used_bps");
  const auto capacity = fields.number("capacity_bytes");
  const auto used = fields.number("used_bytes");
  const auto mode = parse_mode(fields.text("mode").value_or(""));
  if (!seq || !at_ms || !load || !bandwidth || !capacity || !used || !mode || *load < 0) {
    return std::nullopt;
  }
  return EdgeReport{.seq = *seq,
                    .at_ms = *at_ms,
                    .load_ratio = *load,
                    .bandwidth_used_bps = *bandwidth,
                    .capacity_bytes = *capacity,
                    .used_bytes = *used,
                    .mode = *mode};
}

Fields encode(const PlanSummary& plan) {
  Fields fields;
  fields.put("id", plan_id(plan.id)).put("epoch", plan.epoch);
  fields.put_time("valid_until", plan.valid_until_ms);
  fields.put("actions", plan.actions).put("prefetch_bytes", plan.prefetch_bytes);
  return fields;
}

std::optional<PlanSummary> decode_plan(const Fields& fields) {
  const auto id = fields.hex("id");
  const auto epoch = fields.number("epoch");
  const auto valid_until_ms = fields.time("valid_until");
  const auto actions = fields.number("actions");
  const auto bytes = fields.number("prefetch_bytes");
  const auto status = fields.text("status");
  const bool is_complete = status == name(PlanStatus::complete);
  if (!id || !epoch || !valid_until_ms || !actions || !bytes ||
      (!is_complete && status != name(PlanStatus::writing))) {
    return std::nullopt;
  }
  return PlanSummary{.id = *id,
                     .epoch = *epoch,
                     .valid_until_ms = *valid_until_ms,
                     .status = is_complete ? PlanStatus::complete : PlanStatus::writing,
                     .actions = *actions,
                     .prefetch_bytes = *bytes,
                     .batches = fields.number("batches").value_or(0),
                     .done = fields.number("done").value_or(0),
                     .failed = fields.number("failed").value_or(0)};
}

Fields encode(const PlanSummary& plan, std::uint64_t n, const Action& action) {
  Fields fields;
  fields.put("plan", plan_id(plan.id)).put("epoch", plan.epoch).put("n", n);
  fields.put("kind", name(action.kind)).put("content", action.content).put("key", action.key);
  fields.put("size_bytes", action.size_bytes).put_ratio("gain", action.gain);
  fields.put_time("deadline", plan.valid_until_ms);
  return fields;
}

std::optional<PlannedAction> decode_action(const StreamEntry& entry) {
  const Fields& fields = entry.fields;
  const auto plan = fields.hex("plan");
  const auto epoch = fields.number("epoch");
  const auto n = fields.number("n");
  const auto kind = parse_kind(fields.text("kind"));
  const auto content = fields.content("content");
  const auto key = fields.text("key");
  const auto size = fields.number("size_bytes");
  const auto deadline_ms = fields.time("deadline");
  if (!plan || !epoch || !n || !kind || !content || !key || !size || !deadline_ms) {
    return std::nullopt;
  }
  const bool needs_key = kind == ActionKind::prefetch;
  if (!is_key(*key) || (needs_key && key->empty())) return std::nullopt;
  return PlannedAction{.entry = entry.id,
                       .plan = *plan,
                       .epoch = *epoch,
                       .n = *n,
                       .action = {.kind = *kind,
                                  .content = *content,
                                  .key = std::string(*key),
                                  .size_bytes = *size,
                                  .gain = fields.ratio("gain").value_or(0)},
                       .deadline_ms = *deadline_ms};
}

Fields encode(const PlannedAction& action, std::string_view error, std::int64_t at_ms) {
  Fields fields;
  fields.put("plan", plan_id(action.plan)).put("n", action.n);
  fields.put("kind", name(action.action.kind)).put("content", action.action.content);
  fields.put("key", action.action.key).put_time("at", at_ms);
  fields.put("error", error.substr(0, kErrorBytesMax));
  return fields;
}

std::optional<DeadLetter> decode_dead(const StreamEntry& entry) {
  const Fields& fields = entry.fields;
  const auto plan = fields.hex("plan");
  const auto n = fields.number("n");
  const auto kind = parse_kind(fields.text("kind"));
  const auto content = fields.content("content");
  const auto key = fields.text("key");
  const auto at_ms = fields.time("at");
  const auto error = fields.text("error");
  if (!plan || !n || !kind || !content || !key || !at_ms || !error) return std::nullopt;
  return DeadLetter{.entry = entry.id,
                    .plan = *plan,
                    .n = *n,
                    .kind = *kind,
                    .content = *content,
                    .key = std::string(*key),
                    .at_ms = *at_ms,
                    .error = std::string(*error)};
}

std::optional<InventoryChange> decode_change(const StreamEntry& entry) {
  const auto seq = parse_number(std::string_view(entry.id).substr(0, entry.id.find('-')));
  const auto change = entry.fields.text("change");
  const auto content = entry.fields.content("content");
  const auto size = entry.fields.number("size_bytes");
  if (!seq || !content || !size || (change != "+" && change != "-")) return std::nullopt;
  return InventoryChange{
      .seq = *seq, .is_held = change == "+", .holding = {.content = *content, .size_bytes = *size}};
}

Fields encode(const ObjectMeta& meta) {
  Fields fields;
  fields.put("state", "complete").put("version", meta.version);
  fields.put("length", meta.length_bytes).put("key", meta.key);
  fields.put("fields", meta.fields).put("etag", meta.etag);
  fields.put("last_modified", meta.last_modified);
  fields.put_time("stored_at", meta.stored_at_ms).put_time("fresh_until", meta.fresh_until_ms);
  fields.put_time("stale_until", meta.stale_until_ms);
  fields.put_time("error_stale_until", meta.error_stale_until_ms);
  return fields;
}

std::optional<ObjectMeta> decode_meta(const Fields& fields) {
  const auto length = fields.number("length");
  const auto version = fields.number("version");
  if (fields.text("state") != "complete" || !length || !version) return std::nullopt;
  const auto text = [&](std::string_view name) {
    return std::string(fields.text(name).value_or(""));
  };
  const auto time = [&](std::string_view name) { return fields.time(name).value_or(0); };
  return ObjectMeta{.key = text("key"),
                    .length_bytes = *length,
                    .version = *version,
                    .fields = text("fields"),
                    .etag = text("etag"),
                    .last_modified = text("last_modified"),
                    .stored_at_ms = time("stored_at"),
                    .fresh_until_ms = time("fresh_until"),
                    .stale_until_ms = time("stale_until"),
                    .error_stale_until_ms = time("error_stale_until")};
}

Fields encode(const Purge& purge) {
  std::string edges;
  for (const std::string& edge : purge.edges) {
    if (!edges.empty()) edges += '\n';
    edges += edge;
  }
  Fields fields;
  fields.put("id", purge.id).put_time("at", purge.at_ms).put("kind", name(purge.kind));
  fields.put("text", purge.text).put("edges", edges);
  return fields;
}

std::optional<Purge> decode_purge(const StreamEntry& entry) {
  const Fields& fields = entry.fields;
  const auto id = fields.text("id");
  const auto at_ms = fields.time("at");
  const auto kind = fields.text("kind");
  const auto text = fields.text("text");
  const bool is_prefix = kind == name(PurgeKind::prefix);
  if (!id || !parse_hex(*id) || !at_ms || (!is_prefix && kind != name(PurgeKind::key)) || !text ||
      text->empty() || !is_key(*text)) {
    return std::nullopt;
  }
  Purge purge{.entry = entry.id,
              .id = std::string(*id),
              .at_ms = *at_ms,
              .kind = is_prefix ? PurgeKind::prefix : PurgeKind::key,
              .text = std::string(*text),
              .edges = {}};
  std::string_view edges = fields.text("edges").value_or("");
  while (!edges.empty()) {
    const std::size_t end = std::min(edges.find('\n'), edges.size());
    if (end > 0) purge.edges.emplace_back(edges.substr(0, end));
    edges.remove_prefix(std::min(end + 1, edges.size()));
  }
  return purge;
}

std::optional<PurgeStatus> decode_purge_status(const Reply& hash) {
  constexpr std::string_view kEdge = "edge:";
  const auto fields = Fields::of(hash);
  if (!fields) return std::nullopt;
  auto purge = decode_purge({.id = {}, .fields = *fields});
  if (!purge) return std::nullopt;
  PurgeStatus status{.purge = std::move(*purge), .answers = {}};
  for (std::size_t i = 0; i < hash.elements.size(); i += 2) {
    const std::string_view field = hash.elements[i].text;
    const std::string_view removed = hash.elements[i + 1].text;
    if (!field.starts_with(kEdge)) continue;
    const auto count = parse_number(removed);
    if (!count && !removed.empty()) return std::nullopt;
    status.answers.push_back({.edge = std::string(field.substr(kEdge.size())), .removed = count});
  }
  std::sort(status.answers.begin(), status.answers.end(),
            [](const PurgeAnswer& a, const PurgeAnswer& b) { return a.edge < b.edge; });
  return status;
}

Fields encode(const RankedEntry& ranked) {
  const CatalogEntry& entry = ranked.entry;
  Fields fields;
  fields.put("key", entry.key).put("size_bytes", entry.size_bytes);
  fields.put_ratio("duration_min", entry.duration_min).put("type", entry.type);
  fields.put_time("created_at", entry.created_at_ms);
  if (entry.last_viewed_at_ms) fields.put_time("last_viewed_at", *entry.last_viewed_at_ms);
  fields.put("views", entry.views).put_ratio("rating", entry.rating);
  fields.put_ratio("popularity", ranked.popularity);
  return fields;
}

std::optional<RankedEntry> decode_catalog_entry(const Fields& fields) {
  const auto key = fields.text("key");
  const auto type = fields.text("type");
  const auto size = fields.number("size_bytes");
  const auto duration = fields.ratio("duration_min");
  const auto created_at = fields.time("created_at");
  const auto views = fields.number("views");
  const auto rating = fields.ratio("rating");
  const auto popularity = fields.ratio("popularity");
  if (!key || key->empty() || !is_key(*key) || !type || !size || !duration || !created_at ||
      !views || !rating || !popularity) {
    return std::nullopt;
  }
  const auto viewed_at = fields.time("last_viewed_at");
  if (fields.text("last_viewed_at") && !viewed_at) return std::nullopt;
  return RankedEntry{.entry = {.key = std::string(*key),
                               .size_bytes = *size,
                               .duration_min = *duration,
                               .type = std::string(*type),
                               .created_at_ms = *created_at,
                               .last_viewed_at_ms = viewed_at,
                               .views = *views,
                               .rating = *rating},
                     .popularity = *popularity};
}

std::string encode_requests(std::span<const EdgeRequest> requests) {
  std::string text;
  for (const EdgeRequest& request : requests) {
    fmt::format_to(std::back_inserter(text), "{}\t{}\t{}\t{}\t{}\t{}\n", time_text(request.at_ms),
                   request.client.text(), to_hex(request.content), request.size_bytes,
                   request.is_hit ? "hit" : "miss",
                   is_key(request.key) ? std::string_view(request.key) : std::string_view());
  }
  return text;
}

std::optional<std::vector<EdgeRequest>> decode_requests(std::string_view text) {
  std::vector<EdgeRequest> requests;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == text.npos || requests.size() == kRequestsAnEntryMax) return std::nullopt;
    auto request = decode_request(text.substr(0, end));
    if (!request) return std::nullopt;
    requests.push_back(std::move(*request));
    text.remove_prefix(end + 1);
  }
  return requests;
}

}  // namespace edgeward::cache::redis
