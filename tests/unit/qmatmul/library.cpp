// Plans that multiply dequantized weights, and oneDNN's w8a8: what they keep, share and recompute.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels/devices/cpu.h"
#include "kernels/qmatmul/qmatmul.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The processor, counting what is allocated.
class CountingDevice final : public Device {
 public:
  CountingDevice() { devices_ = find_cpu(reason_); }
  const DeviceInfo& info() const noexcept override { return cpu().info(); }
  std::unique_ptr<Buffer> allocate(std::size_t bytes) override {
    allocated += bytes;
    return cpu().allocate(bytes);
  }
  std::unique_ptr<Stream> make_stream() override { return cpu().make_stream(); }
  void upload(Buffer& to, std::size_t offset, const void* from, std::size_t bytes) override {
    cpu().upload(to, offset, from, bytes);
  }
  void download(void* to, Buffer& from, std::size_t offset, std::size_t bytes) override {
    cpu().download(to, from, offset, bytes);
  }
  std::size_t allocated = 0;

 private:
  Device& cpu() const { return *devices_.at(0); }
  std::string reason_;
  std::vector<std::unique_ptr<Device>> devices_;
};

/// The backends of this file, of all formats.
const Implementations& implementations() {
  static const Implementations list = [] {
    Implementations all;
    for (const RegistryEntry& entry : registry_entries())
      if (entry.kernel == "qmatmul" && entry.make != nullptr &&
          (entry.backend == "library" || entry.backend == "onednn"))
        for (auto& each : entry.make({})) all.push_back(std::move(each));
    return all;
  }();
  return list;
}

std::unique_ptr<Workload> workload_of(std::string_view format, std::int64_t m,
                                      const std::string& output = "f32") {
  return qmatmul_family().make({{"format", std::string(format)},
                                {"m", m},
                                {"n", std::int64_t{40}},
                                {"k", std::int64_t{256}},
                                {"group", std::int64_t{32}},
                                {"output", output}});
}

struct Prepared {
  Prepared(const Implementation& by, const Workload& workload, std::size_t slots, int threads)
      : inputs(qmatmul_family().inputs(workload, 7, slots)),
        plan(by.prepare(workload, *inputs, {&device, threads, slots})),
        stream(device.make_stream()) {
    plan->activate();
  }
  void run(bool per_call, std::size_t slot) {
    for (std::size_t i = 0; i < plan->stages().size(); ++i)
      if (plan->stages()[i].per_call == per_call) plan->enqueue(i, *stream, slot);
  }
  Accuracy check(const Workload& workload, std::size_t slot) {
    const DeviceTensor y = plan->outputs(slot).at(0);
    const HostTensor tensor{y.name, y.desc, y.buffer->host() + y.offset};
    return qmatmul_family().oracle(workload, *inputs)->check({&tensor, 1});
  }
  void negate_weights() {
    // A sign in every scale: weights and Y change theirs.
    for (std::size_t slot = 0; slot < inputs->slots(); ++slot) {
      std::byte* scale = inputs->data("w_scale", slot);
      const TensorDesc& desc = inputs->desc("w_scale");
      const std::size_t size = size_of(desc.dtype);
      for (std::size_t at = size - 1; at < desc.span_bytes(); at += size)
        scale[at] ^= std::byte{0x80};
    }
  }

  CountingDevice device;
  std::unique_ptr<Inputs> inputs;
  std::unique_ptr<Plan> plan;
  std::unique_ptr<Stream> stream;
};

/// Calls `body(implementation, workload)` for all that are there and supported.
template <class Body>
void over_supported(Body body, std::string_view only = "") {
  for (const auto& each : implementations()) {
    if (each->unavailable()) continue;
    for (const Format& format : formats())
      for (const char* output : {"f32", "bf16"}) {
        const auto workload = workload_of(format.name, 5, output);
        if (each->unsupported(*workload) || (!only.empty() && only != format.name)) continue;
        SCOPED_TRACE(each->info().name + " " + each->info().variant + " " +
                     std::string(format.name) + " " + output);
        body(*each, *workload);
      }
  }
}

TEST(QMatmulLibrary, HasBothVariantsOfOurOwnProduct) {
  std::vector<std::string> found;
  for (const auto& each : implementations())
    if (each->info().name == "native-bf16") found.push_back(each->info().variant);
  EXPECT_THAT(found, testing::UnorderedElementsAre("converted-once", "dequantized-each-call"));
}

TEST(QMatmulLibrary, ComputesInEverySlotWithAnyThreads) {
  over_supported([](const Implementation& by, const Workload& workload) {
    for (const int threads : {1, 2}) {
      if (threads > by.max_threads()) continue;
      Prepared prepared(by, workload, 2, threads);
      for (const std::size_t slot : {0U, 1U}) prepared.run(false, slot);
      for (const std::size_t slot : {0U, 1U}) {
        prepared.run(true, slot);
        EXPECT_THAT(prepared.check(workload, slot).mismatch, Eq(std::nullopt));
      }
    }
  });
}

TEST(QMatmulLibrary, CountsItsProductOnceAndConversionsAsBytes) {
  over_supported([](const Implementation& by, const Workload& workload) {
    Prepared prepared(by, workload, 1, 1);
    double flops = 0;
    for (const Stage& stage : prepared.plan->stages()) {
      EXPECT_GT(stage.work.bytes, 0) << stage.name;
      EXPECT_EQ(stage.work.flops != 0, stage.name == "matmul");
      if (stage.per_call) flops += stage.work.flops;
    }
    EXPECT_EQ(flops, workload.work().flops);
  });
}

TEST(QMatmulLibrary, DequantizesWhenItsVariantSaysSo) {
  over_supported([](const Implementation& by, const Workload& workload) {
    if (by.info().backend != "library") return;
    Prepared prepared(by, workload, 1, 1);
    const Stage& first = prepared.plan->stages()[0];
    EXPECT_EQ(first.name, "dequantize");
    EXPECT_EQ(first.per_call, by.info().variant == "dequantized-each-call");
  });
}

TEST(QMatmulLibrary, AllocatesWhatItsFootprintSays) {
  over_supported([](const Implementation& by, const Workload& workload) {
    for (const std::size_t slots : {1U, 3U}) {
      Prepared prepared(by, workload, slots, 1);
      const Footprint bytes = by.footprint(workload, {&prepared.device, 1, slots});
      EXPECT_EQ(prepared.device.allocated, bytes.once + slots * bytes.per_slot);
    }
  });
}

TEST(QMatmulLibrary, KeepsConvertedWeightsUntilItsOnceStagesRunAgain) {
  over_supported(
      [](const Implementation& by, const Workload& workload) {
        if (by.info().backend != "library") return;
        Prepared prepared(by, workload, 2, 1);
        prepared.run(false, 0);
        prepared.run(false, 1);
        prepared.negate_weights();
        prepared.plan->refresh(0);
        prepared.run(true, 0);
        EXPECT_EQ(prepared.check(workload, 0).mismatch.has_value(),
                  by.info().variant == "converted-once");
        prepared.run(false, 0);
        prepared.run(true, 0);
        EXPECT_THAT(prepared.check(workload, 0).mismatch, Eq(std::nullopt));
      },
      "w4a16");
}

TEST(QMatmulLibrary, NamesTheArithmeticOfItsOutput) {
  over_supported([](const Implementation& by, const Workload& workload) {
    Prepared prepared(by, workload, 1, 1);
    // oneDNN brings the scales of groups into weights that it rounds.
    const bool rounded = by.info().backend == "library" ||
                         dynamic_cast<const QMatmul&>(workload).format->name == "w4a16";
    EXPECT_EQ(prepared.plan->outputs(0).at(0).name, rounded ? plain_arithmetic : own_arithmetic);
  });
}

TEST(QMatmulLibrary, SaysWhyItDoesNotDoSomething) {
  for (const auto& each : implementations())
    for (const Format& format : formats())
      EXPECT_THAT(each->unsupported(*workload_of(format.name, 3)).value_or("supported"),
                  Not(IsEmpty()));
}

TEST(QMatmulOnednn, ComputesW8A8AndSaysWhatTheLibraryLacksForOthers) {
  const auto said = [](const Implementation& by, const char* format) {
    return by.unsupported(*workload_of(format, 3)).value_or("");
  };
  for (const auto& each : implementations()) {
    if (each->info().backend != "onednn" || each->unavailable()) continue;
    EXPECT_THAT(each->unsupported(*workload_of("w8a8", 3)).value_or("VNNI is there"),
                HasSubstr("VNNI"));
    for (const char* format : {"w4a8", "mxfp4", "fp8", "q4_0", "q8_0", "q4_K"})
      EXPECT_THAT(said(*each, format), HasSubstr("oneDNN"));
    // From 3.5 on it has these, on most processors.
    for (const char* format : {"w8a16", "w4a16"})
      EXPECT_THAT(said(*each, format), testing::AnyOf(IsEmpty(), HasSubstr("oneDNN")));
  }
}

}  // namespace
}  // namespace ergon
