// Native linear attention of every instruction set that this processor has: against the family's
// oracle, and against itself where the same tokens come in other calls.
#include "kernels/attention/native_linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention/native_linear_chunks.h"
#include "kernels/attention/structure.h"
#include "kernels/devices/cpu.h"
#include "kernels/fill.h"

namespace ergon {
namespace {

using std::string;
using testing::Eq;

struct Case {
  simd::Isa isa;
  string dtype;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const simd::Isa isa :
       {simd::Isa::portable, simd::Isa::neon, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info()))
      for (const char* dtype : {"bf16", "f32"}) list.push_back({isa, dtype});
  return list;
}

string label(const Case& c) { return string(simd::name(c.isa)) + "_" + c.dtype; }
void PrintTo(const Case& c, std::ostream* out) { *out << label(c); }

/// What a call leaves.
struct Result {
  std::vector<std::byte> o;
  std::vector<float> state;
};

class NativeLinear : public testing::TestWithParam<Case> {
 protected:
  NativeLinear() {
    string reason;
    device_ = std::move(find_cpu(reason).at(0));
    stream_ = device_->make_stream();
  }

  std::unique_ptr<Attention> workload(const char* phase, std::int64_t tokens, FieldMap more) const {
    more.insert({{"structure", string("linear")},
                 {"phase", string(phase)},
                 {"q_heads", std::int64_t{2}},
                 {"q_len", tokens},
                 {"kv_len", std::max<std::int64_t>(1000, tokens)},
                 {"dtype", GetParam().dtype}});
    auto made = attention_family().make(more);
    return std::unique_ptr<Attention>(dynamic_cast<Attention*>(made.release()));
  }

  Result call(const Attention& a, const Inputs& inputs, int threads = 1) const {
    const auto plan =
        make_native_linear_plan(a, inputs, {device_.get(), threads, 1}, GetParam().isa);
    const std::vector<DeviceTensor> outputs = plan->outputs(0);
    // Bytes that are nobody's, behind and between the outputs.
    std::byte* memory = outputs[0].buffer->host();
    const std::size_t bytes = outputs[0].buffer->bytes();
    std::fill_n(memory, bytes, std::byte{0xff});
    plan->reset(0);
    plan->enqueue(0, *stream_, 0);
    stream_->finish();
    const std::size_t o_bytes = outputs[0].desc.span_bytes(),
                      state_bytes = outputs[1].desc.span_bytes();
    for (std::size_t i = o_bytes; i < bytes; ++i) {
      const bool of_state = i >= outputs[1].offset && i < outputs[1].offset + state_bytes;
      EXPECT_TRUE(of_state || memory[i] == std::byte{0xff}) << "byte " << i << " is nobody's";
    }
    Result result{{memory, memory + o_bytes}, {}};
    result.state.resize(state_bytes / sizeof(float));
    std::memcpy(result.state.data(), memory + outputs[1].offset, state_bytes);
    return result;
  }

  /// Some tokens of others' inputs, of one sequence, from a state of their own.
  Result part(const char* phase, const Inputs& whole, std::int64_t first, std::int64_t tokens,
              const std::vector<float>& state, const FieldMap& more) const {
    const auto a = workload(phase, tokens, more);
    std::vector<PlacedOperand> placed;
    for (const NamedDesc& operand : attention_family().operands(*a)) {
      const std::byte* data = whole.data(operand.name, 0);
      if (operand.name == "state")
        data = reinterpret_cast<const std::byte*>(state.data());
      else if (operand.name != "slope")
        data += first * operand.desc.strides[1] *
                static_cast<std::int64_t>(size_of(operand.desc.dtype));
      placed.push_back({operand, data, 0});
    }
    return call(*a, Inputs::over(placed, 1));
  }

  std::vector<double> values(const std::vector<std::byte>& o) const {
    const DType dtype = *dtype_from_name(GetParam().dtype);
    std::vector<double> wide(o.size() / size_of(dtype));
    widen(dtype, o.data(), 0, 1, static_cast<std::int64_t>(wide.size()), wide.data());
    return wide;
  }

  /// `steps` in f32, each of which rounds a decay and the state.
  void expect_alike(const Result& got, const Result& expected, std::int64_t steps = 0) const {
    const double allowed = 8 * info(*dtype_from_name(GetParam().dtype)).epsilon +
                           static_cast<double>(steps) * info(DType::f32).epsilon;
    const auto close = [&](const auto& a, const auto& b, const char* what) {
      ASSERT_THAT(a.size(), Eq(b.size()));
      double largest = 0;
      for (const auto each : b) largest = std::max(largest, std::fabs(double{each}));
      std::int64_t wrong = 0;
      for (std::size_t i = 0; i < a.size(); ++i)
        if (!(std::fabs(double{a[i]} - double{b[i]}) <= allowed * largest)) ++wrong;
      EXPECT_THAT(wrong, Eq(0)) << what << ", of up to " << largest;
    };
    close(values(got.o), values(expected.o), "o");
    close(got.state, expected.state, "state");
  }

  /// Outputs of parts, one behind the other.
  static void append(Result& all, const Result& part) {
    all.o.insert(all.o.end(), part.o.begin(), part.o.end());
    all.state = part.state;
  }

  static std::vector<float> state_of(const Inputs& inputs) {
    const float* state = inputs.as<float>("state", 0);
    return {state, state + inputs.desc("state").elements()};
  }

  static void set_slopes(Inputs& inputs, float slope) {
    for (std::int64_t h = 0; h < inputs.desc("slope").elements(); ++h)
      std::memcpy(inputs.data("slope", 0) + h * std::int64_t{sizeof slope}, &slope, sizeof slope);
  }

  std::unique_ptr<Device> device_;
  std::unique_ptr<Stream> stream_;
};

const FieldMap awkward = {{"head_dim", std::int64_t{33}}, {"v_head_dim", std::int64_t{45}}};
const FieldMap usual = {{"head_dim", std::int64_t{128}}};

TEST_P(NativeLinear, IsRightAndTheSameForAnyNumberOfThreads) {
  constexpr std::int64_t block = LinearChunks::tokens;
  for (const FieldMap& sizes : {awkward, usual})
    for (const char* phase : {"prefill", "decode"})
      for (const std::int64_t tokens :
           {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{4}, std::int64_t{5},
            block - 1, block, block + 1, 3 * block + 7}) {
        FieldMap fields = sizes;
        fields.insert({{"batch", std::int64_t{2}}});
        const auto a = workload(phase, tokens, fields);
        SCOPED_TRACE(a->name());
        const auto inputs = attention_family().inputs(*a, 5, 1);
        const Result one = call(*a, *inputs);
        const std::vector<NamedDesc> outputs = structure_of(*a).outputs(*a);
        const HostTensor tensors[] = {
            {"o", outputs[0].desc, one.o.data()},
            {"state", outputs[1].desc, reinterpret_cast<const std::byte*>(one.state.data())}};
        EXPECT_THAT(attention_family().oracle(*a, *inputs)->check(tensors).mismatch,
                    Eq(std::nullopt));
        for (const int threads : {2, 3, 7}) {
          const Result several = call(*a, *inputs, threads);
          EXPECT_TRUE(several.o == one.o) << threads;
          EXPECT_TRUE(several.state == one.state) << threads;
        }
      }
}

TEST_P(NativeLinear, IsTheSameInBlocksAndTokenByToken) {
  for (const FieldMap& sizes : {awkward, usual}) {
    const std::int64_t tokens = 2 * LinearChunks::tokens + 3;
    const auto a = workload("prefill", tokens, sizes);
    const auto inputs = attention_family().inputs(*a, 7, 1);
    Result steps{{}, state_of(*inputs)};
    for (std::int64_t t = 0; t < tokens; ++t)
      append(steps, part("decode", *inputs, t, 1, steps.state, sizes));
    expect_alike(call(*a, *inputs), steps, tokens);
  }
}

TEST_P(NativeLinear, IsTheSameInTwoPartsThatCarryTheState) {
  for (const FieldMap& sizes : {awkward, usual})
    for (const std::int64_t first : {std::int64_t{1}, LinearChunks::tokens, std::int64_t{100}}) {
      const std::int64_t tokens = 230;
      const auto a = workload("prefill", tokens, sizes);
      const auto inputs = attention_family().inputs(*a, 11, 1);
      Result parts = part("prefill", *inputs, 0, first, state_of(*inputs), sizes);
      append(parts, part("prefill", *inputs, first, tokens - first, parts.state, sizes));
      expect_alike(parts, call(*a, *inputs));
    }
}

// Small integers: sums are exact whatever their order, and every type holds them.
TEST_P(NativeLinear, AddsUpWithoutDecay) {
  for (const char* phase : {"prefill", "decode"}) {
    const std::int64_t tokens = 70, dim = 16;
    const auto a = workload(phase, tokens, {{"head_dim", dim}});
    const auto inputs = attention_family().inputs(*a, 1, 1);
    set_slopes(*inputs, 0);
    for (const char* name : {"q", "k", "v", "state"})
      for (std::int64_t i = 0; i < inputs->desc(name).elements(); ++i)
        store(inputs->desc(name).dtype, inputs->data(name, 0), i,
              name[0] == 'q' ? (i % dim == 0 ? 1.0 : 0.0) : 1.0);
    const Result got = call(*a, *inputs);
    for (const float each : got.state) ASSERT_EQ(each, 1.0F + static_cast<float>(tokens)) << phase;
    const std::vector<double> o = values(got.o);
    const auto token = static_cast<std::size_t>(2 * dim);
    for (std::size_t i = 0; i < o.size(); ++i) {
      const std::size_t before = i / token;
      ASSERT_EQ(o[i], 2 + static_cast<double>(before)) << phase;
    }
  }
}

TEST_P(NativeLinear, KnowsOnlyItsOwnTokenWhereAllElseDecays) {
  for (const char* phase : {"prefill", "decode"}) {
    const std::int64_t tokens = 70, dim = 16;
    const auto a = workload(phase, tokens, {{"head_dim", dim}});
    const auto inputs = attention_family().inputs(*a, 1, 1);
    set_slopes(*inputs, 1000);
    for (const char* name : {"q", "k", "v"})
      for (std::int64_t i = 0; i < inputs->desc(name).elements(); ++i)
        store(a->dtype, inputs->data(name, 0), i, 1.0);
    const Result got = call(*a, *inputs);
    EXPECT_THAT(values(got.o), testing::Each(static_cast<double>(dim))) << phase;
    EXPECT_THAT(got.state, testing::Each(1.0F)) << phase;
  }
}

TEST_P(NativeLinear, StartsFromNothingWhereTheStateIsZero) {
  for (const char* phase : {"prefill", "decode"}) {
    const std::int64_t tokens = 70;
    const auto a = workload(phase, tokens, usual);
    const auto inputs = attention_family().inputs(*a, 1, 1);
    std::memset(inputs->data("state", 0), 0, inputs->desc("state").span_bytes());
    std::memset(inputs->data("k", 0), 0, inputs->desc("k").span_bytes());
    const Result got = call(*a, *inputs);
    EXPECT_THAT(values(got.o), testing::Each(0.0)) << phase;
    EXPECT_THAT(got.state, testing::Each(0.0F)) << phase;
  }
}

TEST_P(NativeLinear, PutsItsStateBackOnReset) {
  const auto a = workload("decode", 1, usual);
  const auto inputs = attention_family().inputs(*a, 1, 1);
  const auto plan = make_native_linear_plan(*a, *inputs, {device_.get(), 1, 1}, GetParam().isa);
  const DeviceTensor state = plan->outputs(0)[1];
  const std::byte* at = state.buffer->host() + state.offset;
  plan->reset(0);
  plan->enqueue(0, *stream_, 0);
  EXPECT_NE(std::memcmp(at, inputs->data("state", 0), state.desc.span_bytes()), 0);
  plan->reset(0);
  EXPECT_EQ(std::memcmp(at, inputs->data("state", 0), state.desc.span_bytes()), 0);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, NativeLinear, testing::ValuesIn(cases()),
                         [](const auto& given) { return label(given.param); });

}  // namespace
}  // namespace ergon
