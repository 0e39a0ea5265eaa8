// The perf meter against counters that a test opens in place of the kernel. A counter is a file of
// successive counts: every read(2) takes the next 8 bytes, and past the last one gets none, as from
// an event that the kernel has put into its error state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <map>

#include "bench/meters/power_pmu.h"
#include "tests/unit/meters/fake.h"

namespace ergon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double period_seconds = 1e-3;
constexpr double joules_per_count = 0x1p-32;
constexpr std::size_t plenty = 4000;

/// Every look takes 20 us; a reading looks at its start, once for all counters, and at its end.
class LookingClock final : public Clock {
 public:
  double now_seconds() override { return now_ += look_seconds; }
  void sleep_until(double seconds) override { now_ = std::max(now_, seconds); }
  static constexpr double look_seconds = 20e-6;

 private:
  double now_ = 0;
};

/// What a counter of steady `watts` shows when it is read again and again.
std::vector<std::uint64_t> counts_of(double watts, std::size_t reads) {
  std::vector<std::uint64_t> counts(reads);
  for (std::size_t i = 0; i < reads; ++i) {
    const double seconds = 3 * LookingClock::look_seconds * static_cast<double>(i);
    const double updated = std::floor(seconds / period_seconds) * period_seconds;
    counts[i] = static_cast<std::uint64_t>(watts * updated / joules_per_count);
  }
  return counts;
}

int file_of(const std::vector<std::uint64_t>& counts, std::size_t bytes_lost = 0) {
  const int descriptor = memfd_create("counts", MFD_CLOEXEC);
  const std::size_t bytes = counts.size() * sizeof counts[0] - bytes_lost;
  EXPECT_EQ(write(descriptor, counts.data(), bytes), static_cast<ssize_t>(bytes));
  lseek(descriptor, 0, SEEK_SET);
  return descriptor;
}

PowerPmu package_and_memory() {
  PowerPmu pmu;
  pmu.name = "power";
  pmu.type = 9;
  pmu.cpus = {0, 28};
  pmu.events = {{"energy-pkg", 2, joules_per_count}, {"energy-ram", 3, joules_per_count}};
  pmu.scope = Scope::package_dram;
  return pmu;
}

PowerPmu package_alone() {
  PowerPmu pmu = package_and_memory();
  pmu.cpus = {0};
  pmu.events.pop_back();
  pmu.scope = Scope::package;
  return pmu;
}

std::unique_ptr<Meter> opened(Probe probe) {
  if (auto* none = std::get_if<Unavailable>(&probe)) ADD_FAILURE() << none->reason;
  return std::move(std::get<std::unique_ptr<Meter>>(probe));
}

Unavailable refused_with(int error, const std::string& paranoid) {
  const testing::FakeTree proc;
  if (!paranoid.empty()) proc.write("sys/kernel/perf_event_paranoid", paranoid);
  LookingClock clock;
  Probe probe = open_power_pmu(package_alone(), clock, proc.root(), [&](const auto&, int) {
    errno = error;
    return -1;
  });
  return std::get<Unavailable>(probe);
}

TEST(PerfCounters, AreOneForEachEventAndPackage) {
  std::vector<std::pair<std::uint64_t, int>> asked;
  LookingClock clock;
  const auto meter = opened(open_power_pmu(
      package_and_memory(), clock, "/proc", [&](const perf_event_attr& attributes, int cpu) {
        EXPECT_EQ(attributes.type, 9U);
        EXPECT_EQ(attributes.size, sizeof attributes);
        EXPECT_EQ(attributes.sample_period, 0U) << "these PMUs count and never sample";
        asked.emplace_back(attributes.config, cpu);
        return file_of(counts_of(50, plenty));
      }));
  using Asked = std::vector<std::pair<std::uint64_t, int>>;
  EXPECT_EQ(asked, (Asked{{2, 0}, {2, 28}, {3, 0}, {3, 28}}));
  EXPECT_THAT(meter->info().about,
              AllOf(HasSubstr("energy-pkg + energy-ram"), HasSubstr("0 + 28")));
}

TEST(PerfCounters, AddUpToTheJoulesThatFlowed) {
  const std::map<std::pair<std::uint64_t, int>, double> watts = {
      {{2, 0}, 100}, {{2, 28}, 60}, {{3, 0}, 20}, {{3, 28}, 10}};
  LookingClock clock;
  const auto meter = opened(open_power_pmu(
      package_and_memory(), clock, "/proc", [&](const perf_event_attr& attributes, int cpu) {
        return file_of(counts_of(watts.at({attributes.config, cpu}), plenty));
      }));
  Trace trace;
  for (int i = 0; i < 2000; ++i) trace.push_back(meter->read());
  const Window window{trace.front().seconds, trace.back().seconds, 1};
  const auto joules = integrate(meter->info(), trace, window);
  ASSERT_TRUE(joules) << joules.reason();
  const double seconds = window.end_seconds - window.start_seconds;
  EXPECT_NEAR(joules->value, 190 * seconds, joules->error);
  EXPECT_LT(joules->error, 0.1 * joules->value);
}

TEST(PerfCounters, ThatWantPermissionNameTheLevelAndTheCommand) {
  const Unavailable none = refused_with(EACCES, "2");
  EXPECT_THAT(none.reason, AllOf(HasSubstr("permission denied"), HasSubstr("it is 2")));
  EXPECT_EQ(none.remedy, "sudo sysctl kernel.perf_event_paranoid=0");
  EXPECT_THAT(refused_with(EACCES, "").reason, HasSubstr("not readable"));
  EXPECT_THAT(refused_with(EPERM, "-1").reason, HasSubstr("seccomp"));
}

TEST(PerfCounters, ThatTheKernelDoesNotHaveSayWhatItSays) {
  for (const auto& [error, words] : {std::pair(ENOENT, "No such file"), {EINVAL, "Invalid"}}) {
    const Unavailable none = refused_with(error, "-1");
    EXPECT_THAT(none.reason, HasSubstr(words));
    EXPECT_EQ(none.remedy, "");
  }
}

TEST(PerfCounters, OfWhichOneIsMissingAreNoMeterAndLeaveNothingOpen) {
  LookingClock clock;
  std::vector<int> given;
  Probe probe = open_power_pmu(package_and_memory(), clock, "/proc", [&](const auto&, int) {
    errno = ENOENT;
    if (given.size() == 2) return -1;
    return given.emplace_back(file_of(counts_of(50, plenty)));
  });
  EXPECT_THAT(std::get<Unavailable>(probe).reason, HasSubstr("No such file"));
  for (const int descriptor : given) {
    EXPECT_EQ(lseek(descriptor, 0, SEEK_CUR), -1);
    EXPECT_EQ(errno, EBADF);
  }
}

TEST(PerfCounters, GivenUpByTheKernelAfterOpeningAreInvalidReadings) {
  for (const std::size_t bytes_lost : {0U, 5U}) {
    LookingClock clock;
    const auto meter =
        opened(open_power_pmu(package_alone(), clock, "/proc", [&](const auto&, int) {
          return file_of(counts_of(50, 1000), bytes_lost);
        }));
    Reading reading;
    for (int i = 0; i < 1000 && reading.invalid.empty(); ++i) reading = meter->read();
    EXPECT_THAT(reading.invalid, HasSubstr("gave up"));
    EXPECT_EQ(reading.value, 0);
  }
}

TEST(PerfCounters, GivenUpWhileTheyAreOpenedAreNoMeter) {
  LookingClock clock;
  Probe probe = open_power_pmu(package_alone(), clock, "/proc",
                               [](const auto&, int) { return file_of(counts_of(50, 3)); });
  EXPECT_THAT(std::get<Unavailable>(probe).reason, HasSubstr("gave up"));
}

TEST(PerfCounters, ThatCannotBeReadSayWhy) {
  LookingClock clock;
  Probe probe = open_power_pmu(package_alone(), clock, "/proc", [](const auto&, int) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    close(ends[0]);
    return ends[1];  // for writing only
  });
  EXPECT_THAT(std::get<Unavailable>(probe).reason, HasSubstr("Bad file descriptor"));
}

TEST(PerfCounters, OfWhichOneStandsStillWhileOthersMoveAreInvalidReadings) {
  LookingClock clock;
  const auto meter = opened(open_power_pmu(
      package_and_memory(), clock, "/proc", [&](const perf_event_attr& attributes, int cpu) {
        return file_of(counts_of(attributes.config == 3 && cpu == 28 ? 0 : 50, plenty));
      }));
  Reading reading;
  for (int i = 0; i < 2000 && reading.invalid.empty(); ++i) reading = meter->read();
  EXPECT_THAT(reading.invalid, HasSubstr("energy-ram of processor 28 stands still"));
}

TEST(PerfCounters, ThatNeverMoveAreNoMeter) {
  LookingClock clock;
  Probe probe = open_power_pmu(package_alone(), clock, "/proc",
                               [](const auto&, int) { return file_of(counts_of(0, 30000)); });
  EXPECT_THAT(std::get<Unavailable>(probe).reason, HasSubstr("stands still"));
}

}  // namespace
}  // namespace ergon
