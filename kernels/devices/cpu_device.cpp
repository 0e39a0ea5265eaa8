#include <sys/utsname.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <utility>

#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"

namespace ergon {
namespace {

class CpuBuffer final : public Buffer {
 public:
  explicit CpuBuffer(std::size_t bytes) : memory_(bytes) {}
  std::size_t bytes() const noexcept override { return memory_.bytes(); }
  std::byte* host() noexcept override { return memory_.data(); }

 private:
  HostMemory memory_;
};

class CpuMark final : public Mark {};

// Work runs in the caller at once, so that there is never anything to wait for.
class CpuStream final : public Stream {
 public:
  void finish() override {}
  std::unique_ptr<Mark> mark() override { return std::make_unique<CpuMark>(); }
  std::optional<double> seconds_between(const Mark&, const Mark&) override { return std::nullopt; }
};

std::size_t physical_memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
  return pages > 0 && bytes > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(bytes)
                                : 0;
}

std::string system_version() {
  utsname system{};
  return uname(&system) == 0 ? std::string(system.sysname) + " " + system.release : "unknown";
}

void check_range(const Buffer& buffer, std::size_t offset, std::size_t bytes) {
  if (offset > buffer.bytes() || bytes > buffer.bytes() - offset)
    throw DeviceError("cpu: copy outside a buffer");
}

class CpuDevice final : public Device {
 public:
  CpuDevice() {
    info_.id = "cpu";
    info_.kind = "cpu";
    info_.name = cpu_info().brand;
    info_.driver = system_version();
    info_.memory_bytes = physical_memory_bytes();
    info_.last_level_cache_bytes = cpu_info().last_level_cache_bytes();
    info_.max_threads = usable_processors();
  }
  const DeviceInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Buffer> allocate(std::size_t bytes) override {
    try {
      return std::make_unique<CpuBuffer>(bytes);
    } catch (const std::bad_alloc&) {
      throw DeviceError("cpu: no memory for " + std::to_string(bytes) + " bytes");
    }
  }
  std::unique_ptr<Stream> make_stream() override { return std::make_unique<CpuStream>(); }
  void upload(Buffer& to, std::size_t offset, const void* from, std::size_t bytes) override {
    check_range(to, offset, bytes);
    if (bytes != 0) std::memcpy(to.host() + offset, from, bytes);
  }
  void download(void* to, Buffer& from, std::size_t offset, std::size_t bytes) override {
    check_range(from, offset, bytes);
    if (bytes != 0) std::memcpy(to, from.host() + offset, bytes);
  }

 private:
  DeviceInfo info_;
};

}  // namespace

std::vector<std::unique_ptr<Device>> find_cpu(std::string& /*reason*/) {
  std::vector<std::unique_ptr<Device>> devices;
  devices.push_back(std::make_unique<CpuDevice>());
  return devices;
}

}  // namespace ergon
