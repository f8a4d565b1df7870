#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgeward::policy {

/// The demand of one edge as it comes in, and what it will be: a level, a trend, and how hours of
/// the week stand to each other. The online form of the forecasts: constant memory (4 KiB), some
/// nanoseconds an update.
///
/// An hour's expectation = (level + damped trend) × index of the hour × boost, where
/// - the index is that of the hour of the day (24) times that of the day of the week (7) times what
///   the hour of the week (168) has beyond both; each counts as far as it was seen;
/// - the level follows demand divided by its index, with a half-life of a day;
/// - the boost is what the last hours have beyond the level, 0.5 to 3, and fades within half a day.
///
/// Hours are counted in UTC: a pattern moves with daylight saving only as it is learned anew.
class DemandProfile {
 public:
  /// `amount` of anything (requests, bytes) at that time. Times may go back within the hour that is
  /// under way; what is older counts in it.
  void note(std::int64_t at_ms, double amount);
  /// Hours up to that time are over, if nothing more was noted.
  void advance(std::int64_t now_ms);

  /// What is expected in [from_ms, until_ms), which begins at or after what was noted last; nothing
  /// within the first hour.
  [[nodiscard]] std::optional<double> expected(std::int64_t from_ms, std::int64_t until_ms) const;

  struct Expectation {
    double expected = 0;
    double low = 0;  ///< of an interval that is to hold four hours of five
    double high = 0;

    bool operator==(const Expectation&) const = default;
  };
  /// Of the whole hour that contains that time. How wide the interval is follows from how far off
  /// expectations were, those made an hour and those made a day before: a share of the expected
  /// that grows where it was too small and shrinks where it was too large, until a fifth is beyond
  /// it (Gibbs, Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021).
  [[nodiscard]] std::optional<Expectation> hour(std::int64_t at_ms) const;

  /// Whether that hour is among the `hours` of least demand of the day that begins with it; nothing
  /// before a whole day was seen.
  [[nodiscard]] std::optional<bool> is_off_peak(std::int64_t at_ms, int hours) const;

  /// Hours that are over.
  [[nodiscard]] std::uint64_t hours_seen() const { return state_.hours; }

  /// All of it, with a version and a checksum.
  [[nodiscard]] std::string save() const;
  /// False, without a change, for anything but what save() of this version wrote.
  [[nodiscard]] bool restore(std::string_view saved);

 private:
  /// A mean of what was seen, the oldest of which fades.
  struct Mean {
    double value = 0;
    double seen = 0;

    void learn(double amount, double remembered);
  };
  struct State {
    std::array<Mean, 24> day{};     ///< by hour: its amount
    std::array<Mean, 7> weekday{};  ///< how its hours stand to what their hour of the day says
    std::array<Mean, 168> week{};   ///< the same, to what hour and weekday say
    double mean = 0;                ///< of an hour, over about two weeks
    double level = 0;               ///< of an hour, its index taken out
    double trend = 0;               ///< of the level, an hour
    double recent = 0;
    std::uint64_t hours = 0;
    std::int64_t hour = 0;  ///< since the Unix epoch, under way
    double amount = 0;      ///< in it
    bool has_begun = false;
    std::array<double, 24> day_ahead{};  ///< expected of an hour a day before, by hour of the day
    double near_error = 0.5;             ///< half an interval, as a share of what is expected
    double far_error = 0.5;              ///< the same a day before
  };

  void close_hour();
  void note_errors(double amount);
  [[nodiscard]] double day_index(std::int64_t hour) const;
  [[nodiscard]] double weekday_index(std::int64_t hour) const;
  [[nodiscard]] double index_of(std::int64_t hour) const;
  [[nodiscard]] double expected_hour(std::int64_t hour) const;

  State state_;
};

}  // namespace edgeward::policy
