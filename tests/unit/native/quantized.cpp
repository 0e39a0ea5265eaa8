// Native quantized products of every instruction set that this processor has, over awkward shapes,
// against the family's oracle; the contract tests see only the best.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/qmatmul/qmatmul.h"
#include "kernels/registry.h"

namespace ergon {
Implementations make_qmatmul_native(const RegistryOptions& options);

namespace {

using std::string;

struct Shape {
  std::int64_t m, n, k;
};

struct Case {
  simd::Isa isa;
  string format;
  std::int64_t group;
  bool zero_point;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const simd::Isa isa : {simd::Isa::portable, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info()))
      for (const Format& format : formats()) {
        if (format.minima) continue;
        const bool open = format.group == 0;
        for (const std::int64_t group :
             open ? std::vector<std::int64_t>{32, 64, 128} : std::vector<std::int64_t>{0})
          for (const bool zero_point : {false, true})
            if (format.zero_points || !zero_point)
              list.push_back({isa, string(format.name), group, zero_point});
      }
  return list;
}

string label(const Case& c) {
  return string(simd::name(c.isa)) + "_" + c.format + (c.group != 0 ? "_g" : "") +
         (c.group != 0 ? std::to_string(c.group) : "") + (c.zero_point ? "_zero" : "");
}
void PrintTo(const Case& c, std::ostream* out) { *out << label(c); }

class NativeQMatmulOf : public testing::TestWithParam<Case> {
 protected:
  NativeQMatmulOf() {
    string reason;
    device_ = std::move(find_cpu(reason).at(0));
    implementations_ = make_qmatmul_native({.isa = GetParam().isa});
  }

  std::unique_ptr<Workload> workload(const Shape& shape, const char* output) const {
    const Case& c = GetParam();
    return qmatmul_family().make({{"format", c.format},
                                  {"m", shape.m},
                                  {"n", shape.n},
                                  {"k", shape.k},
                                  {"group", c.group},
                                  {"zero_point", c.zero_point},
                                  {"output", string(output)}});
  }

  /// k that the format takes: multiples of its groups, or, where it takes any, primes too.
  std::vector<Shape> shapes() const {
    const Format& format = *format_from_name(GetParam().format);
    const bool any_k = format.group == whole_row || format.code == Code::e4m3;
    const std::int64_t group = any_k ? 1 : GetParam().group != 0 ? GetParam().group : format.group;
    const std::int64_t unit = any_k ? 1 : group;
    return {{1, 1, unit},
            {1, 16, any_k ? 64 : 2 * group},
            {1, 37, any_k ? 257 : 3 * group},
            {2, 15, any_k ? 131 : group},
            {3, 8, any_k ? 3 : 5 * group},
            {5, 65, any_k ? 300 : 2 * group},
            {8, 33, any_k ? 128 : 7 * group},
            {9, 31, any_k ? 129 : group},
            {19, 150, any_k ? 515 : 4 * group},
            {33, 7, any_k ? 256 : 2 * group}};
  }

  // Y as the call leaves it, in the middle of bytes that are nobody's.
  std::vector<std::byte> call(const Workload& workload, const Inputs& inputs, int threads) {
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

  std::unique_ptr<Device> device_;
  Implementations implementations_;
};

TEST_P(NativeQMatmulOf, IsRightAndTheSameForAnyNumberOfThreads) {
  for (const Shape& shape : shapes())
    for (const char* output : {"f32", "bf16"}) {
      const auto what = workload(shape, output);
      SCOPED_TRACE(what->name() + " " + output);
      const auto& q = dynamic_cast<const QMatmul&>(*what);
      const auto inputs = qmatmul_family().inputs(*what, 3, 1);
      const auto oracle = qmatmul_family().oracle(*what, *inputs);
      const std::vector<std::byte> y = call(*what, *inputs, 1);
      const HostTensor tensor{string(own_arithmetic), q.y_desc(), y.data()};
      EXPECT_EQ(oracle->check({&tensor, 1}).mismatch, std::nullopt);
      EXPECT_EQ(call(*what, *inputs, 3), y) << "three threads";
    }
}

TEST_P(NativeQMatmulOf, SaysItsInstructionSet) {
  const auto what = workload(shapes()[1], "f32");
  const auto inputs = qmatmul_family().inputs(*what, 3, 1);
  const auto plan = implementations_[0]->prepare(*what, *inputs, {device_.get(), 1, 1});
  EXPECT_THAT(plan->detail(), testing::HasSubstr("tile"));
  EXPECT_THAT(implementations_[0]->info().about,
              testing::HasSubstr(string(simd::name(GetParam().isa))));
}

TEST(NativeQMatmul, SaysThatItHasNoMinima) {
  const auto what = qmatmul_family().make({{"format", string("q4_K")},
                                           {"m", std::int64_t{1}},
                                           {"n", std::int64_t{8}},
                                           {"k", std::int64_t{256}}});
  EXPECT_EQ(make_qmatmul_native({})[0]->unsupported(*what),
            "has no tile that subtracts the minima of q4_K");
}

INSTANTIATE_TEST_SUITE_P(Every, NativeQMatmulOf, testing::ValuesIn(cases()),
                         [](const auto& param) { return label(param.param); });

}  // namespace
}  // namespace ergon
