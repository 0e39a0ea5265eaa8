// The leading side of two builds measured live: see follow.h.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <optional>
#include <random>

#include "bench/base/clock.h"
#include "bench/base/error.h"
#include "bench/measure/follow.h"
#include "bench/measure/stopping.h"
#include "bench/record/read.h"

namespace ergon::measure {
namespace {

namespace fs = std::filesystem;

struct Ready {
  int block = 0;
  int blocks_left = 1;
  std::vector<std::string> keys;
};

// A program that follows, with its two pipes.
class Side {
 public:
  Side(std::string program, const std::vector<std::string>& arguments, std::string label)
      : program_(std::move(program)), label_(std::move(label)) {
    record_ = (fs::temp_directory_path() /
               ("ergon-live-" + std::to_string(getpid()) + "-" + label_ + ".json"))
                  .string();
    int to_child[2], from_child[2];
    if (pipe(to_child) != 0 || pipe(from_child) != 0) throw UserError("no pipe to be had");
    child_ = fork();
    if (child_ == 0) {
      dup2(to_child[0], STDIN_FILENO);
      dup2(from_child[1], STDOUT_FILENO);
      for (const int end : {to_child[0], to_child[1], from_child[0], from_child[1]}) close(end);
      start(arguments);
    }
    close(to_child[0]);
    close(from_child[1]);
    out_ = fdopen(to_child[1], "w");
    in_ = fdopen(from_child[0], "r");
    if (child_ < 0 || !out_ || !in_) throw UserError("cannot start " + program_);
  }
  ~Side() {
    if (out_) std::fclose(out_);
    if (in_) std::fclose(in_);
    int status = 0;
    if (child_ > 0) waitpid(child_, &status, 0);
    std::error_code ignored;
    fs::remove(record_, ignored);
    fs::remove(record_ + ".journal", ignored);
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  std::optional<Ready> next_block() {
    const std::string line = read();
    if (line == "done") return std::nullopt;
    Ready ready;
    std::size_t from = line.find('\t');
    if (line.rfind("block\t", 0) != 0)
      throw UserError(program_ + " said '" + line + "' instead of following");
    if (std::sscanf(line.c_str() + from, "%d %d", &ready.block, &ready.blocks_left) != 2 ||
        ready.blocks_left < 1)
      throw UserError(program_ + " said '" + line + "': it may be of another version");
    for (int skipped = 0; skipped < 2; ++skipped) from = line.find('\t', from + 1);
    while (from != std::string::npos) {
      const std::size_t to = line.find('\t', from + 1);
      ready.keys.push_back(line.substr(from + 1, to == std::string::npos ? to : to - from - 1));
      from = to;
    }
    return ready;
  }
  /// Seconds per call; 0 where the case failed.
  double sample(std::size_t index, int round, int position) {
    std::fprintf(out_, "sample %zu %d %d\n", index, round, position);
    std::fflush(out_);
    return std::strtod(read().c_str(), nullptr);
  }
  void check() { ask("check", "checked"); }
  void place() { ask("place", "placed"); }
  void end() {
    std::fprintf(out_, "end\n");
    std::fflush(out_);
  }
  /// Waits for the program's end and reads what it measured, each name marked with the side.
  record::Document finish() {
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    record::Document document = record::read_document(record_);
    for (record::Row& row : document.rows) row.implementation.name += "@" + label_;
    return document;
  }

 private:
  [[noreturn]] void start(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{program_, "run"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    words.insert(words.end(), {"--follow", "--meter", "none", "--out", record_});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(program_.c_str(), argv.data());
    _exit(127);
  }
  void ask(const char* what, const char* answer) {
    std::fprintf(out_, "%s\n", what);
    std::fflush(out_);
    const std::string line = read();
    if (line != answer) throw UserError(program_ + " answered '" + line + "' to " + what);
  }
  std::string read() {
    std::string line;
    for (int c = std::fgetc(in_); c != '\n'; c = std::fgetc(in_)) {
      if (c == EOF) throw UserError(program_ + " ended before its part was done");
      line.push_back(static_cast<char>(c));
    }
    return line;
  }
  std::string program_, label_, record_;
  pid_t child_ = -1;
  std::FILE* in_ = nullptr;
  std::FILE* out_ = nullptr;
};

// One case of both sides: its place on each, and seconds per call by round.
struct Shared {
  std::size_t index[2];
  std::vector<double> seconds[2];

  bool failed() const { return has_zero(seconds[0]) || has_zero(seconds[1]); }
  static bool has_zero(const std::vector<double>& values) {
    return std::find(values.begin(), values.end(), 0.0) != values.end();
  }
};

// A case of one side only is left alone.
std::vector<Shared> shared_cases(const Ready& a, const Ready& b) {
  std::vector<Shared> out;
  for (std::size_t i = 0; i < a.keys.size(); ++i) {
    const auto same = std::find(b.keys.begin(), b.keys.end(), a.keys[i]);
    if (same != b.keys.end())
      out.push_back({{i, static_cast<std::size_t>(same - b.keys.begin())}, {}});
  }
  return out;
}

double widest_ratio(const std::vector<Shared>& cases) {
  double widest = 0;
  for (const Shared& one : cases)
    if (!one.failed()) widest = std::max(widest, ratio_interval(one.seconds[0], one.seconds[1]));
  return widest;
}

void lead_block(Side& base, Side& fresh, std::vector<Shared> cases, double until, int& round,
                const Effort& effort, std::mt19937_64& order, Clock& clock) {
  Side* const sides[2] = {&base, &fresh};
  std::vector<std::pair<Shared*, int>> turns;
  for (Shared& one : cases)
    for (const int side : {0, 1}) turns.emplace_back(&one, side);
  for (int done = 1; !turns.empty(); ++done, ++round) {
    std::shuffle(turns.begin(), turns.end(), order);
    for (std::size_t position = 0; position < turns.size(); ++position) {
      const auto& [one, side] = turns[position];
      one->seconds[side].push_back(
          sides[side]->sample(one->index[side], round, static_cast<int>(position)));
    }
    const double widest = widest_ratio(cases);
    if (done == effort.least_rounds / 2) {
      base.check();
      fresh.check();
    }
    if (done >= effort.least_rounds &&
        (widest <= effort.ratio_interval || clock.now_seconds() >= until)) {
      ++round;
      break;
    }
    if (done % effort.rounds_per_placement == 0)
      for (Side* side : sides) side->place();
  }
  base.end();
  fresh.end();
}

}  // namespace

record::Document lead(const LiveBuilds& builds) {
  SteadyClock clock;
  // Samples of both sides count from the same moment.
  setenv("ERGON_FOLLOW_START", std::to_string(clock.now_seconds()).c_str(), 1);
  Side base(builds.base, builds.arguments, "base"), fresh(builds.fresh, builds.arguments, "new");
  std::mt19937_64 order(builds.seed);
  const double ends = clock.now_seconds() + builds.budget_seconds;
  int round = 0;
  for (;;) {
    const auto a = base.next_block(), b = fresh.next_block();
    if (!a || !b) {
      if (a || b) throw UserError("the two programs offer different cases");
      break;
    }
    const double until = clock.now_seconds() +
                         (ends - clock.now_seconds()) / std::max(a->blocks_left, b->blocks_left);
    lead_block(base, fresh, shared_cases(*a, *b), until, round, builds.effort, order, clock);
  }
  record::Document document = base.finish();
  record::Document other = fresh.finish();
  document.rows.insert(document.rows.end(), other.rows.begin(), other.rows.end());
  document.run.other_build = {"new", other.run.command, other.run.ergon, other.host.libraries};
  return document;
}

}  // namespace ergon::measure
