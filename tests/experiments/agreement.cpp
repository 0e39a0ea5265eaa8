// Do three ways of timing one call agree? Ergon's windows, a plain Google Benchmark loop and a
// plain C loop, each in processes of its own, alternated in rounds with shuffled order. Ratios are
// taken within rounds. All three get the same threads and binding through the environment.
//   agreement FOLDER OPENBLAS ROUNDS BATCH_SECONDS BATCHES
// FOLDER holds the three programs; OPENBLAS is the library as for dlopen.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/stats/stats.h"
#include "kernels/devices/cpu.h"
#include "tests/experiments/table.h"

namespace {

using namespace ergon;

struct Settings {
  std::string folder, openblas;
  int rounds = 0;
  std::string batch_seconds, batches;
};

struct Case {
  std::string library;  // "openblas" or "onednn"
  int size, threads;
};

/// What one process says: its median, and the file whose code it called.
struct Said {
  double seconds = 0;
  std::string file;
};

std::string output_of(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) throw std::runtime_error("cannot start " + command);
  std::string text;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe.get()))
    text.append(buffer, got);
  if (pclose(pipe.release()) != 0) throw std::runtime_error("failed: " + command);
  return text;
}

Said from_line(const std::string& text) {
  Said said;
  std::istringstream(text) >> said.seconds >> said.file;
  return said;
}

Said from_google(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  for (const auto& entry : json.at("benchmarks"))
    if (entry.value("aggregate_name", "") == "median" && entry.at("time_unit") == "ns")
      return {entry.at("real_time").get<double>() * 1e-9, json.at("context").at("file")};
  throw std::runtime_error("Google Benchmark printed no median in ns");
}

constexpr int ways = 3;
const char* const way_names[ways] = {"Ergon", "Google Benchmark", "C loop"};

Said measure(int way, const Case& what, const Settings& settings) {
  setenv("OMP_NUM_THREADS", std::to_string(what.threads).c_str(), 1);
  const std::string size = " " + std::to_string(what.size) + " ";
  const std::string plain = what.library == "openblas" ? settings.openblas : what.library;
  const auto program = [&](const char* name) { return "'" + settings.folder + "/" + name + "' "; };
  if (way == 0) {
    const std::string selector =
        what.library == "openblas" ? "cblas:openblas" : "onednn:onednn:packed-per-call";
    return from_line(output_of(program("window_loop") + selector + size +
                               std::to_string(what.threads) + " " + settings.batch_seconds + " " +
                               settings.batches));
  }
  if (way == 1)
    return from_google(output_of(
        program("google_loop") + plain + size + "--benchmark_format=json --benchmark_min_time=" +
        settings.batch_seconds + " --benchmark_repetitions=" + settings.batches + " 2>/dev/null"));
  return from_line(output_of(program("plain_loop") + plain + size + settings.batch_seconds + " " +
                             settings.batches));
}

using Samples = std::vector<double>;

std::vector<Samples> alternate(const Case& what, const Settings& settings, std::mt19937& random) {
  std::vector<Samples> samples(ways);
  std::string file;
  for (int round = 0; round < settings.rounds; ++round) {
    int order[ways] = {0, 1, 2};
    std::shuffle(order, order + ways, random);
    for (const int way : order) {
      const Said said = measure(way, what, settings);
      if (file.empty()) file = said.file;
      if (said.file != file || !(said.seconds > 0))
        throw std::runtime_error(std::string(way_names[way]) + " called " + said.file +
                                 ", another " + file);
      samples[static_cast<std::size_t>(way)].push_back(said.seconds);
    }
  }
  return samples;
}

bool agrees(const std::optional<Estimate>& ratio) {
  return ratio && ratio->value > 1 / 1.02 && ratio->value < 1.02;
}

void experiment(const Settings& settings) {
  std::printf("| library | m = n = k | threads | %s | %s / %s | %s / %s |\n", way_names[0],
              way_names[1], way_names[0], way_names[2], way_names[0]);
  std::printf("|---|---|---|---|---|---|\n");
  std::mt19937 random(1);
  int agreeing = 0, ratios = 0;
  for (const char* library : {"openblas", "onednn"})
    for (const int size : {256, 512, 1024})
      for (int threads = 1; threads <= std::min(2, usable_processors()); ++threads) {
        const auto samples = alternate({library, size, threads}, settings, random);
        const auto google = stats::paired_ratio(samples[0], samples[1]);
        const auto plain = stats::paired_ratio(samples[0], samples[2]);
        agreeing += agrees(google) + agrees(plain);
        ratios += 2;
        std::printf("| %s | %d | %d | %s | %s | %s |\n", library, size, threads,
                    experiments::time(stats::median(samples[0])).c_str(),
                    experiments::change(google).c_str(), experiments::change(plain).c_str());
        std::fflush(stdout);
      }
  std::printf(
      "\nMedians of %d processes each; ratios within rounds, with 95 %% intervals. Ratios within "
      "2 %%: %s.\n",
      settings.rounds, experiments::share(agreeing, ratios).c_str());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) return 2;
  setenv("OMP_PROC_BIND", "close", 1);
  setenv("OMP_PLACES", "cores", 1);
  setenv("OMP_DYNAMIC", "false", 1);
  experiment({argv[1], argv[2], std::atoi(argv[3]), argv[4], argv[5]});
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "agreement: %s\n", error.what());
  return 2;
}
