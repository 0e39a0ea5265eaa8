#include "bench/meters/nvml_api.h"

#include <dlfcn.h>

#include <utility>

#include <fmt/format.h>

namespace ergon::nvml {
namespace {

template <class Function>
void find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
}

std::string remedy_for(Return code) {
  if (code == driver_not_loaded) return "sudo modprobe nvidia";
  if (code == no_permission) return "sudo chmod a+rw /dev/nvidiactl /dev/nvidia[0-9]*";
  return {};
}

}  // namespace

std::shared_ptr<const Library> Library::open(const std::string& name, Refusal& refusal) {
  const std::shared_ptr<Library> library(new Library);
  library->handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle_ == nullptr) {
    refusal = {fmt::format("NVIDIA's management library does not open: {}", dlerror()), ""};
    return nullptr;
  }
  Functions& all = library->functions_;
#define ERGON_FIND(function) find(library->handle_, #function, all.function)
  ERGON_FIND(nvmlInit_v2);
  ERGON_FIND(nvmlShutdown);
  ERGON_FIND(nvmlErrorString);
  ERGON_FIND(nvmlSystemGetDriverVersion);
  ERGON_FIND(nvmlDeviceGetCount_v2);
  ERGON_FIND(nvmlDeviceGetHandleByIndex_v2);
  ERGON_FIND(nvmlDeviceGetName);
  ERGON_FIND(nvmlDeviceGetUUID);
  ERGON_FIND(nvmlDeviceGetArchitecture);
  ERGON_FIND(nvmlDeviceGetMigMode);
  ERGON_FIND(nvmlDeviceGetVirtualizationMode);
  ERGON_FIND(nvmlDeviceGetTotalEnergyConsumption);
  ERGON_FIND(nvmlDeviceGetPowerUsage);
  ERGON_FIND(nvmlDeviceGetFieldValues);
#undef ERGON_FIND
  if (all.nvmlInit_v2 == nullptr || all.nvmlShutdown == nullptr || all.nvmlErrorString == nullptr ||
      all.nvmlDeviceGetCount_v2 == nullptr || all.nvmlDeviceGetHandleByIndex_v2 == nullptr) {
    refusal = {name + " is no NVML, or one of before 2013: it lacks nvmlInit_v2 and its kind", ""};
    return nullptr;
  }
  if (const Return code = all.nvmlInit_v2(); code != success) {
    refusal = {library->reason("nvmlInit_v2", code), remedy_for(code)};
    return nullptr;
  }
  library->started_ = true;
  return library;
}

Library::~Library() {
  if (started_) functions_.nvmlShutdown();
  if (handle_ != nullptr) dlclose(handle_);
}

std::string Library::reason(const std::string& function, Return code) const {
  const char* text = functions_.nvmlErrorString(code);
  std::string out = fmt::format("{}: {}", function, text != nullptr ? text : "unknown error");
  if (code == version_mismatch)
    out +=
        " (the library and the loaded driver are of different versions: a reboot loads the new "
        "one)";
  return out;
}

Maybe<double> number_of(const FieldValue& field) {
  switch (field.type) {
    case ValueType::float64:
      return field.value.float64;
    case ValueType::unsigned_int:
      return static_cast<double>(field.value.unsigned_int);
    case ValueType::unsigned_long:
      return static_cast<double>(field.value.unsigned_long);
    case ValueType::unsigned_long_long:
      return static_cast<double>(field.value.unsigned_long_long);
    case ValueType::signed_long_long:
      return static_cast<double>(field.value.signed_long_long);
    case ValueType::signed_int:
      return static_cast<double>(field.value.signed_int);
    case ValueType::unsigned_short:
      return static_cast<double>(field.value.unsigned_short);
  }
  return Absent{fmt::format("a value of the unknown type {}", static_cast<unsigned>(field.type))};
}

}  // namespace ergon::nvml
