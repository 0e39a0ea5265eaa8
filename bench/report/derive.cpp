#include "bench/report/derive.h"
#include "bench/record/ceiling_share.h"
#include "bench/record/lookup.h"

#include <fmt/format.h>

#include <cmath>

#include "bench/report/arithmetic.h"
#include "bench/report/energy.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

using record::Ceiling;
using record::Document;
using record::Row;

Derived absent(std::string reason) { return {Absent{std::move(reason)}, {}}; }

Derived with_factors(Derived of, const std::vector<SharedFactor>& more) {
  of.shared_factors.insert(of.shared_factors.end(), more.begin(), more.end());
  return of;
}

/// a / b, with the factors of both; absent for a's reason, else b's.
Derived quotient(const Derived& a, const Derived& b) {
  if (!a.figure) return absent(a.figure.reason());
  if (!b.figure) return absent(b.figure.reason());
  if (b.figure->low <= 0) return absent("the divisor's interval reaches zero");
  return with_factors({over(*a.figure, *b.figure), a.shared_factors}, b.shared_factors);
}

/// a x b, with the factors of both; absent for a's reason, else b's.
Derived product(const Derived& a, const Derived& b) {
  if (!a.figure) return absent(a.figure.reason());
  if (!b.figure) return absent(b.figure.reason());
  return with_factors({times(*a.figure, *b.figure), a.shared_factors}, b.shared_factors);
}

Derived seconds_per_call(const Row& row) {
  if (const auto why = without_figures(row)) return absent(*why);
  if (!row.median) return absent(row.median.reason());
  if (!(*row.median > 0)) return absent("its median time is not above zero");
  if (!row.interval95)
    return absent(fmt::format("a median of {} without an interval: {}",
                              si(exactly(*row.median), "s"), row.interval95.reason()));
  return {holding(*row.median, *row.interval95), {}};
}

Derived per_second(double amount, const Derived& seconds, const char* nothing) {
  if (!(amount > 0)) return absent(nothing);
  return quotient({exactly(amount), {}}, seconds);
}

Derived full_square_flops_per_second(const Row& row, const Derived& seconds) {
  if (!row.work.full_square_flops) return absent("this work has no full square");
  if (!skips_pairs(row)) return absent("nothing is skipped: it is flops_per_second");
  return per_second(*row.work.full_square_flops, seconds, "its full square counts no flops");
}

struct Limit {
  Estimate per_second;
  SharedFactor factor;
};

Maybe<Limit> limit(const Document& document, const Row& row, const std::string& what) {
  const auto ceiling = ceiling_of(document, row, what);
  if (!ceiling) return Absent{ceiling.reason()};
  const double value = *(*ceiling)->value_per_second;
  const Estimate estimate =
      (*ceiling)->interval95 ? holding(value, *(*ceiling)->interval95) : exactly(value);
  // A figure is divided by its ceiling: the ceiling's high end is the factor's low one.
  return Limit{estimate,
               {fmt::format("ceiling {}{} {} thread{} on {}", what,
                            (*ceiling)->dtype.empty() ? "" : " " + (*ceiling)->dtype, row.threads,
                            row.threads == 1 ? "" : "s", row.device),
                value / estimate.high, value / estimate.low}};
}

/// `rate` over its ceiling: within rounds where enough hold both, else of the medians.
Derived fraction(const Document& document, const Row& row, const std::string& what,
                 const Derived& rate) {
  const Maybe<Limit> of = limit(document, row, what);
  if (!of) return absent(of.reason());
  const auto share = ceiling_share(document, row, what);
  // Nothing of the ceiling is shared with other rows then: each has met it in its own rounds.
  if (share && rate.figure) return {share->share, {}};
  return quotient(rate, {of->per_second, {of->factor}});
}

/// Of the lower of the two limits. Warm operands may stay in caches, so the peak alone bounds them.
Derived roofline_fraction(const Row& row, const Derived& of_peak, const Derived& of_bandwidth) {
  if (!(row.work.flops > 0)) return of_bandwidth;
  if (!(row.work.bytes > 0) || row.cache == "warm" || !of_peak.figure) return of_peak;
  if (!of_bandwidth.figure) return of_bandwidth;
  return of_peak.figure->value >= of_bandwidth.figure->value ? of_peak : of_bandwidth;
}

void derive_fractions(const Document& document, const Row& row, Figures& figures) {
  if (record::is_ceiling(row)) {
    for (Derived* figure :
         {&figures.peak_fraction, &figures.bandwidth_fraction, &figures.roofline_fraction})
      *figure = absent("this row is a ceiling itself");
    return;
  }
  figures.peak_fraction = fraction(document, row, "flops", figures.flops_per_second);
  const Maybe<std::string> memory = record::memory_ceiling_of(row);
  figures.bandwidth_fraction =
      memory ? fraction(document, row, *memory, figures.bytes_per_second) : absent(memory.reason());
  figures.roofline_fraction =
      roofline_fraction(row, figures.peak_fraction, figures.bandwidth_fraction);
}

struct Charge {
  cost::Rent rent;
  SharedFactor factor;
};

Maybe<Charge> charge(const Document& document, const Pricing& pricing) {
  if (pricing.usd_per_hour)
    return Charge{{exactly(*pricing.usd_per_hour), 1}, {"price --usd-per-hour", 1, 1}};
  const auto found = price_of(document);
  if (!found) return Absent{found.reason()};
  const record::Price& price = **found;
  const double usd = *price.usd_per_hour;
  const Estimate range =
      price.usd_per_hour_range ? holding(usd, *price.usd_per_hour_range) : exactly(usd);
  return Charge{{range, price.share}, {"price " + price.id, range.low / usd, range.high / usd}};
}

Derived usd_per_hour(const Row& row, const Maybe<Charge>& charged) {
  constexpr double seconds_per_hour = 3600;
  if (const auto why = without_figures(row)) return absent(*why);
  if (!charged) return absent(charged.reason());
  return {cost::rent_usd(charged->rent, exactly(seconds_per_hour)), {charged->factor}};
}

Derived per_usd(double amount, const Derived& seconds, const Maybe<Charge>& charged,
                const char* nothing) {
  if (!seconds.figure) return absent(seconds.figure.reason());
  if (!(amount > 0)) return absent(nothing);
  if (!charged) return absent(charged.reason());
  const Estimate usd = cost::rent_usd(charged->rent, *seconds.figure);
  if (!(usd.low > 0)) return absent("it costs nothing at this price");
  return {cost::per_usd(amount, usd), {charged->factor}};
}

/// A record made by hand may hold numbers whose quotient no double holds.
void refuse_infinite(Figures& figures) {
  for (Derived* one :
       {&figures.seconds_per_call, &figures.flops_per_second, &figures.full_square_flops_per_second,
        &figures.bytes_per_second, &figures.tokens_per_second, &figures.peak_fraction,
        &figures.bandwidth_fraction, &figures.roofline_fraction, &figures.watts,
        &figures.joules_per_call, &figures.flops_per_joule, &figures.tokens_per_joule,
        &figures.energy_delay_product, &figures.usd_per_hour, &figures.flops_per_usd,
        &figures.tokens_per_usd}) {
    const auto& figure = one->figure;
    if (figure && !(std::isfinite(figure->value) && std::isfinite(figure->low) &&
                    std::isfinite(figure->high)))
      *one = absent("beyond the range of a number");
  }
}

}  // namespace

Figures derive(const Document& document, const Row& row, const Pricing& pricing,
               const EnergyOptions& energy) {
  constexpr const char* no_flops = "this work counts no flops";
  constexpr const char* no_tokens = "this work counts no tokens";
  Figures figures;
  const double tokens = row.work.tokens.value_or(0);
  figures.seconds_per_call = seconds_per_call(row);
  figures.flops_per_second = per_second(row.work.flops, figures.seconds_per_call, no_flops);
  figures.full_square_flops_per_second =
      full_square_flops_per_second(row, figures.seconds_per_call);
  figures.bytes_per_second =
      per_second(row.work.bytes, figures.seconds_per_call, "this work counts no bytes");
  figures.tokens_per_second = per_second(tokens, figures.seconds_per_call, no_tokens);
  derive_fractions(document, row, figures);

  figures.watts = energy_per(document, row, EnergyUnit::second, energy);
  figures.joules_per_call = energy_per(document, row, EnergyUnit::call, energy);
  figures.flops_per_joule = per_second(row.work.flops, figures.joules_per_call, no_flops);
  figures.tokens_per_joule = per_second(tokens, figures.joules_per_call, no_tokens);
  figures.energy_delay_product = product(figures.joules_per_call, figures.seconds_per_call);

  const Maybe<Charge> charged = charge(document, pricing);
  figures.usd_per_hour = usd_per_hour(row, charged);
  figures.flops_per_usd = per_usd(row.work.flops, figures.seconds_per_call, charged, no_flops);
  figures.tokens_per_usd = per_usd(tokens, figures.seconds_per_call, charged, no_tokens);
  refuse_infinite(figures);
  return figures;
}

bool skips_pairs(const Row& row) noexcept {
  return row.work.full_square_flops && *row.work.full_square_flops != row.work.flops;
}

std::optional<std::string> without_figures(const Row& row) {
  if (row.status == "ok" || row.status == "noisy") return std::nullopt;
  return row.status + ": " + row.reason;
}

Maybe<const Ceiling*> ceiling_of(const Document& document, const Row& row,
                                 const std::string& what) {
  if (!record::find_device(document, row.device))
    return Absent{"the record does not describe the device '" + row.device + "'"};
  const std::string which =
      what == "flops" ? what + " ceiling for " + record::products_of(row) : what + " ceiling";
  const Ceiling* ceiling = record::find_ceiling(document, row, what);
  if (!ceiling)
    return Absent{fmt::format("no {} with {} thread{} was measured on {}", which, row.threads,
                              row.threads == 1 ? "" : "s", row.device)};
  if (!ceiling->value_per_second)
    return Absent{
        fmt::format("unknown {} on {}: {}", which, row.device, ceiling->value_per_second.reason())};
  return ceiling;
}

Maybe<const record::Price*> price_of(const Document& document) {
  for (const record::Price& price : document.prices)
    if (price.usd_per_hour && *price.usd_per_hour > 0 && price.share > 0) return &price;
  return Absent{document.prices.empty()
                    ? "no price: give one with --usd-per-hour"
                    : "no price of the record is per hour: give one with --usd-per-hour"};
}

Maybe<bool> is_memory_bound(const Document& document, const Row& row) {
  if (!(row.work.flops > 0)) return true;
  if (row.cache == "warm") return false;
  const Maybe<Limit> peak = limit(document, row, "flops");
  if (!peak) return Absent{peak.reason()};
  const Maybe<std::string> which = record::memory_ceiling_of(row);
  if (!which) return Absent{which.reason()};
  const Maybe<Limit> memory = limit(document, row, *which);
  if (!memory) return Absent{memory.reason()};
  return memory->per_second.value * row.work.flops / row.work.bytes < peak->per_second.value;
}

}  // namespace ergon::report
