// Energy as declared watts times time: fills a table, marked; it is no evidence.
#include <utility>

#include "bench/meters/clocked.h"

namespace ergon {

Probes probe_declared(const MeterContext& context) {
  if (!context.declared_watts)
    return one(Unavailable{"declared", context.declared_watts.reason(), ""});
  const Estimate watts = *context.declared_watts;
  if (std::string fault = fault_of_watts(watts); !fault.empty())
    return one(Unavailable{"declared", fault, ""});
  MeterInfo info;
  info.id = "declared";
  info.about = context.declared_about;
  info.part = context.declared_scope == Scope::wall ? Part::machine : Part::processor;
  info.scope = context.declared_scope;
  info.provenance = Provenance::declared;
  info.relative_uncertainty = relative_uncertainty_of(watts);
  Clock& clock = *context.clock;
  return one(open_computed(std::move(info), clock,
                           [&clock, watts, opened = clock.now_seconds()]() -> Maybe<double> {
                             return watts.value * (clock.now_seconds() - opened);
                           }));
}

}  // namespace ergon
