#include "controller/agent/store_threads.hpp"

namespace edgeward::controller {

template <class Store>
ThreadsOf<Store>::ThreadsOf(boost::asio::io_context& context, const Make& make, unsigned threads)
    : context_(context) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.push_back(std::make_unique<Thread>());
    threads_.back()->store = make(i);
  }
  for (const auto& thread : threads_) {
    thread->thread = std::thread([&own = *thread] { work(own); });
  }
}

template <class Store>
ThreadsOf<Store>::~ThreadsOf() {
  for (const auto& thread : threads_) {
    const std::lock_guard lock(thread->mutex);
    thread->is_ending = true;
    thread->wake.notify_one();
  }
  for (const auto& thread : threads_) thread->thread.join();
}

template <class Store>
bool ThreadsOf<Store>::add(Thread& thread, Job job) {
  {
    const std::lock_guard lock(thread.mutex);
    if (thread.jobs.size() >= kWaitingMax) return false;
    thread.jobs.push_back(std::move(job));
  }
  thread.wake.notify_one();
  return true;
}

template <class Store>
void ThreadsOf<Store>::work(Thread& thread) {
  while (true) {
    Job job;
    {
      std::unique_lock lock(thread.mutex);
      thread.wake.wait(lock, [&thread] { return thread.is_ending || !thread.jobs.empty(); });
      if (thread.jobs.empty()) return;
      job = std::move(thread.jobs.front());
      thread.jobs.pop_front();
    }
    job(*thread.store);
  }
}

template class ThreadsOf<cache::AgentStore>;
template class ThreadsOf<cache::EdgePurges>;

}  // namespace edgeward::controller
