#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <vector>

#include "cache/admission/registry.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

/// Objects that the model takes for equal: within half an octave of request rate and of size.
struct ObjectClass {
  double objects = 0;
  double requests = 0;    ///< decayed, of all the class's objects
  double size_bytes = 0;  ///< of all the class's objects
};

/// A cache of `capacity` bytes under admission with probability e^(-size / c) and least recent use,
/// as a Markov chain an object (AdaptSize §4.2, with Che's characteristic time): an object with p
/// the chance of admission and r requests a unit of time is in the cache with probability
/// x / (1 + x), x = p (e^(r T) - 1), where T is such that the expected bytes fill the capacity, but
/// no longer than c is meant to last: a cache that would take longer to fill will not.
class CacheModel {
 public:
  struct Limits {
    double span = 0;       ///< requests that the classes stand for
    double time_most = 0;  ///< of T, in requests
    double capacity_bytes = 0;
  };

  CacheModel(std::vector<ObjectClass> classes, const Limits& limits)
      : classes_(std::move(classes)), admitted_(classes_.size()), limits_(limits) {}

  /// Expected hits among the requests that the classes stand for.
  [[nodiscard]] double hits(double c) {
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      admitted_[i] = std::exp(-classes_[i].size_bytes / classes_[i].objects / c);
    }
    double low = 0;
    double high = std::log2(limits_.time_most);
    for (int i = 0; i < kBisections; ++i) {
      const double middle = (low + high) / 2;
      (expected(std::exp2(middle)).bytes > limits_.capacity_bytes ? high : low) = middle;
    }
    return expected(std::exp2(low)).hits;
  }

 private:
  static constexpr int kBisections = 12;
  static constexpr double kMostExponent = 600;  ///< e^x overflows at 709

  struct Expected {
    double bytes = 0;
    double hits = 0;
  };

  [[nodiscard]] Expected expected(double time) const {
    Expected sum;
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      const ObjectClass& each = classes_[i];
      const double rate = each.requests / each.objects / limits_.span;
      const double x = admitted_[i] * std::expm1(std::min(rate * time, kMostExponent));
      const double cached = x / (1 + x);
      sum.bytes += cached * each.size_bytes;
      sum.hits += cached * each.requests;
    }
    return sum;
  }

  std::vector<ObjectClass> classes_;
  std::vector<double> admitted_;  ///< p of each class
  Limits limits_;
};

/// AdaptSize (Berger, Sitaraman, Harchol-Balter, "AdaptSize: orchestrating the hot object memory
/// cache in a content delivery network", NSDI 2017): admits with probability e^(-size / c) and,
/// after each `window` requests, sets c to where a Markov model of the cache, fed with the request
/// rates of that window and (halved) of those before it, expects most hits. One draw a decision.
///
/// The model is evaluated over classes of objects of like size and rate instead of each object, so
/// that tuning takes a millisecond or so, and over c = 2^k, then about the best in quarter octaves.
/// Until the first window ends c is the capacity. The first windows are shorter, doubling from
/// 16384 requests.
class AdaptSize final : public AdmissionPolicy {
 public:
  AdaptSize(const CacheSpec& spec, std::uint64_t window)
      : sizes_bytes_(spec.sizes_bytes),
        capacity_bytes_(spec.capacity_bytes),
        random_(spec.seed),
        window_most_(window),
        window_(std::min(window, kFirstWindow)),
        c_(std::max(static_cast<double>(spec.capacity_bytes), 1.0)),
        rates_(spec.sizes_bytes.size()) {
    active_.reserve(spec.sizes_bytes.size());
  }

  void observe(ObjectIndex object, bool) override {
    if (rates_[object] == 0) active_.push_back(object);
    ++rates_[object];
    if (++observed_ == window_) tune();
  }

  [[nodiscard]] bool admits(ObjectIndex object, EvictionPolicy&) override {
    return random_.unit() < std::exp(-static_cast<double>(sizes_bytes_[object]) / c_);
  }

 private:
  static constexpr std::uint64_t kFirstWindow = 16384;
  static constexpr double kDecay = 0.5;       ///< of a rate, a window
  static constexpr double kForgotten = 0.1;   ///< a rate below it is 0
  static constexpr std::size_t kSteps = 130;  ///< half octaves of 64-bit numbers

  /// Half octaves: 0 for 0 and 1, 2 for 2, 3 for 3, 4 for 4 and 5, 5 for 6 and 7, 6 for 8 .. 11.
  static std::size_t step(std::uint64_t number) {
    if (number < 2) return 0;
    const auto octave = static_cast<unsigned>(std::bit_width(number)) - 1;
    return 2 * octave + (number >> (octave - 1) & 1);
  }

  void tune();
  [[nodiscard]] std::vector<ObjectClass> classes() const;

  std::span<const std::uint64_t> sizes_bytes_;
  std::uint64_t capacity_bytes_;
  Random random_;
  std::uint64_t window_most_;
  std::uint64_t window_;
  double c_;                         ///< bytes
  std::vector<double> rates_;        ///< requests in this window, and decayed those of former ones
  std::vector<ObjectIndex> active_;  ///< whose rate is not 0
  std::uint64_t observed_ = 0;
  double span_ = 0;  ///< requests that the rates stand for
};

std::vector<ObjectClass> AdaptSize::classes() const {
  std::vector<ObjectClass> all(kSteps * kSteps);
  for (const ObjectIndex object : active_) {
    const std::uint64_t size = std::max<std::uint64_t>(sizes_bytes_[object], 1);
    const auto rate = static_cast<std::uint64_t>(16 * rates_[object]);
    ObjectClass& its = all[step(size) * kSteps + step(rate)];
    its.objects += 1;
    its.requests += rates_[object];
    its.size_bytes += static_cast<double>(size);
  }
  std::erase_if(all, [](const ObjectClass& each) { return each.objects == 0; });
  return all;
}

void AdaptSize::tune() {
  span_ = kDecay * span_ + static_cast<double>(window_);
  CacheModel model(classes(), {.span = span_,
                               .time_most = static_cast<double>(window_),
                               .capacity_bytes = static_cast<double>(capacity_bytes_)});
  double best_log2 = 0;
  double most_hits = -1;
  const auto consider = [&](double log2) {
    const double hits = model.hits(std::exp2(log2));
    if (hits <= most_hits) return;
    most_hits = hits;
    best_log2 = log2;
  };
  const auto octaves = static_cast<int>(std::bit_width(capacity_bytes_)) + 1;
  for (int k = 0; k <= octaves; ++k) consider(k);
  const double coarse = best_log2;
  for (const double offset : {-0.75, -0.5, -0.25, 0.25, 0.5, 0.75}) consider(coarse + offset);
  c_ = std::exp2(best_log2);

  for (const ObjectIndex object : active_) {
    rates_[object] *= kDecay;
    if (rates_[object] < kForgotten) rates_[object] = 0;
  }
  std::erase_if(active_, [this](ObjectIndex object) { return rates_[object] == 0; });
  observed_ = 0;
  window_ = std::min(2 * window_, window_most_);
}

}  // namespace

std::unique_ptr<AdmissionPolicy> make_adaptsize(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<AdaptSize>(spec, parameters.count("window", 250'000, 100, 1'000'000'000));
}

}  // namespace edgeward::cache
