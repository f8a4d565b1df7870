#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cache/random.hpp"
#include "controller/log/log.hpp"
#include "controller/service/decision_log_options.hpp"
#include "controller/snapshot_folder.hpp"
#include "policy/decision.hpp"
#include "policy/router.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::controller {

/// A decision that is to be logged.
struct LoggedDecision {
  policy::Request request;
  policy::Client client;
  policy::Decision decision;
  std::string key;  ///< of the content; empty: not known
};

/// Decisions of one worker that were made with one snapshot.
struct LoggedDecisions {
  std::shared_ptr<const policy::Snapshot> snapshot;
  std::vector<LoggedDecision> decisions;
};

/// Chooses which decisions are logged: each with the same chance, whatever came before, so that no
/// rhythm of the traffic hides from it.
class DecisionSampler {
 public:
  /// `ratio` 0: none.
  DecisionSampler(double ratio, std::uint64_t seed) : ratio_(ratio), random_(seed) { draw(); }

  /// Whether the next one is.
  [[nodiscard]] bool takes() {
    if (left_ > 0) {
      --left_;
      return false;
    }
    draw();
    return true;
  }

 private:
  void draw();

  double ratio_;
  cache::Random random_;
  std::uint64_t left_ = 0;  ///< that are passed over until then
};

/// A decision as a line of the log; `snapshot` is the one it was made with.
[[nodiscard]] std::string decision_line(const LoggedDecision& logged,
                                        const policy::Snapshot& snapshot, LoggedClient client);

/// Writes logged decisions, and what they were made with, on a thread of its own: nobody waits for
/// the disk, and one that fails is said once and tried again with what comes next.
class DecisionLog {
 public:
  /// Opens the file to go on with it; without one nothing is logged. Throws std::runtime_error that
  /// names what cannot be opened.
  DecisionLog(const DecisionLogOptions& options, const Log& log);
  /// Writes what there is.
  ~DecisionLog();
  DecisionLog(const DecisionLog&) = delete;
  DecisionLog& operator=(const DecisionLog&) = delete;

  [[nodiscard]] bool is_on() const { return options_.file.has_value(); }
  /// Of the snapshots that are kept from before; 0: none. A service's first one is to be later.
  [[nodiscard]] std::uint64_t last_version() const { return folder_ ? folder_->last_version() : 0; }
  /// Takes decisions; false, and it does not, if as many wait already as may. Thread-safe.
  [[nodiscard]] bool add(LoggedDecisions decisions);

 private:
  /// What of a snapshot is to be kept: of the latest ones, of which a worker may still tell more.
  struct Pending {
    std::shared_ptr<const policy::Snapshot> snapshot;
    bool is_kept = false;
    std::vector<geo::CellIndex> cells;
    std::vector<cache::ContentId> contents;
  };

  void run();
  void write(const LoggedDecisions& decisions);
  void append(const std::string& lines);
  void keep_snapshots();
  void open();
  /// Runs what may throw, and says why it did if it had not the last time.
  void attempt(const char* what, bool& has_failed, const std::function<void()>& work);

  DecisionLogOptions options_;
  const Log& log_;
  int file_ = -1;
  std::uint64_t written_bytes_ = 0;  ///< to the present file
  std::optional<SnapshotFolder> folder_;
  std::map<std::uint64_t, Pending> pending_;  ///< by version
  bool has_unkept_ = false;
  bool has_log_failed_ = false;
  bool has_folder_failed_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<LoggedDecisions> waiting_;
  std::size_t waiting_decisions_ = 0;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace edgeward::controller
