#include "bench/stats/stats.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <stdexcept>

#include "bench/stats/binomial.h"
#include "bench/stats/dependence.h"
#include "bench/stats/samples.h"

namespace ergon::stats {
namespace {

constexpr double launch_confidence = 0.95;

void require_samples(std::span<const double> samples) {
  if (samples.empty()) throw std::invalid_argument("no samples");
}

void require_pairs(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) throw std::invalid_argument("pairs need two samples of the same size");
}

double middle(const std::vector<double>& ascending) {
  const std::size_t half = ascending.size() / 2;
  if (ascending.size() % 2 == 1) return ascending[half];
  return std::midpoint(ascending[half - 1], ascending[half]);
}

std::optional<Interval> around_middle(std::span<const double> in_order, double confidence,
                                      Dependence dependence = Dependence::widens) {
  const std::size_t n = in_order.size();
  const std::size_t independent = median_rank(n, confidence);
  if (independent == 0) return std::nullopt;
  const std::size_t rank = dependence == Dependence::ignored
                               ? independent
                               : widened_rank(n, independent, median_dependence(in_order));
  const auto ascending = sorted(in_order);
  return Interval{ascending[rank - 1], ascending[n - rank]};
}

std::optional<Interval> hull_of_launches(std::span<const std::vector<double>> launches,
                                         Dependence dependence) {
  std::optional<Interval> hull;
  for (const auto& launch : launches) {
    const auto own = median_interval(launch, launch_confidence, dependence);
    if (!own) return std::nullopt;
    hull = hull ? Interval{std::min(hull->low, own->low), std::max(hull->high, own->high)} : *own;
  }
  return hull;
}

}  // namespace

std::vector<double> sorted(std::span<const double> samples) {
  for (const double sample : samples)
    if (!std::isfinite(sample)) throw std::invalid_argument("a sample is not a finite number");
  std::vector<double> ascending(samples.begin(), samples.end());
  std::sort(ascending.begin(), ascending.end());
  return ascending;
}

void require_positive(std::span<const double> samples) {
  for (const double sample : samples)
    if (!(std::isfinite(sample) && sample > 0))
      throw std::invalid_argument("a ratio needs finite samples above zero");
}

double median(std::span<const double> samples) {
  require_samples(samples);
  return middle(sorted(samples));
}

double quantile(std::span<const double> samples, double p) {
  require_samples(samples);
  if (!(p >= 0 && p <= 1)) throw std::invalid_argument("a quantile needs 0 <= p <= 1");
  const auto ascending = sorted(samples);
  const double position = p * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return std::lerp(ascending[below], ascending[above], position - static_cast<double>(below));
}

std::optional<Interval> median_interval(std::span<const double> samples, double confidence,
                                        Dependence dependence) {
  return around_middle(samples, confidence, dependence);
}

std::optional<LaunchInterval> launch_interval(std::span<const std::vector<double>> launches,
                                              Dependence dependence) {
  if (launches.empty()) return std::nullopt;
  std::vector<double> medians;
  for (const auto& launch : launches) medians.push_back(median(launch));
  const bool many = launches.size() >= launches_that_are_samples;
  const auto interval = many ? median_interval(medians, launch_confidence, dependence)
                             : hull_of_launches(launches, dependence);
  if (!interval) return std::nullopt;
  return LaunchInterval{median(medians), *interval, many};
}

std::optional<Estimate> paired_ratio(std::span<const double> a, std::span<const double> b,
                                     double confidence) {
  require_pairs(a, b);
  require_positive(a);
  require_positive(b);
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(b[i] / a[i]);
  const auto interval = around_middle(ratios, confidence);
  if (!interval) return std::nullopt;
  return Estimate{median(ratios), interval->low, interval->high};
}

std::string_view name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::faster:
      return "faster";
    case Verdict::slower:
      return "slower";
    case Verdict::same:
      return "same";
    case Verdict::cannot_tell:
      break;
  }
  return "cannot tell";
}

Verdict verdict(const Estimate& ratio, double margin) noexcept {
  const double upper = 1 + margin;
  const double lower = 1 / upper;
  if (ratio.low >= lower && ratio.high <= upper) return Verdict::same;
  if (ratio.high < lower && ratio.low <= ratio.high) return Verdict::faster;
  if (ratio.low > upper && ratio.low <= ratio.high) return Verdict::slower;
  return Verdict::cannot_tell;
}

double sign_test_p(std::span<const double> a, std::span<const double> b) {
  require_pairs(a, b);
  require_positive(a);
  require_positive(b);
  std::size_t less = 0;
  std::size_t unequal = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    less += b[i] < a[i] ? 1 : 0;
    unequal += b[i] != a[i] ? 1 : 0;
  }
  return std::min(1.0, 2 * fair_binomial_cdf(unequal, std::min(less, unequal - less)));
}

}  // namespace ergon::stats
