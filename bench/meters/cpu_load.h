// A known load on processors: register-only multiply-adds on each of them, or all asleep.
//
// Its threads live as long as it does, so that switching costs no thread. They run in the class of
// idle work (sched(7), SCHED_IDLE): whoever reads a sensor meanwhile gets a processor at once, and
// so does any other program, with which the load then shares what it has.
#pragma once

#include <memory>
#include <vector>

#include "bench/meters/characterise.h"

namespace ergon {

class CpuLoad final : public Load {
 public:
  /// One thread for each logical processor, bound to it; they sleep at first.
  explicit CpuLoad(const std::vector<int>& processors);
  /// Stops and joins them.
  ~CpuLoad() override;
  CpuLoad(const CpuLoad&) = delete;
  CpuLoad& operator=(const CpuLoad&) = delete;
  void set(bool on) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ergon
