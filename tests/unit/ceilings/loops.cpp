// Every loop that this processor can run, in every workload, through its own oracle.
#include <gmock/gmock.h>

#include <cstring>
#include <map>

#include "kernels/ceilings/ceiling.h"
#include "kernels/ceilings/loops.h"
#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

struct Problem {
  const char* what;
  const char* dtype;
  std::int64_t size;  // quanta of operations, or bytes
};

std::unique_ptr<Workload> make(const Problem& problem) {
  const bool flops = std::string_view(problem.what) == "flops";
  FieldMap fields = {{"what", std::string(problem.what)}, {"dtype", std::string(problem.dtype)}};
  if (flops) {
    fields["flops"] = problem.size * ceiling_flops_quantum;
  } else {
    fields["bytes"] = problem.size;
  }
  return ceiling_family().make(fields);
}

/// Calls `body(implementation, workload)` for all that this processor can run.
template <class Body>
void on_each(std::initializer_list<Problem> problems, Body body) {
  static const Registry registry({});
  for (const Problem& problem : problems) {
    const auto workload = make(problem);
    int ran = 0;
    for (const auto& implementation : registry.implementations()) {
      const ImplementationInfo& info = implementation->info();
      if (info.kernel != "ceiling" || implementation->unavailable()) continue;
      if (implementation->unsupported(*workload)) continue;
      SCOPED_TRACE(info.backend + " " + workload->name() + " " + problem.dtype);
      body(*implementation, *workload);
      ++ran;
    }
    if (std::string_view(problem.dtype) == "bf16") continue;  // not every processor multiplies it
    EXPECT_GT(ran, 0) << workload->name();
  }
}

std::unique_ptr<Device> cpu() {
  std::string reason;
  return std::move(find_cpu(reason).front());
}

std::string mismatch(const Implementation& implementation, const Workload& workload, int threads) {
  const auto device = cpu();
  const auto inputs = ceiling_family().inputs(workload, 3, 2);
  const auto oracle = ceiling_family().oracle(workload, *inputs);
  const auto plan = implementation.prepare(workload, *inputs, {device.get(), threads, 2});
  const auto stream = device->make_stream();
  std::string said;
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
    const DeviceTensor output = plan->outputs(slot).front();
    std::memset(output.buffer->host(), 0xff, output.desc.span_bytes());
    plan->reset(slot);
    plan->enqueue(0, *stream, slot);
    const HostTensor host{output.name, output.desc, output.buffer->host()};
    said += oracle->check({&host, 1}).mismatch.value_or("");
  }
  return said;
}

TEST(EveryLoop, LeavesNoMultiplyAddOut) {
  const auto sizes = {
      Problem{"flops", "f64", 5}, {"flops", "f32", 5}, {"flops", "bf16", 5}, {"flops", "s8", 5}};
  for (const int threads : {1, 2, 3})
    on_each(sizes, [&](const Implementation& implementation, const Workload& workload) {
      EXPECT_EQ(mismatch(implementation, workload, threads), "") << threads << " threads";
    });
}

TEST(EveryLoop, StaysExactBeyondOneStretchOfIterations) {
  const auto sizes = {Problem{"flops", "f64", 100},
                      {"flops", "f32", 200},
                      {"flops", "bf16", 800},
                      {"flops", "s8", 800}};
  on_each(sizes, [&](const Implementation& implementation, const Workload& workload) {
    EXPECT_EQ(mismatch(implementation, workload, 1), "");
  });
}

TEST(EveryLoop, StreamsEveryLine) {
  for (const std::int64_t lines : {1, 2, 5, 1001})
    for (const int threads : {1, 3})
      on_each({{"read", "f32", lines * 64},
               {"copy", "f32", lines * 128},
               {"triad", "f32", lines * 192},
               {"update", "f32", lines * 64}},
              [&](const Implementation& implementation, const Workload& workload) {
                EXPECT_EQ(mismatch(implementation, workload, threads), "") << threads << " threads";
              });
}

TEST(EveryLoop, UpdatesWhatTheCallBeforeItLeft) {
  on_each({{"update", "f32", 5 * 64}},
          [](const Implementation& implementation, const Workload& workload) {
            const auto device = cpu();
            const auto inputs = ceiling_family().inputs(workload, 3, 1);
            const auto plan = implementation.prepare(workload, *inputs, {device.get(), 2, 1});
            const auto stream = device->make_stream();
            plan->reset(0);
            for (int call = 0; call < 2; ++call) plan->enqueue(0, *stream, 0);
            const DeviceTensor a = plan->outputs(0).front();
            EXPECT_EQ(std::memcmp(a.buffer->host(), inputs->data("a", 0), a.desc.span_bytes()), 0);
          });
}

TEST(EveryLoop, PublishesTheWorkOfItsWorkload) {
  on_each({{"flops", "f32", 1}, {"read", "f32", 64}, {"triad", "f32", 640}, {"update", "f32", 640}},
          [](const Implementation& implementation, const Workload& workload) {
            const auto device = cpu();
            const auto inputs = ceiling_family().inputs(workload, 3, 1);
            const auto plan = implementation.prepare(workload, *inputs, {device.get(), 1, 1});
            ASSERT_EQ(plan->stages().size(), 1U);
            EXPECT_TRUE(plan->stages()[0].per_call);
            EXPECT_EQ(plan->stages()[0].work.flops, workload.work().flops);
            EXPECT_EQ(plan->stages()[0].work.bytes, workload.work().bytes);
          });
}

TEST(LoopCounts, AreThoseOfTheInstructions) {
  using namespace ceilings;
  // accumulators x multiply-adds of one instruction x 2 operations x 2 steps
  EXPECT_EQ(portable_s8.flops_per_iteration, 8 * 8 * 2 * 2);
#if defined(__x86_64__)
  EXPECT_EQ(portable_f64.flops_per_iteration, 8 * 2 * 2 * 2);
  EXPECT_EQ(portable_f32.flops_per_iteration, 8 * 4 * 2 * 2);
  EXPECT_EQ(avx2_f64.flops_per_iteration, 12 * 4 * 2 * 2);
  EXPECT_EQ(avx2_f32.flops_per_iteration, 12 * 8 * 2 * 2);
  EXPECT_EQ(avx2_s8.flops_per_iteration, 8 * 32 * 2 * 2);
  EXPECT_EQ(avx2_vnni_s8.flops_per_iteration, 12 * 32 * 2 * 2);
  EXPECT_EQ(avx512_f64.flops_per_iteration, 16 * 8 * 2 * 2);
  EXPECT_EQ(avx512_f32.flops_per_iteration, 16 * 16 * 2 * 2);
  EXPECT_EQ(avx512_bf16.flops_per_iteration, 16 * 32 * 2 * 2);
  EXPECT_EQ(avx512_bw_s8.flops_per_iteration, 8 * 64 * 2 * 2);
  EXPECT_EQ(avx512_vnni_s8.flops_per_iteration, 16 * 64 * 2 * 2);
  EXPECT_EQ(amx_bf16.flops_per_iteration, 4 * (16 * 16 * 32) * 2 * 2);
  EXPECT_EQ(amx_s8.flops_per_iteration, 4 * (16 * 16 * 64) * 2 * 2);
#endif
}

struct Known {
  const ceilings::FlopsLoop* loop;
  std::string_view feature;  // what a processor needs to run it; empty: nothing
};

std::vector<Known> every_loop() {
  using namespace ceilings;
  return {
    {&portable_f64, ""}, {&portable_f32, ""}, {&portable_s8, ""},
#if defined(__x86_64__)
        {&avx2_f64, "fma"}, {&avx2_f32, "fma"}, {&avx2_s8, "avx2"}, {&avx2_vnni_s8, "avx_vnni"},
        {&avx512_f64, "avx512f"}, {&avx512_f32, "avx512f"}, {&avx512_bf16, "avx512_bf16"},
        {&avx512_bw_s8, "avx512bw"}, {&avx512_vnni_s8, "avx512_vnni"}, {&amx_bf16, "amx_bf16"}, {
      &amx_s8, "amx_int8"
    }
#endif
  };
}

TEST(LoopCounts, DivideTheQuantum) {
  for (const Known& known : every_loop())
    EXPECT_EQ(ceiling_flops_quantum % known.loop->flops_per_iteration, 0) << known.loop->about;
}

// Also those that a better one hides from the workloads on this processor.
TEST(LongestRun, IsStillExactWithTheLargestFactors) {
  const std::map<DType, std::int32_t> largest = {
      {DType::f64, (1 << 21) - 1}, {DType::f32, 1023}, {DType::bf16, 254}, {DType::s8, 126}};
  for (const auto& [loop, feature] : every_loop()) {
    if (!feature.empty() && !cpu_info().has(feature)) continue;
    if (feature.starts_with("amx") && !enable_amx()) continue;
    std::vector<std::int32_t> factors(64);  // unlike, or all sums would be multiples of 32
    for (int i = 0; i < 64; ++i) factors[i] = largest.at(loop->dtype) - i % 3;
    EXPECT_EQ(loop->run(factors.data(), ceilings::most_iterations),
              ceilings::most_iterations * loop->flops_per_iteration / 4)
        << loop->about;
  }
}

}  // namespace
}  // namespace ergon
