#include "kernels/devices/cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>

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
           const char* shared, int processor = 0) {
    const auto folder =
        root_ / "devices/system/cpu" / ("cpu" + std::to_string(processor)) / "cache" / index;
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
  const auto caches = read_caches(root_.string(), {0});
  ASSERT_EQ(caches.size(), 3U);
  EXPECT_EQ(caches[0].bytes, 48U << 10);
  EXPECT_EQ(caches[0].shared_by, 2);
  EXPECT_EQ(caches[2].bytes, 32U << 20);
  EXPECT_EQ(caches[2].shared_by, 16);
}

// As an EPYC lists them: eight processors share an L3, two an L2.
TEST_F(FakeCaches, OfSeveralDiesAddUp) {
  for (int processor = 0; processor < 24; ++processor) {
    const int core = processor / 2 * 2, die = processor / 8 * 8;
    add("index2", "2", "Unified", "1024K",
        (std::to_string(core) + "-" + std::to_string(core + 1)).c_str(), processor);
    add("index3", "3", "Unified", "32768K",
        (std::to_string(die) + "-" + std::to_string(die + 7)).c_str(), processor);
  }
  std::vector<int> processors(24);
  std::iota(processors.begin(), processors.end(), 0);
  CpuInfo info;
  info.caches = read_caches(root_.string(), processors);
  ASSERT_EQ(info.caches.size(), 2U);
  EXPECT_EQ(info.caches[0].instances, 12);
  EXPECT_EQ(info.caches[1].instances, 3);
  EXPECT_EQ(info.caches[1].shared_by, 8);
  EXPECT_EQ(info.caches[1].bytes, 32U << 20);
  EXPECT_EQ(info.last_level_cache_bytes(), 96U << 20);

  info.caches = read_caches(root_.string(), {0, 1, 9});
  EXPECT_EQ(info.last_level_cache_bytes(), 64U << 20);
}

TEST_F(FakeCaches, OfTwoSocketsAddUp) {
  // Siblings are numbered behind all cores: socket 0 has 0-1,4-5 and socket 1 has 2-3,6-7.
  for (const int processor : {0, 1, 4, 5})
    add("index3", "3", "Unified", "48M", "0-1,4-5", processor);
  for (const int processor : {2, 3, 6, 7})
    add("index3", "3", "Unified", "48M", "2-3,6-7", processor);
  CpuInfo info;
  info.caches = read_caches(root_.string(), {0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(info.last_level_cache_bytes(), 96U << 20);
  info.caches = read_caches(root_.string(), {2, 3});
  EXPECT_EQ(info.last_level_cache_bytes(), 48U << 20);
}

TEST_F(FakeCaches, OfUnequalSizeAddUp) {
  add("index2", "2", "Unified", "2M", "0", 0);
  add("index2", "2", "Unified", "4M", "1-4", 1);
  CpuInfo info;
  info.caches = read_caches(root_.string(), {0, 1});
  EXPECT_EQ(info.last_level_cache_bytes(), 6U << 20);
}

TEST_F(FakeCaches, LeaveOutWhatCannotBeRead) {
  add("index0", "1", "Data", "big", "0");
  EXPECT_THAT(read_caches(root_.string(), {0}), IsEmpty());
  EXPECT_THAT(read_caches((root_ / "nowhere").string(), {0}), IsEmpty());
  EXPECT_EQ(CpuInfo{}.last_level_cache_bytes(), std::nullopt);
}

}  // namespace
}  // namespace ergon
