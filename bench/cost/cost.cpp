#include "bench/cost/cost.h"

#include <cmath>

#include "bench/base/error.h"

namespace ergon::cost {
namespace {

constexpr double seconds_per_hour = 3600;
constexpr double hours_per_year = 8760;
constexpr double joules_per_kwh = 3.6e6;

[[noreturn]] void refuse(const char* field, const char* message) {
  throw UserError(Where{"", 0, field}, message);
}

/// Also refuses NaN.
void require(bool holds, const char* field, const char* message) {
  if (!holds) refuse(field, message);
}

void require_amount(const Estimate& amount, const char* field) {
  require(amount.low >= 0 && amount.low <= amount.value && amount.value <= amount.high &&
              std::isfinite(amount.high),
          field, "must be 0 or more, with low <= value <= high");
}

void require_factor(double factor, double least, const char* field, const char* message) {
  require(factor >= least && std::isfinite(factor), field, message);
}

// Everything below is 0 or more, so the ends of a product and of a sum are those of its parts.
Estimate times(const Estimate& a, const Estimate& b) {
  return {a.value * b.value, a.low * b.low, a.high * b.high};
}
Estimate times(const Estimate& a, double b) { return times(a, exactly(b)); }
Estimate plus(const Estimate& a, const Estimate& b) {
  return {a.value + b.value, a.low + b.low, a.high + b.high};
}

}  // namespace

Estimate rent_usd(const Rent& rent, const Estimate& seconds) {
  require_amount(rent.usd_per_hour, "usd_per_hour");
  require_amount(seconds, "seconds");
  require(rent.share > 0 && std::isfinite(rent.share), "share", "must be above 0");
  return times(times(rent.usd_per_hour, rent.share / seconds_per_hour), seconds);
}

AtMeter::AtMeter(ScopeToWall to_wall, Pue pue) : factor_(to_wall.factor * pue.factor) {
  require_factor(to_wall.factor, 1, "scope_to_wall",
                 "must be 1 or more: the wall holds what was metered");
  require_factor(pue.factor, 1, "pue", "must be 1 or more");
}

AtMeter::AtMeter(AllIn all_in) : factor_(all_in.factor) {
  require_factor(all_in.factor, 1, "all_in", "must be 1 or more: the site holds what was metered");
}

Estimate energy_usd(const Estimate& joules, const AtMeter& at_meter, const Electricity& price) {
  require_amount(joules, "joules");
  require_amount(price.usd_per_kwh, "usd_per_kwh");
  return times(times(joules, at_meter.factor() / joules_per_kwh), price.usd_per_kwh);
}

double capital_recovery_factor(double yearly_interest, double years) {
  require(yearly_interest >= 0 && std::isfinite(yearly_interest), "yearly_interest",
          "must be 0 or more");
  require(years > 0 && std::isfinite(years), "years", "must be above 0");
  if (yearly_interest == 0) return 1 / years;
  // 1 - (1+r)^-n, without the cancellation at small r.
  return yearly_interest / -std::expm1(-years * std::log1p(yearly_interest));
}

Estimate capital_usd_per_hour(const Capital& capital) {
  require_amount(capital.purchase_usd, "purchase_usd");
  const double recovery = capital_recovery_factor(capital.yearly_interest, capital.years);
  const double residual =
      capital.residual_usd * std::exp(-capital.years * std::log1p(capital.yearly_interest));
  require(capital.residual_usd >= 0 && residual <= capital.purchase_usd.low, "residual_usd",
          "must be 0 or more, and worth no more than the purchase");
  const Estimate& price = capital.purchase_usd;
  const Estimate owed = {price.value - residual, price.low - residual, price.high - residual};
  return times(owed, recovery / hours_per_year);
}

Estimate standing_usd_per_hour(const Own& own) {
  require_amount(own.hosting_usd_per_hour, "hosting_usd_per_hour");
  require_amount(own.idle_watts, "idle_watts");
  require(own.utilisation > 0 && own.utilisation <= 1, "utilisation",
          "must be above 0 and at most 1");
  const Estimate idle_joules_per_hour = times(own.idle_watts, seconds_per_hour);
  const Estimate idle = energy_usd(idle_joules_per_hour, own.at_meter, own.electricity);
  const Estimate standing =
      plus(plus(capital_usd_per_hour(own.capital), own.hosting_usd_per_hour), idle);
  return times(standing, 1 / own.utilisation);
}

Estimate own_usd(const Own& own, const Estimate& seconds, const Estimate& own_joules) {
  require_amount(seconds, "seconds");
  const Estimate standing = times(standing_usd_per_hour(own), 1 / seconds_per_hour);
  return plus(times(standing, seconds), energy_usd(own_joules, own.at_meter, own.electricity));
}

Estimate per_usd(double work, const Estimate& usd) {
  require(work >= 0 && std::isfinite(work), "work", "must be 0 or more");
  require_amount(usd, "usd");
  require(usd.low > 0, "usd", "must be above 0 to divide by");
  return {work / usd.value, work / usd.high, work / usd.low};
}

}  // namespace ergon::cost
