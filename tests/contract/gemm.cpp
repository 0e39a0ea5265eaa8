// Every GEMM implementation that this machine can run, against the oracle, over awkward workloads.
// A new implementation is tested without a line here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "kernels/fill.h"
#include "kernels/gemm/gemm.h"
#include "kernels/registry.h"
#include "tests/contract/machine.h"

namespace ergon {
namespace {

using std::string;
using testing::Eq;
using testing::Not;

FieldMap sizes(std::int64_t m, std::int64_t n, std::int64_t k, FieldMap more = {}) {
  more.insert({{"m", m}, {"n", n}, {"k", k}});
  return more;
}

// Without dtype; the last entries hold what integers do not take.
std::vector<FieldMap> awkward_workloads() {
  const std::int64_t zero = 0, three = 3;
  const FieldValue col = string("col");
  return {
      sizes(1, 1, 1),
      sizes(1, 1, 257),
      sizes(2, 3, 0),
      sizes(2, 3, zero, {{"beta", 1.0}}),
      sizes(1, 64, 64),
      sizes(64, 1, 64),
      sizes(17, 19, 23),
      sizes(97, 101, 103),
      sizes(64, 64, 64, {{"beta", 1.0}}),
      sizes(17, 19, 23, {{"transpose_a", true}}),
      sizes(17, 19, 23, {{"transpose_b", true}}),
      sizes(17, 19, 23, {{"transpose_a", true}, {"transpose_b", true}, {"beta", 1.0}}),
      sizes(17, 19, 23, {{"layout", col}}),
      sizes(17, 19, 23, {{"layout", col}, {"transpose_a", true}, {"beta", 1.0}}),
      sizes(17, 19, 23, {{"layout", col}, {"transpose_b", true}}),
      sizes(13, 7, 29,
            {{"lda", std::int64_t{37}}, {"ldb", std::int64_t{11}}, {"ldc", std::int64_t{10}}}),
      sizes(13, 7, 29,
            {{"layout", col},
             {"lda", std::int64_t{16}},
             {"ldb", std::int64_t{32}},
             {"ldc", std::int64_t{14}},
             {"beta", 1.0}}),
      sizes(5, 6, 7, {{"batch", three}}),
      sizes(5, 6, 7,
            {{"batch", three},
             {"layout", col},
             {"ldc", std::int64_t{9}},
             {"transpose_a", true},
             {"beta", 1.0}}),
      sizes(1, 33, 65, {{"batch", three}, {"transpose_b", true}}),
      sizes(17, 19, 23, {{"alpha", 0.5}, {"beta", -1.25}}),
      sizes(17, 19, 23, {{"alpha", 0.1}}),
      sizes(17, 19, 23, {{"alpha", zero}, {"beta", 2.0}}),
      sizes(17, 19, 23, {{"alpha", 0.0}}),
      sizes(5, 6, 7,
            {{"batch", three},
             {"layout", col},
             {"alpha", -2.0},
             {"beta", 0.5},
             {"ldc", std::int64_t{11}}}),
  };
}

struct Case {
  std::size_t implementation;
  string label;  // of the implementation, and the dtype
  string dtype;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.label; }

std::vector<Case> cases() {
  std::vector<Case> list;
  const auto all = machine().registry.implementations();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]->info().kernel != "gemm" || all[i]->unavailable()) continue;
    for (const FieldSpec& field : gemm_family().fields())
      if (field.name == "dtype")
        for (const std::string_view dtype : field.choices)
          list.push_back({i, test_name(all[i]->info()) + "_" + string(dtype), string(dtype)});
  }
  return list;
}

std::unique_ptr<Workload> workload_of(FieldMap fields, const string& dtype) {
  fields.insert({"dtype", dtype});
  try {
    return gemm_family().make(fields);
  } catch (const InvalidField&) {
    return nullptr;  // alpha and beta that integers do not take
  }
}

// A plan with all that it lives on.
class Prepared {
 public:
  static constexpr std::size_t slots = 2;

  Prepared(const Implementation& implementation, const Workload& workload, int threads)
      : device_(machine().device_for(implementation.info())),
        workload_(dynamic_cast<const Gemm&>(workload)),
        inputs_(gemm_family().inputs(workload, 7, slots)),
        oracle_(gemm_family().oracle(workload, *inputs_)),
        stream_(device_.make_stream()),
        plan_(implementation.prepare(workload, *inputs_, {&device_, threads, slots})) {}

  void run_once_stages(std::size_t slot) { run(false, slot); }

  // One call over a poisoned C; the accuracy of what it left.
  Accuracy call(std::size_t slot) {
    const std::vector<DeviceTensor> tensors = plan_->outputs(slot);
    for (const DeviceTensor& tensor : tensors) write(tensor, poisoned(tensor));
    plan_->reset(slot);
    before_ = read(tensors.at(0));
    run(true, slot);
    after_ = read(tensors.at(0));
    const HostTensor c{tensors[0].name, tensors[0].desc, after_.data()};
    return oracle_->check({&c, 1});
  }

  // Bytes of C's buffer that belong to no element and changed in the last call.
  std::int64_t changed_padding() const {
    const TensorDesc desc = workload_.desc(workload_.c(), workload_.types.output);
    const std::size_t size = size_of(desc.dtype);
    std::vector<bool> element(after_.size(), false);
    for (std::int64_t b = 0; b < desc.sizes[0]; ++b)
      for (std::int64_t i = 0; i < desc.sizes[1]; ++i)
        for (std::int64_t j = 0; j < desc.sizes[2]; ++j) {
          const auto at = static_cast<std::size_t>(b * desc.strides[0] + i * desc.strides[1] +
                                                   j * desc.strides[2]) *
                          size;
          std::fill_n(element.begin() + static_cast<std::ptrdiff_t>(at), size, true);
        }
    std::int64_t changed = 0;
    for (std::size_t i = 0; i < after_.size(); ++i)
      if (!element[i] && before_[i] != after_[i]) ++changed;
    return changed;
  }

  // New values in the shared inputs, which the plan is told of, and an oracle that knows them.
  void refill(std::uint64_t seed) {
    for (const NamedDesc& operand : inputs_->operands())
      for (std::size_t slot = 0; slot < slots; ++slot)
        fill_uniform(operand.desc, inputs_->data(operand.name, slot), seed, stream_of(operand.name),
                     1);
    oracle_ = gemm_family().oracle(workload_, *inputs_);
    for (std::size_t slot = 0; slot < slots; ++slot) plan_->refresh(slot);
  }

  Plan& plan() { return *plan_; }

 private:
  void run(bool per_call, std::size_t slot) {
    plan_->activate();
    for (std::size_t stage = 0; stage < plan_->stages().size(); ++stage)
      if (plan_->stages()[stage].per_call == per_call) plan_->enqueue(stage, *stream_, slot);
    stream_->finish();
  }
  static std::vector<std::byte> poisoned(const DeviceTensor& tensor) {
    return std::vector<std::byte>(tensor.desc.span_bytes(), poison_byte(tensor.desc.dtype));
  }
  void write(const DeviceTensor& tensor, const std::vector<std::byte>& bytes) {
    device_.upload(*tensor.buffer, tensor.offset, bytes.data(), bytes.size());
  }
  std::vector<std::byte> read(const DeviceTensor& tensor) {
    std::vector<std::byte> bytes(tensor.desc.span_bytes());
    device_.download(bytes.data(), *tensor.buffer, tensor.offset, bytes.size());
    return bytes;
  }

  Device& device_;
  const Gemm workload_;
  std::unique_ptr<Inputs> inputs_;
  std::unique_ptr<Oracle> oracle_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Plan> plan_;
  std::vector<std::byte> before_, after_;
};

class GemmContract : public testing::TestWithParam<Case> {
 protected:
  const Implementation& implementation() const {
    return *machine().registry.implementations()[GetParam().implementation];
  }
  // Calls `body` with every awkward workload that the implementation says it supports.
  template <class Body>
  void over_supported(Body body) const {
    for (const FieldMap& fields : awkward_workloads()) {
      const auto workload = workload_of(fields, GetParam().dtype);
      if (!workload || implementation().unsupported(*workload)) continue;
      SCOPED_TRACE(workload->name() + " " + GetParam().dtype);
      body(*workload);
    }
  }
};

TEST_P(GemmContract, ComputesWhatItSaysItSupports) {
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 1);
    for (std::size_t slot = 0; slot < Prepared::slots; ++slot) {
      prepared.run_once_stages(slot);
      EXPECT_THAT(prepared.call(slot).mismatch, Eq(std::nullopt)) << "slot " << slot;
      EXPECT_THAT(prepared.changed_padding(), Eq(0)) << "slot " << slot;
    }
  });
}

TEST_P(GemmContract, ComputesTheSameWithTwoThreads) {
  if (machine().device_for(implementation().info()).info().max_threads < 2)
    GTEST_SKIP() << "the device has one thread";
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 2);
    prepared.run_once_stages(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
    EXPECT_THAT(prepared.changed_padding(), Eq(0));
  });
}

TEST_P(GemmContract, ComputesAgainWithoutPackingAgain) {
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 1);
    prepared.run_once_stages(0);
    prepared.call(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
  });
}

TEST_P(GemmContract, FollowsNewInputsAfterRefresh) {
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 1);
    prepared.run_once_stages(0);
    prepared.call(0);
    prepared.refill(8);
    prepared.run_once_stages(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
  });
}

TEST_P(GemmContract, CountsTheWorkOfTheWorkloadInItsStages) {
  over_supported([&](const Workload& workload) {
    Prepared prepared(implementation(), workload, 1);
    double flops = 0;
    std::map<string, int> names;
    for (const Stage& stage : prepared.plan().stages()) {
      if (stage.per_call) flops += stage.work.flops;
      EXPECT_THAT(++names[stage.name], Eq(1)) << stage.name;
    }
    EXPECT_THAT(flops, Eq(workload.work().flops));
  });
}

TEST_P(GemmContract, SaysWhatItWillAllocate) {
  over_supported([&](const Workload& workload) {
    Device& device = machine().device_for(implementation().info());
    const auto& gemm = dynamic_cast<const Gemm&>(workload);
    const Footprint footprint = implementation().footprint(workload, {&device, 1, 2});
    EXPECT_GE(footprint.per_slot, gemm.desc(gemm.c(), gemm.types.output).span_bytes());
  });
}

TEST_P(GemmContract, SaysInWordsWhatItDoesNotSupport) {
  for (const FieldMap& fields : awkward_workloads()) {
    const auto workload = workload_of(fields, GetParam().dtype);
    if (!workload) continue;
    const auto reason = implementation().unsupported(*workload);
    EXPECT_THAT(reason.value_or("supported"), Not(testing::IsEmpty())) << workload->name();
  }
}

INSTANTIATE_TEST_SUITE_P(Every, GemmContract, testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.label; });

TEST(GemmContractTable, ReachesEveryDtypeThroughOurOwnLoops) {
  for (const Case& c : cases()) {
    const auto& implementation = *machine().registry.implementations()[c.implementation];
    if (implementation.info().backend != "naive" && implementation.info().backend != "reference")
      continue;
    for (const FieldMap& fields : awkward_workloads())
      if (const auto workload = workload_of(fields, c.dtype)) {
        EXPECT_THAT(implementation.unsupported(*workload), Eq(std::nullopt)) << workload->name();
      }
  }
}

}  // namespace
}  // namespace ergon
