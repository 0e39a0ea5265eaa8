#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "bench/meters/meter.h"
#include "bench/meters/power_trace.h"

namespace ergon {
namespace {

/// Counts its reads; a steady 50 W.
class TestMeter final : public Meter {
 public:
  TestMeter(Clock& clock, MeterInfo info) : clock_(clock), info_(std::move(info)) {}
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override {
    ++reads;
    const double now = clock_.now_seconds();
    return {now, info_.quantity == Quantity::watts ? 50 : 50 * now, {}};
  }
  std::atomic<int> reads = 0;

 private:
  Clock& clock_;
  MeterInfo info_;
};

MeterInfo counter() {
  MeterInfo info;
  info.quantum_joules = 1e-4;
  info.period_seconds = 1e-3;
  return info;
}

MeterInfo sampler() {
  MeterInfo info = counter();
  info.quantity = Quantity::watts;
  info.period_seconds = 2e-3;
  info.quantum_joules = Absent{"watts"};
  return info;
}

TEST(Recorder, ReadsACounterOnceBeforeAndOnceAfter) {
  VirtualClock clock;
  TestMeter meter(clock, counter());
  Recorder recorder(meter, clock);
  recorder.start();
  clock.advance(10);
  const Trace trace = recorder.stop();
  ASSERT_EQ(trace.size(), 2U);
  EXPECT_EQ(meter.reads, 2);
  EXPECT_NEAR(integrate(meter.info(), trace, {0, 10})->value, 500, 1e-9);
}

TEST(Recorder, ReadsACounterThatCannotWrapWithinMinutesOnlyAtTheEnds) {
  VirtualClock clock;
  MeterInfo info = counter();
  info.counter_range_joules = 262'000.0;
  TestMeter meter(clock, info);
  Recorder recorder(meter, clock);
  recorder.start();
  clock.advance(10);
  EXPECT_EQ(recorder.stop().size(), 2U);
}

TEST(Recorder, ReadsACounterWithASmallRangeBeforeItCouldWrapTwice) {
  SteadyClock clock;
  MeterInfo info = counter();
  info.counter_range_joules = 20.0;  // 4 ms at the most that a package may draw
  TestMeter meter(clock, info);
  Recorder recorder(meter, clock);
  recorder.start();
  while (meter.reads < 5) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_GE(recorder.stop().size(), 6U);
}

TEST(Recorder, SamplesWattsFromAThreadInOrder) {
  SteadyClock clock;
  TestMeter meter(clock, sampler());
  Recorder recorder(meter, clock);
  const double before = clock.now_seconds();
  recorder.start();
  while (meter.reads < 10) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Trace trace = recorder.stop();
  const double after = clock.now_seconds();
  ASSERT_EQ(trace.size(), static_cast<std::size_t>(meter.reads));
  EXPECT_GE(trace.front().seconds, before);
  EXPECT_LE(trace.back().seconds, after);
  for (std::size_t i = 1; i < trace.size(); ++i) EXPECT_GE(trace[i].seconds, trace[i - 1].seconds);
}

TEST(Recorder, DoesNotReadMoreOftenThanReadingIsCheap) {
  SteadyClock clock;
  MeterInfo info = sampler();
  info.read_seconds = 1;  // one read in 100 s
  TestMeter meter(clock, info);
  Recorder recorder(meter, clock);
  recorder.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(recorder.stop().size(), 2U);
}

TEST(Recorder, DoesNotLookMoreOftenForATraceThanReadingIsCheap) {
  MeterInfo info = counter();
  EXPECT_LE(trace_interval_seconds(info), 20e-3);
  for (const Quantity quantity : {Quantity::cumulative_joules, Quantity::watts}) {
    info.quantity = quantity;
    info.read_seconds = 0.05;  // of processor time, as a program's may be
    EXPECT_GE(trace_interval_seconds(info), 5);
  }
}

TEST(Recorder, CanBeUsedAgainWithAFreshTrace) {
  VirtualClock clock;
  TestMeter meter(clock, counter());
  Recorder recorder(meter, clock);
  for (int i = 0; i < 3; ++i) {
    recorder.start();
    clock.advance(1);
    EXPECT_EQ(recorder.stop().size(), 2U);
  }
}

/// Keeps its last reading until the next line arrives, once a period.
class StreamingMeter final : public Meter {
 public:
  explicit StreamingMeter(VirtualClock& clock) : clock_(clock) {
    info_.quantity = Quantity::watts;
    info_.provenance = Provenance::sampled;
    info_.period_seconds = 1.0;
    info_.read_seconds = 10;  // no thread reads it
  }
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override {
    const double now = clock_.now_seconds();
    if (now >= ends_seconds) return {now, 0, "the stream has ended"};
    return {std::floor(now), 50, {}};
  }
  double ends_seconds = 1e9;

 private:
  VirtualClock& clock_;
  MeterInfo info_;
};

TEST(Recorder, TakesReadingsOfOneStampForOne) {
  VirtualClock clock;
  StreamingMeter meter(clock);
  Recorder recorder(meter, clock);
  clock.advance(5);
  recorder.start();
  const Trace trace = recorder.stop();
  EXPECT_EQ(trace.size(), 1U);
}

TEST(Recorder, WaitsForAStreamsNextReadingAtTheEnd) {
  VirtualClock clock;
  StreamingMeter meter(clock);
  Recorder recorder(meter, clock);
  clock.advance(5);
  recorder.start();
  clock.advance(4.5);
  const Trace trace = recorder.stop();
  ASSERT_EQ(trace.size(), 3U);
  EXPECT_EQ(trace[1].seconds, 9);
  EXPECT_EQ(trace[2].seconds, 10);
}

TEST(Recorder, DoesNotWaitForAStreamThatHasEnded) {
  VirtualClock clock;
  StreamingMeter meter(clock);
  Recorder recorder(meter, clock);
  recorder.start();
  clock.advance(4.5);
  meter.ends_seconds = 4.6;
  const Trace trace = recorder.stop();
  EXPECT_FALSE(trace.back().invalid.empty());
  EXPECT_LT(clock.now_seconds(), 5);
}

/// Answers at once the first time; afterwards only when it is told to, or has been forgotten.
class SlowMeter final : public Meter {
 public:
  explicit SlowMeter(Clock& clock) : clock_(clock) {
    info_ = sampler();
    info_.id = "command:slow";
  }
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override {
    std::unique_lock lock(mutex);
    ++reads;
    changed.notify_all();
    changed.wait_for(lock, std::chrono::minutes(1), [&] { return reads == 1 || answers; });
    ++answered;
    return {clock_.now_seconds(), 50, {}};
  }
  std::mutex mutex;
  std::condition_variable changed;
  int reads = 0, answered = 0;
  bool answers = false;

 private:
  Clock& clock_;
  MeterInfo info_;
};

TEST(Recorder, LeavesNoGapBeforeAWindowWhileASlowMeterIsRead) {
  SteadyClock clock;
  SlowMeter meter(clock);
  Recorder recorder(meter, clock);
  recorder.start();
  {
    std::unique_lock lock(meter.mutex);
    meter.changed.wait(lock, [&] { return meter.reads == 2; });
  }
  recorder.mark();
  {
    const std::lock_guard lock(meter.mutex);
    EXPECT_EQ(meter.answered, 1) << "the read was waited for";
    meter.answers = true;
  }
  meter.changed.notify_all();
  EXPECT_GE(recorder.stop().size(), 2U);
}

TEST(Recorder, RefusesToStartTwiceOrStopUnstarted) {
  VirtualClock clock;
  TestMeter meter(clock, counter());
  Recorder recorder(meter, clock);
  EXPECT_THROW(recorder.stop(), std::logic_error);
  recorder.start();
  EXPECT_THROW(recorder.start(), std::logic_error);
}

TEST(Recorder, EndsItsThreadWhenItIsDestroyedRunning) {
  SteadyClock clock;
  TestMeter meter(clock, sampler());
  {
    Recorder recorder(meter, clock);
    recorder.start();
  }
  const int reads = meter.reads;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(meter.reads, reads);
}

}  // namespace
}  // namespace ergon
