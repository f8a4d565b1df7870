#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "controller/log/log.hpp"
#include "controller/routing_setup.hpp"
#include "controller/service/hit_learning.hpp"
#include "controller/service/kept_state.hpp"
#include "controller/service/publisher.hpp"

namespace edgeward::controller {

/// Keeps on disk what is to outlive a restart: what edges said last and which are drained, within
/// seconds; what was learned of hits, every few minutes; both at the end. On a thread of its own:
/// nobody waits for the disk, and one that fails is said once and tried again.
class Keeper {
 public:
  /// Without a folder nothing is kept.
  Keeper(const std::optional<std::filesystem::path>& folder, const Publisher& publisher,
         const HitLearning& learning, const Log& log);
  ~Keeper();

  /// Something has changed that is to be on disk soon.
  void note();

 private:
  void run();
  void keep_edges();
  void keep_hits();
  /// Runs what may throw, and says once why it did.
  bool attempt(const char* what, const std::function<void()>& work);

  std::optional<KeptFolder> folder_;
  const Publisher& publisher_;
  const HitLearning& learning_;
  const Log& log_;
  std::string edges_text_;  ///< as it is on disk
  bool has_failed_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_due_ = false;
  bool is_ending_ = false;
  std::thread thread_;
};

/// Takes up what a Keeper left in the folder. Says what it found. Throws std::runtime_error for a
/// file that is none of its own, since to forget a drain would send clients to the edge; what was
/// learned is only worth a word if it cannot be used.
void restore_kept(const KeptFolder& folder, Publisher& publisher, HitLearning& learning,
                  const Talk& talk);

}  // namespace edgeward::controller
