// Expected values are worked by hand; the working stands beside each.
#include "bench/cost/cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "bench/base/error.h"

namespace ergon::cost {
namespace {

void expect_near(const Estimate& got, const Estimate& want) {
  const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); };
  EXPECT_TRUE(same(got.value, want.value) && same(got.low, want.low) && same(got.high, want.high))
      << got.value << " [" << got.low << ", " << got.high << "] instead of " << want.value << " ["
      << want.low << ", " << want.high << "]";
}

/// 8760 USD over 1 year at no interest: 1 USD an hour. 1000 W idle at PUE 1.5 and 0.10 USD/kWh:
/// 0.15.
Own plain() {
  Own own{.capital = {exactly(8760), 0, 1, 0},
          .hosting_usd_per_hour = exactly(0.25),
          .idle_watts = exactly(1000),
          .at_meter = AtMeter(ScopeToWall{1}, Pue{1.5}),
          .electricity = {exactly(0.10)},
          .utilisation = 1};
  return own;
}

TEST(Rent, ChargesTheWholeInstanceForTheTimeOfACall) {
  // 7.2 USD/h is 0.002 USD/s; half a second of it.
  expect_near(rent_usd({exactly(7.2)}, exactly(0.5)), exactly(0.001));
}

TEST(Rent, ChargesTheShareThatIsStated) {
  expect_near(rent_usd({exactly(7.2), 0.25}, exactly(0.5)), exactly(0.00025));
}

TEST(Rent, CombinesTheRangesOfPriceAndTime) {
  expect_near(rent_usd({{7.2, 3.6, 14.4}}, {1, 0.5, 2}), {0.002, 0.0005, 0.008});
}

TEST(Rent, LeavesTheRangeOfTimeAloneWhereThePriceIsExact) {
  expect_near(rent_usd({exactly(3600)}, {1, 0.9, 1.2}), {1, 0.9, 1.2});
}

TEST(Energy, IsPaidAtTheMeterOfTheSite) {
  // 3.6 MJ is 1 kWh; x 1.2 to the wall x 1.5 PUE x 0.10 USD.
  expect_near(energy_usd(exactly(3.6e6), AtMeter(ScopeToWall{1.2}, Pue{1.5}), {exactly(0.10)}),
              exactly(0.18));
}

TEST(Energy, AnAllInFactorIsAppliedOnce) {
  expect_near(energy_usd(exactly(3.6e6), AtMeter(AllIn{2.0}), {exactly(0.10)}), exactly(0.20));
}

TEST(Energy, AnAllInFactorCannotBeGivenTogetherWithPue) {
  static_assert(!std::is_constructible_v<AtMeter, AllIn, Pue>);
  static_assert(!std::is_constructible_v<AtMeter, AtMeter, Pue>);
  static_assert(!std::is_constructible_v<AtMeter, double, double>);
  static_assert(std::is_constructible_v<AtMeter, ScopeToWall, Pue>);
}

TEST(CapitalRecovery, AgreesWithHandCalculation) {
  // 0.1 * 1.1^2 / (1.1^2 - 1) = 0.121 / 0.21
  EXPECT_NEAR(capital_recovery_factor(0.10, 2), 0.121 / 0.21, 1e-15);
  // 0.08 over 5 years, as printed in annuity tables: 0.25046
  EXPECT_NEAR(capital_recovery_factor(0.08, 5), 0.25046, 5e-6);
}

TEST(CapitalRecovery, WithoutInterestIsEqualParts) {
  EXPECT_DOUBLE_EQ(capital_recovery_factor(0, 4), 0.25);
  EXPECT_NEAR(capital_recovery_factor(1e-12, 4), 0.25, 1e-11);
}

TEST(Capital, TheResidualIsTakenOffAtItsPresentValue) {
  // Sold for 1210 after 2 years at 10 %: worth 1000 today. (11000 - 1000) * 0.121/0.21 / 8760.
  const Capital capital{{11000, 10000, 12000}, 1210, 2, 0.10};
  const double recovery = 0.121 / 0.21 / 8760;
  expect_near(capital_usd_per_hour(capital), {10000 * recovery, 9000 * recovery, 11000 * recovery});
}

TEST(Own, StandingCostIsCapitalHostingAndIdleEnergy) {
  expect_near(standing_usd_per_hour(plain()), exactly(1 + 0.25 + 0.15));
}

TEST(Own, UtilisationSpreadsTheStandingCostOverTheHoursWithWork) {
  Own own = plain();
  own.utilisation = 0.5;
  expect_near(standing_usd_per_hour(own), exactly(2.8));
}

TEST(Own, ACallPaysItsTimeAndItsOwnEnergy) {
  // 36 s of 1.4 USD/h is 0.014; 360 kJ is 0.1 kWh, x 1.5 x 0.10 is 0.015.
  expect_near(own_usd(plain(), exactly(36), exactly(360e3)), exactly(0.029));
}

TEST(Own, UtilisationDoesNotTouchTheEnergyOfTheCall) {
  Own own = plain();
  own.utilisation = 0.5;
  expect_near(own_usd(own, exactly(36), exactly(360e3)), exactly(0.043));
}

TEST(Own, RangesOfEveryPartReachTheResult) {
  Own own = plain();
  own.hosting_usd_per_hour = {0.25, 0, 0.5};
  own.electricity.usd_per_kwh = {0.10, 0.05, 0.20};
  // low: 1 + 0 + 0.075; high: 1 + 0.5 + 0.3
  expect_near(standing_usd_per_hour(own), {1.4, 1.075, 1.8});
  // 36 s of it, and 360 kJ: 0.1 kWh x 1.5 x {0.10, 0.05, 0.20}
  expect_near(own_usd(own, exactly(36), exactly(360e3)),
              {0.014 + 0.015, 0.01075 + 0.0075, 0.018 + 0.030});
}

TEST(PerUsd, TurnsTheRangeAround) { expect_near(per_usd(100, {2, 1, 4}), {50, 25, 100}); }

TEST(Refusals, NameTheFieldThatCannotBe) {
  const auto field = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const UserError& error) {
      return error.where().field;
    }
    return "accepted";
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(field([] { rent_usd({exactly(-1)}, exactly(1)); }), "usd_per_hour");
  EXPECT_EQ(field([&] { rent_usd({exactly(nan)}, exactly(1)); }), "usd_per_hour");
  EXPECT_EQ(field([&] { rent_usd({exactly(infinity)}, exactly(1)); }), "usd_per_hour");
  EXPECT_EQ(field([] { rent_usd({{1, 2, 3}}, exactly(1)); }), "usd_per_hour");
  EXPECT_EQ(field([] { rent_usd({exactly(1), 0}, exactly(1)); }), "share");
  EXPECT_EQ(field([] { rent_usd({exactly(1)}, exactly(-1)); }), "seconds");
  EXPECT_EQ(field([] { AtMeter(ScopeToWall{1}, Pue{0.9}); }), "pue");
  EXPECT_EQ(field([] { AtMeter(ScopeToWall{0.9}, Pue{1}); }), "scope_to_wall");
  EXPECT_EQ(field([&] { AtMeter a(AllIn{nan}); }), "all_in");
  EXPECT_EQ(field([] { capital_recovery_factor(-0.1, 1); }), "yearly_interest");
  EXPECT_EQ(field([] { capital_recovery_factor(0.1, 0); }), "years");
  EXPECT_EQ(field([] { capital_usd_per_hour({exactly(10), 20, 1, 0}); }), "residual_usd");
  EXPECT_EQ(field([] {
              Own own = plain();
              own.utilisation = 1.1;
              standing_usd_per_hour(own);
            }),
            "utilisation");
  EXPECT_EQ(field([] { per_usd(1, exactly(0)); }), "usd");
}

}  // namespace
}  // namespace ergon::cost
