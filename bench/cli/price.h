// Which price applies to this machine.
#pragma once

#include <vector>

#include "bench/config/hardware.h"
#include "bench/measure/evidence.h"
#include "bench/record/document.h"

namespace ergon::cli {

/// What the user says, else the named instance, else a marked share of an instance of the matched
/// processor; empty where nothing fits.
std::vector<record::Price> applying_prices(const measure::EvidenceOptions& options,
                                           const config::HardwareCatalogue& catalogue);

}  // namespace ergon::cli
