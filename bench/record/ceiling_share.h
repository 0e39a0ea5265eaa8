// How much of a measured ceiling a row reaches.
#pragma once

#include <string_view>

#include "bench/record/document.h"

namespace ergon::record {

/// The row whose samples give the ceiling; nullptr where there is none.
const Row* row_of(const Document& document, const Device& device, const Ceiling& ceiling);

struct CeilingShare {
  /// The row's rate over that of its ceiling. Median and 95 % interval of the ratios within rounds,
  /// so that a neighbour who slows both moves neither; over launches as summarise() does.
  Estimate share;
  /// The ceiling's highest rate in a round that holds both; per second.
  double fastest = 0;
};

/// `what` as in the record. Absent, with the reason, where the ceiling or its row is missing, or
/// where too few rounds hold both.
Maybe<CeilingShare> ceiling_share(const Document& document, const Row& row, std::string_view what);

}  // namespace ergon::record
