#include "kernels/devices/cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "kernels/devices/cpu_caches.h"

namespace ergon {
namespace {

using testing::IsEmpty;
using testing::Not;

TEST(CpuInfo, IdentifiesThisProcessor) {
  EXPECT_THAT(cpu_info().vendor, Not(IsEmpty()));
  EXPECT_THAT(cpu_info().brand, Not(IsEmpty()));
#if defined(__x86_64__)
  EXPECT_GT(cpu_info().family, 0);
  EXPECT_TRUE(cpu_info().has("sse2"));
#endif
  EXPECT_FALSE(cpu_info().has("sse2000"));
}

#if defined(__x86_64__)
TEST(CpuInfo, AgreesWithTheKernelAboutTheInstructionSets) {
  std::ifstream in("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("flags")) flags = line + " ";
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo has no flags";
  for (const char* feature : {"sse2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f",
                              "avx512bw", "avx512vl", "avx512dq", "avx512_vnni", "avx512_bf16",
                              "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"})
    EXPECT_EQ(cpu_info().has(feature),
              flags.find(" " + std::string(feature) + " ") != std::string::npos)
        << feature;
}
#endif

TEST(Amx, IsGrantedOnlyWhereThereIsAny) {
  if (!cpu_info().has("amx_tile")) {
    EXPECT_FALSE(enable_amx());
  } else {
    EXPECT_EQ(enable_amx(), enable_amx());
  }
}

TEST(Processors, AreAtLeastOne) { EXPECT_GE(usable_processors(), 1); }

TEST(Team, RunsEveryMemberOnce) {
  std::atomic<int> sum = 0, size = 0;
  on_team(2, [&](int thread, int threads) {
    sum += thread;
    size = threads;
  });
  EXPECT_EQ(sum, size * (size - 1) / 2);
}

TEST(Team, DividesByTheThreadsItGot) {
  // A team inside a team gets one thread: the work must still be done.
  std::atomic<int> done = 0;
  on_team(2, [&](int, int) {
    on_team(4, [&](int thread, int threads) {
      for (int i = thread; i < 8; i += threads) ++done;
    });
  });
  EXPECT_EQ(done % 8, 0);
  EXPECT_GT(done, 0);
}

TEST(CpuList, CountsRangesAndSingles) {
  EXPECT_EQ(count_in_list("0"), 1);
  EXPECT_EQ(count_in_list("0-3,8,10-11"), 7);
  EXPECT_EQ(count_in_list("3-1"), 0);
  EXPECT_EQ(count_in_list("0,x"), 0);
  EXPECT_EQ(count_in_list(""), 0);
}

class FakeCaches : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("ergon-caches-" + std::to_string(::getpid()));
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void add(const char* index, const char* level, const char* type, const char* size,
           const char* shared) {
    const auto folder = root_ / "devices/system/cpu/cpu0/cache" / index;
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "level") << level << "\n";
    std::ofstream(folder / "type") << type << "\n";
    std::ofstream(folder / "size") << size << "\n";
    std::ofstream(folder / "shared_cpu_list") << shared << "\n";
  }
  std::filesystem::path root_;
};

TEST_F(FakeCaches, AreDataAndUnifiedInnermostFirst) {
  add("index3", "3", "Unified", "32M", "0-15");
  add("index0", "1", "Data", "48K", "0,8");
  add("index1", "1", "Instruction", "32K", "0,8");
  add("index2", "2", "Unified", "1024K", "0,8");
  const auto caches = read_caches(root_.string());
  ASSERT_EQ(caches.size(), 3U);
  EXPECT_EQ(caches[0].bytes, 48U << 10);
  EXPECT_EQ(caches[0].shared_by, 2);
  EXPECT_EQ(caches[2].bytes, 32U << 20);
  EXPECT_EQ(caches[2].shared_by, 16);
}

TEST_F(FakeCaches, LeaveOutWhatCannotBeRead) {
  add("index0", "1", "Data", "big", "0");
  EXPECT_THAT(read_caches(root_.string()), IsEmpty());
  EXPECT_THAT(read_caches((root_ / "nowhere").string()), IsEmpty());
  EXPECT_EQ(CpuInfo{}.last_level_cache_bytes(), std::nullopt);
}

}  // namespace
}  // namespace ergon
