#include "policy/plan_selection.hpp"

#include <algorithm>
#include <array>

namespace edgeward::policy {

namespace {

constexpr std::array<std::string_view, 3> kObjectives{"requests", "bytes", "milliseconds"};

/// What may be chosen, and what it takes.
struct Item {
  double density = 0;
  double value = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t fetch_bytes = 0;  ///< 0 for what is held
  std::uint64_t content = 0;
  std::uint32_t position = 0;
};

bool is_denser(const Item& a, const Item& b) {
  if (a.density != b.density) return a.density > b.density;
  return a.content < b.content;
}

struct Room {
  std::uint64_t bytes = 0;
  std::uint64_t fetch_bytes = 0;

  [[nodiscard]] bool has_for(const Item& item) const {
    return item.size_bytes <= bytes && item.fetch_bytes <= fetch_bytes;
  }
  void take(const Item& item) {
    bytes -= item.size_bytes;
    fetch_bytes -= item.fetch_bytes;
  }
};

Item item_of(const PlanCandidate& candidate, std::size_t position, double hysteresis) {
  const double value = candidate.worth * (candidate.is_kept ? hysteresis : 1);
  const auto size = static_cast<double>(std::max<std::uint64_t>(candidate.size_bytes, 1));
  return {.density = value / size,
          .value = value,
          .size_bytes = candidate.size_bytes,
          .fetch_bytes = candidate.is_held ? 0 : candidate.size_bytes,
          .content = static_cast<std::uint64_t>(candidate.content),
          .position = static_cast<std::uint32_t>(position)};
}

using Choice = std::vector<std::uint8_t>;  ///< by item, whether it is chosen

/// Chooses of the items from `begin` on, densest first, what fits.
double fill(std::span<const Item> items, std::size_t begin, Room room, Choice& choice) {
  double value = 0;
  for (std::size_t i = begin; i < items.size(); ++i) {
    if (choice[i] != 0 || !room.has_for(items[i])) continue;
    room.take(items[i]);
    choice[i] = 1;
    value += items[i].value;
  }
  return value;
}

/// The best choice of a few items, densest first: depth first, cut off where even filling the rest
/// of the room at the next item's density would not beat the best.
class ExactChoice {
 public:
  ExactChoice(std::span<const Item> items, Room room) : items_(items) { search(0, room, 0, 0); }

  [[nodiscard]] bool has(std::size_t item) const { return (best_ >> item & 1) != 0; }
  [[nodiscard]] double value() const { return best_value_; }

 private:
  void search(std::size_t next, const Room& room, std::uint32_t chosen, double value) {
    if (value > best_value_) {
      best_value_ = value;
      best_ = chosen;
    }
    if (next == items_.size()) return;
    const Item& item = items_[next];
    if (value + item.density * static_cast<double>(room.bytes) <= best_value_) return;
    if (room.has_for(item)) {
      Room left = room;
      left.take(item);
      search(next + 1, left, chosen | std::uint32_t{1} << next, value + item.value);
    }
    search(next + 1, room, chosen, value);
  }

  std::span<const Item> items_;
  std::uint32_t best_ = 0;
  double best_value_ = 0;
};

/// Items around the first one that does not fit, which are chosen exactly.
constexpr std::size_t kCoreItems = 14;

/// Items must each fit alone, densest first. What comes before the first that does not fit is
/// nearly always part of the optimum: only the core around it is worth a search (Balas and Zemel,
/// Operations Research 28, 1980).
Choice choose(std::span<const Item> items, const Room& room) {
  Choice greedy(items.size());
  const double greedy_value = fill(items, 0, room, greedy);
  const auto cut =
      static_cast<std::size_t>(std::find(greedy.begin(), greedy.end(), 0) - greedy.begin());
  if (cut == items.size()) return greedy;
  const std::size_t end = std::min(items.size(), std::max(cut + kCoreItems / 2, kCoreItems));
  const std::size_t begin = end - std::min(end, kCoreItems);
  Choice core(items.size());
  Room left = room;
  double core_value = 0;
  const auto take = [&](std::size_t i) {
    core[i] = 1;
    core_value += items[i].value;
    left.take(items[i]);
  };
  for (std::size_t i = 0; i < begin; ++i) take(i);
  const ExactChoice exact(items.subspan(begin, end - begin), left);
  for (std::size_t i = begin; i < end; ++i) {
    if (exact.has(i - begin)) take(i);
  }
  core_value += fill(items, end, left, core);
  // One that is large and worth much may lie behind the core: with it, no less than half.
  const auto best = std::max_element(
      items.begin(), items.end(), [](const Item& a, const Item& b) { return a.value < b.value; });
  if (best->value > std::max(core_value, greedy_value)) {
    Choice single(items.size());
    single[static_cast<std::size_t>(best - items.begin())] = 1;
    left = room;
    left.take(*best);
    fill(items, 0, left, single);
    return single;
  }
  return core_value > greedy_value ? core : greedy;
}

}  // namespace

std::string_view name(PlanObjective objective) {
  return kObjectives[static_cast<std::size_t>(objective)];
}

std::optional<PlanObjective> parse_plan_objective(std::string_view text) {
  const auto found = std::find(kObjectives.begin(), kObjectives.end(), text);
  if (found == kObjectives.end()) return std::nullopt;
  return static_cast<PlanObjective>(found - kObjectives.begin());
}

PlanSelection select(std::span<const PlanCandidate> candidates, const PlanLimits& limits) {
  Room room{.bytes = limits.budget_bytes, .fetch_bytes = limits.fill_bytes};
  std::vector<Item> pinned;
  std::vector<Item> items;
  std::vector<Item> unwanted;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const PlanCandidate& candidate = candidates[i];
    const bool may_fetch = candidate.is_held || candidate.requests >= limits.fetch_requests_min;
    const Item item = item_of(candidate, i, limits.hysteresis);
    const bool is_wanted = candidate.worth > 0 && may_fetch && room.has_for(item);
    (candidate.is_pinned ? pinned : is_wanted ? items : unwanted).push_back(item);
  }
  std::sort(pinned.begin(), pinned.end(), is_denser);
  std::vector<Item> chosen;
  for (Item item : pinned) {
    // One may cost more than the limit: then it is all that is fetched.
    item.fetch_bytes = std::min(item.fetch_bytes, room.fetch_bytes);
    const bool fits = room.has_for(item);
    if (fits) room.take(item);
    (fits ? chosen : unwanted).push_back(item);
  }
  const auto fitting =
      std::partition(items.begin(), items.end(), [&](const Item& i) { return room.has_for(i); });
  unwanted.insert(unwanted.end(), fitting, items.end());
  items.erase(fitting, items.end());
  std::sort(items.begin(), items.end(), is_denser);
  const Choice choice = choose(items, room);
  for (std::size_t i = 0; i < items.size(); ++i) {
    (choice[i] != 0 ? chosen : unwanted).push_back(items[i]);
  }
  std::sort(unwanted.begin(), unwanted.end(), is_denser);

  PlanSelection selection;
  for (const Item& item : unwanted) {
    if (candidates[item.position].is_kept) selection.evict.push_back(item.position);
  }
  for (const Item& item : chosen) {
    const PlanCandidate& candidate = candidates[item.position];
    selection.kept_bytes += item.size_bytes;
    selection.fetched_bytes += item.fetch_bytes;
    std::vector<std::uint32_t>& part = candidate.is_kept   ? selection.stay
                                       : candidate.is_held ? selection.keep
                                                           : selection.prefetch;
    part.push_back(item.position);
  }
  return selection;
}

}  // namespace edgeward::policy
