#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "controller/agent/agent_options.hpp"
#include "controller/agent/holdings.hpp"
#include "controller/agent/origin_fetch.hpp"
#include "controller/agent/tasks.hpp"

namespace edgeward::controller {

/// Bytes of one chunk as they come. Those that are there do not move.
struct Chunk {
  explicit Chunk(std::size_t bytes) : data(new char[bytes]), room(bytes) {}

  std::unique_ptr<char[]> data;
  std::size_t room;
  std::size_t size = 0;
  std::string text;  ///< instead, where it comes from the store
};

/// A part of a body, kept alive by its chunk.
struct Piece {
  std::shared_ptr<const Chunk> chunk;
  std::string_view bytes;  ///< none: the end
};

/// What the store has of an object from a position on, to the end of that chunk. Fails with 404
/// where it has it no more, else with 503.
[[nodiscard]] tl::expected<Piece, FetchError> read_piece(StoreThreads& store,
                                                         cache::ContentId content,
                                                         std::uint64_t version,
                                                         std::uint64_t position_bytes,
                                                         Tasks::Yield yield);

/// One fetch, and what those who wait for it look at.
struct Fill {
  explicit Fill(boost::asio::io_context& context) : changed(context) {}

  cache::ContentId content{};
  std::string key;
  std::string authorization;
  std::int64_t begun_at_ms = 0;
  bool is_alone = false;  ///< for who started it: neither kept nor given to others

  std::optional<OriginHead> head;  ///< once it is there
  std::optional<FetchError> error;
  bool is_ended = false;
  bool is_not_modified = false;   ///< what is held is fresh again
  bool is_shared = true;          ///< others than who started it may have it
  bool is_taken = false;          ///< somebody has it that is not shared
  bool is_purged = false;         ///< it began before a purge that is of it
  bool is_kept = false;           ///< it goes into the store, and who is behind reads it there
  bool is_stored = false;         ///< it is there whole
  std::string not_kept;           ///< why it does not go there
  bool may_be_kept_later = true;  ///< what keeps it from there may pass
  bool is_store_away = false;     ///< it is that the store does not answer
  std::uint64_t reserved_bytes = 0;
  std::int64_t protected_until_ms = 0;  ///< a plan asks for it until then
  cache::ObjectMeta meta;               ///< of what is kept

  std::deque<std::shared_ptr<Chunk>> window;
  std::uint64_t window_begin = 0;  ///< number of its first chunk
  std::uint64_t have_bytes = 0;
  std::list<std::uint64_t> readers;  ///< where each is, in bytes
  Signal changed;
};

struct FillCounts {
  std::uint64_t fetches = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes = 0;
  std::uint64_t not_kept = 0;  ///< for want of room, or since the store failed
};

/// Fetches: one a content at a time, however many ask for it. What may be kept goes to the store
/// chunk by chunk while it is passed on to whoever waits; a client that is slow holds nobody up
/// then, since it reads from the store what has left the window.
class Fills {
 public:
  Fills(Tasks& tasks, Holdings& holdings, HttpUrl from, const AgentOptions& options);

  /// The fetch that is under way, or a new one; nothing where there are too many. What is held and
  /// stale is asked for on condition that it has changed.
  [[nodiscard]] std::shared_ptr<Fill> fetch(cache::ContentId content, const std::string& key);
  /// One of the caller's own. With `authorization` the answer is nobody else's.
  [[nodiscard]] std::shared_ptr<Fill> fetch_alone(cache::ContentId content, const std::string& key,
                                                  const std::string& authorization);
  /// Until there is a head, an error or an end.
  void wait_for_head(Fill& fill, Tasks::Yield yield);
  void wait_for_end(Fill& fill, Tasks::Yield yield);

  /// Where a client is in a body that it reads; the fetch may end when nobody is there any more.
  class Reader {
   public:
    Reader(Fills& fills, std::shared_ptr<Fill> fill, std::uint64_t position_bytes);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// What comes next, at least a byte of it; nothing at the end.
    [[nodiscard]] tl::expected<Piece, FetchError> next(Tasks::Yield yield);

   private:
    Fills& fills_;
    std::shared_ptr<Fill> fill_;
    std::list<std::uint64_t>::iterator position_;
  };

  /// From here on nobody else gets what is being fetched and a purge is of, nor is it kept. Gives
  /// those of which the store has a part, which is to be removed.
  [[nodiscard]] std::vector<std::shared_ptr<Fill>> discard(const cache::Purge& purge);
  /// Removes it; until that is done nothing of its content is kept.
  [[nodiscard]] cache::Stored<cache::Done> clear(Fill& fill, Tasks::Yield yield);

  [[nodiscard]] const FillCounts& counts() const { return counts_; }
  /// Stops all of them.
  void end();

 private:
  using Shared = std::shared_ptr<Fill>;
  struct RecentPurge {
    cache::Purge purge;
    double came_at_s = 0;
  };

  [[nodiscard]] Shared start(cache::ContentId content, const std::string& key,
                             const std::string& authorization, bool is_alone);
  void run(Fill& fill, OriginFetch& fetch, Tasks::Yield yield);
  [[nodiscard]] OriginRequest request_of(const Fill& fill);
  void freshen(Fill& fill, const OriginHead& news, Tasks::Yield yield);
  void prepare(Fill& fill, const OriginHead& head, Tasks::Yield yield);
  [[nodiscard]] cache::Stored<cache::Done> begin(Fill& fill, std::uint64_t length_bytes,
                                                 Tasks::Yield yield);
  void take_body(Fill& fill, OriginFetch& fetch, Tasks::Yield yield);
  void add_chunk(Fill& fill, Tasks::Yield yield);
  void end_chunk(Fill& fill, Tasks::Yield yield);
  [[nodiscard]] cache::Stored<cache::Done> reserve(Fill& fill, std::uint64_t bytes,
                                                   Tasks::Yield yield);
  template <class Work>
  [[nodiscard]] cache::Stored<cache::Done> store_with_room(Fill& fill, Work work,
                                                           Tasks::Yield yield);
  [[nodiscard]] bool is_from_before_purge(const Fill& fill);
  void keep_no_more(Fill& fill, std::string why, bool may_pass, Tasks::Yield yield);
  void keep_no_more(Fill& fill, const cache::StoreError& error, Tasks::Yield yield);
  void complete(Fill& fill, Tasks::Yield yield);

  Tasks& tasks_;
  Holdings& holdings_;
  HttpUrl from_;
  AgentOptions options_;
  std::map<cache::ContentId, Shared> shared_;
  std::map<Shared, OriginFetch*> under_way_;
  std::map<cache::ContentId, unsigned> clearing_;  ///< what was purged of them is being removed
  std::deque<RecentPurge> recent_;                 ///< oldest first
  std::uint64_t last_version_ = 0;
  FillCounts counts_;
};

}  // namespace edgeward::controller
