// Counts the verdicts on time of comparisons that `ergon compare --json` wrote.
//   verdicts EXPECTED COMPARISON.json...
//     EXPECTED  "same": a row counts as right where it is judged same or cannot tell
//               "slower": where it is judged slower
//   verdicts slower COMPARISON.json RECORD.json
//     With the record of a live comparison, rows whose two sides both reached their interval
//     (status ok) are counted apart.
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/record/read.h"
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
  std::string expected;
  std::vector<nlohmann::json> comparisons;
  std::set<std::string> settled;  // keys of rows that reached their interval
  bool has_record = false;
};

Inputs read(int argc, char** argv) {
  Inputs inputs{argv[1], {}, {}, false};
  if (inputs.expected != "same" && inputs.expected != "slower")
    throw std::runtime_error("expected is \"same\" or \"slower\"");
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i]);
    auto json = nlohmann::json::parse(file);
    if (json.at("schema") == "ergon-comparison/1") {
      inputs.comparisons.push_back(std::move(json));
      continue;
    }
    inputs.has_record = true;
    for (const record::Row& row : record::read_document(argv[i]).rows)
      if (row.status == "ok") inputs.settled.insert(record::key(row));
  }
  return inputs;
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
  std::printf("| row | time of new / base | verdict | both reached their interval |\n");
  std::printf("|---|---|---|---|\n");
  for (const auto& row : inputs.comparisons.front().at("rows")) {
    const auto& seconds = row.at("seconds");
    std::optional<Estimate> ratio;
    if (seconds.at("ratio").is_number())
      ratio = {seconds.at("ratio"), seconds.at("ratio_low"), seconds.at("ratio_high")};
    const bool both = inputs.settled.count(row.at("base")) && inputs.settled.count(row.at("new"));
    std::printf("| %s | %s | %s | %s |\n", row.at("base").get<std::string>().c_str(),
                experiments::change(ratio).c_str(),
                seconds.at("verdict").get<std::string>().c_str(), both ? "yes" : "no");
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
      if (inputs.settled.count(row.at("base")) && inputs.settled.count(row.at("new")))
        count(settled, inputs.expected, row);
    }
  if (inputs.has_record && inputs.comparisons.size() == 1) print_rows(inputs);
  std::printf(
      "| rows | compared | not compared | same | cannot tell | faster | slower | broken | median "
      "change | median interval | interval excludes no change | %s |\n",
      inputs.expected == "same" ? "same or cannot tell" : "found slower");
  std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  print("all", all);
  if (inputs.has_record) print("both sides reached their interval", settled);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "verdicts: %s\n", error.what());
  return 2;
}
