// Every implementation of grouped products that this machine can run, against the oracle. A new
// implementation is tested without a line here.
#include "kernels/moe/moe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "kernels/fill.h"
#include "kernels/registry.h"
#include "tests/contract/machine.h"

namespace ergon {
namespace {

using std::string;
using testing::Eq;

constexpr std::size_t slots = 2;

struct Case {
  std::size_t implementation;
  string label;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.label; }

std::vector<Case> cases() {
  std::vector<Case> list;
  const auto all = machine().registry.implementations();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i]->info().kernel == "moe" && !all[i]->unavailable())
      list.push_back({i, test_name(all[i]->info())});
  return list;
}

class MoeContract : public testing::TestWithParam<Case> {
 protected:
  const Implementation& implementation() const {
    return *machine().registry.implementations()[GetParam().implementation];
  }
  Device& device() const { return machine().device_for(implementation().info()); }

  // Calls `body` with every workload that the implementation says it supports.
  template <class Body>
  void over_supported(Body body) const {
    for (const char* format : {"bf16", "w8a8", "w4a16"})
      for (const char* routing : {"uniform", "skewed", "one"})
        for (const char* output : {"f32", "bf16"})
          for (const std::int64_t m : {1, 5, 31}) {
            const auto workload = moe_family().make({{"format", string(format)},
                                                     {"m", m},
                                                     {"n", std::int64_t{37}},
                                                     {"k", std::int64_t{96}},
                                                     {"experts", std::int64_t{7}},
                                                     {"top_k", std::int64_t{3}},
                                                     {"group", std::int64_t{32}},
                                                     {"output", string(output)},
                                                     {"routing", string(routing)}});
            if (implementation().unsupported(*workload)) continue;
            SCOPED_TRACE(workload->name());
            body(*workload);
          }
  }
};

void run(Plan& plan, Device& device, bool per_call, std::size_t slot) {
  const auto stream = device.make_stream();
  plan.activate();
  for (std::size_t stage = 0; stage < plan.stages().size(); ++stage)
    if (plan.stages()[stage].per_call == per_call) plan.enqueue(stage, *stream, slot);
  stream->finish();
}

// One call over a poisoned Y.
Accuracy call(Plan& plan, Device& device, std::size_t slot, const Oracle& oracle) {
  const DeviceTensor y = plan.outputs(slot).at(0);
  std::vector<std::byte> bytes(y.desc.span_bytes(), poison_byte(y.desc.dtype));
  device.upload(*y.buffer, y.offset, bytes.data(), bytes.size());
  plan.reset(slot);
  run(plan, device, true, slot);
  device.download(bytes.data(), *y.buffer, y.offset, bytes.size());
  const HostTensor tensor{y.name, y.desc, bytes.data()};
  return oracle.check({&tensor, 1});
}

TEST_P(MoeContract, ComputesWhatItSaysItSupportsAndFollowsNewInputs) {
  over_supported([&](const Workload& workload) {
    const auto inputs = moe_family().inputs(workload, 7, slots);
    const auto oracle = moe_family().oracle(workload, *inputs);
    const auto plan = implementation().prepare(workload, *inputs, {&device(), 1, slots});
    for (std::size_t slot = 0; slot < slots; ++slot) {
      run(*plan, device(), false, slot);
      EXPECT_THAT(call(*plan, device(), slot, *oracle).mismatch, Eq(std::nullopt)) << slot;
    }
    EXPECT_THAT(call(*plan, device(), 0, *oracle).mismatch, Eq(std::nullopt)) << "again";

    const auto other = moe_family().inputs(workload, 8, 1);
    for (const NamedDesc& operand : inputs->operands())
      std::copy_n(other->data(operand.name, 0), operand.desc.span_bytes(),
                  inputs->data(operand.name, 0));
    plan->refresh(0);
    run(*plan, device(), false, 0);
    const auto other_oracle = moe_family().oracle(workload, *other);
    EXPECT_THAT(call(*plan, device(), 0, *other_oracle).mismatch, Eq(std::nullopt)) << "other";
  });
}

TEST_P(MoeContract, ComputesTheSameWithTwoThreads) {
  if (device().info().max_threads < 2) GTEST_SKIP() << "the device has one thread";
  over_supported([&](const Workload& workload) {
    const auto inputs = moe_family().inputs(workload, 7, 1);
    const auto oracle = moe_family().oracle(workload, *inputs);
    const auto plan = implementation().prepare(workload, *inputs, {&device(), 2, 1});
    run(*plan, device(), false, 0);
    EXPECT_THAT(call(*plan, device(), 0, *oracle).mismatch, Eq(std::nullopt));
  });
}

TEST_P(MoeContract, CountsTheWorkOfTheWorkloadInItsStagesAndSaysWhatItAllocates) {
  over_supported([&](const Workload& workload) {
    const auto inputs = moe_family().inputs(workload, 7, 1);
    const auto plan = implementation().prepare(workload, *inputs, {&device(), 1, 1});
    double flops = 0;
    for (const Stage& stage : plan->stages())
      if (stage.per_call) flops += stage.work.flops;
    EXPECT_THAT(flops, Eq(workload.work().flops));
    EXPECT_GE(implementation().footprint(workload, {&device(), 1, 1}).per_slot,
              plan->outputs(0).at(0).desc.span_bytes());
  });
}

INSTANTIATE_TEST_SUITE_P(Every, MoeContract, testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.label; });

TEST(MoeContractTable, HoldsOurOwnLoopsAndKernels) {
  std::vector<string> backends;
  for (const Case& c : cases())
    backends.push_back(machine().registry.implementations()[c.implementation]->info().backend);
  EXPECT_THAT(backends, testing::IsSupersetOf({"reference", "naive", "native"}));
}

}  // namespace
}  // namespace ergon
