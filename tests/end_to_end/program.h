// Runs the built `ergon` as a user would and keeps what it says.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace program {

namespace fs = std::filesystem;

struct Result {
  int exit_code = -1;
  std::string out, err;
};

inline std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    static std::atomic<int> count{0};
    path_ = fs::temp_directory_path() /
            ("ergon-test-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// `arguments` go through the shell, in `folder`.
inline Result ergon(const Folder& folder, const std::string& arguments,
                    const std::string& environment = "") {
  const std::string command = "cd '" + folder.path().string() + "' && ERGON_STATE=meters.json " +
                              environment + " '" ERGON_PROGRAM "' " + arguments +
                              " >out.txt 2>err.txt </dev/null";
  const int status = std::system(command.c_str());  // NOLINT(cert-env33-c)
  Result result;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read(folder / "out.txt");
  result.err = read(folder / "err.txt");
  return result;
}

/// The run came to its end. 1 says that a row is above its ceiling, which a sanitizer's slow
/// ceiling loops or a busy machine can do to any row: how fast something ran is no test's business.
inline bool ran(const Result& result) { return result.exit_code == 0 || result.exit_code == 1; }

inline int lines(const std::string& text) {
  int count = 0;
  for (const char c : text) count += c == '\n';
  return count;
}

/// Small enough to be measured in seconds, wide enough to have several backends, dtypes and caches.
inline const char* const small_suite = R"(name = "small"
seed = 7
[budget]
seconds = 6
[[gemm]]
m = [48, 64]
n = 48
k = 32
dtype = ["f32", "s8"]
backend = ["naive", "cblas:openblas", "onednn"]
threads = [1]
cache = ["warm"]
)";

}  // namespace program
