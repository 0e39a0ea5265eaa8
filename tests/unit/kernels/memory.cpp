#include "kernels/devices/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <new>
#include <string>
#include <utility>

namespace ergon {
namespace {

std::uintptr_t address(const HostMemory& memory) {
  return reinterpret_cast<std::uintptr_t>(memory.data());
}

class PagePolicies : public testing::Test {
 protected:
  void TearDown() override { set_page_policy(PagePolicy::system); }
};

TEST_F(PagePolicies, HaveNames) {
  EXPECT_EQ(name(PagePolicy::system), "system");
  EXPECT_EQ(name(PagePolicy::small), "small");
  EXPECT_EQ(name(PagePolicy::huge), "huge");
}

TEST_F(PagePolicies, AlignToTheirPages) {
  for (const PagePolicy policy : {PagePolicy::system, PagePolicy::small, PagePolicy::huge}) {
    set_page_policy(policy);
    EXPECT_EQ(page_policy(), policy);
    const HostMemory memory(100);
    EXPECT_EQ(address(memory) % (policy == PagePolicy::huge ? 2U << 20 : 4096U), 0U)
        << name(policy);
    memory.data()[99] = std::byte{1};
    EXPECT_EQ(memory.data()[0], std::byte{0});
  }
}

/// The kernel's flags of the mapping that holds it ("rd wr hg"); empty where it does not tell.
std::string flags_of(const std::byte* data) {
  const auto at = reinterpret_cast<std::uintptr_t>(data);
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  for (bool inside = false; std::getline(maps, line);) {
    std::uintptr_t first = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &end) == 2) inside = first <= at && at < end;
    if (inside && line.starts_with("VmFlags:")) return line;
  }
  return {};
}

TEST(Advice, IsForTheWholePagesThatOthersAllocated) {
  const HostMemory memory(100 * 4096);
  std::byte* first = memory.data();
  advise(first + 10 * 4096 + 1, 20 * 4096, PagePolicy::small);
  // A kernel need not tell, and an emulator shows flags of its own making.
  const HostMemory probe(4096);
  if (madvise(probe.data(), 4096, MADV_NOHUGEPAGE) != 0 ||
      flags_of(probe.data()).find(" nh") == std::string::npos)
    GTEST_SKIP() << "advice does not show in /proc/self/smaps here";
  const auto small = [&](int page) {
    return flags_of(first + page * 4096).find(" nh") != std::string::npos;
  };
  EXPECT_FALSE(small(10));
  EXPECT_TRUE(small(11));
  EXPECT_TRUE(small(29));
  EXPECT_FALSE(small(30));
  advise(first + 50 * 4096 + 1, 4096, PagePolicy::small);
  advise(first + 60 * 4096, 4096, PagePolicy::system);
  for (const int page : {50, 51, 60}) EXPECT_FALSE(small(page)) << page;
}

TEST(HostMemory, MovesItsBytes) {
  HostMemory first(10);
  first.data()[3] = std::byte{5};
  HostMemory second(std::move(first));
  EXPECT_EQ(second.data()[3], std::byte{5});
  HostMemory third;
  third = std::move(second);
  EXPECT_EQ(third.data()[3], std::byte{5});
  EXPECT_EQ(third.bytes(), 10U);
}

TEST(Evicting, LeavesTheValuesAndTakesAnyAlignment) {
  const HostMemory memory(1000);
  for (std::size_t i = 0; i < 1000; ++i) memory.data()[i] = std::byte(i % 251);
  evict(memory.data(), 1000);
  evict(memory.data() + 63, 2);
  evict(memory.data() + 999, 1);
  evict(memory.data(), 0);
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(memory.data()[i], std::byte(i % 251));
}

TEST(HostMemory, OfNoBytesIsNowhere) { EXPECT_EQ(HostMemory(0).data(), nullptr); }

TEST(HostMemory, SaysWhenThereIsNone) {
  EXPECT_THROW(HostMemory(std::size_t{1} << 60), std::bad_alloc);
  EXPECT_THROW(HostMemory(SIZE_MAX), std::bad_alloc);
}

}  // namespace
}  // namespace ergon
