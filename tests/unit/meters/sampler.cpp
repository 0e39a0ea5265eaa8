// What readings of watts tell of a sensor when it is opened.
#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "bench/meters/sampler.h"

namespace ergon {
namespace {

double quantum_of(const std::vector<double>& watts) {
  VirtualClock clock;
  std::size_t next = 0;
  MeterInfo info;
  info.period_seconds = 0.1;
  const auto source = [&]() -> Maybe<double> {
    clock.advance(0.1);
    return watts[next++ % watts.size()];
  };
  Probe probe = open_sampler(info, clock, source);
  auto* meter = std::get_if<std::unique_ptr<Meter>>(&probe);
  return meter == nullptr ? -1 : (*meter)->info().quantum_watts.value_or(-1);
}

TEST(Sampler, TakesNoChangeOfAFineSensorForItsQuantum) {
  EXPECT_LT(quantum_of({43.218603, 44.124201, 43.889957}), 2e-3);
}

TEST(Sampler, FindsTheStepThatAllReadingsAreApartBy) {
  EXPECT_NEAR(quantum_of({43.5, 45, 47.5}), 0.5, 1e-9);
  EXPECT_NEAR(quantum_of({43.5, 46.5, 44.5, 43.5}), 1, 1e-9) << "halves are not seen apart";
}

TEST(Sampler, TakesWhatDividesTheReadingWhereItDoesNotChange) {
  EXPECT_NEAR(quantum_of({120}), 10, 1e-9);
  EXPECT_NEAR(quantum_of({120.5}), 0.1, 1e-9);
}

}  // namespace
}  // namespace ergon
