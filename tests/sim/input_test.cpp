#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/input/line_splitter.hpp"
#include "tests/sim/compress.hpp"
#include "tests/support.hpp"

namespace edgeward::sim {

namespace {

std::string read_all(ByteSource& source, std::size_t step) {
  std::string result;
  std::vector<char> buffer(step);
  while (const std::size_t count = source.read(buffer)) result.append(buffer.data(), count);
  return result;
}

std::string read_all(const std::filesystem::path& path, std::size_t step = 1000) {
  const auto source = open_input(path.string());
  return read_all(*source, step);
}

/// Compresses badly and is longer than any buffer of the reader.
std::string noise(std::size_t bytes) {
  cache::Random random(7);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>('!' + random.below(90));
  return text;
}

/// Gives a text in pieces of random length.
class Pieces final : public ByteSource {
 public:
  Pieces(std::string text, std::uint64_t seed) : text_(std::move(text)), random_(seed) {}
  [[nodiscard]] std::size_t read(std::span<char> buffer) override {
    const std::size_t left = text_.size() - at_;
    const std::size_t count =
        std::min({left, buffer.size(), static_cast<std::size_t>(1 + random_.below(5000))});
    text_.copy(buffer.data(), count, at_);
    at_ += count;
    return count;
  }
  [[nodiscard]] double fraction_read() const override { return 0; }

 private:
  std::string text_;
  std::size_t at_ = 0;
  cache::Random random_;
};

std::vector<std::string> lines_of(const std::string& text, std::uint64_t seed = 1) {
  Pieces source(text, seed);
  LineSplitter splitter(source);
  LineSplitter::Line line;
  std::vector<std::string> lines;
  while (splitter.next(line)) lines.emplace_back(line.text);
  return lines;
}

}  // namespace

TEST_CASE("plain, gzip and zstd inputs read the same") {
  const test::TemporaryFolder folder;
  const std::string text =
      GENERATE(std::string{}, std::string("x"), std::string("ab\n"), noise(3'000'000));
  const std::size_t step = GENERATE(1 << 16, 4097);
  CHECK(read_all(folder.write("plain", text), step) == text);
  CHECK(read_all(folder.write("a.bin", test::gzip(text)), step) == text);
  CHECK(read_all(folder.write("b.bin", test::zstd(text)), step) == text);
}

TEST_CASE("concatenated gzip members and zstd frames read as one") {
  const test::TemporaryFolder folder;
  CHECK(read_all(folder.write("a", test::gzip("one\n") + test::gzip("") + test::gzip("two\n"))) ==
        "one\ntwo\n");
  CHECK(read_all(folder.write("b", test::zstd("one\n") + test::zstd("two\n"))) == "one\ntwo\n");
  CHECK(read_all(folder.write("c", test::gzip("one\n") + std::string(700, '\0'))) == "one\n");
}

TEST_CASE("a cut or corrupt compressed input is an error that names the file") {
  const test::TemporaryFolder folder;
  const std::string text = noise(100'000);
  for (const std::string& whole : {test::gzip(text), test::zstd(text)}) {
    for (const std::size_t length : {whole.size() / 2, whole.size() - 1, std::size_t{12}}) {
      const auto path = folder.write("cut", whole.substr(0, length));
      CHECK_THROWS_WITH(read_all(path), Catch::Contains("cut: ") && Catch::Contains("cut off"));
    }
    std::string corrupt = whole;
    for (std::size_t i = 50; i < 90; ++i) corrupt[i] = static_cast<char>(~corrupt[i]);
    CHECK_THROWS_AS(read_all(folder.write("corrupt", corrupt)), InputError);
  }
  CHECK_THROWS_WITH(read_all(folder.write("tail", test::gzip("x") + "garbage")),
                    Catch::Contains("corrupt"));
}

TEST_CASE("a missing file and a folder are errors that say so") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(open_input((folder.path() / "none").string()), Catch::Contains("No such file"));
  CHECK_THROWS_WITH(open_input(folder.path().string()), Catch::Contains("is a folder"));
}

TEST_CASE("peeking takes nothing away") {
  const test::TemporaryFolder folder;
  const std::string text = noise(200'000);
  PeekedSource source(open_input(folder.write("log", test::gzip(text)).string()));
  CHECK(source.first_bytes() == std::string_view(text).substr(0, PeekedSource::kPeekBytes));
  CHECK(read_all(source, 999) == text);
}

TEST_CASE("lines end with newline or return and newline, the last one also without") {
  CHECK(lines_of("a\nb\r\n\nc") == std::vector<std::string>{"a", "b", "", "c"});
  CHECK(lines_of("a\n") == std::vector<std::string>{"a"});
  CHECK(lines_of("").empty());
  CHECK(lines_of("\n") == std::vector<std::string>{""});
  CHECK(lines_of(std::string("a\0b\nc", 5)) ==
        std::vector<std::string>{std::string("a\0b", 3), "c"});
}

TEST_CASE("a last line without an end is whole, longer than what is before it or not") {
  for (const std::size_t before : {0, 1, 3, 13, 27, 5000}) {
    for (const std::size_t length : {1, 2, 27, 300, 9000}) {
      const std::string last = noise(length);
      std::vector<std::string> expected{std::string(before, 'a'), last};
      CHECK(lines_of(expected[0] + "\n" + last, length) == expected);
    }
  }
}

TEST_CASE("however the bytes arrive, the lines are the same") {
  std::string text;
  std::vector<std::string> expected;
  cache::Random random(3);
  for (int i = 0; i < 3000; ++i) {
    expected.push_back(std::string(random.below(4000), static_cast<char>('a' + i % 26)));
    text += expected.back() + (i % 3 == 0 ? "\r\n" : "\n");
  }
  for (std::uint64_t seed = 0; seed < 5; ++seed) CHECK(lines_of(text, seed) == expected);
}

TEST_CASE("an overlong line is cut, counted once, and the next line is whole") {
  for (const std::size_t extra : {1, 2, 4096, 1 << 20, 3 << 20}) {
    Pieces source("first\n" + std::string(LineSplitter::kLineBytesMax + extra, 'x') + "\nlast",
                  extra);
    LineSplitter splitter(source);
    LineSplitter::Line line;
    REQUIRE(splitter.next(line));
    CHECK(line.text == "first");
    REQUIRE(splitter.next(line));
    CHECK(line.cut);
    CHECK(line.text == std::string(LineSplitter::kLineBytesMax, 'x'));
    REQUIRE(splitter.next(line));
    CHECK_FALSE(line.cut);
    CHECK(line.text == "last");
    CHECK_FALSE(splitter.next(line));
  }
}

}  // namespace edgeward::sim
