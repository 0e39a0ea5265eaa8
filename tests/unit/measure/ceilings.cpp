// Which loops take part in a block's rounds, and what happens where memory is too small for them.
#include "bench/measure/ceilings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/measure/bench.h"

namespace ergon::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t last_level = 4096;
constexpr std::size_t array = 3 * last_level;  // what a stream's arrays hold together

/// This processor, as if its caches were small.
class SmallCaches final : public Device {
 public:
  explicit SmallCaches(std::unique_ptr<Device> real)
      : real_(std::move(real)), info_(real_->info()) {
    info_.last_level_cache_bytes = last_level;
  }
  const DeviceInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Buffer> allocate(std::size_t bytes) override { return real_->allocate(bytes); }
  std::unique_ptr<Stream> make_stream() override { return real_->make_stream(); }
  void upload(Buffer& to, std::size_t offset, const void* from, std::size_t bytes) override {
    real_->upload(to, offset, from, bytes);
  }
  void download(void* to, Buffer& from, std::size_t offset, std::size_t bytes) override {
    real_->download(to, from, offset, bytes);
  }

 private:
  std::unique_ptr<Device> real_;
  DeviceInfo info_;
};

struct SomeCeilings : ::testing::Test {
  SomeCeilings() {
    session.effort.window_seconds = 1e-5;
    for (auto& device : machine.devices)
      if (device->info().id == "cpu") device = std::make_unique<SmallCaches>(std::move(device));
  }
  /// A cold block of this problem with one and two threads.
  BlockPlan block(const char* family, const FieldMap& fields) {
    BlockPlan plan;
    plan.cold = true;
    for (const int threads : {1, 2}) {
      Case what;
      what.family = machine.registry.family(family);
      what.workload = what.family->make(fields);
      what.device = &machine.cpu();
      what.threads = threads;
      plan.cases.push_back(what);
    }
    return plan;
  }
  BlockPlan reading() {
    return block("gemm",
                 {{"m", std::int64_t{1}}, {"n", std::int64_t{64}}, {"k", std::int64_t{64}}});
  }
  /// C is read and written, and as large as A and B.
  BlockPlan mixed() {
    return block(
        "gemm",
        {{"m", std::int64_t{64}}, {"n", std::int64_t{64}}, {"k", std::int64_t{32}}, {"beta", 1.0}});
  }
  BlockPlan updating() {
    return block("attention", {{"structure", std::string("linear")},
                               {"phase", std::string("decode")},
                               {"q_heads", std::int64_t{1}},
                               {"head_dim", std::int64_t{128}},
                               {"kv_len", std::int64_t{64}},
                               {"dtype", std::string("f32")}});
  }
  static std::vector<std::string> streams(Ceilings& ceilings, const BlockPlan& plan) {
    std::vector<std::string> out;
    for (const Member* member : ceilings.of(plan)) {
      const auto what = std::get<std::string>(member->row.workload.front().second);
      if (what != "flops") out.push_back(what + std::to_string(member->row.threads));
    }
    return out;
  }
  /// "bandwidth_read1": why there is none; empty where there is.
  static std::map<std::string, std::string> reasons(const Ceilings& ceilings) {
    std::map<std::string, std::string> out;
    for (const record::Ceiling& ceiling : ceilings.list())
      if (ceiling.what != "flops")
        out[ceiling.what + std::to_string(ceiling.threads)] =
            ceiling.method == "none" ? ceiling.value_per_second.reason() : "";
    return out;
  }

  SteadyClock clock;
  testing::FakeTree tree;
  Watch watch{tree.root(), tree.root()};
  testing::KeepingSink sink;
  Session session{clock, watch, sink};
  Machine machine{RegistryOptions{}};
};

TEST_F(SomeCeilings, TakePartWhereTheyMoveMemoryAsTheBlockDoes) {
  const auto read = reading(), update = updating(), both = mixed();
  Ceilings ceilings(machine, {read, update, both}, 100 * array, session);
  EXPECT_THAT(streams(ceilings, read), ElementsAre("read1", "read2"));
  EXPECT_THAT(streams(ceilings, update), ElementsAre("update1", "update2"));
  EXPECT_THAT(streams(ceilings, both), IsEmpty());
  EXPECT_THAT(sink.finished, IsEmpty()) << "what fails is finished";
}

TEST_F(SomeCeilings, AreUpdatedOnlyWhereABlockUpdates) {
  const Ceilings ceilings(machine, {reading()}, 100 * array, session);
  EXPECT_EQ(reasons(ceilings).count("bandwidth_update1"), 0U);
  EXPECT_EQ(reasons(ceilings).count("bandwidth_triad2"), 1U);
}

TEST_F(SomeCeilings, SayWhatTheyNeedWhereMemoryIsTooSmall) {
  // What bounds rows comes first: the array that is read, and one for each update's threads.
  constexpr std::size_t factors = 8192, sums = 1024;
  const Ceilings ceilings(machine, {reading(), updating()}, 3 * array + factors + sums, session);
  const auto why = reasons(ceilings);
  for (const char* there :
       {"bandwidth_read1", "bandwidth_read2", "bandwidth_update1", "bandwidth_update2"})
    EXPECT_EQ(why.at(there), "") << there;
  for (const char* absent : {"bandwidth_copy1", "bandwidth_triad2"})
    EXPECT_THAT(why.at(absent), HasSubstr("may be used")) << absent;
}

TEST_F(SomeCeilings, AreAllAbsentWithoutMemory) {
  Ceilings ceilings(machine, {reading(), updating()}, 0, session);
  for (const record::Ceiling& ceiling : ceilings.list())
    EXPECT_THAT(ceiling.value_per_second.reason(), HasSubstr("needs 1 MiB")) << ceiling.what;
  EXPECT_THAT(ceilings.of(updating()), IsEmpty());
}

}  // namespace
}  // namespace ergon::measure
