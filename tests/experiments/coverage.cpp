// Twenty launches of the same suite: how often does the 95 % interval of a launch hold what all
// launches together say? And the interval over ten launches: how often does it hold what the other
// ten say?
//   coverage RECORD...       each one launch
//
// Over rounds: the interval of one launch against the median of the launches' medians. Over
// launches: random halves, the interval of one half against the median of the other. The latter is
// itself uncertain, so even independent launches would not reach 95 %: beside it stands what the
// same arithmetic gives for launches drawn from one normal distribution.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/record/lookup.h"
#include "bench/record/read.h"
#include "bench/stats/stats.h"
#include "tests/experiments/table.h"

namespace {

using namespace ergon;

constexpr int splits = 200;
constexpr int least_launches = 6;  // fewer have no 95 % interval of their median

struct Count {
  int held = 0, all = 0;
  void add(bool holds) {
    held += holds;
    ++all;
  }
  void add(const Count& other) {
    held += other.held;
    all += other.all;
  }
};

/// One row over all launches.
struct Launches {
  std::vector<std::vector<double>> samples;  // seconds per call, by launch
  std::vector<double> medians;
  std::vector<Interval> intervals;
};

bool holds(const Interval& interval, double value) {
  return interval.low <= value && value <= interval.high;
}

std::map<std::string, Launches> read(int count, char** paths) {
  std::map<std::string, Launches> rows;
  for (int i = 0; i < count; ++i)
    for (const record::Row& row : record::read_document(paths[i]).rows) {
      if (record::is_ceiling(row) || !row.median || !row.interval95) continue;
      Launches& launches = rows[record::key(row)];
      auto& samples = launches.samples.emplace_back();
      for (const auto& s : row.samples) samples.push_back(s.seconds / static_cast<double>(s.calls));
      launches.medians.push_back(*row.median);
      launches.intervals.push_back(*row.interval95);
    }
  return rows;
}

Count over_rounds(const Launches& launches) {
  const double truth = stats::median(launches.medians);
  Count count;
  for (const Interval& interval : launches.intervals) count.add(holds(interval, truth));
  return count;
}

Count over_launches(const Launches& launches, std::mt19937& random) {
  Count count;
  auto shuffled = launches.samples;
  const auto half = static_cast<std::ptrdiff_t>(shuffled.size() / 2);
  if (half < least_launches) return count;
  for (int i = 0; i < splits; ++i) {
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    const std::vector<std::vector<double>> ours(shuffled.begin(), shuffled.begin() + half);
    std::vector<double> others;
    for (auto other = shuffled.begin() + half; other != shuffled.end(); ++other)
      others.push_back(stats::median(*other));
    const auto interval = stats::launch_interval(ours);
    if (interval) count.add(holds(interval->interval, stats::median(others)));
  }
  return count;
}

/// over_launches for launches that are draws from one normal distribution.
Count if_independent(std::size_t launches, std::mt19937& random) {
  std::normal_distribution<double> draw(100, 1);
  Count count;
  for (int i = 0; i < splits; ++i) {
    Launches drawn;
    for (std::size_t j = 0; j < launches; ++j) drawn.samples.push_back({draw(random)});
    count.add(over_launches(drawn, random));
  }
  return count;
}

/// Half the distance from the lowest to the highest launch median.
double spread(const std::vector<double>& medians) {
  const auto [low, high] = std::minmax_element(medians.begin(), medians.end());
  return (*high - *low) / 2 / stats::median(medians);
}

double typical_width(const Launches& launches) {
  std::vector<double> widths;
  for (std::size_t i = 0; i < launches.medians.size(); ++i)
    widths.push_back((launches.intervals[i].high - launches.intervals[i].low) / 2 /
                     launches.medians[i]);
  return stats::median(widths);
}

void print(const std::map<std::string, Launches>& rows) {
  std::printf(
      "| row | median | interval of a launch | launches differ | a launch's interval holds the "
      "median of all | interval over half the launches holds the median of the others |\n");
  std::printf("|---|---|---|---|---|---|\n");
  std::mt19937 random(1);
  Count rounds, launches;
  std::size_t most = 0;
  for (const auto& [key, row] : rows) {
    const Count held = over_rounds(row), halves = over_launches(row, random);
    rounds.add(held);
    launches.add(halves);
    most = std::max(most, row.medians.size());
    std::printf("| %s | %s | ±%.2f %% | ±%.2f %% | %s | %s |\n", key.c_str(),
                experiments::time(stats::median(row.medians)).c_str(), 100 * typical_width(row),
                100 * spread(row.medians), experiments::share(held.held, held.all).c_str(),
                experiments::share(halves.held, halves.all).c_str());
  }
  const Count independent = if_independent(most, random);
  std::printf("| all | | | | %s | %s; independent launches: %s |\n",
              experiments::share(rounds.held, rounds.all).c_str(),
              experiments::share(launches.held, launches.all).c_str(),
              experiments::share(independent.held, independent.all).c_str());
}

}  // namespace

int main(int argc, char** argv) try {
  const auto rows = read(argc - 1, argv + 1);
  if (rows.empty()) throw std::runtime_error("no row with an interval in any record");
  print(rows);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "coverage: %s\n", error.what());
  return 2;
}
