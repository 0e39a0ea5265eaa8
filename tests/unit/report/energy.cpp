// Joules per call and second: gross, above idle, marginal; their intervals, and what is withheld.
#include "bench/report/energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/report/example.h"

namespace ergon::report {
namespace {

using testing::HasSubstr;

/// Six windows of 100 and of 200 calls of 10 ms by turns; 50 W, and 5 J for starting a window.
class RowEnergy : public testing::Test {
 protected:
  RowEnergy() {
    document.meters = {test::counter_meter()};
    document.meters[0].relative_uncertainty = 0;
    document.meters[0].idle_watts = record::Meter::Idle{20, {19, 21}};
    record::Energy energy{"perf", {}};
    for (int i = 0; i < 6; ++i) {
      record::EnergySample sample;
      sample.calls = i % 2 == 0 ? 100 : 200;
      sample.seconds = 0.01 * static_cast<double>(sample.calls);
      sample.start_seconds = 3 * i;
      sample.joules = 5 + 50 * sample.seconds;
      energy.samples.push_back(sample);
    }
    row.energy = energy;
  }
  Maybe<Estimate> per(EnergyUnit unit, Joules joules) const {
    return energy_per(document, row, unit, {joules, std::nullopt}).figure;
  }
  void give_errors(double joules) {
    record::Energy energy = *row.energy;
    for (auto& sample : energy.samples) sample.error_joules = joules;
    row.energy = energy;
  }
  record::Document document = test::machine();
  record::Row row = test::timed_row({});
};

TEST_F(RowEnergy, GrossIsEverything) {
  EXPECT_NEAR(per(EnergyUnit::call, Joules::gross)->value, (6 * 5 + 50 * 9) / 900.0, 1e-12);
  EXPECT_NEAR(per(EnergyUnit::second, Joules::gross)->value, (6 * 5 + 50 * 9) / 9.0, 1e-12);
}

TEST_F(RowEnergy, AboveIdleLeavesOutWhatIdlingTakes) {
  EXPECT_NEAR(per(EnergyUnit::second, Joules::idle)->value, (6 * 5 + 50 * 9) / 9.0 - 20, 1e-12);
}

TEST_F(RowEnergy, AboveIdleIsAsUncertainAsIdleIs) {
  const double gross = per(EnergyUnit::second, Joules::gross)->high;
  document.meters[0].idle_watts = record::Meter::Idle{20, {10, 30}};
  const Estimate idle = *per(EnergyUnit::second, Joules::idle);
  // One figure for all windows: more of them do not make it surer.
  EXPECT_NEAR(idle.high - idle.value, std::max(10.0, gross - 20 - idle.value), 1e-9);
}

TEST_F(RowEnergy, AboveIdleNeedsIdleWatts) {
  document.meters[0].idle_watts = Absent{"it never was idle"};
  EXPECT_THAT(per(EnergyUnit::call, Joules::idle).reason(), HasSubstr("it never was idle"));
}

TEST_F(RowEnergy, MarginalLeavesOutWhatStartingTakes) {
  EXPECT_NEAR(per(EnergyUnit::call, Joules::marginal)->value, 0.5, 1e-12);
  EXPECT_NEAR(per(EnergyUnit::second, Joules::marginal)->value, 50, 1e-9);
}

TEST_F(RowEnergy, MarginalIsAsUncertainAsTheSumOfItsDifferences) {
  give_errors(9);
  const Estimate marginal = *per(EnergyUnit::second, Joules::marginal);
  // -a + 2b - 2c + 2d - 2e + f, over 5 s.
  EXPECT_NEAR(marginal.high - marginal.value, 9 * std::sqrt(1 + 4 * 4 + 1.0) / 5, 1e-9);
}

TEST_F(RowEnergy, MarginalNeedsWindowsOfDifferentCalls) {
  record::Energy energy = *row.energy;
  for (auto& sample : energy.samples) sample.calls = 100;
  row.energy = energy;
  EXPECT_THAT(per(EnergyUnit::call, Joules::marginal).reason(), HasSubstr("different calls"));
}

TEST_F(RowEnergy, ErrorsOfIndependentWindowsAddInSquares) {
  give_errors(9);
  const Estimate watts = *per(EnergyUnit::second, Joules::gross);
  EXPECT_NEAR(watts.high - watts.value, 9 * std::sqrt(6.0) / 9, 1e-9);
}

/// Of a sensor that shows whole `watts`, whose windows know no better than that.
void give_steps_of(double watts, record::Document& document, record::Row& row) {
  document.meters[0].quantum_watts = watts;
  record::Energy energy = *row.energy;
  for (auto& sample : energy.samples) {
    sample.joules = 50 * sample.seconds;
    sample.error_joules = 1.96 * watts / std::sqrt(12.0) * sample.seconds;
  }
  row.energy = energy;
}

TEST_F(RowEnergy, FewWindowsAreSpreadByStudentsQuantile) {
  record::Energy energy = *row.energy;
  energy.samples.resize(3);
  for (std::size_t i = 0; i < 3; ++i)
    energy.samples[i].joules = (49 + static_cast<double>(i)) * energy.samples[i].seconds;
  row.energy = energy;
  const Estimate watts = *per(EnergyUnit::second, Joules::gross);
  // 49, 50 and 51 W: a standard deviation of 1 W, of which two degrees of freedom tell.
  EXPECT_NEAR(watts.high, 50 + 4.30265 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(watts.low, 50 - 4.30265 / std::sqrt(3.0), 1e-6);
  // Of two launches, what either shows.
  record::EnergySample another = energy.samples[0];
  another.launch = 1;
  another.joules = 55 * another.seconds;
  energy.samples.push_back(another);
  row.energy = energy;
  EXPECT_NEAR(per(EnergyUnit::second, Joules::gross)->high, 55, 1e-9);
}

TEST_F(RowEnergy, MoreWindowsDoNotTellWhereInASensorsStepPowerLies) {
  give_steps_of(2, document, row);
  const double step = 1.96 * 2 / std::sqrt(12.0);
  for (const Joules joules : {Joules::gross, Joules::marginal}) {
    const Estimate watts = *per(EnergyUnit::second, joules);
    EXPECT_NEAR(watts.high - watts.value, step, 1e-9) << name(joules);
    EXPECT_NEAR(watts.value - watts.low, step, 1e-9) << name(joules);
  }
  document.meters[0].idle_watts = record::Meter::Idle{20, {18, 22}};
  const Estimate above = *per(EnergyUnit::second, Joules::idle);
  EXPECT_NEAR(above.high - above.value, std::hypot(step, 2), 1e-9);
}

TEST_F(RowEnergy, MoreWindowsDoAverageOutWhatIsMoreThanASensorsStep) {
  give_steps_of(0.001, document, row);
  give_errors(9);
  const Estimate watts = *per(EnergyUnit::second, Joules::gross);
  EXPECT_NEAR(watts.high - watts.value, 9 * std::sqrt(6.0) / 9, 1e-5);
}

TEST_F(RowEnergy, WhatIsTooUncertainIsWithheld) {
  give_errors(9);
  const EnergyOptions most{Joules::gross, 0.03};
  EXPECT_THAT(energy_per(document, row, EnergyUnit::second, most).figure.reason(),
              HasSubstr("known to ±4.6% only; wanted: 3%"));
  const EnergyOptions more{Joules::gross, 0.1};
  EXPECT_TRUE(energy_per(document, row, EnergyUnit::second, more).figure);
}

TEST_F(RowEnergy, CalibrationCountsAsUncertainty) {
  document.meters[0].relative_uncertainty = 0.2;
  EXPECT_FALSE(energy_per(document, row, EnergyUnit::second, {Joules::gross, 0.1}).figure);
}

TEST_F(RowEnergy, TheDelayProductIsJoulesTimesSeconds) {
  const Figures figures = derive(document, row, {});
  EXPECT_NEAR(figures.energy_delay_product.figure->value,
              figures.joules_per_call.figure->value * *row.median, 1e-12);
}

TEST_F(RowEnergy, ResidualsAreRatiosWithinWindows) {
  record::Energy beside = *row.energy;
  beside.meter = "plug";
  for (std::size_t i = 0; i < beside.samples.size(); ++i)
    beside.samples[i].joules = *beside.samples[i].joules * (i == 0 ? 1.5 : 1.2);
  beside.samples[5].joules = Absent{"lost"};
  row.extra_meters = {beside};
  const auto seen = residual({&row}, "perf", "plug");
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->windows, 5U);
  EXPECT_NEAR(seen->median, 1.2, 1e-12);
  EXPECT_NEAR(seen->high, 1.5, 1e-12);
  EXPECT_FALSE(residual({&row}, "perf", "another"));
}

}  // namespace
}  // namespace ergon::report
