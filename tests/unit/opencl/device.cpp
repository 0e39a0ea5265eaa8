#include <gmock/gmock.h>

#include <cstdint>
#include <cstdlib>
#include <numeric>

#include "tests/unit/opencl/every_device.h"

namespace ergon {
namespace {

using OpenclDeviceTest = EveryOpenclDevice;
using testing::AnyOf;
using testing::HasSubstr;

cl_mem memory(Buffer& buffer) { return dynamic_cast<OpenclBuffer&>(buffer).memory(); }
cl_command_queue queue(Stream& stream) { return dynamic_cast<OpenclStream&>(stream).queue(); }

void enqueue_fill(Stream& stream, Buffer& buffer, std::uint32_t value) {
  check_opencl(clEnqueueFillBuffer(queue(stream), memory(buffer), &value, sizeof value, 0,
                                   buffer.bytes(), 0, nullptr, nullptr),
               "clEnqueueFillBuffer");
}

void enqueue_copy(Stream& stream, Buffer& from, Buffer& to) {
  check_opencl(clEnqueueCopyBuffer(queue(stream), memory(from), memory(to), 0, 0, from.bytes(), 0,
                                   nullptr, nullptr),
               "clEnqueueCopyBuffer");
}

std::uint32_t last_word(OpenclDevice& device, Buffer& buffer) {
  std::uint32_t value = 0;
  device.download(&value, buffer, buffer.bytes() - sizeof value, sizeof value);
  return value;
}

TEST_F(OpenclDeviceTest, SaysWhatItIs) {
  std::size_t number = 0;
  on_each([&](OpenclDevice& device) {
    const DeviceInfo& info = device.info();
    RecordProperty(info.id, info.name + " | " + info.driver);
    EXPECT_EQ(info.id, "opencl:" + std::to_string(number++));
    EXPECT_THAT(info.kind, AnyOf("gpu", "integrated-gpu", "cpu-opencl", "accelerator"));
    EXPECT_THAT(info.driver, HasSubstr("OpenCL"));
    EXPECT_FALSE(info.name.empty());
    EXPECT_GT(info.memory_bytes, std::size_t{1} << 20);
    EXPECT_EQ(info.max_threads, 1);
    if (info.kind.ends_with("gpu")) {
      EXPECT_FALSE(info.last_level_cache_bytes) << "not known to be the last level";
    }
  });
}

TEST_F(OpenclDeviceTest, MemoryComesBackAsItWentIn) {
  on_each([](OpenclDevice& device) {
    std::vector<std::uint8_t> sent(1000);
    std::iota(sent.begin(), sent.end(), std::uint8_t{1});
    const auto buffer = device.allocate(4096);
    EXPECT_EQ(buffer->bytes(), 4096U);
    EXPECT_EQ(buffer->host(), nullptr);
    device.upload(*buffer, 100, sent.data(), sent.size());
    std::vector<std::uint8_t> received(sent.size() - 7);
    device.download(received.data(), *buffer, 107, received.size());
    EXPECT_TRUE(std::equal(received.begin(), received.end(), sent.begin() + 7));
  });
}

TEST_F(OpenclDeviceTest, AStreamKeepsItsOrder) {
  on_each([](OpenclDevice& device) {
    constexpr std::size_t bytes = 1 << 20;
    const auto source = device.allocate(bytes);
    const auto first = device.allocate(bytes), second = device.allocate(bytes);
    const auto stream = device.make_stream();
    enqueue_fill(*stream, *source, 1);
    enqueue_copy(*stream, *source, *first);
    enqueue_fill(*stream, *source, 2);
    enqueue_copy(*stream, *source, *second);
    stream->finish();
    EXPECT_EQ(last_word(device, *first), 1U);
    EXPECT_EQ(last_word(device, *second), 2U);
  });
}

TEST_F(OpenclDeviceTest, MarksStandInTheOrderOfTheStream) {
  on_each([](OpenclDevice& device) {
    const auto buffer = device.allocate(1 << 22);
    const auto stream = device.make_stream();
    const auto start = stream->mark();
    enqueue_fill(*stream, *buffer, 1);
    const auto middle = stream->mark();
    enqueue_fill(*stream, *buffer, 2);
    const auto end = stream->mark();
    stream->finish();
    const auto early = stream->seconds_between(*start, *middle);
    const auto late = stream->seconds_between(*middle, *end);
    const auto whole = stream->seconds_between(*start, *end);
    ASSERT_TRUE(early && late && whole) << "this driver does not time markers";
    EXPECT_GT(*early, 0);
    EXPECT_GT(*late, 0);
    EXPECT_NEAR(*early + *late, *whole, 1e-8);
    EXPECT_FALSE(stream->seconds_between(*end, *start));
  });
}

TEST_F(OpenclDeviceTest, AQueueWithoutProfilingHasNoTimes) {
  on_each([](OpenclDevice& device) {
    cl_int code = CL_SUCCESS;
    OpenclQueue plain(clCreateCommandQueue(device.context(), device.device(), 0, &code));
    check_opencl(code, "clCreateCommandQueue");
    OpenclStream stream(std::move(plain), false);
    const auto start = stream.mark();
    const auto end = stream.mark();
    stream.finish();
    EXPECT_FALSE(stream.seconds_between(*start, *end));
  });
}

TEST_F(OpenclDeviceTest, AnErrorNamesTheCallAndItsCode) {
  on_each([](OpenclDevice& device) {
    const auto buffer = device.allocate(64);
    char data[128] = {};
    try {
      device.upload(*buffer, 0, data, sizeof data);
      FAIL() << "an upload past the end of the buffer went through";
    } catch (const DeviceError& error) {
      EXPECT_THAT(error.what(), HasSubstr("clEnqueueWriteBuffer: CL_INVALID_VALUE (-30)"));
    }
    EXPECT_THROW(device.allocate(std::size_t{1} << 60), DeviceError);
  });
}

TEST(OpenclErrors, ACodeWithoutANameIsStillTold) {
  EXPECT_EQ(opencl_error_name(CL_OUT_OF_RESOURCES), "CL_OUT_OF_RESOURCES");
  EXPECT_EQ(opencl_error_name(-4242), "CL_UNKNOWN_ERROR");
}

// The loader reads its list of drivers once per process, so this one starts another.
TEST(OpenclWithoutDrivers, IsAReasonAndNotACrash) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("OCL_ICD_VENDORS", "/nonexistent", 1);
        std::string reason;
        const bool none = find_opencl(reason).empty();
        std::exit(none && reason.find("driver") != std::string::npos ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace ergon
