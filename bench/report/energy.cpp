#include "bench/report/energy.h"
#include "bench/record/lookup.h"

#include <algorithm>
#include <map>

#include "bench/report/arithmetic.h"
#include "bench/stats/stats.h"

namespace ergon::report {
namespace {

struct Totals {
  double joules = 0, error = 0, units = 0;
  std::map<int, std::vector<double>> by_launch;  // joules per unit of each window
  std::string why_none = "no energy window";
};

Totals add_up(const std::vector<record::EnergySample>& samples, EnergyUnit unit) {
  Totals totals;
  for (const auto& sample : samples) {
    const double units =
        unit == EnergyUnit::call ? static_cast<double>(sample.calls) : sample.seconds;
    if (!sample.joules || !(units > 0)) {
      totals.why_none = sample.joules ? "an energy window is empty" : sample.joules.reason();
      continue;
    }
    totals.joules += *sample.joules;
    totals.error += sample.error_joules;
    totals.units += units;
    totals.by_launch[sample.launch].push_back(*sample.joules / units);
  }
  return totals;
}

Interval spread_of(const Totals& totals) {
  std::vector<std::vector<double>> launches;
  std::vector<double> all;
  for (const auto& [launch, values] : totals.by_launch) {
    launches.push_back(values);
    all.insert(all.end(), values.begin(), values.end());
  }
  if (const auto interval = stats::launch_interval(launches)) return interval->interval;
  const auto [least, greatest] = std::ranges::minmax(all);
  return {least, greatest};
}

}  // namespace

Derived energy_per(const record::Document& document, const record::Row& row, EnergyUnit unit) {
  const auto absent = [](std::string reason) { return Derived{Absent{std::move(reason)}, {}}; };
  if (const auto why = without_figures(row)) return absent(*why);
  if (!row.energy) return absent(row.energy.reason());
  const record::Meter* meter = meter_of(document, row);
  if (!meter) return absent("the record does not describe the meter '" + row.energy->meter + "'");
  const Totals totals = add_up(row.energy->samples, unit);
  if (!(totals.units > 0)) return absent(totals.why_none);

  Estimate figure = holding(totals.joules / totals.units, spread_of(totals));
  const double error = totals.error / totals.units;
  // A factor either way: for a sensor's few percent the same as adding them, and for a model that
  // may be three times off it does not reach below nothing.
  const double calibration = 1 + meter->relative_uncertainty;
  figure.low = std::max(0.0, figure.low - error) / calibration;
  figure.high = (figure.high + error) * calibration;
  if (!(figure.value > 0)) return absent("the meter counted no joules");
  return {figure, {{"meter " + meter->id, 1 / calibration, calibration}}};
}

const record::Meter* meter_of(const record::Document& document, const record::Row& row) {
  return row.energy ? record::find_meter(document, row.energy->meter) : nullptr;
}

bool is_evidence(const record::Meter& meter) {
  return meter.provenance == "counter" || meter.provenance == "sampled";
}

}  // namespace ergon::report
