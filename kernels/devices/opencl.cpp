#include "kernels/devices/opencl.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

// What the loader answers where no driver is registered (cl_khr_icd).
constexpr cl_int platform_not_found = -1001;

class OpenclMark final : public Mark {
 public:
  explicit OpenclMark(OpenclEvent event) : event_(std::move(event)) {}
  cl_event event() const noexcept { return event_.get(); }

 private:
  OpenclEvent event_;
};

template <class T>
T device_value(cl_device_id device, cl_device_info what) {
  T value{};
  check_opencl(clGetDeviceInfo(device, what, sizeof value, &value, nullptr), "clGetDeviceInfo");
  return value;
}

/// `query(bytes, text, needed)` is a clGet...Info call with all but its last three arguments bound.
template <class Query>
std::string queried_text(Query query, std::string_view call) {
  std::size_t bytes = 0;
  check_opencl(query(std::size_t{0}, nullptr, &bytes), call);
  std::string text(bytes, '\0');
  check_opencl(query(bytes, text.data(), nullptr), call);
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

std::string device_text(cl_device_id device, cl_device_info what) {
  return queried_text(
      [&](std::size_t bytes, void* text, std::size_t* needed) {
        return clGetDeviceInfo(device, what, bytes, text, needed);
      },
      "clGetDeviceInfo");
}

std::string platform_text(cl_platform_id platform, cl_platform_info what) {
  return queried_text(
      [&](std::size_t bytes, void* text, std::size_t* needed) {
        return clGetPlatformInfo(platform, what, bytes, text, needed);
      },
      "clGetPlatformInfo");
}

std::string kind_of(cl_device_id device, cl_device_type type) {
  if (type & CL_DEVICE_TYPE_GPU)
    return device_value<cl_bool>(device, CL_DEVICE_HOST_UNIFIED_MEMORY) ? "integrated-gpu" : "gpu";
  if (type & CL_DEVICE_TYPE_CPU) return "cpu-opencl";
  return "accelerator";
}

// Only a processor's figure is its last level: GPU drivers tell a first-level cache here (of one
// compute unit, or the sum over all), which would make a measurement look cold that is not.
std::optional<std::size_t> last_level_cache(cl_device_id device, cl_device_type type) {
  if (!(type & CL_DEVICE_TYPE_CPU)) return std::nullopt;
  const auto bytes = device_value<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
  // Of several instances, drivers tell one.
  const auto all = std::max<std::size_t>(bytes, cpu_info().last_level_cache_bytes().value_or(0));
  if (all == 0) return std::nullopt;
  return all;
}

const OpenclBuffer& opencl(const Buffer& buffer) {
  return dynamic_cast<const OpenclBuffer&>(buffer);
}

std::optional<cl_ulong> completed_nanoseconds(const Mark& mark) {
  cl_ulong time = 0;
  const cl_int code =
      clGetEventProfilingInfo(dynamic_cast<const OpenclMark&>(mark).event(),
                              CL_PROFILING_COMMAND_END, sizeof time, &time, nullptr);
  if (code != CL_SUCCESS || time == 0) return std::nullopt;
  return time;
}

std::vector<cl_platform_id> platforms(std::string& reason) {
  cl_uint count = 0;
  const cl_int code = clGetPlatformIDs(0, nullptr, &count);
  if (code == platform_not_found || (code == CL_SUCCESS && count == 0)) {
    reason = "no OpenCL driver is installed (pocl-opencl-icd runs on any processor)";
    return {};
  }
  check_opencl(code, "clGetPlatformIDs");
  std::vector<cl_platform_id> found(count);
  check_opencl(clGetPlatformIDs(count, found.data(), nullptr), "clGetPlatformIDs");
  return found;
}

std::vector<cl_device_id> devices_of(cl_platform_id platform) {
  cl_uint count = 0;
  const cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count);
  if (code == CL_DEVICE_NOT_FOUND) return {};
  check_opencl(code, "clGetDeviceIDs");
  std::vector<cl_device_id> found(count);
  check_opencl(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, found.data(), nullptr),
               "clGetDeviceIDs");
  return found;
}

void append_note(std::string& notes, const std::string& note) {
  if (!notes.empty()) notes += "; ";
  notes += note;
}

}  // namespace

void OpenclStream::finish() { check_opencl(clFinish(queue()), "clFinish"); }

std::unique_ptr<Mark> OpenclStream::mark() {
  cl_event event = nullptr;
  check_opencl(clEnqueueMarkerWithWaitList(queue(), 0, nullptr, &event),
               "clEnqueueMarkerWithWaitList");
  auto mark = std::make_unique<OpenclMark>(OpenclEvent(event));
  check_opencl(clFlush(queue()), "clFlush");
  return mark;
}

std::optional<double> OpenclStream::seconds_between(const Mark& from, const Mark& to) {
  if (!profiled_) return std::nullopt;
  const auto start = completed_nanoseconds(from);
  const auto end = completed_nanoseconds(to);
  if (!start || !end || *end < *start) return std::nullopt;
  return static_cast<double>(*end - *start) * 1e-9;
}

OpenclDevice::OpenclDevice(cl_platform_id platform, cl_device_id device, std::size_t number)
    : platform_(platform), device_(device) {
  const auto type = device_value<cl_device_type>(device, CL_DEVICE_TYPE);
  info_.id = "opencl:" + std::to_string(number);
  info_.kind = kind_of(device, type);
  info_.name = device_text(device, CL_DEVICE_NAME);
  info_.driver = platform_text(platform, CL_PLATFORM_NAME) + " " +
                 device_text(device, CL_DRIVER_VERSION) + ", " +
                 device_text(device, CL_DEVICE_VERSION);
  info_.memory_bytes = device_value<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_SIZE);
  info_.last_level_cache_bytes = last_level_cache(device, type);
}

cl_context OpenclDevice::context() {
  if (!context_) {
    const cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM, reinterpret_cast<cl_context_properties>(platform_), 0};
    cl_int code = CL_SUCCESS;
    context_.reset(clCreateContext(properties, 1, &device_, nullptr, nullptr, &code));
    check_opencl(code, "clCreateContext");
  }
  return context_.get();
}

OpenclQueue OpenclDevice::make_queue(cl_command_queue_properties properties) {
  cl_int code = CL_SUCCESS;
  OpenclQueue queue(clCreateCommandQueue(context(), device_, properties, &code));
  check_opencl(code, "clCreateCommandQueue");
  return queue;
}

cl_command_queue OpenclDevice::copy_queue() {
  if (!copy_queue_) copy_queue_ = make_queue(0);
  return copy_queue_.get();
}

std::unique_ptr<Stream> OpenclDevice::make_stream() {
  const auto offered =
      device_value<cl_command_queue_properties>(device_, CL_DEVICE_QUEUE_PROPERTIES);
  const cl_command_queue_properties profiling = offered & CL_QUEUE_PROFILING_ENABLE;
  return std::make_unique<OpenclStream>(make_queue(profiling), profiling != 0);
}

std::unique_ptr<Buffer> OpenclDevice::allocate(std::size_t bytes) {
  cl_int code = CL_SUCCESS;
  OpenclMemory memory(clCreateBuffer(context(), CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 1),
                                     nullptr, &code));
  check_opencl(code, "clCreateBuffer");
  // Drivers put allocation off until first use; moving the buffer there brings a refusal forward.
  const cl_mem moved = memory.get();
  check_opencl(
      clEnqueueMigrateMemObjects(copy_queue(), 1, &moved, CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED,
                                 0, nullptr, nullptr),
      "clEnqueueMigrateMemObjects");
  check_opencl(clFinish(copy_queue()), "clFinish");
  return std::make_unique<OpenclBuffer>(std::move(memory), bytes);
}

void OpenclDevice::upload(Buffer& to, std::size_t offset, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  check_opencl(clEnqueueWriteBuffer(copy_queue(), opencl(to).memory(), CL_TRUE, offset, bytes, from,
                                    0, nullptr, nullptr),
               "clEnqueueWriteBuffer");
}

void OpenclDevice::download(void* to, Buffer& from, std::size_t offset, std::size_t bytes) {
  if (bytes == 0) return;
  check_opencl(clEnqueueReadBuffer(copy_queue(), opencl(from).memory(), CL_TRUE, offset, bytes, to,
                                   0, nullptr, nullptr),
               "clEnqueueReadBuffer");
}

bool OpenclDevice::has_fp64() const {
  return device_value<cl_device_fp_config>(device_, CL_DEVICE_DOUBLE_FP_CONFIG) != 0;
}

std::vector<std::unique_ptr<Device>> find_opencl(std::string& reason) {
  std::vector<std::unique_ptr<Device>> found;
  std::string notes;
  try {
    for (cl_platform_id platform : platforms(notes)) {
      // One broken driver must not hide the devices of the others.
      try {
        for (cl_device_id device : devices_of(platform)) {
          found.push_back(std::make_unique<OpenclDevice>(platform, device, found.size()));
        }
      } catch (const DeviceError& error) {
        append_note(notes, platform_text(platform, CL_PLATFORM_NAME) + ": " + error.what());
      }
    }
  } catch (const DeviceError& error) {
    append_note(notes, error.what());
  }
  if (found.empty()) reason = notes.empty() ? "no OpenCL platform has a device" : notes;
  return found;
}

}  // namespace ergon
