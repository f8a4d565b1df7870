#include "controller/agent/fills.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

/// Chunks of one body in memory, beside the one that is being filled.
constexpr std::size_t kWindowChunks = 4;
constexpr std::size_t kReadBytesMax = 256 << 10;
/// For how long a parent may still give what was purged here, since it has not done it yet.
constexpr double kParentsPurgeS = 60;
constexpr std::size_t kRecentPurgesMax = 1024;
constexpr std::string_view kPurged = "it was purged while it was fetched";

/// When it stops being fresh, and for how long it is served after that. Whether it may be shared.
bool set_times(const OriginHead& head, const AgentOptions& options, cache::ObjectMeta& meta) {
  const std::int64_t now_ms = wall_ms();
  const Freshness freshness = freshness_of(head,
                                           {.default_ttl_ms = options.default_ttl_ms,
                                            .default_error_stale_ms = options.stale_if_error_ms},
                                           now_ms);
  meta.stored_at_ms = now_ms - freshness.age_ms;
  meta.fresh_until_ms = meta.stored_at_ms + freshness.fresh_ms;
  meta.stale_until_ms = meta.fresh_until_ms + freshness.stale_ms;
  meta.error_stale_until_ms = meta.fresh_until_ms + freshness.error_stale_ms;
  return freshness.is_shared;
}

}  // namespace

tl::expected<Piece, FetchError> read_piece(StoreThreads& store, cache::ContentId content,
                                           std::uint64_t version, std::uint64_t position_bytes,
                                           Tasks::Yield yield) {
  const std::uint64_t n = position_bytes / cache::kChunkBytes;
  auto text = store.run(
      [content, version, n](cache::AgentStore& own) { return own.chunk(content, version, n); },
      yield);
  if (!text) return tl::unexpected(FetchError{.status = 503, .detail = text.error().message});
  const std::uint64_t offset = position_bytes % cache::kChunkBytes;
  if (!*text || (*text)->size() <= offset) {
    return tl::unexpected(FetchError{.status = 404, .detail = "the store has it no more"});
  }
  auto chunk = std::make_shared<Chunk>(0);
  chunk->text = std::move(**text);
  const std::string_view bytes = std::string_view(chunk->text).substr(offset);
  return Piece{.chunk = std::move(chunk), .bytes = bytes};
}

Fills::Fills(Tasks& tasks, Holdings& holdings, HttpUrl from, const AgentOptions& options)
    : tasks_(tasks), holdings_(holdings), from_(std::move(from)), options_(options) {}

std::shared_ptr<Fill> Fills::fetch(cache::ContentId content, const std::string& key) {
  const auto found = shared_.find(content);
  if (found != shared_.end()) {
    const Fill& fill = *found->second;
    const bool has_all = fill.is_kept || fill.window_begin == 0;
    if (!fill.is_ended && !fill.error && fill.is_shared && has_all) return found->second;
  }
  Shared fill = start(content, key, {}, false);
  if (fill != nullptr) shared_[content] = fill;
  return fill;
}

std::shared_ptr<Fill> Fills::fetch_alone(cache::ContentId content, const std::string& key,
                                         const std::string& authorization) {
  return start(content, key, authorization, true);
}

Fills::Shared Fills::start(cache::ContentId content, const std::string& key,
                           const std::string& authorization, bool is_alone) {
  if (under_way_.size() >= options_.fetches_max || tasks_.is_ending()) return nullptr;
  auto fill = std::make_shared<Fill>(tasks_.context());
  fill->content = content;
  fill->key = key;
  fill->authorization = authorization;
  fill->begun_at_ms = wall_ms();
  fill->is_alone = is_alone;
  ++counts_.fetches;
  under_way_[fill] = nullptr;
  tasks_.start([this, fill](Tasks::Yield yield) {
    OriginFetch fetch(tasks_, from_, options_);
    under_way_[fill] = &fetch;
    run(*fill, fetch, yield);
    under_way_.erase(fill);
    fill->is_ended = true;
    if (fill->error) ++counts_.failed;
    const auto found = shared_.find(fill->content);
    if (found != shared_.end() && found->second == fill) shared_.erase(found);
    fill->changed.notify();
  });
  return fill;
}

void Fills::wait_for_head(Fill& fill, Tasks::Yield yield) {
  while (!fill.head && !fill.is_ended) fill.changed.wait(yield);
}

void Fills::wait_for_end(Fill& fill, Tasks::Yield yield) {
  while (!fill.is_ended) fill.changed.wait(yield);
}

void Fills::end() {
  for (const auto& [fill, fetch] : under_way_) {
    if (fetch != nullptr) fetch->stop();
    fill->changed.notify();
  }
}

std::vector<std::shared_ptr<Fill>> Fills::discard(const cache::Purge& purge) {
  const double now_s = steady_seconds();
  if (!purge.id.empty()) recent_.push_back({.purge = purge, .came_at_s = now_s});
  while (!recent_.empty() && (recent_.size() > kRecentPurgesMax ||
                              now_s - recent_.front().came_at_s > kParentsPurgeS)) {
    recent_.pop_front();
  }
  std::vector<Shared> stored;
  for (const auto& [fill, fetch] : under_way_) {
    if (fill->is_alone || fill->is_purged || !is_named(purge, fill->key) ||
        !is_before(purge, fill->begun_at_ms)) {
      continue;
    }
    fill->is_purged = true;
    const auto found = shared_.find(fill->content);
    if (found != shared_.end() && found->second == fill) shared_.erase(found);
    if (!std::exchange(fill->is_kept, false)) continue;
    fill->not_kept = kPurged;
    fill->may_be_kept_later = true;
    ++counts_.not_kept;
    ++clearing_[fill->content];
    stored.push_back(fill);
    fill->changed.notify();
  }
  return stored;
}

cache::Stored<cache::Done> Fills::clear(Fill& fill, Tasks::Yield yield) {
  const std::uint64_t chunks = fill.window_begin + fill.window.size() + 1;
  const auto removed = holdings_.store().run(
      fill.content,
      [content = fill.content, chunks](cache::AgentStore& store) {
        return store.remove_object(content, chunks);
      },
      yield);
  if (!removed) return removed;
  holdings_.release(std::exchange(fill.reserved_bytes, 0));
  if (const auto left = clearing_.find(fill.content); --left->second == 0) clearing_.erase(left);
  return removed;
}

/// Whether it left its origin before a purge that came lately: a parent gave it.
bool Fills::is_from_before_purge(const Fill& fill) {
  const double now_s = steady_seconds();
  return std::any_of(recent_.begin(), recent_.end(), [&](const RecentPurge& recent) {
    return now_s - recent.came_at_s <= kParentsPurgeS && is_named(recent.purge, fill.key) &&
           fill.meta.stored_at_ms < recent.purge.at_ms;
  });
}

OriginRequest Fills::request_of(const Fill& fill) {
  OriginRequest request{.key = fill.key, .authorization = fill.authorization};
  const cache::LruInventory::Entry* const held = holdings_.index().find(fill.content);
  if (held != nullptr && !fill.is_alone) {
    request.if_none_match = held->meta.etag;
    request.if_modified_since = held->meta.last_modified;
  }
  return request;
}

void Fills::run(Fill& fill, OriginFetch& fetch, Tasks::Yield yield) {
  const OriginRequest request = request_of(fill);
  auto head = fetch.open(request, yield);
  if (!head) {
    fill.error = std::move(head.error());
    return;
  }
  const bool is_conditional = !request.if_none_match.empty() || !request.if_modified_since.empty();
  if (head->status == 304 && is_conditional) return freshen(fill, *head, yield);
  prepare(fill, *head, yield);
  fill.head = std::move(*head);
  fill.changed.notify();
  take_body(fill, fetch, yield);
}

/// What is held is what the origin has: it is fresh again, as its header and the new one say.
void Fills::freshen(Fill& fill, const OriginHead& news, Tasks::Yield yield) {
  fill.is_not_modified = true;
  if (fill.is_purged) return;  // of what was held then
  cache::LruInventory::Entry* const held = holdings_.index().find(fill.content);
  if (held == nullptr) return;  // it went meanwhile
  cache::ObjectMeta& meta = held->meta;
  meta.fields = freshened(meta.fields, news.fields);
  OriginHead merged = news;
  merged.cache_control = field_of(meta.fields, "Cache-Control");
  merged.expires = field_of(meta.fields, "Expires");
  set_times(merged, options_, meta);
  const auto updated = holdings_.store().run(
      fill.content,
      [content = fill.content, meta](cache::AgentStore& store) {
        return store.update_object(content, meta);
      },
      yield);
  // Where the store has it no more, it is not held; an error leaves it to the next time.
  if (updated && !*updated) (void)holdings_.remove(fill.content, yield);
}

/// Decides whether the answer is kept, and if so makes room for it.
void Fills::prepare(Fill& fill, const OriginHead& head, Tasks::Yield yield) {
  cache::ObjectMeta& meta = fill.meta;
  const bool may_be_shared = set_times(head, options_, meta);
  fill.is_shared = may_be_shared && !fill.is_alone;
  const auto passed_on = [&](std::string why, bool may_pass) {
    fill.not_kept = std::move(why);
    fill.may_be_kept_later = may_pass;
  };
  if (fill.is_alone) return passed_on("it is of one client", true);
  if (fill.is_purged || is_from_before_purge(fill)) return passed_on(std::string(kPurged), true);
  if (head.status != 200) {
    const bool is_gone = head.status >= 300 && head.status < 500 && head.status != 408 &&
                         head.status != 425 && head.status != 429;
    return passed_on(fmt::format("{}: status {}", from_.authority(), head.status), !is_gone);
  }
  if (!may_be_shared) return passed_on("its origin lets nobody keep it", false);
  const std::uint64_t length = head.length_bytes.value_or(0);
  const std::uint64_t most = std::min(options_.object_bytes_max, holdings_.capacity_bytes());
  if (length > most) {
    ++counts_.not_kept;
    return passed_on(
        fmt::format("it has {} bytes, and the edge holds at most {} of one", length, most), false);
  }
  meta.key = fill.key;
  meta.fields = head.fields;
  meta.etag = head.etag;
  meta.last_modified = head.last_modified;
  meta.version = last_version_ =
      std::max(last_version_ + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(wall_ms(), 0)));
  fill.is_kept = true;
  if (auto begun = begin(fill, length, yield); !begun) keep_no_more(fill, begun.error(), yield);
}

/// Makes room, and says in the store what is to come.
cache::Stored<cache::Done> Fills::begin(Fill& fill, std::uint64_t length_bytes,
                                        Tasks::Yield yield) {
  // A plan that asks for what is replaced asks for what replaces it.
  if (const auto* const held = holdings_.index().find(fill.content)) {
    fill.protected_until_ms = std::max(fill.protected_until_ms, held->protected_until_ms);
  }
  if (auto removed = holdings_.remove(fill.content, yield); !removed) return removed;
  if (auto reserved = reserve(fill, length_bytes, yield); !reserved) return reserved;
  return store_with_room(
      fill,
      [content = fill.content, version = fill.meta.version](cache::AgentStore& store) {
        return store.begin_object(content, version);
      },
      yield);
}

cache::Stored<cache::Done> Fills::reserve(Fill& fill, std::uint64_t bytes, Tasks::Yield yield) {
  auto reserved = holdings_.reserve(bytes, yield);
  if (!reserved) return reserved;
  if (!fill.is_kept) {
    holdings_.release(bytes);
    return cache::failed(cache::StoreFault::busy, std::string(kPurged));
  }
  fill.reserved_bytes += bytes;
  return reserved;
}

/// A store that is full takes it once something else has gone.
template <class Work>
cache::Stored<cache::Done> Fills::store_with_room(Fill& fill, Work work, Tasks::Yield yield) {
  constexpr int kEvictionsMax = 8;
  for (int i = 0;; ++i) {
    if (!fill.is_kept || clearing_.contains(fill.content)) {
      return cache::failed(cache::StoreFault::busy, std::string(kPurged));
    }
    auto done = holdings_.store().run(fill.content, work, yield);
    if (done || done.error().fault != cache::StoreFault::out_of_memory) return done;
    if (i == kEvictionsMax || !holdings_.evict_one(yield)) return done;
  }
}

void Fills::take_body(Fill& fill, OriginFetch& fetch, Tasks::Yield yield) {
  while (true) {
    if (fill.window.empty() || fill.window.back()->size == fill.window.back()->room) {
      add_chunk(fill, yield);
      if (fill.error) break;
    }
    Chunk& chunk = *fill.window.back();
    const std::size_t room = std::min(chunk.room - chunk.size, kReadBytesMax);
    const auto count = fetch.read({chunk.data.get() + chunk.size, room}, yield);
    if (!count) fill.error = count.error();
    if (!count || *count == 0) break;
    chunk.size += *count;
    fill.have_bytes += *count;
    counts_.bytes += *count;
    fill.changed.notify();
    if (chunk.size == chunk.room) end_chunk(fill, yield);
  }
  if (!fill.is_kept) return;
  if (fill.error) return keep_no_more(fill, fill.error->detail, true, yield);
  const Chunk& last = *fill.window.back();
  if (last.size > 0 && last.size < last.room) end_chunk(fill, yield);
  if (fill.is_kept) complete(fill, yield);
}

/// Makes room in the window, for which a body that is not kept waits for its readers.
void Fills::add_chunk(Fill& fill, Tasks::Yield yield) {
  while (fill.window.size() >= kWindowChunks) {
    const auto slowest = std::min_element(fill.readers.begin(), fill.readers.end());
    const bool is_passed =
        slowest != fill.readers.end() && *slowest / cache::kChunkBytes > fill.window_begin;
    if (fill.is_kept || is_passed) {
      fill.window.pop_front();
      ++fill.window_begin;
    } else if (fill.readers.empty() || tasks_.is_ending()) {
      fill.error = FetchError{.detail = "nobody waits for it any more"};
      return;
    } else {
      fill.changed.wait(yield);
    }
  }
  std::uint64_t bytes = cache::kChunkBytes;
  if (fill.head->length_bytes) {
    // A byte at least: the end is known once it was read.
    const std::uint64_t left =
        *fill.head->length_bytes - std::min(*fill.head->length_bytes, fill.have_bytes);
    bytes = std::clamp<std::uint64_t>(left, 1, cache::kChunkBytes);
  } else if (fill.is_kept) {
    if (fill.have_bytes + bytes > options_.object_bytes_max) {
      keep_no_more(fill, "it is larger than an edge may hold of one", false, yield);
    } else if (auto reserved = reserve(fill, bytes, yield); !reserved) {
      keep_no_more(fill, reserved.error(), yield);
    }
  }
  fill.window.push_back(std::make_shared<Chunk>(bytes));
}

void Fills::end_chunk(Fill& fill, Tasks::Yield yield) {
  if (!fill.is_kept) return;
  const std::uint64_t n = fill.window_begin + fill.window.size() - 1;
  const auto stored = store_with_room(
      fill,
      [content = fill.content, n, chunk = fill.window.back()](cache::AgentStore& store) {
        return store.put_chunk(content, n, {chunk->data.get(), chunk->size});
      },
      yield);
  if (!stored) keep_no_more(fill, stored.error(), yield);
}

void Fills::complete(Fill& fill, Tasks::Yield yield) {
  fill.meta.length_bytes = fill.have_bytes;
  const auto stored = store_with_room(
      fill,
      [content = fill.content, meta = fill.meta](cache::AgentStore& store) {
        return store.complete_object(content, meta);
      },
      yield);
  if (!stored) return keep_no_more(fill, stored.error(), yield);
  if (!fill.is_kept) return;  // it is removed again
  holdings_.release(fill.reserved_bytes - fill.have_bytes);
  fill.reserved_bytes = 0;
  holdings_.add(fill.content, fill.meta, fill.protected_until_ms);
  fill.is_stored = true;
}

void Fills::keep_no_more(Fill& fill, const cache::StoreError& error, Tasks::Yield yield) {
  if (!fill.is_kept) return;
  const bool is_full = error.fault == cache::StoreFault::out_of_memory;
  fill.is_store_away = is_passing(error.fault) && !is_full;
  keep_no_more(fill, error.message, true, yield);
}

/// It goes on to those who wait, but into the store no more.
void Fills::keep_no_more(Fill& fill, std::string why, bool may_pass, Tasks::Yield yield) {
  if (!fill.is_kept) return;  // it was purged meanwhile, which does the same
  fill.is_kept = false;
  fill.not_kept = std::move(why);
  fill.may_be_kept_later = may_pass;
  ++counts_.not_kept;
  const std::uint64_t chunks = fill.window_begin + fill.window.size() + 1;
  // What a store that is away keeps of it goes at the next start.
  (void)holdings_.store().run(
      fill.content,
      [content = fill.content, chunks](cache::AgentStore& store) {
        return store.remove_object(content, chunks);
      },
      yield);
  holdings_.release(fill.reserved_bytes);
  fill.reserved_bytes = 0;
}

Fills::Reader::Reader(Fills& fills, std::shared_ptr<Fill> fill, std::uint64_t position_bytes)
    : fills_(fills),
      fill_(std::move(fill)),
      position_(fill_->readers.insert(fill_->readers.end(), position_bytes)) {}

Fills::Reader::~Reader() {
  fill_->readers.erase(position_);
  fill_->changed.notify();
}

tl::expected<Piece, FetchError> Fills::Reader::next(Tasks::Yield yield) {
  Fill& fill = *fill_;
  while (*position_ >= fill.have_bytes) {
    if (fill.error) return tl::unexpected(*fill.error);
    if (fill.is_ended) return Piece{};
    fill.changed.wait(yield);
  }
  const std::uint64_t n = *position_ / cache::kChunkBytes;
  const std::uint64_t offset = *position_ % cache::kChunkBytes;
  Piece piece;
  if (n >= fill.window_begin) {
    const auto& chunk = fill.window[n - fill.window_begin];
    piece = {.chunk = chunk, .bytes = {chunk->data.get() + offset, chunk->size - offset}};
  } else {
    auto stored =
        read_piece(fills_.holdings_.store(), fill.content, fill.meta.version, *position_, yield);
    if (!stored) return stored;
    piece = std::move(*stored);
  }
  *position_ += piece.bytes.size();
  fill.changed.notify();
  return piece;
}

}  // namespace edgeward::controller
