// Is a neighbour noticed? Runs `ergon run` beside a process that keeps one core busy 3 s in 10, and
// counts the flags of windows inside and outside the loaded periods.
//   neighbour FOLDER RUNS ERGON_RUN_COMMAND...
// The command gets --out FOLDER/neighbour-N.json --overwrite added; its output goes to stderr.
//
// Windows start at seconds since their launch began, which a record does not place on a clock. The
// journal does: each window's line appears as soon as the window is over, never before. The launch
// began at the earliest (appearance - end of the window) over all windows: late by the delay of the
// promptest one, well under a millisecond.
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/base/clock.h"
#include "bench/meters/meter.h"
#include "bench/record/journal.h"
#include "bench/record/lookup.h"
#include "bench/record/read.h"
#include "bench/stats/stats.h"
#include "tests/experiments/table.h"

namespace {

using namespace ergon;
namespace fs = std::filesystem;

constexpr double period_seconds = 10, busy_seconds = 3;
constexpr double edge_seconds = 0.1;  // so near a change of load a window counts for neither side

/// Keeps a core busy in a process of its own, which is not the one that measures.
class Neighbour {
 public:
  Neighbour() : thread_([this] { live(); }) {}
  /// The bursts so far; ends after the one that is going on.
  std::vector<Window> stop() {
    stop_ = true;
    thread_.join();
    return bursts_;
  }

 private:
  void live() {
    SteadyClock clock;
    while (!stop_) {
      const double start = clock.now_seconds();
      while (clock.now_seconds() < start + busy_seconds) {
      }
      bursts_.push_back({start, clock.now_seconds()});
      while (!stop_ && clock.now_seconds() < start + period_seconds)
        clock.sleep_until(clock.now_seconds() + edge_seconds);
    }
  }
  std::atomic<bool> stop_{false};
  std::vector<Window> bursts_;
  std::thread thread_;
};

/// Follows a journal as it grows.
class JournalClock {
 public:
  explicit JournalClock(const fs::path& record)
      : path_(record::journal_path(record.string())), notify_(inotify_init1(IN_NONBLOCK)) {
    if (notify_ < 0 || inotify_add_watch(notify_, record.parent_path().c_str(), IN_MODIFY) < 0)
      throw std::runtime_error("cannot watch " + record.parent_path().string());
  }
  JournalClock(const JournalClock&) = delete;
  JournalClock& operator=(const JournalClock&) = delete;
  ~JournalClock() { close(notify_); }

  void wait() {
    pollfd ready{notify_, POLLIN, 0};
    if (poll(&ready, 1, 100) <= 0) return;
    char events[4096];
    while (read(notify_, events, sizeof events) > 0) {
    }
    take_lines();
  }
  /// On CLOCK_MONOTONIC.
  double launch_began() const {
    if (began_ == std::numeric_limits<double>::infinity())
      throw std::runtime_error("no window appeared in " + path_);
    return began_;
  }

 private:
  void take_lines() {
    std::ifstream file(path_, std::ios::binary);
    file.seekg(read_);
    for (std::string line; std::getline(file, line) && !file.eof();) {
      const double now = clock_.now_seconds();
      read_ = file.tellg();
      const auto json = nlohmann::json::parse(line);
      if (!json.contains("time")) continue;
      const auto& window = json["time"];
      began_ = std::min(began_, now - window.at("start_seconds").get<double>() -
                                    window.at("seconds").get<double>());
    }
  }
  SteadyClock clock_;
  std::string path_;
  int notify_;
  std::streamoff read_ = 0;
  double began_ = std::numeric_limits<double>::infinity();
};

struct Run {
  record::Document document;
  double began = 0;
};

Run run(std::vector<std::string> command, const fs::path& record) {
  command.insert(command.end(), {"--out", record.string(), "--overwrite"});
  fs::remove(record);
  JournalClock journal(record);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    std::vector<char*> words;
    for (std::string& word : command) words.push_back(word.data());
    words.push_back(nullptr);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(words[0], words.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) journal.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) throw std::runtime_error("ergon run failed");
  return {record::read_document(record.string()), journal.launch_began()};
}

enum class Place { inside, outside, edge };

Place place_of(const record::TimeSample& sample, double began, const std::vector<Window>& bursts) {
  const double start = began + sample.start_seconds, end = start + sample.seconds;
  Place place = Place::outside;
  for (const Window& burst : bursts) {
    if (start >= burst.start_seconds && end <= burst.end_seconds) return Place::inside;
    if (end > burst.start_seconds - edge_seconds && start < burst.end_seconds + edge_seconds)
      place = Place::edge;
  }
  return place;
}

struct Seen {
  int windows = 0, flagged = 0;
  std::map<std::string, int> flags;
  std::vector<double> slowdowns;  // against the median of the row's windows outside
};

using Groups = std::map<std::pair<int, Place>, Seen>;  // by threads and place

double seconds_per_call(const record::TimeSample& sample) {
  return sample.seconds / static_cast<double>(sample.calls);
}

void sort_windows(const record::Row& row, double began, const std::vector<Window>& bursts,
                  Groups& groups) {
  std::vector<double> undisturbed;
  for (const auto& sample : row.samples)
    if (place_of(sample, began, bursts) == Place::outside)
      undisturbed.push_back(seconds_per_call(sample));
  for (const auto& sample : row.samples) {
    Seen& seen = groups[{row.threads, place_of(sample, began, bursts)}];
    ++seen.windows;
    seen.flagged += sample.flags.empty() ? 0 : 1;
    for (const std::string& flag : sample.flags) ++seen.flags[flag];
    if (!undisturbed.empty())
      seen.slowdowns.push_back(seconds_per_call(sample) / stats::median(undisturbed));
  }
}

void print(const Groups& groups) {
  std::printf(
      "| threads | windows | flagged | busy | switches | steal | median time against the "
      "row's windows outside |\n|---|---|---|---|---|---|---|\n");
  static const std::map<Place, const char*> names = {
      {Place::inside, "under load"}, {Place::outside, "without"}, {Place::edge, "at its edges"}};
  for (const auto& [group, seen] : groups) {
    std::printf("| %d | %d %s | %s |", group.first, seen.windows, names.at(group.second),
                experiments::share(seen.flagged, seen.windows).c_str());
    for (const char* flag : {"busy", "switches", "steal"}) {
      const auto found = seen.flags.find(flag);
      std::printf(" %d |", found == seen.flags.end() ? 0 : found->second);
    }
    if (seen.slowdowns.empty())
      std::printf(" — |\n");
    else
      std::printf(" %+.1f %% |\n", 100 * (stats::median(seen.slowdowns) - 1));
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) return 2;
  const int count = std::atoi(argv[2]);
  std::vector<Run> runs;
  Neighbour neighbour;
  std::exception_ptr failure;
  try {
    for (int i = 1; i <= count; ++i)
      runs.push_back(run({argv + 3, argv + argc},
                         fs::absolute(argv[1]) / ("neighbour-" + std::to_string(i) + ".json")));
  } catch (...) {
    failure = std::current_exception();
  }
  const std::vector<Window> bursts = neighbour.stop();
  if (failure) std::rethrow_exception(failure);

  Groups groups;
  for (const Run& one : runs)
    for (const record::Row& row : one.document.rows)
      if (!record::is_ceiling(row)) sort_windows(row, one.began, bursts, groups);
  print(groups);
  std::printf("\n%zu bursts of %g s in %d runs.\n", bursts.size(), busy_seconds, count);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "neighbour: %s\n", error.what());
  return 2;
}
