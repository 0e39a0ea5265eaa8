// What a oneDNN plan owns and does when: stages, slots, packing, memory, threads, and what it
// tells.
#include <omp.h>

#include <filesystem>

#include "kernels/gemm/onednn_api.h"
#include "tests/unit/onednn/prepared_gemm.h"

namespace ergon {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

const FieldMap small = shape(24, 48, 32);

/// The processor, counting what is allocated.
class CountingDevice final : public Device {
 public:
  const DeviceInfo& info() const noexcept override { return cpu_device().info(); }
  std::unique_ptr<Buffer> allocate(std::size_t bytes) override {
    allocated += bytes;
    return cpu_device().allocate(bytes);
  }
  std::unique_ptr<Stream> make_stream() override { return cpu_device().make_stream(); }
  void upload(Buffer& to, std::size_t offset, const void* from, std::size_t bytes) override {
    cpu_device().upload(to, offset, from, bytes);
  }
  void download(void* to, Buffer& from, std::size_t offset, std::size_t bytes) override {
    cpu_device().download(to, from, offset, bytes);
  }
  std::size_t allocated = 0;
};

class OnednnPlanOf : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Each, OnednnPlanOf, testing::Values("packed-once", "packed-per-call"));

TEST(OnednnPlan, PacksInAStageOfItsOwnOnlyWhereTheVariantSaysSo) {
  PreparedGemm once("packed-once", small);
  ASSERT_EQ(once.plan->stages().size(), 2U);
  EXPECT_EQ(once.plan->stages()[0].name, "pack");
  EXPECT_FALSE(once.plan->stages()[0].per_call);
  EXPECT_EQ(once.plan->stages()[0].work.flops, 0);
  EXPECT_GE(once.plan->stages()[0].work.bytes, 2 * 48 * 32 * 4);
  EXPECT_EQ(once.plan->stages()[1].name, "matmul");
  EXPECT_EQ(once.plan->stages()[1].work.flops, once.workload->work().flops);

  PreparedGemm per_call("packed-per-call", small);
  ASSERT_EQ(per_call.plan->stages().size(), 1U);
  EXPECT_EQ(per_call.plan->stages()[0].name, "matmul");
  EXPECT_TRUE(per_call.plan->stages()[0].per_call);
}

TEST_P(OnednnPlanOf, KeepsSlotsApart) {
  PreparedGemm problem(GetParam(), small, 3);
  // Other values in slot 1 alone.
  for (const auto& [name, count] : {std::pair{"a", 24 * 32}, std::pair{"b", 32 * 48}}) {
    auto* values = reinterpret_cast<float*>(problem.inputs->data(name, 1));
    for (int i = 0; i < count; ++i) values[i] = static_cast<float>(i % 13) - 6;
  }
  for (std::size_t slot = 0; slot < 3; ++slot) {
    problem.poison(slot);
    problem.pack(slot);
  }
  const auto untouched = problem.c_bytes(0);
  problem.call(1);
  EXPECT_EQ(wrong_at(problem, 1), "");
  EXPECT_EQ(problem.c_bytes(0), untouched);
  EXPECT_EQ(problem.c_bytes(2), untouched);
  for (const std::size_t slot : {0U, 2U}) {
    problem.call(slot);
    EXPECT_EQ(wrong_at(problem, slot), "");
  }
}

TEST_P(OnednnPlanOf, TakesChangedInputsAfterPackingAgain) {
  PreparedGemm problem(GetParam(), small);
  problem.everything();
  auto* b = reinterpret_cast<float*>(problem.inputs->data("b", 0));
  for (int i = 0; i < 32 * 48; ++i) b[i] = static_cast<float>(i % 13) - 6;
  problem.plan->refresh(0);
  problem.everything();
  EXPECT_EQ(wrong_at(problem), "");
}

TEST(OnednnPlan, CallsReadTheWeightsThatWerePacked) {
  PreparedGemm problem("packed-once", small);
  problem.everything();
  const auto before = problem.c_bytes();
  std::memset(problem.inputs->data("b", 0), 0, 32 * 48 * sizeof(float));
  problem.poison();
  problem.call();
  EXPECT_EQ(problem.c_bytes(), before);
}

TEST(OnednnPlan, CallsReadPlainWeightsInPlace) {
  PreparedGemm problem("packed-per-call", small);
  problem.everything();
  std::memset(problem.inputs->data("b", 0), 0, 32 * 48 * sizeof(float));
  problem.poison();
  problem.call();
  EXPECT_EQ(wrong_at(problem), "");
}

TEST_P(OnednnPlanOf, AccumulatesIntoCUntilReset) {
  PreparedGemm problem(GetParam(), with(small, {{"beta", 1.0}}));
  problem.everything();
  const auto once = problem.c_bytes();
  problem.call();
  EXPECT_NE(problem.c_bytes(), once);
  problem.plan->reset(0);
  problem.call();
  EXPECT_EQ(problem.c_bytes(), once);
}

TEST_P(OnednnPlanOf, AllocatesWhatItsFootprintSays) {
  for (const char* dtype : {"f32", "s8"})
    for (const std::size_t slots : {1U, 3U}) {
      CountingDevice device;
      PreparedGemm problem(GetParam(), with(shape(64, 17, 5), {{"dtype", std::string(dtype)}}),
                           slots, 2, device);
      if (problem.refusal) continue;  // s8 without VNNI
      const Footprint bytes =
          problem.implementation->footprint(*problem.workload, problem.placement);
      EXPECT_EQ(device.allocated, bytes.once + slots * bytes.per_slot) << dtype;
    }
}

TEST_P(OnednnPlanOf, SetsItsThreadsWhenActivatedAndOnlyThen) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(3);
  PreparedGemm problem(GetParam(), small, 1, 1);
  EXPECT_EQ(omp_get_max_threads(), 1);
  omp_set_num_threads(3);
  problem.implementation->footprint(*problem.workload, problem.placement);
  const auto other =
      problem.implementation->prepare(*problem.workload, *problem.inputs, problem.placement);
  EXPECT_EQ(omp_get_max_threads(), 3);
  other->activate();
  EXPECT_EQ(omp_get_max_threads(), 1);
  omp_set_num_threads(before);
}

TEST_P(OnednnPlanOf, NamesTheKernelThatTheLibraryPicked) {
  PreparedGemm problem(GetParam(), small);
  EXPECT_THAT(problem.plan->detail(), MatchesRegex("[a-z0-9_]+:[a-z0-9_:]+"));
}

TEST(OnednnPlan, SaysThatAColumnMajorProblemIsHandedOverTransposed) {
  PreparedGemm problem("packed-per-call", with(small, {{"layout", std::string("col")}}));
  EXPECT_THAT(problem.plan->detail(), HasSubstr("C' = B' A'"));
}

TEST(OnednnPlan, IsNotMadeWherePackingWouldPackAInsteadOfB) {
  PreparedGemm problem("packed-once", with(small, {{"layout", std::string("col")}}));
  ASSERT_TRUE(problem.refusal);
  EXPECT_THAT(*problem.refusal, HasSubstr("column-major"));
}

TEST(Onednn, TellsItsVersionFileAndInstructionSet) {
  const Library library = *onednn_gemm("packed-once")->info().library;
  EXPECT_EQ(library.name, "oneDNN");
  EXPECT_THAT(library.version, StartsWith(std::to_string(DNNL_VERSION_MAJOR) + "." +
                                          std::to_string(DNNL_VERSION_MINOR) + "."));
  EXPECT_TRUE(std::filesystem::exists(library.path)) << library.path;
  EXPECT_THAT(library.path, HasSubstr("dnnl"));
  EXPECT_THAT(library.kernel, MatchesRegex("[a-z][a-z0-9_]+"));
}

TEST(Onednn, RefusesRuntimesWhoseThreadsItCannotSet) {
  EXPECT_FALSE(onednn::refuse_runtime(DNNL_RUNTIME_OMP));
  EXPECT_FALSE(onednn::refuse_runtime(DNNL_RUNTIME_SEQ));
  EXPECT_THAT(*onednn::refuse_runtime(DNNL_RUNTIME_TBB), HasSubstr("TBB"));
  EXPECT_TRUE(onednn::refuse_runtime(DNNL_RUNTIME_THREADPOOL));
}

}  // namespace
}  // namespace ergon
