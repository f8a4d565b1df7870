#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "controller/config/config_file.hpp"
#include "controller/log/log.hpp"
#include "controller/routing_setup.hpp"
#include "controller/service/hit_learning.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/supervisor.hpp"
#include "geo/rtt_observations.hpp"
#include "sim/rtt_lines.hpp"

namespace edgeward::controller {

/// How states become routes by this configuration.
[[nodiscard]] StateRules state_rules(const Config& config);

/// What is in force from now on, for the log.
[[nodiscard]] LogRecord configuration_record(std::string message, const Config& config,
                                             const Routing& routing);

/// Compiles routing anew beside the service, which goes on with what it has if that fails: when it
/// is asked to, when a database, the overrides or the measured round trips on disk have changed and
/// lie still again, and when edges or clients have reported round trips. One thread of its own, and
/// a second one while databases are read: what else is reloaded meanwhile passes them, with those
/// that are in force.
class Reloader {
 public:
  /// What has to be there from the start.
  struct Parts {
    std::function<Config()> load;  ///< reads the configuration anew; throws what is wrong with it
    Config config;                 ///< as it was read first
    RoutingCompiler compiler;      ///< what compiled that
    std::shared_ptr<const cache::Fleet> fleet;
    /// Reads what else a configuration names; what that gives takes it over. Throws what is wrong
    /// with it.
    std::function<std::function<void()>(const Config&)> read_more{};
  };

  Reloader(Parts parts, Publisher& publisher, HitLearning& learning, const Supervisor& supervisor,
           const Log& log);
  ~Reloader();

  /// Reads everything anew, after what is under way. `cause` is who asked for it, for the log, and
  /// is kept. Any thread.
  void start(const char* cause);
  /// Who else is to hear of each fleet that is taken over. Before the first reload.
  void tell_fleets(std::function<void(std::shared_ptr<const cache::Fleet>)> tell);
  /// Whether one that was asked for has come to its end since this was asked last, and none is
  /// under way.
  [[nodiscard]] bool has_ended() { return has_ended_.exchange(false); }
  /// Takes measured round trips, the body of `POST /v1/rtt`: NDJSON or CSV, as in a file. What was
  /// taken is compiled in within serve.rtt_interval. `map` locates the clients. Any thread. Throws
  /// sim::InputError for what is neither.
  [[nodiscard]] sim::RttReading measure(std::string_view body, const geo::AddressMap& map,
                                        std::int64_t now_ms);

 private:
  /// What is to be in force, and how the log is to tell it.
  struct Reload {
    const char* done = nullptr;
    const char* cause = nullptr;
    double begun_s = 0;  ///< when what led to it began, by steady_seconds()
    Config config;
    std::optional<TlsContexts> tls{};
    std::function<void()> take_more{};
  };
  /// Databases being read, on the second thread.
  struct Compilation {
    Reload reload;
    RoutingCompiler compiler;
    std::vector<FileStamp> files;  ///< as they were before it read them
    Routing routing{};
    std::exception_ptr error{};
    bool is_passed = false;      ///< something else has been put in force since it began
    bool is_superseded = false;  ///< a newer configuration has
    std::thread thread{};
  };

  void run();
  void reload(const char* cause);
  [[nodiscard]] TlsContexts read_certificates(const ServeOptions& serve) const;
  /// Compiles it here and puts it in force.
  void take(Reload reload);
  void put_in_force(Reload reload, Routing routing);
  void compile_beside(Reload reload);
  void end_compilation();
  /// Runs what may throw; tells and notes what was wrong. Whether nothing was.
  bool attempt(const char* cause, const std::function<void()>& work);
  void refuse(const std::vector<std::string>& errors, const char* cause);
  /// On disk, for a start at which the configuration cannot be used.
  void keep_config();
  void look_at_files(std::int64_t now_ms);
  [[nodiscard]] std::vector<sim::RttLine> recent(const ServeOptions& serve, std::int64_t now_ms);
  void begin_observations(const geo::AddressMap& map);

  const std::function<Config()> load_;
  const std::function<std::function<void()>(const Config&)> read_more_;
  Publisher& publisher_;
  HitLearning& learning_;
  const Supervisor& supervisor_;
  const Log& log_;

  // Of the thread alone.
  Config config_;
  RoutingCompiler compiler_;
  std::vector<FileStamp>
      compiled_;  ///< that the routing in force was made of, or that were refused
  std::vector<FileStamp> seen_;
  std::int64_t seen_since_ms_ = 0;
  std::int64_t measured_at_ms_ = 0;           ///< when round trips were compiled in last
  std::unique_ptr<Compilation> compilation_;  ///< while one is under way
  const char* waiting_ = nullptr;             ///< who asked for what has to come after that
  bool is_asked_for_ = false;                 ///< a reload, that has not ended

  std::mutex measured_mutex_;
  std::shared_ptr<const cache::Fleet> fleet_;
  geo::RttObservations observations_;   ///< judges what comes
  std::vector<sim::RttLine> measured_;  ///< what was taken, oldest first
  bool has_news_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::function<void(std::shared_ptr<const cache::Fleet>)> tell_fleet_;
  const char* asked_by_ = nullptr;  ///< until the reload begins
  bool has_compiled_ = false;       ///< compilation_ has come to its end
  bool is_ending_ = false;
  std::atomic<bool> has_ended_{false};
  std::thread thread_;
};

}  // namespace edgeward::controller
