// A session on the fake device whose sink keeps everything it is given.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/measure/member.h"
#include "tests/unit/measure/fake.h"
#include "tests/unit/meters/fake.h"

namespace ergon::testing {

struct KeepingSink final : measure::Sink {
  void row_started(const record::Row& row) override { started.push_back(record::key(row)); }
  void time_sample(const std::string& key, const record::TimeSample& sample) override {
    samples.emplace_back(key, sample);
  }
  void energy_sample(const std::string&, const std::string&, const record::EnergySample&) override {
  }
  void beacon(const record::Beacon& beacon) override { beacons.push_back(beacon); }
  void row_finished(const record::Row& row) override { finished.push_back(row); }

  std::vector<std::string> started;
  std::vector<std::pair<std::string, record::TimeSample>> samples;
  std::vector<record::Row> finished;
  std::vector<record::Beacon> beacons;
};

struct Bench {
  Bench() { session.no_meter = "no meter in this test"; }
  measure::Case case_of(const FakeImplementation& implementation, bool cold = false) {
    measure::Case what;
    what.family = &family;
    what.workload = workload;
    what.implementation = &implementation;
    what.device = &device;
    what.cold = cold;
    return what;
  }
  /// A member on one slot of the common inputs.
  std::unique_ptr<measure::Member> member(const FakeImplementation& implementation) {
    return std::make_unique<measure::Member>(case_of(implementation), *inputs, 1, 0, session);
  }

  VirtualClock clock;
  FakeDevice device{clock};
  FakeTree machine;  // empty: neither /proc/stat nor frequencies
  measure::Watch watch{machine.root(), machine.root()};
  KeepingSink sink;
  measure::Session session{clock, watch, sink};
  DoublingFamily family;
  std::shared_ptr<Doubling> workload = std::make_shared<Doubling>();
  std::unique_ptr<Inputs> inputs = family.inputs(*workload, 1, 4);
  std::unique_ptr<Oracle> oracle = family.oracle(*workload, *inputs);
};

}  // namespace ergon::testing
