// How much of a measured ceiling a row reaches.
#pragma once

#include <string_view>

#include "bench/record/document.h"

namespace ergon::record {

/// The row whose samples give the ceiling; nullptr where there is none.
const Row* row_of(const Document& document, const Device& device, const Ceiling& ceiling);

/// The row's rate over that of its ceiling, `what` as in the record. Median and 95 % interval of
/// the ratios within rounds, so that a neighbour who slows both moves neither; over launches as
/// summarise() does. Absent, with the reason, where the ceiling or its row is missing, or where too
/// few rounds hold both.
Maybe<Estimate> ceiling_share(const Document& document, const Row& row, std::string_view what);

}  // namespace ergon::record
