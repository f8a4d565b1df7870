#include "controller/service/decision_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "geo/ip_prefix.hpp"
#include "policy/decision_json.hpp"
#include "policy/json.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// Decisions that wait to be written: some tens of megabytes.
constexpr std::size_t kDecisionsWaitingMax = 200'000;
/// A worker may be so many snapshots behind the newest that another one told of.
constexpr std::uint64_t kVersionsBehind = 3;
/// Workers tell at the same tick: after so long nothing more comes of a snapshot, mostly.
constexpr std::chrono::milliseconds kQuiet{200};
constexpr unsigned kV4Bits = 96 + 24;
constexpr unsigned kV6Bits = 48;

[[noreturn]] void fail(const std::filesystem::path& file) {
  throw std::runtime_error(fmt::format("{}: {}", file.string(), std::strerror(errno)));
}

json::value edge_json(cache::EdgeId edge, const cache::Fleet& fleet) {
  return edge == cache::kNoEdge ? json::value(nullptr) : json::value(fleet[edge].name);
}

}  // namespace

std::string_view name(LoggedClient client) {
  return client == LoggedClient::prefix ? "prefix" : "address";
}

/// How many are passed over is geometrically distributed.
void DecisionSampler::draw() {
  if (ratio_ >= 1) {
    left_ = 0;
  } else if (!(ratio_ > 0)) {
    left_ = ~std::uint64_t{0};
  } else {
    left_ = static_cast<std::uint64_t>(std::log1p(-random_.unit()) / std::log1p(-ratio_));
  }
}

std::string decision_line(const LoggedDecision& logged, const policy::Snapshot& snapshot,
                          LoggedClient client) {
  const auto& [request, place, decision, key] = logged;
  const policy::FleetPart& part = *snapshot.fleet;
  const geo::IpPrefix prefix =
      geo::IpPrefix::around(request.client, request.client.is_v4() ? kV4Bits : kV6Bits);
  json::object line{{"at", static_cast<double>(request.at_ms) / 1000}};
  line["client"] = client == LoggedClient::prefix ? prefix.text() : request.client.text();
  const geo::Location location = part.map()[place.cell].location();
  if (location.country != geo::Country::none) line["country"] = geo::to_text(location.country);
  line["source"] = geo::name(location.source);
  line["cell"] = place.cell;
  line["service"] = part.options().services[request.service].name;
  if (!key.empty()) line["key"] = key;
  // A DNS query names no content.
  if (request.content != cache::ContentId{}) line["content"] = cache::to_hex(request.content);
  if (request.size_bytes > 0) line["size_bytes"] = request.size_bytes;
  line["edge"] = edge_json(decision.edge, part.fleet());
  line["wanted"] = edge_json(decision.wanted, part.fleet());
  line["reason"] = policy::name(decision.reason);
  line["score"] = policy::rounded_score(decision.score, part.options().scoring);
  line["snapshot_version"] = decision.snapshot_version;
  return policy::json_line(line);
}

DecisionLog::DecisionLog(const DecisionLogOptions& options, const Log& log)
    : options_(options), log_(log) {
  if (!is_on()) return;
  if (options_.snapshot_dir) folder_.emplace(*options_.snapshot_dir, options_.snapshots_max);
  open();
  thread_ = std::thread([this] { run(); });
}

DecisionLog::~DecisionLog() {
  if (!is_on()) return;
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (file_ >= 0) ::close(file_);
}

bool DecisionLog::add(LoggedDecisions decisions) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_decisions_ + decisions.decisions.size() > kDecisionsWaitingMax) return false;
    waiting_decisions_ += decisions.decisions.size();
    waiting_.push_back(std::move(decisions));
  }
  wake_.notify_one();
  return true;
}

void DecisionLog::run() {
  while (true) {
    LoggedDecisions next;
    bool is_quiet = false;
    {
      std::unique_lock lock(mutex_);
      const auto has_more = [this] { return !waiting_.empty() || is_ending_; };
      is_quiet = !wake_.wait_for(lock, kQuiet, has_more);
      if (is_quiet && !has_unkept_) {
        wake_.wait(lock, has_more);
        is_quiet = false;
      }
      if (waiting_.empty() && is_ending_) break;
      if (!waiting_.empty()) {
        next = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_decisions_ -= next.decisions.size();
      }
    }
    if (!next.decisions.empty()) write(next);
    if (is_quiet || pending_.size() > 2 * kVersionsBehind) keep_snapshots();
  }
  keep_snapshots();
}

void DecisionLog::write(const LoggedDecisions& decisions) {
  std::string lines;
  Pending* pending = nullptr;
  if (folder_ && !decisions.decisions.empty()) {
    pending = &pending_[decisions.snapshot->version];
    pending->snapshot = decisions.snapshot;
    pending->is_kept = false;
    has_unkept_ = true;
  }
  for (const LoggedDecision& logged : decisions.decisions) {
    lines += decision_line(logged, *decisions.snapshot, options_.client);
    if (pending == nullptr) continue;
    pending->cells.push_back(logged.client.cell);
    pending->contents.push_back(logged.request.content);
  }
  attempt("decisions are not logged", has_log_failed_, [&] { append(lines); });
}

void DecisionLog::append(const std::string& lines) {
  if (written_bytes_ > 0 && written_bytes_ + lines.size() > options_.bytes_max) {
    const std::filesystem::path before = options_.file->string() + ".1";
    std::filesystem::rename(*options_.file, before);
    open();
  }
  for (std::size_t done = 0; done < lines.size();) {
    const ssize_t count = ::write(file_, lines.data() + done, lines.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      // Half a line would spoil the next one.
      (void)!::ftruncate(file_, static_cast<off_t>(written_bytes_));
      errno = error;
      fail(*options_.file);
    }
    done += static_cast<std::size_t>(count);
  }
  written_bytes_ += lines.size();
}

void DecisionLog::keep_snapshots() {
  for (auto& each : pending_) {
    Pending& pending = each.second;
    if (pending.is_kept) continue;
    pending.is_kept = true;
    attempt("a snapshot that decisions were made with is not kept", has_folder_failed_,
            [&] { folder_->write(*pending.snapshot, pending.cells, pending.contents); });
  }
  has_unkept_ = false;
  while (!pending_.empty() &&
         pending_.begin()->first + kVersionsBehind < pending_.rbegin()->first) {
    pending_.erase(pending_.begin());
  }
}

void DecisionLog::open() {
  if (file_ >= 0) ::close(file_);
  file_ = ::open(options_.file->c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (file_ < 0) fail(*options_.file);
  struct stat facts {};
  if (::fstat(file_, &facts) != 0) fail(*options_.file);
  written_bytes_ = static_cast<std::uint64_t>(facts.st_size);
}

void DecisionLog::attempt(const char* what, bool& has_failed, const std::function<void()>& work) {
  try {
    work();
    has_failed = false;
  } catch (const std::exception& error) {
    if (!std::exchange(has_failed, true)) {
      log_.write({.level = LogLevel::error, .message = what, .fields = {{"error", error.what()}}});
    }
  }
}

}  // namespace edgeward::controller
