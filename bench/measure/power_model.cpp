#include "bench/measure/power_model.h"

#include <string>

namespace ergon::measure {
namespace {

Estimate times(const Estimate& estimate, double low, double high) {
  return {estimate.value * high, estimate.low * low, estimate.high * high};
}

}  // namespace

PowerModel scale_power(const config::PowerFigures& figures, const UsableCores& usable) {
  const bool may_be_threads = !usable.cores || (usable.guest && *usable.cores == usable.processors);
  PowerModel model;
  model.cores = usable.cores.value_or(usable.processors);
  const double least = may_be_threads ? model.cores / 2.0 : model.cores;
  model.idle_watts = times(figures.idle_watts_per_core, least, model.cores);
  model.full_watts = times(figures.full_watts_per_core, least, model.cores);
  model.scope = Scope::wall;
  model.about = "idle and full wall watts per core of " + std::to_string(figures.parts.size()) +
                " published servers (" + std::to_string(figures.submissions) + " results), times " +
                std::to_string(model.cores) + " cores";
  if (may_be_threads)
    model.about += usable.cores ? " (the low end by half as many: a guest may not be told that its "
                                  "processors are threads)"
                                : " (the low end by half as many: " + usable.cores.reason() + ")";
  model.about += ", by processor time used; match: " + figures.rests_on +
                 "; source: " + figures.source + ", " + figures.as_of;
  return model;
}

}  // namespace ergon::measure
