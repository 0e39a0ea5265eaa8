#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bench/cli/doctor_meters.h"
#include "bench/meters/simulator/coverage.h"
#include "bench/meters/simulator/log_coverage.h"

namespace ergon::cli {
namespace {

using nlohmann::ordered_json;

constexpr int runs = 20;
constexpr int runs_of_logs = 5;
constexpr std::uint64_t seed = 7;

struct Found {
  ordered_json cells = ordered_json::array();
  ordered_json wrong = ordered_json::array();
};

void add(Found& found, const std::string& sensor, std::string_view fault,
         const simulator::Tally& tally) {
  found.cells.push_back({{"sensor", sensor},
                         {"fault", fault},
                         {"within", tally.within},
                         {"outside", tally.outside},
                         {"refused", tally.refused},
                         {"wrong", tally.wrong}});
  if (tally.wrong > 0)
    found.wrong.push_back(fmt::format("{}, {}: {}", sensor, fault, tally.wrong_about));
  else if (tally.outside > simulator::most_outside(tally.figures()))
    found.wrong.push_back(fmt::format("{}, {}: {} of {} truths lie outside the stated error",
                                      sensor, fault, tally.outside, tally.figures()));
}

}  // namespace

ordered_json test_meters() {
  Found found;
  std::vector<simulator::Coverage> cells;
  for (const simulator::SensorTraits& traits : simulator::sensors())
    for (const simulator::Fault fault : simulator::faults())
      if (applies(fault, traits)) {
        cells.push_back(cover(traits, fault, runs, seed));
        add(found, traits.name, name(fault), cells.back());
      }
  std::vector<simulator::LogCoverage> logs;
  for (const simulator::LoggerTraits& traits : simulator::loggers())
    for (const simulator::LogFault fault : simulator::log_faults())
      if (applies(fault, traits)) {
        logs.push_back(cover(traits, fault, runs_of_logs, seed));
        add(found, traits.name, name(fault), logs.back());
      }
  return {{"runs", runs},
          {"runs_of_logs", runs_of_logs},
          {"wrong", !found.wrong.empty()},
          {"wrong_cells", found.wrong},
          {"cells", found.cells},
          {"coverage_table", coverage_table(cells)},
          {"log_coverage_table", log_coverage_table(logs)},
          {"characterisation_table", simulator::characterisation_table(seed)}};
}

}  // namespace ergon::cli
