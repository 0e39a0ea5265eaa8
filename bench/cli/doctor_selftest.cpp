#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "bench/cli/doctor_meters.h"
#include "bench/meters/simulator/coverage.h"

namespace ergon::cli {
namespace {

using nlohmann::ordered_json;

constexpr int runs = 20;
constexpr std::uint64_t seed = 7;

}  // namespace

ordered_json test_meters() {
  std::vector<simulator::Coverage> cells;
  ordered_json list = ordered_json::array();
  ordered_json wrong = ordered_json::array();
  for (const simulator::SensorTraits& traits : simulator::sensors())
    for (const simulator::Fault fault : simulator::faults()) {
      if (!applies(fault, traits)) continue;
      const auto& cell = cells.emplace_back(cover(traits, fault, runs, seed));
      list.push_back({{"sensor", cell.sensor},
                      {"fault", name(fault)},
                      {"within", cell.within},
                      {"outside", cell.outside},
                      {"refused", cell.refused},
                      {"wrong", cell.wrong}});
      if (cell.wrong > 0)
        wrong.push_back(fmt::format("{}, {}: {}", cell.sensor, name(fault), cell.wrong_about));
      else if (cell.outside > simulator::most_outside(cell.figures()))
        wrong.push_back(fmt::format("{}, {}: {} of {} truths lie outside the stated error",
                                    cell.sensor, name(fault), cell.outside, cell.figures()));
    }
  return {{"runs", runs},
          {"wrong", !wrong.empty()},
          {"wrong_cells", wrong},
          {"cells", list},
          {"coverage_table", coverage_table(cells)},
          {"characterisation_table", simulator::characterisation_table(seed)}};
}

}  // namespace ergon::cli
