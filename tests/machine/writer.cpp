// A machine as a process: it draws power, and keeps the files of powercap and hwmon as a kernel
// would. usage: machine_writer SYSFS [SHARED [real]], the file of a machine::Shared. With `real`
// its time is the system's, and what it could not do in time it does late: for programs that know
// no other clock. Without SHARED it is so too, draws power as this machine's processors are busy,
// and ends when it is told to.
//
// powercap: package and memory, counting in 61 uJ every millisecond; psys above them, cores inside,
// and an MMIO duplicate. hwmon: a card whose energy moves every 20 ms in steps of 1 mJ. Without
// SHARED also an ACPI meter of the node, and what a plug at the wall would say, in SYSFS/wall.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "tests/machine/shared.h"

namespace {

namespace fs = std::filesystem;
using machine::Fault;

constexpr double step_seconds = 0.25e-3;

/// Readers see the old text or the new one.
void write(const fs::path& path, const std::string& text) {
  const std::string fresh = path.string() + ".new";
  std::FILE* file = std::fopen(fresh.c_str(), "w");
  if (file == nullptr) return;  // its folder has vanished
  std::fputs((text + "\n").c_str(), file);
  std::fclose(file);
  std::rename(fresh.c_str(), path.c_str());
}

struct Counter {
  fs::path file;
  double share;
  double quantum_joules, period_seconds;
  double start_joules, range_joules;
  double shown_update = -1;

  void update(double seconds, double joules) {
    const double due = std::floor(seconds / period_seconds + 1e-9) * period_seconds;
    if (due == shown_update) return;
    shown_update = due;
    double shown = std::floor((start_joules + share * joules) / quantum_joules) * quantum_joules;
    if (range_joules > 0) shown = std::fmod(shown, range_joules);
    write(file, std::to_string(static_cast<std::int64_t>(std::llround(shown * 1e6))));
  }
};

fs::path zone(const fs::path& sysfs, const std::string& folder, const std::string& name,
              double range_joules) {
  const fs::path path = sysfs / "class/powercap" / folder;
  fs::create_directories(path);
  write(path / "name", name);
  write(path / "max_energy_range_uj", std::to_string(std::llround(range_joules * 1e6)));
  return path / "energy_uj";
}

std::vector<Counter> counters(const fs::path& sysfs) {
  using namespace machine;
  constexpr double unit = 61e-6, period = 1e-3;
  const double start = range_joules - joules_to_wrap;
  std::vector<Counter> all;
  const auto add = [&](const char* folder, const char* name, double share, double from) {
    all.push_back(
        {zone(sysfs, folder, name, range_joules), share, unit, period, from, range_joules});
  };
  add("intel-rapl:0", "package-0", package_share, start);
  add("intel-rapl:0:0", "core", 0.6, 7);
  add("intel-rapl:0:1", "dram", memory_share, 5);
  add("intel-rapl:1", "psys", 1.5, 3);
  add("intel-rapl-mmio:0", "package-0", package_share, start);
  const fs::path card = sysfs / "class/hwmon/hwmon3";
  fs::create_directories(card);
  write(card / "name", "xe");
  write(card / "energy1_label", "card");
  all.push_back({card / "energy1_input", card_share, 1e-3, 20e-3, 11, 0});
  return all;
}

/// Watts of the node and at the wall: means of a tenth of a second each.
class Means {
 public:
  explicit Means(const fs::path& sysfs) : wall_{sysfs / "wall", 0.1} {
    const fs::path meter = sysfs / "class/hwmon/hwmon4";
    fs::create_directories(meter);
    write(meter / "name", "power_meter");
    write(meter / "power1_oem_info", "node");
    write(meter / "power1_average_interval", "100");
    node_ = {meter / "power1_average", 0.1};
    update(node_, 0, 0);
    update(wall_, 0, 0);
  }
  void update(double seconds, double joules) {
    update(node_, seconds, joules);
    update(wall_, seconds, joules);
  }

 private:
  struct Mean {
    fs::path file;
    double period_seconds = 0;
    double seconds = -1, joules = 0;  // at the latest update
  };

  void update(Mean& mean, double seconds, double joules) const {
    if (mean.seconds >= 0 && seconds < mean.seconds + mean.period_seconds) return;
    const double watts = seconds > mean.seconds && mean.seconds >= 0
                             ? (joules - mean.joules) / (seconds - mean.seconds)
                             : machine::idle_watts;
    mean.seconds = seconds;
    mean.joules = joules;
    const double node = watts + machine::fans_watts;
    if (&mean == &node_)
      write(mean.file, std::to_string(std::llround(node * 1e6)));
    else
      write(mean.file, std::to_string(node / machine::supply_efficiency) + " W");
  }

  Mean node_, wall_;
};

/// Of all processors since the last call; whoever else is on them is busy too.
class BusyShare {
 public:
  double operator()() {
    std::FILE* file = std::fopen("/proc/stat", "r");
    if (file == nullptr) return 0;
    std::array<double, 8> ticks{};
    const bool read = std::fscanf(file, "cpu") == 0;
    for (double& count : ticks)
      if (!read || std::fscanf(file, "%lf", &count) != 1) count = 0;
    std::fclose(file);
    const double idle = ticks[3] + ticks[4];
    double all = 0;
    for (const double count : ticks) all += count;
    if (all > all_) share_ = 1 - (idle - idle_) / (all - all_);
    idle_ = idle;
    all_ = all;
    return share_;
  }

 private:
  double idle_ = 0, all_ = 0, share_ = 0;
};

/// For good: the file is there and cannot be read, also by root, or its folder is gone.
void break_file(Fault fault, const fs::path& file) {
  if (fault == Fault::vanished) fs::remove_all(file.parent_path());
  if (fault != Fault::permission) return;
  if (geteuid() != 0) {
    fs::permissions(file, fs::perms::none);
    return;
  }
  fs::remove(file);
  fs::create_directories(file);
}

double real_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void rest() {
  const timespec pause{0, static_cast<long>(step_seconds * 1e9)};
  nanosleep(&pause, nullptr);
}

/// Until it is told to stop or its log is full.
void play(machine::Shared& shared, std::vector<Counter>& all, bool real) {
  Fault done = Fault::none;
  double seconds = 0, joules = 0;
  double last = real_seconds();
  std::mt19937 random(7);
  std::uniform_real_distribution<double> noise(0.9, 1.1);  // no load is steadier
  for (std::size_t i = 0; i < machine::most_moments && !shared.stop; ++i) {
    const double now = real_seconds();
    const double step = real ? now - last : std::min(now - last, step_seconds);
    last = now;
    joules += (shared.busy ? machine::busy_watts : machine::idle_watts) * noise(random) * step;
    seconds += step;
    if (const Fault fault = shared.fault; fault != done) {
      done = fault;
      break_file(fault, all.front().file);
    }
    const std::size_t first = done == Fault::none ? 0 : done == Fault::frozen ? all.size() : 1;
    for (std::size_t c = first; c < all.size(); ++c) all[c].update(seconds, joules);
    shared.log[i] = {seconds, joules};
    shared.moments.store(i + 1, std::memory_order_release);
    rest();
  }
}

[[noreturn]] void follow(std::vector<Counter>& all, Means means) {
  constexpr double looking_seconds = 20e-3;  // the kernel counts in ticks of 10 ms at most
  BusyShare busy_share;
  double share = busy_share();
  double joules = 0, looked = 0;
  const double start = real_seconds();
  double last = start;
  std::mt19937 random(7);
  std::uniform_real_distribution<double> noise(0.9, 1.1);
  for (;;) {
    const double now = real_seconds();
    if (now > looked + looking_seconds) {
      looked = now;
      share = busy_share();
    }
    const double watts = machine::idle_watts + share * (machine::busy_watts - machine::idle_watts);
    joules += watts * noise(random) * (now - last);
    last = now;
    for (Counter& counter : all) counter.update(now - start, joules);
    means.update(now - start, joules);
    rest();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::vector<Counter> all = counters(argv[1]);
  if (argc == 2) follow(all, Means(argv[1]));
  const int descriptor = open(argv[2], O_RDWR | O_CLOEXEC);
  void* mapped =
      mmap(nullptr, sizeof(machine::Shared), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) return 3;
  play(*static_cast<machine::Shared*>(mapped), all, argc > 3);
  return 0;
}
