// Joules of a log in virtual time, put into a record.
#include "bench/measure/attach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bench/base/error.h"
#include "bench/meters/iso_time.h"
#include "bench/record/verify.h"
#include "tests/unit/meters/virtual_log.h"

namespace ergon::measure {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::VirtualRun;
using testing::VirtualSensor;

constexpr const char* began = "2026-01-30T10:00:00.500Z";

class AttachLog : public ::testing::Test {
 protected:
  AttachLog() {
    run = VirtualRun::make(4, random);
    shift = moment_from(began)->utc_seconds - run.start_seconds;
    document.run.launch_starts = {{0, began}};
    document.rows.resize(1);
    record::Energy energy{"log", {}};
    std::size_t next = 0;
    for (const KnownTime& known : run.known) {
      const double start = known.start_seconds - run.start_seconds;
      const double seconds = known.end_seconds - known.start_seconds;
      if (next < run.windows.size() && run.windows[next].start_seconds == known.start_seconds) {
        ++next;
        record::EnergySample sample;
        sample.start_seconds = start;
        sample.seconds = seconds;
        sample.calls = 10;
        sample.joules = Absent{"to be attached"};
        energy.samples.push_back(sample);
      } else {
        document.run.beacons.push_back({0, start, seconds, known.busy});
      }
    }
    document.rows[0].energy = energy;
    record::Meter meter;
    meter.id = "log";
    meter.primary = true;
    document.meters = {meter};
    options.file = "there/plug.csv";
    options.sha256 = std::string(64, 'a');
    options.traits.relative_uncertainty = 0.01;
  }
  PowerLog log_of(const VirtualSensor& sensor) {
    PowerLog log;
    log.is_utc = true;
    log.value_resolution = sensor.quantum_watts;
    log.stamp_resolution_seconds = 1e-3;
    for (Reading reading : sensor.log(run, random)) {
      reading.seconds += shift;
      log.readings.push_back(reading);
      log.lines.push_back(static_cast<int>(log.lines.size()) + 2);
    }
    return log;
  }
  /// The same log as a counter, in steps of a joule.
  PowerLog counter_of(const VirtualSensor& sensor) {
    PowerLog log = log_of(sensor);
    log.quantity = Quantity::cumulative_joules;
    log.value_resolution = 1;
    double joules = 12345;
    for (Reading& reading : log.readings) {
      joules += reading.value * sensor.period_seconds;
      reading.value = std::floor(joules);
    }
    return log;
  }
  void expect_joules(const record::Energy& energy) const {
    int within = 0, known = 0;
    for (const record::EnergySample& sample : energy.samples) {
      ASSERT_TRUE(sample.joules) << sample.joules.reason();
      const double truth = run.busy_watts * sample.seconds;
      ++known;
      within += std::abs(*sample.joules - truth) <= sample.error_joules ? 1 : 0;
      EXPECT_LE(std::abs(*sample.joules - truth), 2.5 * sample.error_joules);
      EXPECT_LE(sample.error_joules, 0.15 * truth);
    }
    EXPECT_GE(within, known - 2);
  }

  std::mt19937_64 random{5};
  VirtualRun run;
  double shift = 0;
  record::Document document;
  AttachOptions options;
};

TEST_F(AttachLog, FillsTheWindowsOfARunWithALogToCome) {
  const auto attached = attach_log(document, log_of({}), options);
  ASSERT_TRUE(attached) << attached.reason();
  EXPECT_EQ(attached->meter, "log:plug.csv");
  EXPECT_EQ(attached->with_joules, 12);
  EXPECT_EQ(document.rows[0].energy->meter, "log:plug.csv");
  expect_joules(*document.rows[0].energy);
  ASSERT_EQ(document.meters.size(), 1U);
  EXPECT_EQ(document.meters[0].id, "log:plug.csv");
  EXPECT_EQ(document.meters[0].provenance, "sampled");
  EXPECT_EQ(document.meters[0].part, "machine");
  EXPECT_TRUE(document.meters[0].primary);
  EXPECT_NEAR(document.meters[0].idle_watts->value, run.idle_watts, 0.5);
  EXPECT_THAT(document.meters[0].about, StartsWith("plug.csv (sha256 aaaa"));
}

TEST_F(AttachLog, TakesTheJoulesOfASensorThatAveragesOverSeconds) {
  VirtualSensor sensor;
  sensor.averaging_seconds = 3;
  const auto attached = attach_log(document, log_of(sensor), options);
  ASSERT_TRUE(attached) << attached.reason();
  expect_joules(*document.rows[0].energy);
}

TEST_F(AttachLog, SaysWhatStepsTheLogHasAndKnowsIdleNoBetter) {
  VirtualSensor sensor;
  sensor.quantum_watts = 5;
  ASSERT_TRUE(attach_log(document, log_of(sensor), options));
  const record::Meter& meter = document.meters[0];
  EXPECT_EQ(meter.quantum_watts, 5);
  EXPECT_LE(meter.idle_watts->interval95.low, meter.idle_watts->value - 2.8);
  EXPECT_GE(meter.idle_watts->interval95.high, meter.idle_watts->value + 2.8);
}

TEST_F(AttachLog, TakesTheJoulesOfACounter) {
  VirtualSensor sensor;
  sensor.averaging_seconds = 1;
  sensor.noise_watts = 0;  // a counter adds up what flows
  sensor.quantum_watts = 1e-3;
  const auto attached = attach_log(document, counter_of(sensor), options);
  ASSERT_TRUE(attached) << attached.reason();
  expect_joules(*document.rows[0].energy);
  EXPECT_EQ(document.meters[0].provenance, "counter");
}

TEST_F(AttachLog, StandsBesideAnotherMeter) {
  document.meters[0].id = "perf";
  document.rows[0].energy = record::Energy{"perf", document.rows[0].energy->samples};
  ASSERT_TRUE(attach_log(document, log_of({}), options));
  EXPECT_EQ(document.rows[0].energy->meter, "perf");
  ASSERT_EQ(document.rows[0].extra_meters.size(), 1U);
  expect_joules(document.rows[0].extra_meters[0]);
  EXPECT_FALSE(document.meters[1].primary);
}

TEST_F(AttachLog, TakesThePlaceOfALogThatWasToComeBesideAnotherMeter) {
  document.rows[0].extra_meters = {*document.rows[0].energy};
  document.rows[0].energy = record::Energy{"perf", document.rows[0].energy->samples};
  document.meters[0].primary = false;
  document.meters.insert(document.meters.begin(), record::Meter{});
  document.meters[0].id = "perf";
  document.meters[0].primary = true;
  ASSERT_TRUE(attach_log(document, log_of({}), options));
  EXPECT_EQ(document.rows[0].energy->meter, "perf");
  ASSERT_EQ(document.rows[0].extra_meters.size(), 1U);
  EXPECT_EQ(document.rows[0].extra_meters[0].meter, "log:plug.csv");
  expect_joules(document.rows[0].extra_meters[0]);
  EXPECT_EQ(document.meters[1].id, "log:plug.csv");
  EXPECT_FALSE(document.meters[1].primary);
}

TEST_F(AttachLog, LeavesTheRecordAloneWhereTheClockGoesBackWithinTheRun) {
  PowerLog log = log_of({});
  for (std::size_t i = log.readings.size() / 2; i < log.readings.size(); ++i)
    log.readings[i].seconds -= 10;
  const auto attached = attach_log(document, log, options);
  EXPECT_THAT(attached.reason(), HasSubstr("cannot align"));
  EXPECT_THAT(attached.reason(), HasSubstr("the log's clock goes back by 9 s at line"));
  EXPECT_EQ(document.meters[0].id, "log");
  EXPECT_FALSE(document.rows[0].energy->samples[0].joules);
}

TEST_F(AttachLog, TakesTheSideOfAStepBackThatHoldsTheRun) {
  PowerLog log = log_of({});
  for (std::size_t i = 0; i < 60; ++i) log.readings[i].seconds += 500;
  const auto attached = attach_log(document, log, options);
  ASSERT_TRUE(attached) << attached.reason();
  expect_joules(*document.rows[0].energy);
}

TEST_F(AttachLog, RefusesWhatIsAttachedAlreadyAndRecordsWithoutWindows) {
  ASSERT_TRUE(attach_log(document, log_of({}), options));
  EXPECT_THROW(attach_log(document, log_of({}), options), UserError);
  options.sha256 = std::string(64, 'b');
  ASSERT_TRUE(attach_log(document, log_of({}), options));
  EXPECT_EQ(document.meters[1].id, "log:plug.csv#2");
  document.rows[0].energy = Absent{"--meter none"};
  document.rows[0].extra_meters.clear();
  options.sha256 = std::string(64, 'c');
  EXPECT_THROW(attach_log(document, log_of({}), options), UserError);
}

TEST_F(AttachLog, RefusesRecordsThatDoNotSayWhenLaunchesBegan) {
  document.run.launch_starts.clear();
  EXPECT_THROW(attach_log(document, log_of({}), options), UserError);
}

}  // namespace
}  // namespace ergon::measure
