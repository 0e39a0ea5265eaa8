#include "bench/config/power.h"

#include <algorithm>

namespace ergon::config {
namespace {

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Estimate over_parts(const std::vector<const ServerPower*>& parts, Estimate ServerPower::*figure) {
  std::vector<double> medians;
  Estimate all = parts.front()->*figure;
  for (const ServerPower* part : parts) {
    const Estimate& watts = part->*figure;
    medians.push_back(watts.value);
    all.low = std::min(all.low, watts.low);
    all.high = std::max(all.high, watts.high);
  }
  all.value = median_of(std::move(medians));
  return all;
}

std::vector<const ServerPower*> fitting_parts(const HardwareCatalogue& catalogue,
                                              const CpuMatch& match, const CpuIdentity& cpu) {
  std::vector<const ServerPower*> named, all;
  for (const ServerPower& power : catalogue.server_power) {
    const bool fits = std::any_of(match.generations.begin(), match.generations.end(),
                                  [&](const Generation* g) { return g->id == power.generation; });
    if (!fits) continue;
    all.push_back(&power);
    if (names_part(cpu.brand, power.brand)) named.push_back(&power);
  }
  return match.basis == MatchBasis::brand && !named.empty() ? named : all;
}

}  // namespace

Maybe<PowerFigures> match_power(const HardwareCatalogue& catalogue, const CpuIdentity& cpu) {
  const Maybe<CpuMatch> match = match_cpu(catalogue, cpu);
  if (!match) return Absent{"no power figures: " + match.reason()};
  const std::vector<const ServerPower*> parts = fitting_parts(catalogue, *match, cpu);
  if (parts.empty())
    return Absent{"no published server result for this processor (" + match->rests_on + ")"};
  PowerFigures figures;
  figures.idle_watts_per_core = over_parts(parts, &ServerPower::idle_watts_per_core);
  figures.full_watts_per_core = over_parts(parts, &ServerPower::full_watts_per_core);
  for (const ServerPower* part : parts) {
    figures.parts.push_back(part->cpu);
    figures.submissions += part->submissions;
  }
  figures.rests_on = match->rests_on;
  figures.source = catalogue.power_source;
  figures.as_of = catalogue.power_as_of;
  figures.confidence = catalogue.power_confidence;
  return figures;
}

}  // namespace ergon::config
