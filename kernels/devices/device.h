// Where computations run: memory, streams and events of one device.
//
// A stream runs its work in order and may return before it is done; `finish` waits. The CPU's
// stream runs work at once. Errors of a device API are thrown as DeviceError with the API's own
// code.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ergon {

struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  virtual ~Buffer() = default;
  virtual std::size_t bytes() const noexcept = 0;
  /// Address for the host, or nullptr where the host cannot reach the memory.
  virtual std::byte* host() noexcept = 0;
};

/// A point in a stream's order.
class Mark {
 public:
  virtual ~Mark() = default;
};

class Stream {
 public:
  virtual ~Stream() = default;
  /// Waits until all enqueued work is done.
  virtual void finish() = 0;
  virtual std::unique_ptr<Mark> mark() = 0;
  /// Device time between two finished marks in seconds; nothing where the device has no clock of
  /// its own (a CPU stream): the host's clock around `finish` is then the time.
  virtual std::optional<double> seconds_between(const Mark& from, const Mark& to) = 0;
};

struct DeviceInfo {
  std::string id;  // "cpu", "opencl:0", "cuda:0"
  /// "cpu"; "gpu"; "integrated-gpu": in one memory with its host, maybe in one package;
  /// "cpu-opencl": a CPU that runs GPU code; "accelerator": anything else.
  std::string kind;
  std::string name;
  std::string driver;  // name and version
  std::size_t memory_bytes = 0;
  /// Bytes that must pass between two uses of a buffer before it counts as cold divide by this.
  /// Nothing where the device does not say.
  std::optional<std::size_t> last_level_cache_bytes;
  int max_threads = 1;  // 1 for a device that schedules itself
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const noexcept = 0;
  /// At least 64-byte aligned. Throws DeviceError when the memory is not to be had.
  virtual std::unique_ptr<Buffer> allocate(std::size_t bytes) = 0;
  virtual std::unique_ptr<Stream> make_stream() = 0;
  /// Blocking copies.
  virtual void upload(Buffer& to, std::size_t offset, const void* from, std::size_t bytes) = 0;
  virtual void download(void* to, Buffer& from, std::size_t offset, std::size_t bytes) = 0;
};

/// One line of the device registry: what a device API finds on this machine, or why it finds
/// nothing.
struct DeviceEntry {
  const char* api;
  /// Empty result: `reason` says why, and is never empty then.
  std::vector<std::unique_ptr<Device>> (*find)(std::string& reason);
};

}  // namespace ergon
