#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace edgeward::cache {

/// A name with settings as written on the command line: `s3fifo:small=0.1:oversize=refuse`.
/// admission `size:1MiB` has one positional setting, kept under the empty name.
struct NamedSettings {
  std::string name;
  std::map<std::string, std::string> settings;

  bool operator==(const NamedSettings&) const = default;

  /// Splits at ':' and '='. Throws ParameterError for an empty name, an empty or repeated setting.
  [[nodiscard]] static NamedSettings parse(std::string_view text);
  /// The inverse of parse, settings in alphabetical order.
  [[nodiscard]] std::string text() const;
};

/// A name or setting that cannot be used; the message says what was found and what is allowed.
class ParameterError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Takes settings out of a NamedSettings by name, checks their ranges, and at the end refuses what
/// nobody asked for, so that a mistyped name never yields a believable wrong number.
///
///     Parameters parameters(settings);
///     const double small = parameters.number("small", {.fallback = 0.1, .low = 0.001, .high =
///     0.9}); parameters.finish();   // throws ParameterError: lru: unknown setting 'smal' …
class Parameters {
 public:
  struct Range {
    double fallback = 0;
    double low = 0;
    double high = 0;
  };

  explicit Parameters(const NamedSettings& settings) : settings_(settings) {}

  [[nodiscard]] double number(std::string_view name, Range range);
  [[nodiscard]] std::uint64_t count(std::string_view name, std::uint64_t fallback,
                                    std::uint64_t low, std::uint64_t high);
  [[nodiscard]] bool flag(std::string_view name, bool fallback);  ///< 0|1|true|false
  /// One of `choices`; the first is the default. Returns its position.
  [[nodiscard]] std::size_t choice(std::string_view name,
                                   std::initializer_list<std::string_view> choices);
  /// Bytes as parse_bytes reads them; the setting is required.
  [[nodiscard]] std::uint64_t bytes(std::string_view name);

  /// Throws if a setting was given that no call above asked for.
  void finish() const;

 private:
  [[nodiscard]] const std::string* take(std::string_view name);

  const NamedSettings& settings_;
  std::vector<std::string> known_;
};

/// `1000000`, `64KiB`, `1.5GiB`, `2MB`: whole bytes. Throws ParameterError.
[[nodiscard]] std::uint64_t parse_bytes(std::string_view text);

/// The candidate with the smallest edit distance, or empty if none is near (distance > 1/2 length).
[[nodiscard]] std::string_view nearest_name(std::string_view name,
                                            std::span<const std::string_view> candidates);

}  // namespace edgeward::cache
