#include "bench/meters/log_counter.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>

#include "bench/meters/busy_stretches.h"
#include "bench/meters/median.h"

namespace ergon {
namespace {

/// Steps of more are a counter that starts anew, or a file that is no log.
constexpr double most_quanta = 1e15;

}  // namespace

void characterise_counter(const Trace& piece, MeterInfo& info) {
  const double printed = info.quantum_joules.value_or(0);
  std::int64_t quanta = 0;
  std::vector<double> apart;
  std::size_t last = 0;
  for (std::size_t i = 1; i < piece.size(); ++i) {
    const double step = piece[i].value - piece[i - 1].value;
    if (step <= 0) continue;
    if (printed > 0 && step / printed < most_quanta)
      quanta = std::gcd(quanta, static_cast<std::int64_t>(std::llround(step / printed)));
    if (last > 0) apart.push_back(piece[i].seconds - piece[last].seconds);
    last = i;
  }
  if (apart.empty()) {
    info.quantum_joules = Absent{"the counter moves too seldom"};
    info.period_seconds = Absent{"the counter moves too seldom"};
    return;
  }
  info.period_seconds = median_of(std::move(apart));
  info.quantum_joules = printed * static_cast<double>(std::max<std::int64_t>(1, quanta));
}

Maybe<double> scatter_of_stamps(Trace& trace, const MeterInfo& info,
                                const std::vector<KnownTime>& known) {
  constexpr std::size_t least_readings = 4;
  constexpr double least_pairs = 20;
  double together = 0;  // covariance of neighbouring powers, as shares of the mean power
  double pairs = 0, watts_sum = 0, apart_sum = 0;
  for (const std::span<Reading> busy : busy_stretches(trace, known, info.clock_error_seconds)) {
    if (busy.size() < least_readings) continue;
    const double seconds = busy.back().seconds - busy.front().seconds;
    const double mean = (busy.back().value - busy.front().value) / seconds;
    if (!(mean > 0)) continue;
    const auto share = [&](std::size_t i) {
      return (busy[i].value - busy[i - 1].value) / (busy[i].seconds - busy[i - 1].seconds) / mean -
             1;
    };
    const auto count = static_cast<double>(busy.size() - 2);
    for (std::size_t i = 2; i < busy.size(); ++i) together += share(i - 1) * share(i);
    pairs += count;
    watts_sum += mean * count;
    apart_sum += seconds / static_cast<double>(busy.size() - 1) * count;
  }
  if (pairs < least_pairs) return Absent{"too few readings of a steady load"};
  const double apart = apart_sum / pairs;
  const double rounding = info.quantum_joules.value_or(0) / (watts_sum / pairs);
  const double square = -together / pairs * apart * apart - rounding * rounding / 12;
  return std::sqrt(std::max(0.0, square));
}

}  // namespace ergon
