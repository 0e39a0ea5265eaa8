// Where this machine's joules and dollars come from: the meters that work, the model behind those
// that only model, and the price that applies. Configs meet sensors here, and nowhere else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/config/hardware.h"
#include "bench/config/match.h"
#include "bench/meters/characterise.h"
#include "bench/meters/meter.h"
#include "bench/record/document.h"

namespace ergon::measure {

struct EvidenceOptions {
  std::vector<std::string> meters = {"auto"};  // values of --meter (meter_choice.h)
  std::optional<double> watts;
  std::optional<double> usd_per_hour;
  std::optional<std::string> instance;
};

config::CpuIdentity identify_cpu();

/// `wanted` names a meter, or all that an entry opens: "nvml" means "nvml:0" too.
bool is_named(const std::string& id, const std::string& wanted);

struct Energy {
  std::vector<std::unique_ptr<Meter>> meters;  // best first
  std::vector<Unavailable> unavailable;
  std::vector<Meter*> chosen;  // the primary one first
  std::string none_chosen;     // why there is none
  /// By id: when what the meter says of itself was found out, or why it was not.
  std::map<std::string, Maybe<std::string>> characterised;
  std::map<std::string, Characterisation> found;  // by id, of those that were
  record::Meter describe(const Meter& meter) const;
};

/// Opens every meter that works, lets `settle` apply what is known of them and refuse some, and
/// chooses. UserError where the wanted one does not exist or does not work.
Energy open_meters(const config::HardwareCatalogue& catalogue, const EvidenceOptions& options,
                   Clock& clock, const std::function<void(Energy&)>& settle);

/// Watts while nothing runs, over `seconds` or what the meter needs, with a 95 % interval over
/// three pieces and their own errors.
Maybe<record::Meter::Idle> measure_idle(Meter& meter, Clock& clock, double seconds);

}  // namespace ergon::measure
