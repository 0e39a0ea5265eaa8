// What follows from one row and its document: rates, watts, dollars, shares of the ceilings.
//
// Names are those of the CSV and JSON outputs. Each figure carries the interval that follows from
// the row's own samples and the factors it rests on. Extremes are combined (low with high), so
// intervals err on the wide side. Rows that are not "ok" or "noisy" have no figures: a wrong answer
// has no speed.
//
// A figure without an interval is not given: neither value nor interval is invented here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/base/interval.h"
#include "bench/base/maybe.h"
#include "bench/record/document.h"

namespace ergon::report {

/// A factor that other figures of the run rest on as well: a ratio of two of them cancels it.
struct SharedFactor {
  std::string name;  // "price c7i.large", "meter modelled", "ceiling flops f32 2 threads on cpu"
  double low = 1;    // range relative to the value used; already inside the figure's interval
  double high = 1;
  friend bool operator==(const SharedFactor&, const SharedFactor&) = default;
};

struct Derived {
  Maybe<Estimate> figure = Absent{"not derived"};
  std::vector<SharedFactor> shared_factors;
};

struct Figures {
  Derived seconds_per_call;
  Derived flops_per_second;
  Derived full_square_flops_per_second;  // by the other convention; only where it differs
  Derived bytes_per_second;
  Derived tokens_per_second;
  // Within rounds where enough hold the row and its ceiling, else of the medians.
  Derived peak_fraction;       // flops_per_second / measured ceiling of the products
  Derived bandwidth_fraction;  // bytes_per_second / measured bandwidth of its kind; cold rows
  Derived roofline_fraction;   // rate / min(peak, intensity x that bandwidth)
  Derived watts;               // joules / seconds of the energy windows
  Derived joules_per_call;
  Derived flops_per_joule;
  Derived tokens_per_joule;
  Derived energy_delay_product;  // joules_per_call x seconds_per_call
  Derived usd_per_hour;          // what is charged to the row
  Derived flops_per_usd;
  Derived tokens_per_usd;
  /// Baseline's seconds / this row's, within rounds; filled by the table.
  Derived speedup = {Absent{"no --baseline given"}, {}};
};

struct Pricing {
  /// Replaces the record's prices; all of it is charged to each row.
  std::optional<double> usd_per_hour;
};

/// Which joules: all of them, those above idle power, or those of more calls (energy.h).
enum class Joules { gross, idle, marginal };
struct EnergyOptions {
  Joules joules = Joules::gross;
  /// No figure where the interval reaches further from it than this share.
  std::optional<double> most_uncertainty;
};

Figures derive(const record::Document& document, const record::Row& row, const Pricing& pricing,
               const EnergyOptions& energy = {});

/// Whether its full square counts other flops than are counted as its work.
bool skips_pairs(const record::Row& row) noexcept;
/// Why the row has no figures; nothing for "ok" and "noisy".
std::optional<std::string> without_figures(const record::Row& row);

/// What the row's joules come from; nullptr where it has none or the record does not describe it.
const record::Meter* meter_of(const record::Document& document, const record::Row& row);
/// counter and sampled; modelled and declared joules are time in disguise.
bool is_evidence(const record::Meter& meter);
/// The ceiling that applies to the row and has a value, or why none does. `what` as in the record.
Maybe<const record::Ceiling*> ceiling_of(const record::Document& document, const record::Row& row,
                                         const std::string& what);
/// The first price that says dollars per hour, or why there is none.
Maybe<const record::Price*> price_of(const record::Document& document);
/// Whether memory bandwidth limits the row before arithmetic does.
Maybe<bool> is_memory_bound(const record::Document& document, const record::Row& row);

}  // namespace ergon::report
