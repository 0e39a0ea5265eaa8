#include "bench/meters/log_doubts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/meters/log_counter.h"

namespace ergon {
namespace {

using ::testing::HasSubstr;

/// Idle, busy and idle again, twenty seconds each.
const std::vector<KnownTime> known = {{0, 20, false}, {20, 40, true}, {40, 60, false}};

/// A reading a second, at 0.5 s, 1.5 s and so on.
Trace trace_of(double (*value)(int second)) {
  Trace trace;
  for (int second = 0; second < 60; ++second) trace.push_back({second + 0.5, value(second), {}, 0});
  return trace;
}

int doubted(const Trace& trace) {
  int count = 0;
  for (const Reading& reading : trace) count += reading.invalid.empty() ? 0 : 1;
  return count;
}

double lively(int second) { return (second >= 20 && second < 40 ? 100 : 40) + 0.1 * (second % 7); }

TEST(LogDoubts, LeavesReadingsAloneThatMove) {
  Trace trace = trace_of(lively);
  doubt_repeats(trace, known, 2);
  EXPECT_EQ(doubted(trace), 0);
}

TEST(LogDoubts, AValueThatStaysWhileTheLoadEndsIsNone) {
  Trace trace = trace_of([](int second) { return second > 30 ? 100.5 : lively(second); });
  doubt_repeats(trace, known, 2);
  EXPECT_TRUE(trace[30].invalid.empty());
  EXPECT_THAT(trace[35].invalid, HasSubstr("repeats one value for 28 s"));
  EXPECT_EQ(doubted(trace), 28);  // the first one was measured
}

TEST(LogDoubts, AValueThatStaysForLongerThanTheOthersLetItIsNone) {
  Trace trace =
      trace_of([](int second) { return second > 24 && second < 34 ? 100 : lively(second); });
  doubt_repeats(trace, known, 2);
  EXPECT_EQ(doubted(trace), 8);
  EXPECT_TRUE(trace[25].invalid.empty());
  EXPECT_FALSE(trace[33].invalid.empty());
}

TEST(LogDoubts, CoarseValuesMayStay) {
  Trace trace = trace_of([](int second) {
    return second >= 20 && second < 40 ? (second < 31 ? 100.0 : 101.0) : 40.0;
  });
  doubt_repeats(trace, known, 2);
  EXPECT_EQ(doubted(trace), 0);
}

double joules(int second) {
  const int busy = std::min(std::max(second - 20, 0), 20);
  return 40.0 * (second - busy) + 100.0 * busy;
}

TEST(LogDoubts, LeavesACounterAloneThatCounts) {
  Trace trace = trace_of(joules);
  doubt_jumps(trace, known, 0.1);
  EXPECT_EQ(doubted(trace), 0);
}

TEST(LogDoubts, ACounterThatJumpsOrStandsStillIsDoubtedThere) {
  Trace trace = trace_of([](int second) { return joules(second) + (second >= 30 ? 5000 : 0); });
  doubt_jumps(trace, known, 0.1);
  EXPECT_EQ(doubted(trace), 1);
  EXPECT_THAT(trace[30].invalid, HasSubstr("jumps by 5100 J within 1 s"));
  trace = trace_of([](int second) { return joules(second) - (second >= 30 ? 60 : 0); });
  doubt_jumps(trace, known, 0.1);
  EXPECT_EQ(doubted(trace), 1);
  EXPECT_THAT(trace[30].invalid, HasSubstr("stands still"));
}

MeterInfo counter() {
  MeterInfo info;
  info.quantum_joules = 0.5;
  return info;
}

TEST(LogCounter, ItsQuantumIsWhatAllStepsAreMultiplesOf) {
  MeterInfo info = counter();
  characterise_counter({{0, 10, {}, 0}, {1, 16, {}, 0}, {2, 19, {}, 0}, {3, 31, {}, 0}}, info);
  EXPECT_EQ(info.quantum_joules, 3);
  EXPECT_EQ(info.period_seconds, 1);
  info = counter();
  characterise_counter({{0, 10, {}, 0}, {1, 10, {}, 0}, {2, 10.5, {}, 0}}, info);
  EXPECT_FALSE(info.period_seconds);
}

TEST(LogCounter, StampsThatComeLateByTurnsShowIt) {
  Trace trace = trace_of(joules);
  EXPECT_NEAR(*scatter_of_stamps(trace, counter(), {{0, 60, true}}), 0, 0.05);
  for (std::size_t i = 0; i < trace.size(); i += 2) trace[i].seconds += 0.1;
  // Late by 0 and 0.1 by turns: 0.05 either way, and each interval tells the opposite of the last.
  const std::vector<KnownTime> busy = {{20, 40, true}};
  EXPECT_FALSE(scatter_of_stamps(trace, counter(), busy));  // too few
  Trace steady = trace_of([](int second) { return 100.0 * second; });
  for (std::size_t i = 0; i < steady.size(); i += 2) steady[i].seconds += 0.1;
  EXPECT_NEAR(*scatter_of_stamps(steady, counter(), {{0, 60, true}}), 0.1, 0.02);
}

}  // namespace
}  // namespace ergon
