// A meter made of a function that yields its value, and how such a meter is opened.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/meters/meter.h"

namespace ergon {

/// Joules or watts now, or the sensor's fault.
using Source = std::function<Maybe<double>()>;

/// Stamps what `source` yields with the injected clock.
class ClockedMeter final : public Meter {
 public:
  ClockedMeter(MeterInfo info, Clock& clock, Source source,
               std::vector<std::unique_ptr<Meter>> parts = {});
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override;
  std::vector<Meter*> parts() override;

 private:
  MeterInfo info_;
  Clock& clock_;
  Source source_;
  std::vector<std::unique_ptr<Meter>> parts_;
};

/// Enough for counters that step every millisecond, as RAPL's do.
inline constexpr double quick_counter_seconds = 0.05;

struct Summand {
  std::string name;
  Source joules;
};
/// Opens a sum of `counters` cumulative counters and characterises it by reading it rapidly, for
/// `seconds` and 20,000 reads at most: quantum (the smallest step seen; the counter's own unit may
/// be finer), period (mean time between steps) and the cost of a read. Counters that step in turn
/// make the sum step as often as all of them together, so quantum and period are those of one times
/// `counters`. Unavailable where a read fails or the sum stands still.
Probe open_counter(MeterInfo info, Clock& clock, Source joules, std::size_t counters,
                   double seconds = quick_counter_seconds);

/// open_counter() of counters that all move, which are then the meter's parts. Not a value where
/// one has stood still for longer than any that counts a running machine does, while others moved:
/// the sum would hide it.
Probe open_sum(const MeterInfo& info, Clock& clock, const std::vector<Summand>& counters);

/// Opens a meter whose joules are computed: no quantum and no period; only the cost of a read is
/// measured. Unavailable where a read fails.
Probe open_computed(MeterInfo info, Clock& clock, Source joules);

/// The least u whose factor either way, from value / (1 + u) to value * (1 + u), holds the
/// estimate's whole range: that is how a meter's relative_uncertainty is applied. All three are
/// above 0.
double relative_uncertainty_of(const Estimate& estimate) noexcept;

/// Empty where 0 < low <= value <= high and all are finite; else what is wrong.
std::string fault_of_watts(const Estimate& watts);

}  // namespace ergon
