#include "tests/contract/implementations.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/contract/prepared.h"

namespace ergon {

using testing::Eq;
using testing::IsEmpty;
using testing::Not;

std::vector<Case> cases(const Family& family, std::string_view field,
                        Workloads (*workloads)(const std::string& choice)) {
  std::vector<Case> list;
  const auto spec = std::find_if(family.fields().begin(), family.fields().end(),
                                 [&](const FieldSpec& one) { return one.name == field; });
  for (const auto& implementation : machine().registry.implementations()) {
    if (implementation->info().kernel != family.name() || implementation->unavailable()) continue;
    for (const std::string_view choice : spec->choices)
      list.push_back({implementation.get(), std::string(choice),
                      test_name(implementation->info()) + "_" + std::string(choice), workloads});
  }
  return list;
}

bool ImplementationContract::takes_two_threads() const {
  const Device& device = machine().device_for(implementation().info());
  return std::min(device.info().max_threads, implementation().max_threads()) >= 2;
}

TEST_P(ImplementationContract, ComputesWhatItSaysItSupports) {
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 1);
    for (std::size_t slot = 0; slot < Prepared::slots; ++slot) {
      prepared.run_once_stages(slot);
      EXPECT_THAT(prepared.call(slot).mismatch, Eq(std::nullopt)) << "slot " << slot;
      EXPECT_THAT(prepared.changed_padding(), Eq(0)) << "slot " << slot;
    }
  });
}

TEST_P(ImplementationContract, ComputesTheSameWithTwoThreads) {
  if (!takes_two_threads()) GTEST_SKIP() << "it has one thread";
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 2);
    prepared.run_once_stages(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
    EXPECT_THAT(prepared.changed_padding(), Eq(0));
  });
}

TEST_P(ImplementationContract, ComputesAgainWithoutPackingAgain) {
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 1);
    prepared.run_once_stages(0);
    prepared.call(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
  });
}

TEST_P(ImplementationContract, FollowsNewInputsAfterRefresh) {
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 1);
    prepared.run_once_stages(0);
    prepared.call(0);
    prepared.refill(8);
    prepared.run_once_stages(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
  });
}

TEST_P(ImplementationContract, CountsTheWorkOfTheWorkloadInItsStages) {
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 1);
    double flops = 0;
    std::set<std::string> names;
    for (const Stage& stage : prepared.plan().stages()) {
      if (stage.per_call) flops += stage.work.flops;
      EXPECT_TRUE(names.insert(stage.name).second) << stage.name;
    }
    EXPECT_THAT(flops, Eq(workload.work().flops));
  });
}

TEST_P(ImplementationContract, SaysWhatItWillAllocate) {
  over_supported([&](const Workload& workload) {
    Device& device = machine().device_for(implementation().info());
    const Footprint footprint = implementation().footprint(workload, {&device, 1, Prepared::slots});
    std::size_t outputs = 0;
    Prepared prepared(implementation(), workload, 1);
    for (const DeviceTensor& tensor : prepared.plan().outputs(0))
      outputs += tensor.desc.span_bytes();
    EXPECT_GE(footprint.per_slot, outputs);
  });
}

TEST_P(ImplementationContract, SaysInWordsWhatItDoesNotSupport) {
  for (const auto& workload : GetParam().workloads(GetParam().choice)) {
    const auto reason = implementation().unsupported(*workload);
    EXPECT_THAT(reason.value_or("supported"), Not(IsEmpty())) << workload->name();
  }
}

TEST_P(ImplementationContract, SupportsEverythingWhereItIsOurOwnLoop) {
  const std::string& backend = implementation().info().backend;
  if (backend != "naive" && backend != "reference") return;  // others may choose
  for (const auto& workload : GetParam().workloads(GetParam().choice))
    EXPECT_THAT(implementation().unsupported(*workload), Eq(std::nullopt)) << workload->name();
}

}  // namespace ergon
