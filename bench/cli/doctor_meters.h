// `ergon doctor --meters`: what each meter of this machine is, found out under a known load and
// kept for later runs; `--selftest`: the same of simulated sensors, whose truth is known.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "bench/measure/evidence.h"

namespace ergon::cli {

/// Takes seconds to minutes for each meter, with a line on stderr at each step. What was found is
/// kept at once. UserError where what was kept before cannot be read.
nlohmann::ordered_json characterise_meters(const measure::EvidenceOptions& evidence);
void print_characterised(const nlohmann::ordered_json& all);

/// `wrong` is true in it where a figure or a refusal is wrong, or errors hold the truth too rarely.
nlohmann::ordered_json test_meters();
void print_selftest(const nlohmann::ordered_json& all);

}  // namespace ergon::cli
