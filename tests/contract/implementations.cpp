#include "tests/contract/implementations.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/contract/machine.h"
#include "tests/contract/prepared.h"

namespace ergon {

using testing::Eq;
using testing::IsEmpty;
using testing::Not;

std::vector<Case> cases(const Family& family, std::string_view field,
                        Problems (*problems)(const std::string& choice)) {
  std::vector<Case> list;
  const auto spec = std::find_if(family.fields().begin(), family.fields().end(),
                                 [&](const FieldSpec& one) { return one.name == field; });
  for (const std::string_view choice : spec->choices) {
    const auto shared = std::make_shared<const Problems>(problems(std::string(choice)));
    for (const auto& implementation : machine().registry.implementations())
      if (implementation->info().kernel == family.name() && !implementation->unavailable())
        list.push_back({implementation.get(),
                        test_name(implementation->info()) + "_" + std::string(choice), shared});
  }
  return list;
}

bool ImplementationContract::takes_two_threads() const {
  const Device& device = machine().device_for(implementation().info());
  return std::min(device.info().max_threads, implementation().max_threads()) >= 2;
}

TEST_P(ImplementationContract, ComputesWhatItSaysItSupports) {
  over_supported([&](const Problem& problem) {
    Prepared prepared(implementation(), problem, 1);
    for (std::size_t slot = 0; slot < Prepared::slots; ++slot) {
      prepared.run_once_stages(slot);
      EXPECT_THAT(prepared.call(slot).mismatch, Eq(std::nullopt)) << "slot " << slot;
      EXPECT_THAT(prepared.changed_padding(), Eq(0)) << "slot " << slot;
    }
  });
}

TEST_P(ImplementationContract, ComputesTheSameWithTwoThreads) {
  if (!takes_two_threads()) GTEST_SKIP() << "it has one thread";
  over_supported([&](const Problem& problem) {
    Prepared prepared(implementation(), problem, 2);
    prepared.run_once_stages(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
    EXPECT_THAT(prepared.changed_padding(), Eq(0));
  });
}

TEST_P(ImplementationContract, ComputesAgainWithoutPackingAgain) {
  over_supported([&](const Problem& problem) {
    Prepared prepared(implementation(), problem, 1);
    prepared.run_once_stages(0);
    prepared.call(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
  });
}

TEST_P(ImplementationContract, FollowsNewInputsAfterRefresh) {
  over_supported([&](const Problem& problem) {
    Prepared prepared(implementation(), problem, 1);
    prepared.run_once_stages(0);
    prepared.call(0);
    prepared.refill();
    prepared.run_once_stages(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
  });
}

TEST_P(ImplementationContract, CountsTheWorkOfTheWorkloadInItsStages) {
  over_supported([&](const Problem& problem) {
    Prepared prepared(implementation(), problem, 1);
    double flops = 0;
    std::set<std::string> names;
    for (const Stage& stage : prepared.plan().stages()) {
      if (stage.per_call) flops += stage.work.flops;
      EXPECT_TRUE(names.insert(stage.name).second) << stage.name;
    }
    EXPECT_THAT(flops, Eq(problem.workload().work().flops));
  });
}

TEST_P(ImplementationContract, SaysWhatItWillAllocate) {
  over_supported([&](const Problem& problem) {
    Device& device = machine().device_for(implementation().info());
    const Footprint footprint =
        implementation().footprint(problem.workload(), {&device, 1, Prepared::slots});
    std::size_t outputs = 0;
    Prepared prepared(implementation(), problem, 1);
    for (const DeviceTensor& tensor : prepared.plan().outputs(0))
      outputs += tensor.desc.span_bytes();
    EXPECT_GE(footprint.per_slot, outputs);
  });
}

TEST_P(ImplementationContract, SaysInWordsWhatItDoesNotSupport) {
  for (const Problem& problem : *GetParam().problems) {
    const auto reason = implementation().unsupported(problem.workload());
    EXPECT_THAT(reason.value_or("supported"), Not(IsEmpty())) << problem.workload().name();
  }
}

TEST_P(ImplementationContract, SupportsEverythingWhereItIsOurOwnLoop) {
  const std::string& backend = implementation().info().backend;
  if (backend != "naive" && backend != "reference") return;  // others may choose
  for (const Problem& problem : *GetParam().problems)
    EXPECT_THAT(implementation().unsupported(problem.workload()), Eq(std::nullopt))
        << problem.workload().name();
}

}  // namespace ergon
