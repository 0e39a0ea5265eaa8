// Dollars from time, energy and prices. Pure: no file, no clock, no default.
//
// Two ways to own a result:
//   rent  usd = usd_per_hour * share / 3600 * seconds; the instance is charged whole unless the
//         share says otherwise, for a call that uses one core of it still holds the rest
//   own   usd = standing * seconds / 3600 / utilisation + the call's own energy
//         standing = capital recovery + hosting + idle energy, per hour
//
// Energy is paid at the site's meter. A joule metered at a package, board or node becomes a joule
// at the meter either by a scope-to-wall factor and the PUE, or by one all-in factor that holds
// both. AtMeter is made from one or the other, so PUE cannot be applied twice.
//
// The two parts of owning must not overlap: with idle watts in the standing cost, the call's own
// joules are those above idle; with none, they are gross.
//
// Units: US dollars, seconds, joules, watts, kWh, years of 8760 hours. Every quantity is an
// Estimate (value, low, high); results combine the ends that make them cheapest and dearest, which
// is wide where inputs are independent and right where they share a cause. To compare rows of one
// run, whose prices cancel, pass the price as exactly().
#pragma once

#include "bench/base/interval.h"

namespace ergon::cost {

/// A number taken as certain.
constexpr Estimate exactly(double value) { return {value, value, value}; }

struct Rent {
  Estimate usd_per_hour;  // of the whole instance
  double share = 1;       // of it that is charged, above 0; above 1 where several are needed
};

/// UserError where a price is negative or not a number, or the share is not above 0.
Estimate rent_usd(const Rent& rent, const Estimate& seconds);

/// From computer to site.
struct Pue {
  double factor = 1;  // site energy over computer energy, 1 or more
};
/// From the scope that was metered to the wall socket of the computer; 1 where the wall was
/// metered.
struct ScopeToWall {
  double factor = 1;
};
/// From the scope that was metered straight to the site's meter: PUE is in it.
struct AllIn {
  double factor = 1;
};

/// What one metered joule is at the site's meter.
class AtMeter {
 public:
  AtMeter(ScopeToWall to_wall, Pue pue);
  explicit AtMeter(AllIn all_in);
  double factor() const noexcept { return factor_; }

 private:
  double factor_;
};

struct Electricity {
  Estimate usd_per_kwh;
};

/// Joules as metered, in the scope that `at_meter` was made for.
Estimate energy_usd(const Estimate& joules, const AtMeter& at_meter, const Electricity& price);

/// r (1+r)^n / ((1+r)^n - 1): the yearly share of a debt paid off in n equal years at interest r;
/// 1/n where r is 0. (Any text on engineering economy: "capital recovery factor".)
double capital_recovery_factor(double yearly_interest, double years);

struct Capital {
  Estimate purchase_usd;    // everything bought: accelerators, server, network
  double residual_usd = 0;  // what it sells for at the end
  double years = 0;
  double yearly_interest = 0;  // 0.08 is 8 %
};

/// (purchase - present value of the residual) * capital recovery factor / 8760.
Estimate capital_usd_per_hour(const Capital& capital);

struct Own {
  Capital capital;
  Estimate hosting_usd_per_hour;
  Estimate idle_watts;  // as metered, in at_meter's scope; 0 where the call's joules are gross
  AtMeter at_meter;
  Electricity electricity;
  double utilisation = 1;  // part of the hours it has work, above 0 and at most 1
};

/// Capital recovery, hosting and idle energy, over utilisation.
Estimate standing_usd_per_hour(const Own& own);

/// A call of `seconds` that drew `own_joules` beyond the idle that `own` counts already.
Estimate own_usd(const Own& own, const Estimate& seconds, const Estimate& own_joules);

/// Work per dollar: flop, tokens or bytes of a call over its dollars.
Estimate per_usd(double work, const Estimate& usd);

}  // namespace ergon::cost
