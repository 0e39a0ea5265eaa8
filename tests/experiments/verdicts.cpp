// Counts the verdicts on time of comparisons that `ergon compare --json` wrote.
//   verdicts EXPECTED COMPARISON.json...
//     EXPECTED  "same": a row counts as right where it is judged same or cannot tell
//               "slower": where it is judged slower
//   verdicts --rows EXPECTED COMPARISON.json
//     Every row of a live comparison too; those whose ratio reached the interval that a live
//     comparison aims at, a quarter of its margin, are counted apart.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/stats/stats.h"
#include "tests/experiments/table.h"

namespace {

using namespace ergon;

struct Tally {
  std::map<std::string, int> verdicts;
  int right = 0, compared = 0, not_compared = 0;  // not compared: a side without figures
  int beside_one = 0;                             // the whole interval lies above 1, or below
  std::vector<double> ratios, widths;
};

struct Inputs {
  bool rows = false;
  std::string expected;
  std::vector<nlohmann::json> comparisons;
};

Inputs read(int argc, char** argv) {
  Inputs inputs;
  int next = 1;
  if (std::string(argv[next]) == "--rows") {
    inputs.rows = true;
    ++next;
  }
  inputs.expected = argv[next++];
  if (inputs.expected != "same" && inputs.expected != "slower")
    throw std::runtime_error("expected is \"same\" or \"slower\"");
  for (; next < argc; ++next) {
    std::ifstream file(argv[next]);
    inputs.comparisons.push_back(nlohmann::json::parse(file));
  }
  return inputs;
}

bool reached(const nlohmann::json& row, double margin) {
  const auto& seconds = row.at("seconds");
  if (!seconds.at("ratio").is_number()) return false;
  const double ratio = seconds.at("ratio"), low = seconds.at("ratio_low"),
               high = seconds.at("ratio_high");
  return std::max(high - ratio, ratio - low) <= margin / 4 * ratio;
}

bool is_right(const std::string& expected, const std::string& verdict) {
  return verdict == expected || (expected == "same" && verdict == "cannot tell");
}

void count(Tally& tally, const std::string& expected, const nlohmann::json& row) {
  const auto& seconds = row.at("seconds");
  const std::string verdict = seconds.at("verdict");
  if (verdict == "not compared") {
    ++tally.not_compared;
    return;
  }
  ++tally.verdicts[verdict];
  ++tally.compared;
  tally.right += is_right(expected, verdict);
  if (!seconds.at("ratio").is_number()) return;
  tally.ratios.push_back(seconds.at("ratio"));
  const double low = seconds.at("ratio_low"), high = seconds.at("ratio_high");
  tally.widths.push_back((high - low) / 2);
  tally.beside_one += low > 1 || high < 1;
}

void print(const char* which, const Tally& tally) {
  std::printf("| %s | %d | %d |", which, tally.compared, tally.not_compared);
  for (const char* verdict : {"same", "cannot tell", "faster", "slower", "broken"}) {
    const auto found = tally.verdicts.find(verdict);
    std::printf(" %d |", found == tally.verdicts.end() ? 0 : found->second);
  }
  if (tally.ratios.empty())
    std::printf(" — | — |");
  else
    std::printf(" %+.2f %% | ±%.2f %% |", 100 * (stats::median(tally.ratios) - 1),
                100 * stats::median(tally.widths));
  std::printf(" %s |", experiments::share(tally.beside_one, tally.compared).c_str());
  std::printf(" %s |\n", experiments::share(tally.right, tally.compared).c_str());
}

void print_rows(const Inputs& inputs) {
  const double margin = inputs.comparisons.front().at("margin");
  std::printf("| row | time of new / base | verdict | reached its interval |\n");
  std::printf("|---|---|---|---|\n");
  for (const auto& row : inputs.comparisons.front().at("rows")) {
    const auto& seconds = row.at("seconds");
    std::optional<Estimate> ratio;
    if (seconds.at("ratio").is_number())
      ratio = {seconds.at("ratio"), seconds.at("ratio_low"), seconds.at("ratio_high")};
    std::printf("| %s | %s | %s | %s |\n", row.at("base").get<std::string>().c_str(),
                experiments::change(ratio).c_str(),
                seconds.at("verdict").get<std::string>().c_str(),
                reached(row, margin) ? "yes" : "no");
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) return 2;
  const Inputs inputs = read(argc, argv);
  if (inputs.comparisons.empty()) throw std::runtime_error("no comparison given");
  Tally all, settled;
  for (const auto& comparison : inputs.comparisons)
    for (const auto& row : comparison.at("rows")) {
      count(all, inputs.expected, row);
      if (reached(row, comparison.at("margin"))) count(settled, inputs.expected, row);
    }
  if (inputs.rows) print_rows(inputs);
  std::printf(
      "| rows | compared | not compared | same | cannot tell | faster | slower | broken | median "
      "change | median interval | interval excludes no change | %s |\n",
      inputs.expected == "same" ? "same or cannot tell" : "found slower");
  std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  print("all", all);
  if (inputs.rows) print("reached its interval", settled);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "verdicts: %s\n", error.what());
  return 2;
}
