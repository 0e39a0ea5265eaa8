// What the machine writer and the test that started it share: a log of its own time and of the
// joules that truly flowed, and switches.
//
// The writer's time follows real time but never runs ahead of what it did: while it has to wait for
// a processor, its time stands still (unless it is told to follow the system's). So tests hold on a
// busy machine, and whoever reads its files takes its time for the clock.
#pragma once

#include <atomic>
#include <cstddef>

namespace machine {

struct Moment {
  double seconds, joules;
};

/// The last one: of the package alone, while the memory's counter goes on.
enum class Fault : int { none, permission, vanished, frozen, package_frozen };

constexpr std::size_t most_moments = 400'000;  // 100 s

struct Shared {
  std::atomic<bool> busy;
  std::atomic<bool> stop;
  std::atomic<Fault> fault;
  std::atomic<std::size_t> moments;  // those before are there to be read
  Moment log[most_moments];
};
static_assert(std::atomic<std::size_t>::is_always_lock_free);

constexpr double idle_watts = 20, busy_watts = 100;
/// Shares of it: the package's, and its memory's, which make up the whole.
constexpr double package_share = 0.8, memory_share = 0.2;
/// What it shows on hwmon: a graphics card that draws this much of it.
constexpr double card_share = 0.5;
/// What the node draws beside it, and how much of what is drawn at the wall reaches the node.
constexpr double fans_watts = 15, supply_efficiency = 0.9;
/// An odd range, which the package's counter reaches after so many of its joules.
constexpr double range_joules = 876.54321, joules_to_wrap = 150;

}  // namespace machine
