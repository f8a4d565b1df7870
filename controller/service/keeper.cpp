#include "controller/service/keeper.hpp"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

namespace edgeward::controller {

namespace {

using Clock = std::chrono::steady_clock;

/// Well below the age at which a state is worth nothing.
constexpr std::chrono::seconds kEdgesInterval{3};
constexpr std::chrono::minutes kHitsInterval{5};

}  // namespace

Keeper::Keeper(const std::optional<std::filesystem::path>& folder, const Publisher& publisher,
               const HitLearning& learning, const Log& log)
    : publisher_(publisher), learning_(learning), log_(log) {
  if (!folder) return;
  folder_.emplace(*folder);
  thread_ = std::thread([this] { run(); });
}

Keeper::~Keeper() {
  if (!folder_) return;
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  keep_edges();
  keep_hits();
}

void Keeper::note() {
  {
    const std::lock_guard lock(mutex_);
    is_due_ = true;
  }
  wake_.notify_one();
}

void Keeper::run() {
  Clock::time_point hits_due = Clock::now() + kHitsInterval;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kEdgesInterval, [this] { return is_due_ || is_ending_; });
      if (is_ending_) return;
      is_due_ = false;
    }
    keep_edges();
    if (Clock::now() < hits_due) continue;
    keep_hits();
    hits_due = Clock::now() + kHitsInterval;
  }
}

void Keeper::keep_edges() {
  std::string text = kept_edges_text(publisher_.known());
  if (text == edges_text_) return;
  const bool is_kept =
      attempt("what is known of edges", [&] { folder_->write(KeptFolder::kEdges, text); });
  if (is_kept) edges_text_ = std::move(text);
}

void Keeper::keep_hits() {
  (void)attempt("what was learned of hits",
                [&] { folder_->write(KeptFolder::kHits, learning_.save()); });
}

bool Keeper::attempt(const char* what, const std::function<void()>& work) {
  try {
    work();
    has_failed_ = false;
    return true;
  } catch (const std::exception& error) {
    if (!has_failed_) {
      log_.write({.level = LogLevel::error,
                  .message = fmt::format("{} is not kept", what),
                  .fields = {{"error", error.what()}}});
    }
    has_failed_ = true;
    return false;
  }
}

void restore_kept(const KeptFolder& folder, Publisher& publisher, HitLearning& learning,
                  const Talk& talk) {
  if (const auto text = folder.read(KeptFolder::kEdges)) {
    std::vector<NamedEdge> edges;
    try {
      edges = parse_kept_edges(*text);
    } catch (const std::exception& error) {
      throw std::runtime_error(
          fmt::format("{}: {}", folder.file(KeptFolder::kEdges).string(), error.what()));
    }
    for (const NamedEdge& edge : edges) {
      const bool is_there = publisher.restore(edge);
      if (!edge.known.is_drained) continue;
      talk(edge.name +
           (is_there ? " is drained, as it was before" : " was drained and is no more there"));
    }
  }
  const auto hits = folder.read(KeptFolder::kHits);
  if (!hits) return;
  talk(learning.restore(*hits)
           ? "chances of a hit are those that were learned before"
           : "what was learned of hits is of other edges or damaged, and is learned anew");
}

}  // namespace edgeward::controller
