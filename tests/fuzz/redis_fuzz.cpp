// What Redis may answer: bytes of RESP through the reader to the decoders of what edges and
// controllers tell each other. The first byte says how the rest arrives.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache/redis/entries.hpp"
#include "cache/redis/reply.hpp"
#include "cache/redis/slots.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward::cache;
using namespace edgeward::cache::redis;
using edgeward::fuzz::require;

constexpr ConnectionLimits kLimits{.reply_bytes_max = 2048, .reply_elements_max = 256};

std::size_t elements_of(const Reply& reply) {
  std::size_t count = reply.elements.size();
  for (const Reply& element : reply.elements) count += elements_of(element);
  return count;
}

/// All answers, and after them one of the kind error where reading ended with one.
std::vector<Reply> replies_of(std::string_view bytes, std::size_t at_a_time) {
  ReplyReader reader(kLimits);
  std::vector<Reply> replies;
  while (true) {
    auto reply = reader.next();
    if (!reply) {
      replies.push_back({.kind = Reply::Kind::error, .text = "the end", .integer = -1});
      return replies;
    }
    if (*reply) {
      require(elements_of(**reply) <= kLimits.reply_elements_max, "elements are in bounds");
      replies.push_back(std::move(**reply));
      continue;
    }
    if (bytes.empty()) return replies;
    const std::size_t count = std::min(at_a_time, bytes.size());
    reader.feed(bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
}

void check_requests(std::string_view text) {
  const auto requests = decode_requests(text);
  if (!requests) return;
  require(requests->size() <= kRequestsAnEntryMax, "an entry tells of no more than it may");
  require(decode_requests(encode_requests(*requests)) == requests, "requests are read back");
}

void check_entry(const StreamEntry& entry) {
  if (const auto action = decode_action(entry)) {
    require(action->action.key.size() <= kKeyBytesMax, "a key is in bounds");
    const PlanSummary plan{
        .id = action->plan, .epoch = action->epoch, .valid_until_ms = action->deadline_ms};
    auto again = decode_action({entry.id, encode(plan, action->n, action->action)});
    require(again == action, "an action is read back");
  }
  if (const auto change = decode_change(entry)) (void)digest_of(change->holding);
  (void)decode_dead(entry);
  if (const auto purge = decode_purge(entry)) {
    require(purge->text.size() <= kKeyBytesMax, "a purge is in bounds");
    require(decode_purge({entry.id, encode(*purge)}) == purge, "a purge is read back");
  }
  check_requests(entry.fields.text("events").value_or(""));
}

void check_fields(const Fields& fields) {
  if (const auto report = decode_report(fields)) {
    require(decode_report(encode(*report)) == report, "a report is read back");
  }
  if (const auto entry = decode_catalog_entry(fields)) {
    require(decode_catalog_entry(encode(*entry)) == entry, "a catalogue entry is read back");
  }
  if (const auto meta = decode_meta(fields)) {
    require(decode_meta(encode(*meta)) == meta, "a meta is read back");
  }
  (void)decode_plan(fields);
}

void check(const Reply& reply) {
  if (const auto fields = Fields::of(reply)) check_fields(*fields);
  if (const auto entries = stream_entries(reply)) {
    for (const StreamEntry& entry : *entries) check_entry(entry);
  }
  if (const auto entries = read_entries(reply)) {
    for (const StreamEntry& entry : *entries) check_entry(entry);
  }
  (void)decode_purge_status(reply);
  if (reply.is_error()) (void)error_of(reply, "here");
  if (const auto redirection = parse_redirection(reply.text, {})) {
    require(redirection->slot < kSlots && redirection->address.port > 0, "it leads somewhere");
  }
  for (const Reply& element : reply.elements) check(element);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_requests(bytes);
  const std::vector<Reply> replies = replies_of(bytes, 1);
  require(replies == replies_of(bytes, 1 + data[0]), "how bytes arrive changes nothing");
  for (const Reply& reply : replies) check(reply);
  return 0;
}
