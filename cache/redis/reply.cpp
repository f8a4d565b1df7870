#include "cache/redis/reply.hpp"

#include <fmt/format.h>
#include <hiredis/read.h>

#include <new>
#include <utility>

namespace edgeward::cache::redis {

namespace {

/// What is left for the answer that is being read.
struct Budget {
  std::size_t elements = 0;
};

/// Where the value that a task reads goes: the root, or its place in the array above.
Reply* place_of(const redisReadTask* task) {
  if (task->parent == nullptr) return new (std::nothrow) Reply;
  return &static_cast<Reply*>(task->parent->obj)->elements[static_cast<std::size_t>(task->idx)];
}

void* create_text(const redisReadTask* task, char* bytes, std::size_t size) {
  Reply* const reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->text.assign(bytes, size);
  switch (task->type) {
    case REDIS_REPLY_ERROR:
      reply->kind = Reply::Kind::error;
      break;
    case REDIS_REPLY_STATUS:
      reply->kind = Reply::Kind::status;
      break;
    default:
      reply->kind = Reply::Kind::text;
  }
  return reply;
}

void* create_array(const redisReadTask* task, int count) {
  auto& budget = *static_cast<Budget*>(task->privdata);
  if (count < 0 || static_cast<std::size_t>(count) > budget.elements) return nullptr;
  budget.elements -= static_cast<std::size_t>(count);
  Reply* const reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->kind = Reply::Kind::array;
  reply->elements.resize(static_cast<std::size_t>(count));
  return reply;
}

void* create_integer(const redisReadTask* task, long long value) {
  Reply* const reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->kind = Reply::Kind::integer;
  reply->integer = value;
  return reply;
}

void* create_nil(const redisReadTask* task) {
  return place_of(task);
}

/// hiredis frees roots alone.
void free_root(void* reply) {
  delete static_cast<Reply*>(reply);
}

redisReplyObjectFunctions functions{create_text, create_array, create_integer, create_nil,
                                    free_root};

StoreFault fault_of(std::string_view text) {
  struct Word {
    std::string_view start;
    StoreFault fault;
  };
  // Redis 7.0, "Redis protocol specification": the first word is the kind of error.
  static constexpr Word kWords[] = {
      {"NOAUTH", StoreFault::refused},
      {"WRONGPASS", StoreFault::refused},
      {"NOPERM", StoreFault::refused},
      {"ERR AUTH", StoreFault::refused},
      {"ERR invalid password", StoreFault::refused},
      {"ERR max number of clients", StoreFault::busy},
      {"OOM", StoreFault::out_of_memory},
      {"LOADING", StoreFault::busy},
      {"BUSY ", StoreFault::busy},
      {"TRYAGAIN", StoreFault::busy},
      {"CLUSTERDOWN", StoreFault::busy},
      {"MASTERDOWN", StoreFault::busy},
      {"MISCONF", StoreFault::busy},
      {"READONLY", StoreFault::busy},
      {"MOVED", StoreFault::moved},
      {"ASK ", StoreFault::moved},
  };
  for (const Word& word : kWords) {
    if (text.starts_with(word.start)) return word.fault;
  }
  // What a script ran into is told behind its own words.
  if (text.find("OOM command not allowed") != text.npos) return StoreFault::out_of_memory;
  return StoreFault::protocol;
}

}  // namespace

StoreError error_of(const Reply& reply, std::string_view where) {
  // Redis repeats what it was sent; a message stays a line.
  constexpr std::size_t kShown = 200;
  return {.fault = fault_of(reply.text),
          .message = fmt::format("Redis at {} says: {}", where, reply.text.substr(0, kShown))};
}

struct ReplyReader::State {
  struct Free {
    void operator()(redisReader* own) const { redisReaderFree(own); }
  };

  ConnectionLimits limits;
  Budget budget{};
  std::size_t bytes = 0;  ///< since the last answer's end
  std::unique_ptr<redisReader, Free> reader{redisReaderCreateWithFunctions(&functions)};
};

ReplyReader::ReplyReader(const ConnectionLimits& limits)
    : state_(std::make_unique<State>(State{.limits = limits})) {
  if (state_->reader == nullptr) throw std::bad_alloc();
  state_->budget.elements = limits.reply_elements_max;
  state_->reader->privdata = &state_->budget;
}

ReplyReader::~ReplyReader() = default;
ReplyReader::ReplyReader(ReplyReader&&) noexcept = default;
ReplyReader& ReplyReader::operator=(ReplyReader&&) noexcept = default;

void ReplyReader::feed(std::string_view bytes) {
  if (state_->bytes > state_->limits.reply_bytes_max) return;  // next() says so
  state_->bytes += bytes.size();
  redisReaderFeed(state_->reader.get(), bytes.data(), bytes.size());
}

Stored<std::optional<Reply>> ReplyReader::next() {
  State& state = *state_;
  void* root = nullptr;
  if (redisReaderGetReply(state.reader.get(), &root) != REDIS_OK) {
    const bool is_too_large = state.reader->err == REDIS_ERR_OOM;
    return failed(is_too_large ? StoreFault::too_large : StoreFault::protocol,
                  is_too_large ? fmt::format("an answer of more than {} elements",
                                             state.limits.reply_elements_max)
                               : fmt::format("no answer of Redis: {}", state.reader->errstr));
  }
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(root));
  const std::size_t left = reply == nullptr ? 0 : state.reader->len - state.reader->pos;
  if (state.bytes - left > state.limits.reply_bytes_max) {
    return failed(StoreFault::too_large,
                  fmt::format("an answer of more than {} bytes", state.limits.reply_bytes_max));
  }
  if (reply == nullptr) return std::optional<Reply>();
  state.bytes = left;
  state.budget.elements = state.limits.reply_elements_max;
  return std::optional<Reply>(std::move(*reply));
}

}  // namespace edgeward::cache::redis
