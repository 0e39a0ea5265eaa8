// The parts of verify.h, each adding what it finds. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "bench/record/verify.h"

namespace ergon::record {

using Findings = std::vector<Finding>;

/// "/rows/3/time (gemm/...)"; `below` is "" or starts with a slash.
std::string row_place(const Document& document, std::size_t row, const std::string& below);

/// Rounds, positions, launches, order in time (verify_rounds.cpp).
void verify_rounds(const Document& document, Findings& findings);

/// Figures and statuses of each row, ceilings, energy, prices, the run (verify_facts.cpp).
void verify_facts(const Document& document, Findings& findings);

}  // namespace ergon::record
