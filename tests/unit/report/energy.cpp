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
