#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgeward::test {

/// The exit code by which ctest knows a skipped test.
inline constexpr int kSkipped = 77;

/// Marks the running test case as skipped and says why. The caller returns at once.
void skip(std::string_view reason);
[[nodiscard]] bool was_skipped();

/// The folder of real traces and logs: $EDGEWARD_DATA, else ../shared/data beside the project.
/// Skips the running test case where it is absent.
[[nodiscard]] std::optional<std::filesystem::path> shared_data();

/// A folder of the test's own, removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file into the folder and returns its path.
  std::filesystem::path write(std::string_view name, std::string_view contents) const;

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// What a command did.
struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

/// Runs a program with arguments, no shell, standard input from `input`.
[[nodiscard]] Outcome run(const std::filesystem::path& program,
                          const std::vector<std::string>& arguments, std::string_view input = {});

}  // namespace edgeward::test
