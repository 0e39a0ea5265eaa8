// Native GEMM of every instruction set that this processor has, over awkward problems, against the
// family's oracle; the contract tests see only the best.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#include "kernels/fill.h"
#include "kernels/gemm/native_loop.h"
#include "kernels/registry.h"

namespace ergon {
Implementations make_gemm_native(const RegistryOptions& options);

namespace {

using std::string;

FieldMap sizes(std::int64_t m, std::int64_t n, std::int64_t k, FieldMap more = {}) {
  more.insert({{"m", m}, {"n", n}, {"k", k}});
  return more;
}

std::vector<FieldMap> problems() {
  const string col = "col";
  const std::int64_t big = 1600;
  return {
      sizes(1, 1, 1),
      sizes(1, 1, 0, {{"beta", 1.0}}),
      sizes(1, 300, 77),
      sizes(2, 65, 4099),
      sizes(13, 97, 89),
      sizes(31, 33, 37),
      sizes(67, 71, 73),
      sizes(300, 1, 50),
      // More than one block of k, of rows, of columns.
      sizes(200, 20, 2100),
      sizes(20, 200, 2100, {{"transpose_a", true}}),
      sizes(5, big, 700, {{"transpose_b", true}}),
      // Rows at a stride that is a power of two; and at one that is not.
      sizes(70, 50, 64, {{"lda", std::int64_t{1024}}}),
      sizes(70, 50, 64,
            {{"lda", std::int64_t{1031}}, {"ldb", std::int64_t{53}}, {"ldc", std::int64_t{61}}}),
      sizes(70, 50, 64, {{"layout", col}, {"beta", 1.0}}),
      sizes(70, 50, 65, {{"layout", col}, {"transpose_a", true}, {"transpose_b", true}}),
      sizes(7, 300, 65, {{"layout", col}, {"ldc", std::int64_t{11}}, {"beta", 1.0}}),
      sizes(19, 23, 29, {{"batch", std::int64_t{5}}, {"beta", 1.0}}),
      sizes(300, 23, 29, {{"batch", std::int64_t{2}}, {"layout", col}}),
      sizes(33, 35, 37, {{"alpha", -0.5}, {"beta", 0.25}}),
      sizes(33, 35, 37, {{"alpha", 0.0}, {"beta", 2.0}}),
  };
}

struct Case {
  simd::Isa isa;
  string dtype;
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const simd::Isa isa :
       {simd::Isa::portable, simd::Isa::neon, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info()))
      for (const char* dtype : {"f64", "f32", "bf16", "bf16_f32", "s8", "u8s8"})
        list.push_back({isa, dtype});
  return list;
}

string label(const Case& c) { return string(simd::name(c.isa)) + "_" + c.dtype; }
void PrintTo(const Case& c, std::ostream* out) { *out << label(c); }

class NativeGemmOf : public testing::TestWithParam<Case> {
 protected:
  NativeGemmOf() {
    string reason;
    device_ = std::move(find_cpu(reason).at(0));
    implementations_ = make_gemm_native({.isa = GetParam().isa});
  }

  std::unique_ptr<Workload> workload(FieldMap fields) const {
    fields.insert({"dtype", GetParam().dtype});
    try {
      return gemm_family().make(fields);
    } catch (const InvalidField&) {
      return nullptr;  // alpha and beta that integers do not take
    }
  }

  // C as the call leaves it.
  std::vector<std::byte> call(const Implementation& implementation, const Workload& workload,
                              const Inputs& inputs, int threads) {
    const auto plan = implementation.prepare(workload, inputs, {device_.get(), threads, 1});
    const auto stream = device_->make_stream();
    const DeviceTensor c = plan->outputs(0).at(0);
    std::vector<std::byte> bytes(c.desc.span_bytes(), poison_byte(c.desc.dtype));
    device_->upload(*c.buffer, c.offset, bytes.data(), bytes.size());
    plan->reset(0);
    for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
      plan->enqueue(stage, *stream, 0);
    stream->finish();
    device_->download(bytes.data(), *c.buffer, c.offset, bytes.size());
    return bytes;
  }

  std::unique_ptr<Device> device_;
  Implementations implementations_;
};

TEST_P(NativeGemmOf, IsRightAndTheSameForAnyNumberOfThreads) {
  for (const FieldMap& fields : problems()) {
    const auto what = workload(fields);
    if (!what) continue;
    SCOPED_TRACE(what->name());
    const auto& gemm = dynamic_cast<const Gemm&>(*what);
    const auto inputs = gemm_family().inputs(*what, 3, 1);
    const auto oracle = gemm_family().oracle(*what, *inputs);
    for (const auto& implementation : implementations_) {
      const auto one = call(*implementation, *what, *inputs, 1);
      const HostTensor c{"c", gemm.desc(gemm.c(), gemm.types.output), one.data()};
      EXPECT_EQ(oracle->check({&c, 1}).mismatch, std::nullopt) << implementation->info().variant;
      for (const int threads : {2, 3})
        EXPECT_TRUE(call(*implementation, *what, *inputs, threads) == one)
            << implementation->info().variant << ", " << threads << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, NativeGemmOf, testing::ValuesIn(cases()),
                         [](const auto& param) { return label(param.param); });

// Sets that a better one hides on this processor.
TEST(NativeLoop, IsRightWithEverySetThatTheProcessorRuns) {
  static constexpr const char* dtypes[] = {"f64", "f32", "bf16_f32", "s8", "u8s8"};
  for (const simd::TileSet* set : simd::tile_sets()) {
    if (!simd::usable(*set, cpu_info())) continue;
    for (FieldMap fields : {sizes(31, 73, 301), sizes(5, 130, 2100, {{"transpose_b", true}}),
                            sizes(70, 40, 33, {{"layout", string("col")}, {"beta", 1.0}})}) {
      fields.insert({"dtype", string(dtypes[static_cast<int>(set->product)])});
      const auto what = gemm_family().make(fields);
      SCOPED_TRACE(what->name() + " " + string(simd::name(set->isa)) + " " +
                   string(set->instruction));
      const auto& gemm = dynamic_cast<const Gemm&>(*what);
      const auto inputs = gemm_family().inputs(*what, 5, 1);
      const NativeShape shape(gemm);
      const TensorDesc desc = gemm.desc(gemm.c(), gemm.types.output);
      for (const NativePacking packing : {NativePacking::once, NativePacking::per_call}) {
        const NativeLoop loop(shape, *set, packing, 2);
        HostMemory packed(loop.packed_bytes()), workspace(loop.workspace_bytes());
        std::vector<std::byte> c(desc.span_bytes());
        if (gemm.beta != 0) std::memcpy(c.data(), inputs->data("c", 0), c.size());
        if (packing == NativePacking::once) loop.pack_once(inputs->data("b", 0), packed.data());
        loop.run(inputs->data(shape.left.operand, 0), inputs->data(shape.right.operand, 0),
                 packed.data(), c.data(), workspace.data());
        const HostTensor tensor{"c", desc, c.data()};
        EXPECT_EQ(gemm_family().oracle(*what, *inputs)->check({&tensor, 1}).mismatch, std::nullopt);
      }
    }
  }
}

TEST(NativeGemm, SaysWhichInstructionsItUses) {
  string reason;
  const auto device = std::move(find_cpu(reason).at(0));
  const auto what = gemm_family().make(sizes(8, 8, 8));
  const auto inputs = gemm_family().inputs(*what, 1, 1);
  const auto native = make_gemm_native({.isa = simd::Isa::portable});
  const auto plan = native.at(0)->prepare(*what, *inputs, {device.get(), 1, 1});
  EXPECT_THAT(plan->detail(), testing::StartsWith("portable: C++, tile 4x8"));
}

TEST(NativeGemm, SaysWhichDtypesItLacks) {
  const auto what = gemm_family().make(sizes(8, 8, 8, {{"dtype", string("f16")}}));
  EXPECT_EQ(make_gemm_native({}).at(0)->unsupported(*what), "there is no native f16");
}

}  // namespace
}  // namespace ergon
