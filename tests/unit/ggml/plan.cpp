// What ggml's products are: right at awkward sizes, of activations quantized to the bit as format.h
// says, or refused in one line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <iterator>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/qmatmul/qmatmul.h"
#include "tests/contract/machine.h"
#include "tests/contract/prepared.h"

namespace ergon {

Implementations make_qmatmul_ggml(const RegistryOptions& options);

namespace {

using testing::Eq;
using testing::HasSubstr;
using testing::Not;
using Integer = std::int64_t;

const Implementation& ggml_of(std::string_view variant) {
  static const Implementations all = make_qmatmul_ggml({});
  for (const auto& each : all)
    if (each->info().variant == variant) return *each;
  throw std::logic_error("no such variant");
}

std::unique_ptr<Workload> workload_of(const std::string& format, Integer m, Integer n, Integer k,
                                      const std::string& output = "f32") {
  return qmatmul_family().make(
      {{"format", format}, {"m", m}, {"n", n}, {"k", k}, {"output", output}});
}

struct Choice {
  const char *variant, *format;
};

class GgmlProduct : public testing::TestWithParam<Choice> {
 protected:
  const Implementation& implementation() const { return ggml_of(GetParam().variant); }
  std::unique_ptr<Workload> workload(Integer m, Integer n, Integer k) const {
    return workload_of(GetParam().format, m, n, k);
  }
  /// What k is a multiple of.
  Integer unit() const { return format_from_name(GetParam().format)->block; }
  bool repacked() const { return std::string_view(GetParam().variant) == "repacked"; }
  /// As the library's source has it for x86-64.
  bool expected(Integer n) const {
    if (!repacked()) return true;
    return std::string_view(GetParam().format) != "q8_0" && n % 8 == 0;
  }
};

INSTANTIATE_TEST_SUITE_P(Each, GgmlProduct,
                         testing::Values(Choice{"plain", "q4_0"}, Choice{"plain", "q8_0"},
                                         Choice{"plain", "q4_K"}, Choice{"repacked", "q4_0"},
                                         Choice{"repacked", "q8_0"}, Choice{"repacked", "q4_K"}),
                         [](const auto& one) {
                           return std::string(one.param.variant) + "_" + one.param.format;
                         });

TEST_P(GgmlProduct, IsRightAtEveryNumberOfTokensAndAwkwardOutputs) {
  for (const Integer n : {1, 5, 8, 16, 17, 24, 40, 64, 65})
    for (Integer m = 1; m <= 9; ++m) {
      const Problem problem(qmatmul_family(), workload(m, n, unit() * (1 + (m + n) % 5)));
      const auto refusal = implementation().unsupported(problem.workload());
      if (cpu_info().has("avx2")) {
        EXPECT_EQ(!refusal, expected(n)) << problem.workload().name();
      }
      if (refusal) continue;
      SCOPED_TRACE(problem.workload().name());
      for (const int threads : {1, 2, 3}) {
        Prepared prepared(implementation(), problem, threads);
        prepared.run_once_stages(1);
        EXPECT_THAT(prepared.call(1).mismatch, Eq(std::nullopt)) << threads << " threads";
      }
    }
}

TEST_P(GgmlProduct, SaysInOneLineWhatItDoesNotDo) {
  for (const Integer n : {1, 7, 12, 64}) {
    const auto refusal = implementation().unsupported(*workload(3, n, 2 * unit()));
    if (!refusal) continue;
    EXPECT_THAT(*refusal, HasSubstr("does not repack"));
    EXPECT_THAT(*refusal, HasSubstr(GetParam().format));
    EXPECT_THAT(*refusal, Not(HasSubstr("\n")));
  }
  EXPECT_THAT(*implementation().unsupported(*workload_of(GetParam().format, 3, 64, 256, "bf16")),
              HasSubstr("f32"));
}

/// What times an activation's code is exact in f32, and code and scale with it.
float exact_weight(const QMatmul& q) {
  if (q.format->minima) return 8 * 32;
  return q.format->bits == 4 ? 8 : 64;
}

/// The last group of q4_K's blocks, where activations are 0 and weights make a scale of 1 * 63.
bool sets_the_scale(const QMatmul& q, Integer at) {
  return q.format->minima && at % superblock >= superblock - 32;
}

/// W gives back the activations, times exact_weight: row j is 0 but at j, and (for a scale of 1
/// where codes go to 127, of 32 where they go to 15) at the end of its group, where activations are
/// 0.
std::unique_ptr<Inputs> diagonal_w(const Workload& workload, std::uint64_t seed,
                                   std::size_t slots) {
  const auto& q = dynamic_cast<const QMatmul&>(workload);
  auto inputs = qmatmul_family().inputs(workload, seed, slots);
  std::vector<float> w(static_cast<std::size_t>(q.n * q.k));
  for (Integer j = 0; j < q.n; ++j) {
    float* row = w.data() + j * q.k;
    row[j] = exact_weight(q);
    if (q.format->bits == 8) row[j / 32 * 32 + 31] = 127;
    if (q.format->minima) row[j / 32 * 32 + 31] = 15 * 32;
    for (Integer p = 0; p < q.k; ++p)
      if (sets_the_scale(q, p)) row[p] = static_cast<float>(p % 16 * 63);
  }
  quantize(q.layout, 0, q.n, w.data(), {inputs->data("w", 0), nullptr, nullptr});
  // Rows whose values lie half way between codes, and some that f16, or f32's normal numbers, have
  // no scale for. The largest come with both signs, either first.
  auto* x = reinterpret_cast<float*>(inputs->data("x", 0));
  for (Integer i = 0; i < q.m; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    const float largest = i == 2 ? 127.0F : 1 + normal_value(seed, 5, index);
    for (Integer p = 0; p < q.k; ++p) {
      const auto code = static_cast<float>((7 * p + i) % 253 - 126);
      float& value = x[i * q.k + p];
      const float signed_largest = (i + p / 32) % 2 == 0 ? largest : -largest;
      value = p % 32 == 9 ? signed_largest : (code + 0.5F) * largest / 127;
      if (i % 5 == 4) value *= p < 32 ? 1e-6F : 1e-38F;
      if (i % 5 == 3 && p >= superblock) value *= 1e-36F;
      if (p % 32 == 31 || sets_the_scale(q, p)) value = 0;
    }
  }
  inputs->replicate();
  return inputs;
}

TEST_P(GgmlProduct, QuantizesActivationsToTheBitAsTheFormatSays) {
  const Integer size = 2 * unit();
  for (Integer m = 1; m <= 9; ++m) {
    const Problem problem(qmatmul_family(), workload(m, size, size), diagonal_w);
    if (const auto reason = implementation().unsupported(problem.workload()))
      GTEST_SKIP() << *reason;
    Prepared prepared(implementation(), problem, 2);
    prepared.run_once_stages(0);
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
    const DeviceTensor y = prepared.plan().outputs(0).at(0);
    const auto* got = reinterpret_cast<const float*>(y.buffer->host() + y.offset);
    const auto inputs = problem.inputs(7, 1);
    const auto& q = dynamic_cast<const QMatmul&>(problem.workload());
    const Activation activation(q, *inputs, 0);
    std::vector<double> expected(static_cast<std::size_t>(size));
    for (Integer i = 0; i < m; ++i) {
      activation.multiplied(i, expected.data());
      for (Integer j = 0; j < size; ++j)
        ASSERT_EQ(got[i * size + j],
                  static_cast<float>(expected[static_cast<std::size_t>(j)] * exact_weight(q)))
            << m << " tokens, " << i << ", " << j;
    }
  }
}

TEST_P(GgmlProduct, PacksOnceAndReadsActivationsInPlace) {
  Inputs* made = nullptr;
  const Problem problem(qmatmul_family(), workload(5, 16, 3 * unit()),
                        [&made](const Workload& workload, std::uint64_t seed, std::size_t slots) {
                          auto inputs = qmatmul_family().inputs(workload, seed, slots);
                          made = inputs.get();
                          return inputs;
                        });
  if (const auto reason = implementation().unsupported(problem.workload())) GTEST_SKIP() << *reason;
  problem.oracle(7);
  Prepared prepared(implementation(), problem, 1);
  Inputs& inputs = *made;
  ASSERT_EQ(prepared.plan().stages().size(), 2U);
  EXPECT_EQ(prepared.plan().stages()[0].name, "pack");
  EXPECT_FALSE(prepared.plan().stages()[0].per_call);
  prepared.run_once_stages(0);
  prepared.run_once_stages(1);
  std::memset(inputs.data("w", 0), 0, inputs.desc("w").span_bytes());
  EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
  // Twice the activations, twice the product; other slots keep theirs.
  auto* x = reinterpret_cast<float*>(inputs.data("x", 1));
  for (Integer i = 0; i < inputs.desc("x").elements(); ++i) x[i] *= 2;
  prepared.call(1);
  const auto y = [&](std::size_t slot) {
    const DeviceTensor tensor = prepared.plan().outputs(slot).at(0);
    return reinterpret_cast<const float*>(tensor.buffer->host() + tensor.offset);
  };
  for (Integer i = 0; i < 5 * 16; ++i) ASSERT_EQ(y(1)[i], 2 * y(0)[i]) << i;
}

std::ptrdiff_t threads_of_this_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

// Nothing else here asks for so many, and OpenMP keeps those it has made until a smaller team runs.
TEST(Ggml, RunsOnAsManyThreadsAsItIsPlacedOn) {
  constexpr int many = 7;
  const Problem problem(qmatmul_family(), workload_of("q4_0", 4, 256, 64));
  Prepared prepared(ggml_of("plain"), problem, many);
  prepared.run_once_stages(0);
  const auto stream = machine().device_for(ggml_of("plain").info()).make_stream();
  EXPECT_LT(threads_of_this_process(), many);
  prepared.plan().enqueue(1, *stream, 0);
  EXPECT_GE(threads_of_this_process(), many);
}

TEST(Ggml, TellsItsVersionFileAndFeatures) {
  for (const char* variant : {"plain", "repacked"}) {
    if (const auto reason = ggml_of(variant).unavailable()) GTEST_SKIP() << *reason;
    const Library library = *ggml_of(variant).info().library;
    EXPECT_EQ(library.name, "ggml");
    EXPECT_THAT(library.version, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+.*"));
    EXPECT_THAT(std::filesystem::path(library.path).filename().string(), HasSubstr("ggml-cpu"));
    EXPECT_THAT(library.kernel, HasSubstr("OPENMP"));
  }
}

TEST(Ggml, RefusesFormatsThatItDefinesOtherwise) {
  for (const char* format : {"bf16", "w8a8", "w4a16", "w4a8", "mxfp4", "fp8"})
    EXPECT_THAT(*ggml_of("plain").unsupported(*workload_of(format, 3, 64, 128)), HasSubstr(format));
}

}  // namespace
}  // namespace ergon
