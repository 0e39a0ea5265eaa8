// The ratio of two rows' times, with the interval that their sampling allows.
//
// Paired: windows of the same round of the same launch, where both rows shared a block of one
// document; drift of the machine cancels. Unpaired: every window against every window.
// Several launches are the unit of both: with six or more (on each side) the launches' own medians
// or ratios are the samples; with fewer, the hull of what each launch, or each pair of launches,
// gives. So an interval never claims more than the launches behind it show.
#pragma once

#include <string>

#include "bench/base/interval.h"
#include "bench/base/maybe.h"
#include "bench/record/document.h"

namespace ergon::report {

struct Ratio {
  Estimate estimate;            // new / base
  bool spans_launches = false;  // six or more on each side: their differences are in the interval
  std::string how;              // "paired in 24 rounds", "unpaired, 24 and 30 windows"
  Maybe<double> sign_test_p = Absent{"only paired rounds have a sign test"};  // information only
};

/// Seconds per call of `fresh` over those of `base`. Absent where the rows are of different blocks
/// or share too few rounds. Both rows belong to the same document.
Maybe<Ratio> paired_seconds(const record::Row& base, const record::Row& fresh);
/// The same for rows of two documents, or of one that share no rounds.
Maybe<Ratio> unpaired_seconds(const record::Row& base, const record::Row& fresh);
/// Joules per call of the energy windows, `fresh` over `base`; without the meters' calibration.
Maybe<Ratio> unpaired_joules(const record::Row& base, const record::Row& fresh);

}  // namespace ergon::report
