// What every device of this machine must do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <set>

#include "kernels/devices/cpu.h"
#include "tests/contract/machine.h"

namespace ergon {
namespace {

using testing::Ge;
using testing::IsEmpty;
using testing::Not;

TEST(DeviceContract, EveryApiFindsADeviceOrSaysWhyNot) {
  for (const DeviceEntry& entry : device_entries()) {
    std::string reason;
    if (entry.find(reason).empty()) {
      EXPECT_THAT(reason, Not(IsEmpty())) << entry.api;
    }
  }
}

TEST(DeviceContract, EveryDeviceDescribesItself) {
  std::set<std::string> ids;
  for (const auto& device : machine().devices) {
    SCOPED_TRACE(device->info().id);
    EXPECT_TRUE(ids.insert(device->info().id).second);
    EXPECT_THAT(device->info().kind, Not(IsEmpty()));
    EXPECT_THAT(device->info().driver, Not(IsEmpty()));
    EXPECT_THAT(device->info().max_threads, Ge(1));
    EXPECT_GT(device->info().memory_bytes, 0U);
  }
}

TEST(DeviceContract, GivesBackWhatWasUploaded) {
  for (const auto& device : machine().devices) {
    SCOPED_TRACE(device->info().id);
    std::vector<std::uint8_t> sent(1000), got(1000, 0);
    std::iota(sent.begin(), sent.end(), std::uint8_t{0});
    const auto buffer = device->allocate(2000);
    device->upload(*buffer, 500, sent.data(), sent.size());
    device->download(got.data(), *buffer, 500, got.size());
    EXPECT_EQ(got, sent);
  }
}

TEST(DeviceContract, AlignsMemoryThatTheHostSees) {
  for (const auto& device : machine().devices) {
    const auto buffer = device->allocate(100);
    EXPECT_GE(buffer->bytes(), 100U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->host()) % 64, 0U) << device->info().id;
  }
}

TEST(DeviceContract, RefusesMemoryThatNoMachineHas) {
  for (const auto& device : machine().devices)
    EXPECT_THROW(device->allocate(std::size_t{1} << 60), DeviceError) << device->info().id;
}

TEST(DeviceContract, MarksAStreamInOrder) {
  for (const auto& device : machine().devices) {
    SCOPED_TRACE(device->info().id);
    const auto stream = device->make_stream();
    const auto from = stream->mark(), to = stream->mark();
    stream->finish();
    EXPECT_THAT(stream->seconds_between(*from, *to).value_or(0), Ge(0));
  }
}

TEST(CpuDevice, HasNoClockOfItsOwn) {
  std::string reason;
  const auto devices = find_cpu(reason);
  ASSERT_EQ(devices.size(), 1U);
  const auto stream = devices[0]->make_stream();
  const auto from = stream->mark(), to = stream->mark();
  EXPECT_EQ(stream->seconds_between(*from, *to), std::nullopt);
}

TEST(CpuDevice, RefusesCopiesOutsideABuffer) {
  std::string reason;
  const auto devices = find_cpu(reason);
  const auto buffer = devices[0]->allocate(64);
  std::uint8_t bytes[65] = {};
  EXPECT_THROW(devices[0]->upload(*buffer, 0, bytes, 65), DeviceError);
  EXPECT_THROW(devices[0]->download(bytes, *buffer, 60, 5), DeviceError);
  EXPECT_THROW(devices[0]->upload(*buffer, SIZE_MAX, bytes, 2), DeviceError);
}

}  // namespace
}  // namespace ergon
