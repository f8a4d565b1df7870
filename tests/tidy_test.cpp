#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace fs = std::filesystem;

/// Each may include itself and what stands left of it.
constexpr std::array<std::string_view, 5> kFolders{"geo", "cache", "policy", "sim", "controller"};

struct SourceLine {
  std::string file;
  std::size_t number = 0;
  std::string text;

  [[nodiscard]] std::string where() const { return file + ":" + std::to_string(number); }
};

std::size_t rank(std::string_view folder) {
  return static_cast<std::size_t>(std::find(kFolders.begin(), kFolders.end(), folder) -
                                  kFolders.begin());
}

std::vector<fs::path> sources(const std::vector<std::string_view>& folders) {
  std::vector<fs::path> files;
  for (const std::string_view folder : folders) {
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(EDGEWARD_SOURCE_DIR) / folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".hpp" || extension == ".cpp") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<SourceLine> lines_of(const fs::path& file) {
  std::vector<SourceLine> lines;
  std::ifstream stream(file);
  std::string text;
  while (std::getline(stream, text)) {
    lines.push_back({fs::relative(file, EDGEWARD_SOURCE_DIR).string(), lines.size() + 1, text});
  }
  return lines;
}

/// The path of `#include "path"`, or empty.
std::string_view own_include(std::string_view line) {
  constexpr std::string_view kStart = "#include \"";
  if (!line.starts_with(kStart)) return {};
  line.remove_prefix(kStart.size());
  return line.substr(0, line.find('"'));
}

/// Empty if an include written in `file` (path from the root) points left or stays; else why not.
std::string include_fault(std::string_view file, std::string_view include) {
  const std::size_t from = rank(file.substr(0, file.find('/')));
  const std::size_t to = rank(include.substr(0, include.find('/')));
  if (to == kFolders.size()) return "is not written from the root";
  if (to > from) return "points to the right";
  return {};
}

const std::vector<std::string_view> kProduct(kFolders.begin(), kFolders.end());

}  // namespace

TEST_CASE("folders include only leftwards, from the root") {
  const auto files = sources(kProduct);
  REQUIRE(files.size() > 50);
  for (const fs::path& file : files) {
    for (const SourceLine& line : lines_of(file)) {
      const std::string_view include = own_include(line.text);
      if (include.empty()) continue;
      const std::string fault = include_fault(line.file, include);
      if (!fault.empty()) FAIL_CHECK(line.where() << ": \"" << include << "\" " << fault);
      if (!fs::exists(fs::path(EDGEWARD_SOURCE_DIR) / include)) {
        FAIL_CHECK(line.where() << ": no such file");
      }
    }
  }
}

TEST_CASE("an include to the right, or not from the root, would be found") {
  CHECK(include_fault("cache/ids.cpp", "geo/ip_address.hpp").empty());
  CHECK(include_fault("cache/ids.cpp", "cache/ids.hpp").empty());
  CHECK_FALSE(include_fault("cache/ids.cpp", "sim/progress.hpp").empty());
  CHECK_FALSE(include_fault("sim/synth.cpp", "controller/terminal.hpp").empty());
  CHECK_FALSE(include_fault("sim/synth.cpp", "synth.hpp").empty());
}

TEST_CASE("sources keep the house style that a machine can see") {
  for (const fs::path& file : sources({"geo", "cache", "policy", "sim", "controller", "tests"})) {
    const auto lines = lines_of(file);
    REQUIRE_FALSE(lines.empty());
    if (file.extension() == ".hpp" && lines.front().text != "#pragma once") {
      FAIL_CHECK(lines.front().where() << ": a header starts with #pragma once");
    }
    for (const SourceLine& line : lines) {
      // Characters, not bytes: continuation bytes of UTF-8 do not count.
      const auto length = std::count_if(line.text.begin(), line.text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      });
      // Tests quote whole log lines.
      const bool quotes = line.file.starts_with("tests/") && line.text.find('"') < 100;
      if (length > 100 && !quotes) FAIL_CHECK(line.where() << ": longer than 100 columns");
      if (line.text.find('\t') != std::string::npos) FAIL_CHECK(line.where() << ": a tab");
      if (line.text.ends_with(' ')) FAIL_CHECK(line.where() << ": a blank at the end");
    }
  }
}

TEST_CASE("library code reads no clock, no random device and no environment") {
  constexpr std::array<std::string_view, 7> kForbidden{
      "steady_clock", "system_clock", "random_device", "getenv",
      "std::rand(",   "mt19937",      "time(nullptr"};
  for (const fs::path& file : sources({"geo", "cache", "policy", "sim"})) {
    for (const SourceLine& line : lines_of(file)) {
      for (const std::string_view word : kForbidden) {
        if (line.text.find(word) != std::string::npos) {
          FAIL_CHECK(line.where() << ": " << word << " belongs in controller/");
        }
      }
    }
  }
}

TEST_CASE("every source file is built") {
  std::string listed;
  for (const std::string_view folder : kFolders) {
    listed += test::read_file(fs::path(EDGEWARD_SOURCE_DIR) / folder / "CMakeLists.txt");
  }
  for (const fs::path& file : sources(kProduct)) {
    if (file.extension() != ".cpp") continue;
    const std::string path = fs::relative(file, EDGEWARD_SOURCE_DIR).string();
    const std::string within = path.substr(path.find('/') + 1);
    if (listed.find(within) == std::string::npos) FAIL_CHECK(path << " is in no CMakeLists.txt");
  }
}

TEST_CASE("the root holds the folders, four files, and nothing else") {
  constexpr std::array<std::string_view, 13> kAllowed{"CMakeLists.txt",
                                                      "CMakePresets.json",
                                                      "LICENSE",
                                                      "README.md",
                                                      "geo",
                                                      "cache",
                                                      "policy",
                                                      "sim",
                                                      "controller",
                                                      "data",
                                                      "tests",
                                                      "build",
                                                      "demo"};
  for (const auto& entry : fs::directory_iterator(EDGEWARD_SOURCE_DIR)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) continue;
    if (std::find(kAllowed.begin(), kAllowed.end(), name) == kAllowed.end()) {
      FAIL_CHECK(name << " does not belong in the root");
    }
  }
}

TEST_CASE("every folder says what it is for") {
  for (const std::string_view folder :
       {"geo", "cache", "policy", "sim", "controller", "data", "tests"}) {
    const fs::path readme = fs::path(EDGEWARD_SOURCE_DIR) / folder / "README.md";
    REQUIRE(fs::exists(readme));
    CHECK(lines_of(readme).size() <= 80);
  }
}

}  // namespace edgeward
