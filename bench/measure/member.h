// One participant of a block's rounds: a case with its prepared plan, its row and its samples.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/measure/case.h"
#include "bench/measure/session.h"
#include "bench/measure/window.h"
#include "bench/record/document.h"

namespace ergon::measure {

class Member {
 public:
  /// Prepares the plan; a failure leaves a row "failed" with the reason and usable() false.
  Member(const Case& what, const Inputs& inputs, std::size_t slots, int block, Session& session);

  bool usable() const noexcept { return timed_ != nullptr; }
  /// Takes it out of the block: no more windows, no more verdicts.
  void fail(std::string status, std::string reason);
  /// Poisons, calls, checks; a mismatch fails the member as "wrong".
  void verify(const Oracle& oracle, std::size_t slot);
  void verify_again(const Oracle& oracle);
  /// Finds how many calls fill a window, and leaves caches, clocks and lazy set-up behind.
  void warm_up();
  /// Gives the plan's buffers back; replace() prepares it anew, wherever they then lie.
  void release();
  void replace(const Inputs& inputs, std::size_t slots);
  /// One timed window at `position` of `round`, watched and given to the sink.
  void sample(int round, int position);
  /// A window like the timed ones, kept out of the samples, with a check of one call in its middle.
  void check_inside_a_window(const Oracle& oracle);
  void time_stages();
  /// What the primary meter's windows of this member take; 0 where there will be none.
  double energy_seconds() const;
  /// Windows that all take no longer than `seconds`, or no energy, with the reason.
  void measure_energy(double seconds);
  /// Half the interval's width over the median; infinite with too few samples.
  double relative_interval() const;

  record::Row row;
  std::string key;
  const Case& what() const noexcept { return case_; }
  Plan& plan() noexcept { return *plan_; }
  double seconds_per_call() const noexcept { return seconds_per_call_; }

 private:
  void fit_calls(const Timed::Sample& sample);
  /// One sample per meter of the session, which needs a window of `least_seconds`.
  std::vector<record::EnergySample> energy_window(std::int64_t lead_calls, std::int64_t calls,
                                                  const std::vector<double>& least_seconds);
  void beacons_before();
  void beacons_after();
  void leave_idle();
  void keep_busy();
  void keep_beacon(double start, double end, bool busy);
  Case case_;
  Session& session_;
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Timed> timed_;
  std::int64_t calls_ = 1;
  double seconds_per_call_ = 0;
};

/// The facts of a case that are known before it is measured.
record::Row row_of(const Case& what, int block);
/// How cold it is measured with so many slots; nothing where it is warm.
std::optional<record::Row::Cold> cold_facts(const Case& what, std::size_t slots);

}  // namespace ergon::measure
