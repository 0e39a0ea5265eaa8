#include <gmock/gmock.h>

#include <cstring>

#include "kernels/gemm/gemm.h"
#include "kernels/registry.h"
#include "tests/unit/opencl/every_device.h"

namespace ergon {

Implementations make_gemm_clblast(const RegistryOptions& options);

namespace {

using testing::HasSubstr;
using testing::Optional;

const Implementation& clblast() {
  static const Implementations made = make_gemm_clblast({});
  return *made.front();
}

FieldMap shape(std::int64_t m, std::int64_t n, std::int64_t k) {
  return {{"m", m}, {"n", n}, {"k", k}};
}

FieldMap with(FieldMap fields, std::initializer_list<FieldMap::value_type> more) {
  for (const auto& [name, value] : more) fields[name] = value;
  return fields;
}

/// A workload with its inputs, prepared on one device with one stream.
struct Prepared {
  Prepared(OpenclDevice& where, const FieldMap& fields, std::size_t slots)
      : device(where),
        workload(gemm_family().make(fields)),
        inputs(gemm_family().inputs(*workload, 7, slots)),
        plan(clblast().prepare(*workload, *inputs, {&device, 1, slots})),
        stream(device.make_stream()) {}

  /// Overwrites the output with NaN.
  void poison(std::size_t slot) {
    const DeviceTensor c = plan->outputs(slot).front();
    const std::vector<unsigned char> nan(c.desc.span_bytes(), 0xff);
    device.upload(*c.buffer, c.offset, nan.data(), nan.size());
  }

  void call(std::size_t slot) {
    plan->enqueue(0, *stream, slot);
    stream->finish();
  }

  std::vector<std::byte> output(std::size_t slot) {
    const DeviceTensor c = plan->outputs(slot).front();
    std::vector<std::byte> bytes(c.desc.span_bytes());
    device.download(bytes.data(), *c.buffer, c.offset, bytes.size());
    return bytes;
  }

  std::string mismatch(std::size_t slot) {
    const std::vector<std::byte> bytes = output(slot);
    const HostTensor c{"c", plan->outputs(slot).front().desc, bytes.data()};
    const auto oracle = gemm_family().oracle(*workload, *inputs);
    return oracle->check({&c, 1}).mismatch.value_or("");
  }

  OpenclDevice& device;
  std::unique_ptr<Workload> workload;
  std::unique_ptr<Inputs> inputs;
  std::unique_ptr<Plan> plan;
  std::unique_ptr<Stream> stream;
};

class ClblastGemm : public EveryOpenclDevice {
 protected:
  void expect_right(const FieldMap& fields) {
    const auto workload = gemm_family().make(fields);
    SCOPED_TRACE(workload->name());
    ASSERT_EQ(clblast().unsupported(*workload), std::nullopt);
    on_each([&](OpenclDevice& device) {
      Prepared gemm(device, fields, 1);
      gemm.poison(0);
      gemm.plan->reset(0);
      gemm.call(0);
      EXPECT_EQ(gemm.mismatch(0), "");
    });
  }
};

TEST_F(ClblastGemm, MultipliesInEveryLayoutAndTransposition) {
  for (const char* layout : {"row", "col"}) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        expect_right(with(shape(13, 7, 29), {{"layout", std::string(layout)},
                                             {"transpose_a", transpose_a},
                                             {"transpose_b", transpose_b}}));
      }
    }
  }
}

TEST_F(ClblastGemm, MultipliesPaddedMatricesInF64) {
  if (clblast().unsupported(
          *gemm_family().make(with(shape(1, 1, 1), {{"dtype", std::string("f64")}})))) {
    GTEST_SKIP() << "no OpenCL device here computes in f64";
  }
  expect_right(with(shape(9, 10, 11), {{"dtype", std::string("f64")},
                                       {"lda", std::int64_t{15}},
                                       {"ldb", std::int64_t{16}},
                                       {"ldc", std::int64_t{17}},
                                       {"alpha", 1.5}}));
}

TEST_F(ClblastGemm, MultipliesLargeMatricesThroughItsTemporaryBuffer) {
  const FieldMap large = shape(1030, 1040, 1050);
  expect_right(large);
  on_each([&](OpenclDevice& device) {
    Prepared gemm(device, large, 1);
    EXPECT_THAT(gemm.plan->detail(), HasSubstr("re-laid"));
    const Footprint footprint = clblast().footprint(*gemm.workload, {&device, 1, 1});
    EXPECT_GE(footprint.once, footprint.per_slot);
    EXPECT_EQ(footprint.per_slot, 4U * (1030 * 1050 + 1050 * 1040 + 1030 * 1040));
  });
}

TEST_F(ClblastGemm, MultipliesABatch) {
  expect_right(with(shape(5, 6, 8), {{"batch", std::int64_t{3}}, {"ldc", std::int64_t{9}}}));
}

TEST_F(ClblastGemm, AddsBetaTimesTheCOfTheLastReset) {
  on_each([](OpenclDevice& device) {
    Prepared gemm(device, with(shape(8, 8, 8), {{"beta", 0.5}}), 1);
    gemm.call(0);
    EXPECT_EQ(gemm.mismatch(0), "");
    gemm.call(0);
    EXPECT_NE(gemm.mismatch(0), "") << "a second call should have added to the first one's C";
    gemm.plan->reset(0);
    gemm.call(0);
    EXPECT_EQ(gemm.mismatch(0), "");
  });
}

TEST_F(ClblastGemm, ASlotTakesItsOwnInputsAtARefresh) {
  on_each([](OpenclDevice& device) {
    Prepared gemm(device, shape(8, 9, 10), 2);
    std::memset(gemm.inputs->data("a", 1), 0, gemm.inputs->desc("a").span_bytes());
    gemm.plan->enqueue(0, *gemm.stream, 0);
    gemm.plan->enqueue(0, *gemm.stream, 1);
    gemm.stream->finish();
    EXPECT_EQ(gemm.mismatch(0), "");
    EXPECT_EQ(gemm.mismatch(1), "") << "the old inputs hold until refresh";
    gemm.plan->refresh(1);
    gemm.poison(0);
    gemm.call(1);
    gemm.call(0);
    EXPECT_EQ(gemm.mismatch(0), "");
    EXPECT_EQ(gemm.output(1), std::vector<std::byte>(gemm.output(1).size()));
  });
}

TEST_F(ClblastGemm, EnqueueReturnsBeforeTheWorkIsDone) {
  on_each([](OpenclDevice& device) {
    Prepared gemm(device, shape(600, 610, 620), 1);
    gemm.call(0);  // compiles
    gemm.poison(0);
    cl_int code = CL_SUCCESS;
    const OpenclEvent gate(clCreateUserEvent(device.context(), &code));
    check_opencl(code, "clCreateUserEvent");
    const cl_command_queue queue = dynamic_cast<OpenclStream&>(*gemm.stream).queue();
    const cl_event closed = gate.get();
    check_opencl(clEnqueueBarrierWithWaitList(queue, 1, &closed, nullptr), "barrier");
    gemm.plan->enqueue(0, *gemm.stream, 0);  // would never return if it waited for the work
    EXPECT_NE(gemm.mismatch(0), "") << "the work was done although its queue is held back";
    check_opencl(clSetUserEventStatus(gate.get(), CL_COMPLETE), "clSetUserEventStatus");
    gemm.stream->finish();
    EXPECT_EQ(gemm.mismatch(0), "");
  });
}

TEST(ClblastImplementation, TellsVersionAndFile) {
  const ImplementationInfo& info = clblast().info();
  EXPECT_EQ(info.device_kind, "opencl");
  ASSERT_TRUE(info.library);
  EXPECT_THAT(info.library->version, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(info.library->path, HasSubstr("clblast"));
}

TEST(ClblastImplementation, RefusesWhatItWouldComputeOtherwise) {
  const auto unsupported = [](const char* dtype) {
    return clblast().unsupported(
        *gemm_family().make(with(shape(2, 2, 2), {{"dtype", std::string(dtype)}})));
  };
  EXPECT_THAT(unsupported("f16"), Optional(HasSubstr("accumulates")));
  EXPECT_THAT(unsupported("bf16"), Optional(HasSubstr("bf16")));
  EXPECT_THAT(unsupported("s8"), Optional(HasSubstr("s8")));
  EXPECT_EQ(unsupported("f32"), std::nullopt);
}

}  // namespace
}  // namespace ergon
