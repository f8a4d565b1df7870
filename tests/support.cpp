#include "tests/support.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

extern char** environ;

namespace edgeward::test {

namespace {

bool skipped = false;

}  // namespace

void skip(std::string_view reason) {
  skipped = true;
  std::cout << "skipped: " << reason << '\n';
}

bool was_skipped() {
  return skipped;
}

std::optional<std::filesystem::path> shared_data() {
  const char* const given = std::getenv("EDGEWARD_DATA");
  const std::filesystem::path path =
      given != nullptr
          ? std::filesystem::path(given)
          : std::filesystem::path(EDGEWARD_SOURCE_DIR).parent_path() / "shared" / "data";
  if (std::filesystem::is_directory(path)) return path;
  skip("no real traces and logs at " + path.string() + " (EDGEWARD_DATA names another folder)");
  return std::nullopt;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "edgeward-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TemporaryFolder::write(std::string_view name,
                                             std::string_view contents) const {
  const std::filesystem::path file = path_ / name;
  std::ofstream(file, std::ios::binary) << contents;
  return file;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Outcome run(const std::filesystem::path& program, const std::vector<std::string>& arguments,
            std::string_view input) {
  const TemporaryFolder folder;
  const std::filesystem::path in = folder.write("in", input);
  const std::filesystem::path out = folder.path() / "out";
  const std::filesystem::path err = folder.path() / "err";

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  std::string name = program.string();
  std::vector<std::string> copies(arguments);
  std::vector<char*> argv{name.data()};
  for (std::string& copy : copies) argv.push_back(copy.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawn(&child, name.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + name);
  int status = 0;
  waitpid(child, &status, 0);
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_file(out),
          .err = read_file(err)};
}

}  // namespace edgeward::test
