#include "bench/meters/modelled.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "bench/meters/clocked.h"

namespace ergon {
namespace {

std::string fault_of(const PowerModel& model) {
  for (const Estimate& watts : {model.idle_watts, model.full_watts})
    if (std::string fault = fault_of_watts(watts); !fault.empty()) return fault;
  if (model.full_watts.value < model.idle_watts.value) return "full load draws less than idle";
  if (model.cores < 1) return "the number of cores is not known";
  return {};
}

struct Spent {
  double seconds, cpu_seconds, joules;
};

}  // namespace

Probe open_modelled(const MeterContext& context, std::function<double()> cpu_seconds) {
  if (!context.model) return Unavailable{"modelled", context.model.reason(), ""};
  const PowerModel model = *context.model;
  if (std::string fault = fault_of(model); !fault.empty())
    return Unavailable{"modelled", "the power figures make no sense: " + fault, ""};
  MeterInfo info;
  info.id = "modelled";
  info.about = model.about;
  info.scope = model.scope;
  info.provenance = Provenance::modelled;
  // Power is a mix of idle and full, so it is never further off than the worse of the two.
  info.relative_uncertainty = std::max(relative_uncertainty_of(model.idle_watts),
                                       relative_uncertainty_of(model.full_watts));
  Clock& clock = *context.clock;
  const double per_core_second = (model.full_watts.value - model.idle_watts.value) / model.cores;
  Spent last{clock.now_seconds(), cpu_seconds(), 0};
  return open_computed(std::move(info), clock, [=, &clock]() mutable -> Maybe<double> {
    const double now = clock.now_seconds(), cpu_now = cpu_seconds();
    const double most = model.cores * (now - last.seconds);
    // Two threads of one core use twice its time, and not twice its power.
    const double core_seconds = std::min(cpu_now - last.cpu_seconds, most);
    last.joules += model.idle_watts.value * (now - last.seconds) + per_core_second * core_seconds;
    last.seconds = now;
    last.cpu_seconds = cpu_now;
    return last.joules;
  });
}

Probes probe_modelled(const MeterContext& context) {
  return one(open_modelled(context, [] {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
  }));
}

}  // namespace ergon
