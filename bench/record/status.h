// What follows from a row's facts: median, interval, status. Measuring sets them with these
// functions, `verify` recomputes them with the same ones.
//
// All samples count; none is excluded. Seconds per call of a window are its seconds over its calls.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "bench/record/document.h"
#include "bench/stats/stats.h"

namespace ergon::record {

inline constexpr double wanted_interval = 0.01;    // either side of the median
inline constexpr double most_of_a_ceiling = 1.05;  // above it a row is impossible
/// How status_from_facts finds what is impossible. A record keeps it; another one here means that
/// the same facts may be judged otherwise.
inline constexpr std::string_view ceiling_rule =
    "105 % of the ceiling that a row names, within rounds/1";
inline constexpr const char* reason_unfinished = "the run ended before this case was done";

struct Summary {
  Maybe<double> median = Absent{"no samples"};
  Maybe<Interval> interval95 = Absent{"no samples"};
  std::string interval_kind;  // "rounds", "launches", "hull"; empty without an interval
};

/// Median of the launches' medians with its interval, as stats::launch_interval gives them. Where a
/// launch is too short for its own interval (it was interrupted), all samples count as one launch.
/// Every sample needs calls > 0 and finite seconds.
Summary summarise(std::span<const TimeSample> samples,
                  stats::Dependence dependence = stats::Dependence::widens);

/// Launches that have samples.
std::size_t launches_of(std::span<const TimeSample> samples);

/// row.interval_kind; "hull" too where an older record says "launches" of fewer than six.
std::string interval_kind_of(const Row& row);

/// The larger side of the interval over the median; no value without an interval.
Maybe<double> relative_interval(const Maybe<double>& median, const Maybe<Interval>& interval95);

struct Status {
  std::string status;
  std::string reason;  // empty only for "ok"
  friend bool operator==(const Status&, const Status&) = default;
};

/// wrong: an error above the tolerance. failed: nothing measured or not verified after timing.
/// impossible: more flops, or (cold rows) more bytes per second than 105 % of the ceiling for the
/// row's device, threads and dtype or kind of memory traffic (lookup.h): the interval of its share
/// within rounds (ceiling_share.h) lies above that, or the median share does and the row is above
/// 105 % of the ceiling's fastest shared round too; where too few rounds hold both, its median is
/// above 105 % of the upper end of the ceiling. noisy: the interval is wider than 1 % of the median
/// or absent. ok: none of these. Uses row.median and row.interval95 as they are.
Status status_from_facts(const Document& document, const Row& row);

/// Summarises every row that has samples, and says by which method. Then gives those that were
/// measured without a fault (status "ok", "noisy", "impossible" or none yet) the status of their
/// facts.
void settle(Document& document);

}  // namespace ergon::record
