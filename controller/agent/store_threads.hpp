#pragma once

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "cache/store/agent_store.hpp"
#include "cache/store/purge_store.hpp"
#include "controller/agent/tasks.hpp"

namespace edgeward::controller {

/// Threads that wait for a store, each with one of its own, so that the agent's thread never
/// does. What a coroutine asks for it has when it goes on; when too much waits it fails as busy.
/// What is done to one content is done in the order in which it was asked for.
template <class Store>
class ThreadsOf {
 public:
  using Make = std::function<std::unique_ptr<Store>(unsigned thread)>;

  /// Calls that wait for one thread.
  static constexpr std::size_t kWaitingMax = 256;

  ThreadsOf(boost::asio::io_context& context, const Make& make, unsigned threads);
  /// What waits is done first.
  ~ThreadsOf();

  /// `work` takes the store, on a thread of its own: it owns what it uses.
  template <class Work>
  std::invoke_result_t<Work, Store&> run(Work work, Tasks::Yield yield) {
    next_ = (next_ + 1) % threads_.size();
    return run_at(next_, std::move(work), yield);
  }
  /// The same for what changes a content.
  template <class Work>
  std::invoke_result_t<Work, Store&> run(cache::ContentId content, Work work, Tasks::Yield yield) {
    return run_at(static_cast<std::uint64_t>(content) % threads_.size(), std::move(work), yield);
  }

 private:
  using Job = std::function<void(Store&)>;

  struct Thread {
    std::unique_ptr<Store> store;
    std::mutex mutex;  ///< guards what follows, but the thread
    std::condition_variable wake;
    std::deque<Job> jobs;
    bool is_ending = false;
    std::thread thread;
  };

  template <class Work>
  std::invoke_result_t<Work, Store&> run_at(std::size_t thread, Work work, Tasks::Yield yield) {
    using Result = std::invoke_result_t<Work, Store&>;
    struct Call {
      explicit Call(boost::asio::io_context& context) : done(context) {}
      Result result;
      bool is_done = false;
      Signal done;
    };
    auto call = std::make_shared<Call>(context_);
    const bool is_taken = add(*threads_[thread], [this, call,
                                                  work = std::move(work)](Store& store) mutable {
      Result result = work(store);
      // With it goes what this thread has of the call.
      boost::asio::post(context_, [own = std::move(call), result = std::move(result)]() mutable {
        own->result = std::move(result);
        own->is_done = true;
        own->done.notify();
      });
    });
    if (!is_taken) return cache::failed(cache::StoreFault::busy, "too much waits for the store");
    while (!call->is_done) call->done.wait(yield);
    return std::move(call->result);
  }

  [[nodiscard]] static bool add(Thread& thread, Job job);
  static void work(Thread& thread);

  boost::asio::io_context& context_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::size_t next_ = 0;
};

/// Of the edge's own store.
using StoreThreads = ThreadsOf<cache::AgentStore>;
/// Of what is to be purged: apart, so that who is asked for that holds up nothing else.
using PurgeThreads = ThreadsOf<cache::EdgePurges>;

extern template class ThreadsOf<cache::AgentStore>;
extern template class ThreadsOf<cache::EdgePurges>;

}  // namespace edgeward::controller
