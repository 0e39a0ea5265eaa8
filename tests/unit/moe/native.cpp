// Native grouped products of every instruction set that this processor has, over awkward shapes,
// against the family's oracle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/registry.h"
#include "tests/unit/moe/workload.h"

namespace ergon {
Implementations make_moe_native(const RegistryOptions& options);

namespace {

using std::string;

struct Case {
  simd::Isa isa;
  string format;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const simd::Isa isa : {simd::Isa::portable, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info()))
      for (const char* format : {"bf16", "w8a8", "w4a16"}) list.push_back({isa, format});
  return list;
}

string label(const Case& c) { return string(simd::name(c.isa)) + "_" + c.format; }
void PrintTo(const Case& c, std::ostream* out) { *out << label(c); }

class NativeMoeOf : public testing::TestWithParam<Case> {
 protected:
  NativeMoeOf() {
    string reason;
    device_ = std::move(find_cpu(reason).at(0));
    implementations_ = make_moe_native({.isa = GetParam().isa});
  }

  // One, several and all experts; none, one, two and many rows each; n that no panel divides.
  std::vector<MoeShape> shapes() const {
    const bool any_k = GetParam().format != "w4a16";
    return {{1, 1, any_k ? 1 : 32, 1, 1},    {1, 37, any_k ? 257 : 96, 5, 1},
            {2, 15, any_k ? 130 : 64, 9, 2}, {7, 65, any_k ? 66 : 64, 3, 3},
            {13, 33, any_k ? 99 : 96, 8, 2}, {67, 40, any_k ? 64 : 32, 6, 4}};
  }

  std::unique_ptr<Moe> workload(const MoeShape& shape, const char* routing, const char* output,
                                bool zero_point) const {
    return moe_of(GetParam().format, shape,
                  {{"routing", string(routing)},
                   {"output", string(output)},
                   {"group", std::int64_t{32}},
                   {"zero_point", zero_point}});
  }

  // Y as the call leaves it, in the middle of bytes that are nobody's.
  std::vector<std::byte> call(const Moe& workload, const Inputs& inputs, int threads) {
    const auto plan = implementations_[0]->prepare(workload, inputs, {device_.get(), threads, 1});
    const auto stream = device_->make_stream();
    const DeviceTensor y = plan->outputs(0).at(0);
    std::vector<std::byte> bytes(y.buffer->bytes(), poison_byte(y.desc.dtype));
    device_->upload(*y.buffer, 0, bytes.data(), bytes.size());
    for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
      plan->enqueue(stage, *stream, 0);
    stream->finish();
    device_->download(bytes.data(), *y.buffer, 0, bytes.size());
    for (std::size_t i = y.desc.span_bytes(); i < bytes.size(); ++i)
      EXPECT_EQ(bytes[i], poison_byte(y.desc.dtype)) << "byte " << i << " behind Y";
    bytes.resize(y.desc.span_bytes());
    return bytes;
  }

  void expect_right(const Moe& moe) {
    SCOPED_TRACE(moe.name());
    const auto inputs = moe_family().inputs(moe, 3, 1);
    const auto oracle = moe_family().oracle(moe, *inputs);
    const std::vector<std::byte> y = call(moe, *inputs, 1);
    const HostTensor tensor{string(own_arithmetic), moe.routed().y_desc(), y.data()};
    EXPECT_EQ(oracle->check({&tensor, 1}).mismatch, std::nullopt);
    EXPECT_EQ(call(moe, *inputs, 3), y) << "three threads";
  }

  std::unique_ptr<Device> device_;
  Implementations implementations_;
};

TEST_P(NativeMoeOf, IsRightAndTheSameForAnyNumberOfThreads) {
  for (const MoeShape& shape : shapes())
    for (const char* routing : {"uniform", "skewed", "one"})
      for (const char* output : {"f32", "bf16"})
        expect_right(*workload(shape, routing, output, false));
}

TEST_P(NativeMoeOf, TakesZeroPoints) {
  if (GetParam().format != "w4a16") GTEST_SKIP() << "has none";
  for (const MoeShape& shape : shapes()) expect_right(*workload(shape, "uniform", "f32", true));
}

// What a call sorts and gathers must not outlive it.
TEST_P(NativeMoeOf, FollowsARoutingThatChanged) {
  const auto moe = workload({13, 33, 64, 8, 2}, "uniform", "f32", false);
  const auto inputs = moe_family().inputs(*moe, 3, 1);
  const auto plan = implementations_[0]->prepare(*moe, *inputs, {device_.get(), 1, 1});
  const auto stream = device_->make_stream();
  auto* expert = reinterpret_cast<std::int32_t*>(inputs->data("expert", 0));
  for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
    plan->enqueue(stage, *stream, 0);
  std::reverse(expert, expert + moe->rows());
  for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
    if (plan->stages()[stage].per_call) plan->enqueue(stage, *stream, 0);
  stream->finish();
  const DeviceTensor y = plan->outputs(0).at(0);
  std::vector<std::byte> bytes(y.buffer->bytes());
  device_->download(bytes.data(), *y.buffer, 0, bytes.size());
  const HostTensor tensor{y.name, y.desc, bytes.data()};
  EXPECT_EQ(moe_family().oracle(*moe, *inputs)->check({&tensor, 1}).mismatch, std::nullopt);
}

TEST_P(NativeMoeOf, SaysItsInstructionSet) {
  const auto moe = workload({1, 37, 96, 5, 1}, "uniform", "f32", false);
  const auto inputs = moe_family().inputs(*moe, 3, 1);
  const auto plan = implementations_[0]->prepare(*moe, *inputs, {device_.get(), 1, 1});
  EXPECT_THAT(plan->detail(), testing::HasSubstr("tile"));
  EXPECT_THAT(implementations_[0]->info().about,
              testing::HasSubstr(string(simd::name(GetParam().isa))));
}

INSTANTIATE_TEST_SUITE_P(Every, NativeMoeOf, testing::ValuesIn(cases()),
                         [](const auto& param) { return label(param.param); });

}  // namespace
}  // namespace ergon
