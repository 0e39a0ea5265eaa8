// Runs a fuzz target where libFuzzer is not: over each FILE, then over RUNS inputs that are drawn
// from a fixed seed, so that a failure repeats. Those are changed copies of the files where the
// target has a mutator, else random bytes.
//   usage: TARGET RUNS [FILE...]
// An input that the target throws for is written to `finding` in the working directory; to look at
// it again: TARGET 0 finding.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>

#include "tests/fuzz/fuzz.h"

extern "C" __attribute__((weak)) std::size_t LLVMFuzzerCustomMutator(std::uint8_t*, std::size_t,
                                                                     std::size_t, unsigned);

namespace {

using Input = std::vector<std::uint8_t>;

Input read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Input drawn(const std::vector<Input>& files, std::mt19937& random) {
  if (files.empty() || LLVMFuzzerCustomMutator == nullptr) {
    Input input(random() % 600);
    std::generate(input.begin(), input.end(), [&] { return static_cast<std::uint8_t>(random()); });
    return input;
  }
  Input input = files[random() % files.size()];
  for (auto changes = 1 + random() % 4; changes > 0; --changes) {
    const std::size_t size = input.size();
    input.resize(2 * size + 4096);
    input.resize(
        LLVMFuzzerCustomMutator(input.data(), size, input.size(), static_cast<unsigned>(random())));
  }
  return input;
}

bool holds(const Input& input, const std::string& what) {
  try {
    LLVMFuzzerTestOneInput(input.data(), input.size());
    return true;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", what.c_str(), error.what());
  }
  std::ofstream("finding", std::ios::binary)
      .write(reinterpret_cast<const char*>(input.data()),
             static_cast<std::streamsize>(input.size()));
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Input> files;
  for (int i = 2; i < argc; ++i) {
    files.push_back(read(argv[i]));
    if (!holds(files.back(), argv[i])) return 1;
  }
  std::mt19937 random(20260131);
  const int runs = argc > 1 ? std::atoi(argv[1]) : 0;
  for (int i = 0; i < runs; ++i)
    if (!holds(drawn(files, random), "input " + std::to_string(i))) return 1;
  return runs > 0 || !files.empty() ? 0 : 2;
}
