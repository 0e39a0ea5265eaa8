// A writable copy of a fake sysfs tree, and a clock that lets its counters run.
#pragma once

#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench/base/clock.h"

namespace ergon::testing {

class FakeTree {
 public:
  /// Empty, or a copy of tests/data/`name`.
  explicit FakeTree(const std::string& name = {}) {
    std::string pattern = (std::filesystem::temp_directory_path() / "ergon-tree-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    std::filesystem::permissions(root_, std::filesystem::perms::all);
    if (name.empty()) return;
    std::filesystem::copy(std::filesystem::path(ERGON_SOURCE_DIR) / "tests/data" / name, root_,
                          std::filesystem::copy_options::recursive);
  }
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;
  ~FakeTree() { std::filesystem::remove_all(root_); }

  std::string root() const { return root_.string(); }
  std::string zone(const std::string& folder) const { return "class/powercap/" + folder; }
  std::filesystem::path at(const std::string& path) const { return root_ / path; }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(at(path).parent_path());
    std::ofstream(at(path)) << text << '\n';
  }
  void remove(const std::string& path) const { std::filesystem::remove_all(at(path)); }
  /// A folder where a file should be: it opens, but does not read.
  void make_unreadable(const std::string& path) const {
    remove(path);
    std::filesystem::create_directories(at(path));
  }

 private:
  std::filesystem::path root_;
};

/// Every look at the clock takes 20 us. Every millisecond the zones' energy_uj are written anew.
class RunningClock final : public Clock {
 public:
  explicit RunningClock(const FakeTree& tree) : tree_(tree) {}
  /// Lets a zone count from `microjoules`, modulo `range` where that is not 0.
  void run(const std::string& zone, double watts, std::uint64_t microjoules,
           std::uint64_t range = 0) {
    zones_.push_back({zone, watts, microjoules, range});
    update();
  }
  double now_seconds() override {
    advance(look_seconds);
    return now_;
  }
  void sleep_until(double seconds) override {
    if (seconds > now_) advance(seconds - now_);
  }
  void advance(double seconds) {
    const double before = std::floor(now_ / period_seconds);
    now_ += seconds;
    if (std::floor(now_ / period_seconds) != before) update();
  }

  static constexpr double look_seconds = 20e-6;
  static constexpr double period_seconds = 1e-3;

 private:
  struct Zone {
    std::string folder;
    double watts;
    std::uint64_t start;
    std::uint64_t range;
  };
  void update() {
    const double updated = std::floor(now_ / period_seconds) * period_seconds;
    for (const Zone& zone : zones_) {
      auto count = zone.start + static_cast<std::uint64_t>(zone.watts * updated * 1e6);
      if (zone.range != 0) count %= zone.range;
      tree_.write(tree_.zone(zone.folder) + "/energy_uj", std::to_string(count));
    }
  }

  const FakeTree& tree_;
  std::vector<Zone> zones_;
  double now_ = 0;
};

}  // namespace ergon::testing
