#include "bench/meters/log_doubts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bench/meters/log_counter.h"
#include "bench/meters/timed_log.h"

namespace ergon {
namespace {

using ::testing::HasSubstr;

/// Idle, busy and idle again, twenty seconds each.
const std::vector<KnownTime> known = {{0, 20, false}, {20, 40, true}, {40, 60, false}};

MeterInfo counter() {
  MeterInfo info;
  info.quantum_joules = 0.5;
  info.period_seconds = 1;
  return info;
}

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
  doubt_repeats(trace, known, 2, 0.1);
  EXPECT_EQ(doubted(trace), 0);
}

TEST(LogDoubts, AValueThatStaysWhileTheLoadEndsIsNone) {
  Trace trace = trace_of([](int second) { return second > 30 ? 100.5 : lively(second); });
  doubt_repeats(trace, known, 2, 0.1);
  EXPECT_TRUE(trace[30].invalid.empty());
  EXPECT_THAT(trace[35].invalid, HasSubstr("repeats one value for 28 s"));
  EXPECT_EQ(doubted(trace), 28);  // the first one was measured
}

TEST(LogDoubts, AValueThatStaysForLongerThanTheOthersLetItIsNone) {
  Trace trace =
      trace_of([](int second) { return second > 24 && second < 34 ? 100 : lively(second); });
  doubt_repeats(trace, known, 2, 0.1);
  EXPECT_EQ(doubted(trace), 8);
  EXPECT_TRUE(trace[25].invalid.empty());
  EXPECT_FALSE(trace[33].invalid.empty());
}

TEST(LogDoubts, CoarseValuesMayStay) {
  Trace trace = trace_of([](int second) {
    return second >= 20 && second < 40 ? (second < 31 ? 100.0 : 101.0) : 40.0;
  });
  doubt_repeats(trace, known, 2, 0.1);
  EXPECT_EQ(doubted(trace), 0);
}

TEST(LogDoubts, CoarseValuesMayGoToAndFroBeforeTheyStay) {
  Trace trace = trace_of([](int second) {
    return second < 20 || second >= 40 ? 40.0 : second > 27 ? 71.0 : 70.0 + second % 2;
  });
  doubt_repeats(trace, known, 2, 1);
  EXPECT_EQ(doubted(trace), 0);
}

double joules(int second) {
  const int busy = std::min(std::max(second - 20, 0), 20);
  return 40.0 * (second - busy) + 100.0 * busy;
}

TEST(LogDoubts, LeavesACounterAloneThatCounts) {
  Trace trace = trace_of(joules);
  doubt_jumps(trace, known, counter());
  EXPECT_EQ(doubted(trace), 0);
}

TEST(LogDoubts, ACounterThatJumpsOrStandsStillIsDoubtedThere) {
  Trace trace = trace_of([](int second) { return joules(second) + (second >= 30 ? 5000 : 0); });
  doubt_jumps(trace, known, counter());
  EXPECT_EQ(doubted(trace), 1);
  EXPECT_THAT(trace[30].invalid, HasSubstr("jumps by 5100 J within 1 s"));
  trace = trace_of([](int second) { return joules(second > 27 && second < 33 ? 27 : second); });
  doubt_jumps(trace, known, counter());
  EXPECT_TRUE(trace[29].invalid.empty());  // two periods may be missing
  EXPECT_THAT(trace[30].invalid, HasSubstr("stands still"));
  EXPECT_EQ(doubted(trace), 3);
  trace = trace_of([](int second) { return std::floor(joules(second) / 90) * 90; });
  MeterInfo coarse = counter();
  coarse.quantum_joules = 90;
  doubt_jumps(trace, known, coarse);
  EXPECT_EQ(doubted(trace), 0);
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

TEST(LogCounter, OneThatSlipsIsOffByAMove) {
  // Moves by 99 J every 0.99 s: a hundred times per 99 s twice between two readings.
  Trace trace = trace_of([](int second) { return std::floor((second + 40) / 0.99) * 99; });
  EXPECT_NEAR(*scatter_of_stamps(trace, counter(), {{0, 60, true}}), 1 / std::sqrt(12.0), 0.03);
}

TEST(TimedLog, NeedsKnownTimes) {
  PowerLog log;
  log.readings = trace_of(lively);
  EXPECT_THAT(time_log(log, {}, {}).reason(), HasSubstr("knows of no idle and busy times"));
}

TEST(TimedLog, IsNotSearchedInPartsThatAreTooShortForTheRun) {
  PowerLog log;
  for (int line = 0; line < 300; ++line) {
    log.readings.push_back({line / 3 * 0.2 + line % 3, 50.0 + line % 7, {}, 0});
    log.lines.push_back(line + 2);
  }
  const std::string reason = time_log(log, known, {}).reason();
  EXPECT_THAT(reason, HasSubstr("no part of the log that its clock goes forward in"));
  EXPECT_THAT(reason, HasSubstr("goes back by 1.8 s at line 5"));
}

}  // namespace
}  // namespace ergon
