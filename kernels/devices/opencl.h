// OpenCL devices: GPUs, and processors that run GPU code.
//
// Every device of every platform, numbered in the loader's order. A stream is one in-order command
// queue with profiling; a mark is a marker event, and the seconds between two marks are the
// device's own times at which they completed. Only OpenCL 1.2 calls are used, so that any driver
// will do.
//
// Finding devices opens the drivers but creates nothing on them: the context comes with the first
// buffer or stream. Copies go through a queue of their own and know nothing of the streams: finish
// a stream before copying what it works on. Not safe for use by several threads at once.
#pragma once

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/devices/device.h"

namespace ergon {

/// "CL_INVALID_VALUE"; "CL_UNKNOWN_ERROR" for a code that has no name.
std::string_view opencl_error_name(cl_int code) noexcept;

/// Throws DeviceError "clCreateBuffer: CL_INVALID_BUFFER_SIZE (-61)" unless `code` is CL_SUCCESS.
void check_opencl(cl_int code, std::string_view call);

template <auto release>
struct OpenclRelease {
  template <class Handle>
  void operator()(Handle handle) const noexcept {
    release(handle);
  }
};
template <class Handle, auto release>
using OpenclOwned = std::unique_ptr<std::remove_pointer_t<Handle>, OpenclRelease<release>>;

using OpenclContext = OpenclOwned<cl_context, clReleaseContext>;
using OpenclQueue = OpenclOwned<cl_command_queue, clReleaseCommandQueue>;
using OpenclMemory = OpenclOwned<cl_mem, clReleaseMemObject>;
using OpenclEvent = OpenclOwned<cl_event, clReleaseEvent>;

class OpenclBuffer final : public Buffer {
 public:
  OpenclBuffer(OpenclMemory memory, std::size_t bytes)
      : memory_(std::move(memory)), bytes_(bytes) {}
  std::size_t bytes() const noexcept override { return bytes_; }
  std::byte* host() noexcept override { return nullptr; }
  cl_mem memory() const noexcept { return memory_.get(); }

 private:
  OpenclMemory memory_;
  std::size_t bytes_;
};

class OpenclStream final : public Stream {
 public:
  OpenclStream(OpenclQueue queue, bool profiled) : queue_(std::move(queue)), profiled_(profiled) {}
  void finish() override;
  /// Also hands what is enqueued so far to the device, which may otherwise wait for `finish`.
  std::unique_ptr<Mark> mark() override;
  /// Nothing where the driver does not time markers.
  std::optional<double> seconds_between(const Mark& from, const Mark& to) override;
  cl_command_queue queue() const noexcept { return queue_.get(); }

 private:
  OpenclQueue queue_;
  bool profiled_;
};

class OpenclDevice final : public Device {
 public:
  OpenclDevice(cl_platform_id platform, cl_device_id device, std::size_t number);
  const DeviceInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Buffer> allocate(std::size_t bytes) override;
  std::unique_ptr<Stream> make_stream() override;
  void upload(Buffer& to, std::size_t offset, const void* from, std::size_t bytes) override;
  void download(void* to, Buffer& from, std::size_t offset, std::size_t bytes) override;

  cl_device_id device() const noexcept { return device_; }
  cl_context context();
  /// The queue that copies go through.
  cl_command_queue copy_queue();
  bool has_fp64() const;

 private:
  OpenclQueue make_queue(cl_command_queue_properties properties);

  cl_platform_id platform_;
  cl_device_id device_;
  DeviceInfo info_;
  OpenclContext context_;
  OpenclQueue copy_queue_;
};

/// Every element is an OpenclDevice.
std::vector<std::unique_ptr<Device>> find_opencl(std::string& reason);

}  // namespace ergon
