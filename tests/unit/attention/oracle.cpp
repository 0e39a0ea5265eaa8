// What the oracle of softmax attention finds wrong, and what it does not. Wrong outputs come from
// the naive loops, told of another workload than the oracle.
#include "kernels/attention/softmax_oracle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "kernels/fill.h"
#include "kernels/registry.h"
#include "tests/unit/attention/workload.h"

namespace ergon {
namespace {

using std::string;
using testing::Eq;
using testing::HasSubstr;
using testing::Ne;

const Implementation& implementation(std::string_view backend) {
  static const Registry registry(RegistryOptions{});
  for (const auto& one : registry.implementations())
    if (one->info().kernel == "attention" && one->info().backend == backend) return *one;
  throw std::runtime_error("no " + string(backend));
}

std::unique_ptr<Device> a_cpu() {
  for (const DeviceEntry& entry : device_entries()) {
    string reason;
    for (auto& device : entry.find(reason))
      if (device->info().id == "cpu") return std::move(device);
  }
  throw std::runtime_error("no cpu");
}

class SoftmaxOracle : public testing::TestWithParam<const char*> {
 protected:
  static FieldMap typed(FieldMap fields) {
    fields.insert_or_assign("dtype", string(GetParam()));
    return fields;
  }

  struct Output {
    TensorDesc desc;
    std::vector<std::byte> bytes;
  };

  /// What `backend` computes of `workload` on these inputs.
  static Output o(const Attention& workload, const Inputs& inputs,
                  std::string_view backend = "naive") {
    static const std::unique_ptr<Device> cpu = a_cpu();
    const auto plan = implementation(backend).prepare(workload, inputs, {cpu.get(), 2, 1});
    const auto stream = cpu->make_stream();
    plan->enqueue(0, *stream, 0);
    stream->finish();
    const DeviceTensor tensor = plan->outputs(0).front();
    Output out{tensor.desc, std::vector<std::byte>(tensor.desc.span_bytes())};
    cpu->download(out.bytes.data(), *tensor.buffer, tensor.offset, out.bytes.size());
    return out;
  }

  static Accuracy check(const Attention& a, const Inputs& inputs, const Output& output,
                        const SoftmaxChecks& checks = {}) {
    const HostTensor tensor{"o", output.desc, output.bytes.data()};
    return make_softmax_oracle(a, inputs, checks)->check({&tensor, 1});
  }

  static std::unique_ptr<Inputs> inputs_of(const Attention& a) {
    return attention_family().inputs(a, 5, 1);
  }

  /// Checks what is computed of `wrong` against what is right of `right`.
  static std::optional<string> mismatch(const Attention& right, const Attention& wrong) {
    const auto inputs = inputs_of(right);
    Output output = o(wrong, *inputs);
    output.desc = o(right, *inputs).desc;
    return check(right, *inputs, output).mismatch;
  }
};

TEST_P(SoftmaxOracle, AcceptsPlainLoopsAndFloat64) {
  for (const FieldMap& fields :
       {prefill_of(4, 70, {{"kv_heads", whole(2)}, {"head_dim", whole(64)}, {"sinks", true}}),
        prefill_of(2, 60, {{"window", whole(9)}, {"head_dim", whole(32)}}),
        decode_of(4, 200, {{"kv_heads", whole(1)}, {"q_len", whole(3)}, {"soft_cap", 2.0}}),
        decode_of(2, 3, {{"q_len", whole(5)}})}) {
    const Attention a = attention_of(typed(fields));
    const auto inputs = inputs_of(a);
    for (const char* backend : {"naive", "reference"}) {
      const Accuracy accuracy = check(a, *inputs, o(a, *inputs, backend));
      EXPECT_THAT(accuracy.mismatch, Eq(std::nullopt)) << a.name() << " " << backend;
      EXPECT_EQ(accuracy.checked_elements, a.q_len * a.q_heads * a.v_head_dim);
      EXPECT_THAT(accuracy.reference, HasSubstr("all rows"));
    }
  }
}

TEST_P(SoftmaxOracle, FindsOneWrongElementInTheLastRow) {
  const Attention a = attention_of(typed(prefill_of(2, 70, {{"head_dim", whole(64)}})));
  const auto inputs = inputs_of(a);
  Output output = o(a, *inputs);
  const std::int64_t last = output.desc.elements() - 1;
  const double value = load(a.dtype, output.bytes.data(), last);
  for (const double wrong : {-value, value + 0.25, 0.0, 1e30}) {
    store(a.dtype, output.bytes.data(), last, wrong);
    EXPECT_THAT(check(a, *inputs, output).mismatch.value_or("nothing"), HasSubstr("o[0,69,1,63]"));
  }
  store(a.dtype, output.bytes.data(), last, value);
  EXPECT_THAT(check(a, *inputs, output).mismatch, Eq(std::nullopt));
}

TEST_P(SoftmaxOracle, FindsRowsThatNobodyWrote) {
  const Attention a = attention_of(typed(prefill_of(2, 70, {{"head_dim", whole(64)}})));
  const auto inputs = inputs_of(a);
  const Output right = o(a, *inputs);
  const std::size_t row = 64 * size_of(a.dtype);
  for (const std::size_t at :
       {std::size_t{0}, right.bytes.size() / row / 2, right.bytes.size() / row - 1}) {
    Output output = right;
    std::memset(output.bytes.data() + at * row, std::to_integer<int>(poison_byte(a.dtype)), row);
    EXPECT_THAT(check(a, *inputs, output).mismatch, Ne(std::nullopt)) << "row " << at;
    std::memset(output.bytes.data() + at * row, 0, row);
    EXPECT_THAT(check(a, *inputs, output).mismatch, Ne(std::nullopt)) << "row " << at << " is zero";
  }
}

TEST_P(SoftmaxOracle, WantsZerosOfQueriesThatSeeNothing) {
  const Attention a =
      attention_of(typed(decode_of(1, 3, {{"q_len", whole(5)}, {"head_dim", whole(8)}})));
  const auto inputs = inputs_of(a);
  Output output = o(a, *inputs);
  EXPECT_EQ(load(a.dtype, output.bytes.data(), 0), 0);
  store(a.dtype, output.bytes.data(), 0, 1e-30);
  EXPECT_THAT(check(a, *inputs, output).mismatch.value_or("nothing"), HasSubstr("o[0,0,0,0]"));
}

TEST_P(SoftmaxOracle, FindsAnotherScaleOrSoftCap) {
  for (const FieldMap& fields : {prefill_of(2, 70), decode_of(2, 70)}) {
    const Attention right = attention_of(typed(fields));
    Attention wrong = right;
    wrong.scale = 1.1 * right.scale;
    EXPECT_THAT(mismatch(right, wrong), Ne(std::nullopt)) << right.name();
    wrong = right;
    wrong.soft_cap = 2;
    EXPECT_THAT(mismatch(right, wrong), Ne(std::nullopt)) << right.name();
    EXPECT_THAT(mismatch(wrong, right), Ne(std::nullopt)) << right.name();
  }
}

// Of a cache one key shorter every query stands one position earlier.
TEST_P(SoftmaxOracle, FindsTheMissingLastKey) {
  for (const FieldMap& fields :
       {decode_of(2, 2), decode_of(2, 65), decode_of(2, 500), decode_of(1, 4096),
        decode_of(1, 65536), prefill_of(2, 200, {{"q_len", whole(70)}})}) {
    const Attention right = attention_of(typed(fields));
    Attention wrong = right;
    wrong.kv_len -= 1;
    EXPECT_THAT(mismatch(right, wrong), Ne(std::nullopt)) << right.name();
  }
}

TEST_P(SoftmaxOracle, FindsAMaskThatIsOffByOne) {
  const Attention right = attention_of(typed(prefill_of(2, 90, {{"window", whole(20)}})));
  for (const int off : {-1, 1}) {
    Attention wrong = right;
    wrong.window += off;
    EXPECT_THAT(mismatch(right, wrong), Ne(std::nullopt)) << off;
  }
  Attention wrong = right;
  wrong.window = 0;
  EXPECT_THAT(mismatch(right, wrong), Ne(std::nullopt)) << "no window";
  wrong.causal = false;
  EXPECT_THAT(mismatch(right, wrong), Ne(std::nullopt)) << "no mask";
}

TEST_P(SoftmaxOracle, FindsAnIgnoredSink) {
  for (const FieldMap& fields :
       {prefill_of(2, 40, {{"sinks", true}}), decode_of(2, 4096, {{"sinks", true}})}) {
    const Attention right = attention_of(typed(fields));
    Attention wrong = right;
    wrong.sinks = false;
    EXPECT_THAT(mismatch(right, wrong), Ne(std::nullopt)) << right.name();
  }
}

TEST_P(SoftmaxOracle, FindsHeadsOfKeysThatChangedPlaces) {
  const Attention a =
      attention_of(typed(decode_of(4, 60, {{"kv_heads", whole(2)}, {"head_dim", whole(64)}})));
  const auto inputs = inputs_of(a), swapped = inputs_of(a);
  for (const char* name : {"k", "v"}) {
    const std::size_t row = 64 * size_of(a.kv_dtype);
    std::byte* data = swapped->data(name, 0);
    for (std::size_t t = 0; t < 60; ++t)
      std::swap_ranges(data + 2 * t * row, data + (2 * t + 1) * row, data + (2 * t + 1) * row);
  }
  EXPECT_THAT(check(a, *inputs, o(a, *swapped)).mismatch, Ne(std::nullopt));
}

TEST_P(SoftmaxOracle, ChecksTheFirstAndTheLastOfManyRows) {
  const Attention a = attention_of(typed(prefill_of(2, 400, {{"head_dim", whole(16)}})));
  const auto inputs = inputs_of(a);
  const SoftmaxChecks few{.most_flops = 1, .most_plain_flops = 1};
  Output output = o(a, *inputs);
  const Accuracy accuracy = check(a, *inputs, output, few);
  EXPECT_THAT(accuracy.mismatch, Eq(std::nullopt));
  EXPECT_THAT(accuracy.reference, HasSubstr("64 of 800 rows"));
  EXPECT_EQ(accuracy.checked_elements, 64 * 16);
  const std::int64_t last = output.desc.elements() - 1;
  store(a.dtype, output.bytes.data(), last, load(a.dtype, output.bytes.data(), last) + 0.25);
  EXPECT_THAT(check(a, *inputs, output, few).mismatch.value_or("nothing"),
              HasSubstr("o[0,399,1,15]"));
}

TEST_P(SoftmaxOracle, RefusesOtherOutputs) {
  const Attention a = attention_of(typed(decode_of(2, 9)));
  const auto inputs = inputs_of(a);
  const auto oracle = make_softmax_oracle(a, *inputs);
  EXPECT_THROW(oracle->check({}), std::invalid_argument);
  const Output output = o(a, *inputs);
  const HostTensor renamed{"c", output.desc, output.bytes.data()};
  EXPECT_THROW(oracle->check({&renamed, 1}), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Every, SoftmaxOracle, testing::Values("bf16", "f32"),
                         [](const auto& param) { return string(param.param); });

}  // namespace
}  // namespace ergon
