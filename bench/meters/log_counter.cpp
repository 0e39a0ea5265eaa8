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

double usual_watts(std::span<const Reading> busy) {
  std::vector<double> watts;
  for (const Reading& reading : busy.subspan(1))
    watts.push_back((reading.value - (&reading - 1)->value) /
                    (reading.seconds - (&reading - 1)->seconds));
  std::sort(watts.begin(), watts.end());
  const std::size_t quarter = watts.size() / 4;
  double sum = 0;
  for (std::size_t i = quarter; i < watts.size() - quarter; ++i) sum += watts[i];
  return sum / static_cast<double>(watts.size() - 2 * quarter);
}

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

namespace {

/// Of each reading of a busy time but the first: by what share of its mean power the counter gained
/// more since the reading before.
std::vector<double> shares_of(std::span<const Reading> busy, double mean_watts) {
  std::vector<double> shares;
  for (std::size_t i = 1; i < busy.size(); ++i)
    shares.push_back((busy[i].value - busy[i - 1].value) / (busy[i].seconds - busy[i - 1].seconds) /
                         mean_watts -
                     1);
  return shares;
}

/// A counter that moves nearly once per reading slips at times, which stands out: the share by
/// which, else 0.
double slip_of(std::vector<double> shares) {
  for (double& share : shares) share = std::abs(share);
  const double largest = *std::max_element(shares.begin(), shares.end());
  constexpr double stands_out = 8;  // times the median
  return largest > stands_out * median_of(std::move(shares)) ? largest : 0;
}

}  // namespace

Maybe<double> scatter_of_stamps(Trace& trace, const MeterInfo& info,
                                const std::vector<KnownTime>& known) {
  constexpr std::size_t least_readings = 4;
  constexpr double least_pairs = 20;
  double together = 0;  // covariance of neighbouring shares
  double pairs = 0, watts_sum = 0, apart_sum = 0;
  for (const std::span<Reading> busy : busy_stretches(trace, known, info.clock_error_seconds)) {
    if (busy.size() < least_readings) continue;
    const double seconds = busy.back().seconds - busy.front().seconds;
    const double mean = usual_watts(busy);
    if (!(mean > 0)) continue;
    const std::vector<double> shares = shares_of(busy, mean);
    for (std::size_t i = 1; i < shares.size(); ++i)
      together += std::clamp(shares[i - 1], -1.0, 1.0) * std::clamp(shares[i], -1.0, 1.0);
    const auto count = static_cast<double>(shares.size() - 1);
    pairs += count;
    watts_sum += mean * count;
    apart_sum += seconds / static_cast<double>(shares.size()) * count;
  }
  if (pairs < least_pairs) return Absent{"too few readings of a steady load"};
  const double apart = apart_sum / pairs;
  const double rounding = info.quantum_joules.value_or(0) / (watts_sum / pairs);
  const double square = -together / pairs * apart * apart - rounding * rounding / 12;
  double slipped = 0;
  for (const std::span<Reading> steady :
       steady_stretches(trace, known, info.clock_error_seconds + apart, true)) {
    if (steady.size() < least_readings) continue;
    const double mean = usual_watts(steady);
    if (!(mean > 0)) continue;
    const double slip = std::min(slip_of(shares_of(steady, mean)), 1.0) * apart;
    slipped = std::max(slipped, slip - 2 * info.quantum_joules.value_or(0) / mean);
  }
  slipped /= std::sqrt(12.0);
  return std::max(std::sqrt(std::max(0.0, square)), slipped);
}

}  // namespace ergon
