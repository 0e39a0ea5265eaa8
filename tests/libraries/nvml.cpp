// A libnvidia-ml.so.1 of made-up GPUs whose true power is chosen.
//
// ERGON_FAKE_NVML holds "key=value" settings, parted by blanks, read at nvmlInit_v2:
//   devices=1 watts=200 swing=0 swing_seconds=0.1    P(t) = watts + swing * sin(2 pi t / that)
//   period=0.02 quantum_mj=1                         of what is shown
//   architecture=9 name=NVIDIA_Fake driver=550.54    (9: Hopper; _ stands for a blank)
//   energy=1 fields=1 usage=1 module=0               0: that function is not supported
//   init=0 device=0                                  what nvmlInit_v2, a device's handle return
//   lost_after=-1                                    readings until the GPU is lost; -1: never
//   stuck=-1                                         when the sensors stop, on the clock; -1: never
//   mig=0 vgpu=0
// The time is CLOCK_MONOTONIC; a test may set its own with ergon_fake_nvml_time(), and other
// settings with ergon_fake_nvml_set().
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <string>

#include "bench/meters/nvml_api.h"

namespace {

using ergon::nvml::FieldValue;
using ergon::nvml::Return;
using ergon::nvml::ValueType;
using Device = void*;

constexpr double pi = 3.14159265358979323846;

std::map<std::string, std::string>& settings() {
  static std::map<std::string, std::string> all;
  return all;
}
double virtual_seconds = -1;
int readings = 0;

std::string text_of(const char* key, const char* otherwise) {
  const auto found = settings().find(key);
  return found != settings().end() ? found->second : otherwise;
}
double number_of(const char* key, double otherwise) {
  const auto found = settings().find(key);
  return found != settings().end() ? std::strtod(found->second.c_str(), nullptr) : otherwise;
}
bool is_on(const char* key, bool otherwise) { return number_of(key, otherwise ? 1 : 0) != 0; }

double now_seconds() {
  if (virtual_seconds >= 0) return virtual_seconds;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// When what is shown was last renewed.
double shown_seconds() {
  const double period = number_of("period", 0.02);
  const double stuck = number_of("stuck", -1);
  const double seconds = stuck >= 0 ? std::min(stuck, now_seconds()) : now_seconds();
  return std::floor(seconds / period) * period;
}

double true_joules(double until) {
  const double turn = 2 * pi / number_of("swing_seconds", 0.1);
  return number_of("watts", 200) * until +
         number_of("swing", 0) / turn * (1 - std::cos(turn * until));
}
double mean_watts(double until, double window) {
  return (true_joules(until) - true_joules(until - window)) / window;
}

/// Counts a reading of a sensor that may fail.
Return reading_of(bool supported) {
  if (!supported) return ergon::nvml::not_supported;
  const double lost_after = number_of("lost_after", -1);
  if (lost_after >= 0 && readings++ >= lost_after) return ergon::nvml::gpu_is_lost;
  return ergon::nvml::success;
}

Return write_text(std::string text, char* to, unsigned size) {
  for (char& c : text)
    if (c == '_') c = ' ';
  if (text.size() + 1 > size) return 7;
  std::memcpy(to, text.c_str(), text.size() + 1);
  return ergon::nvml::success;
}

void read_settings(const char* text) {
  std::istringstream words(text != nullptr ? text : "");
  for (std::string word; words >> word;)
    settings()[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
}

unsigned index_of(Device device) { return *static_cast<unsigned*>(device); }

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void ergon_fake_nvml_time(double seconds) { virtual_seconds = seconds; }
void ergon_fake_nvml_set(const char* text) {
  read_settings(text);
  readings = 0;
}

Return nvmlInit_v2() {
  settings().clear();
  read_settings(std::getenv("ERGON_FAKE_NVML"));
  readings = 0;
  return static_cast<Return>(number_of("init", 0));
}
Return nvmlShutdown() { return ergon::nvml::success; }

const char* nvmlErrorString(Return code) {
  switch (code) {
    case ergon::nvml::not_supported:
      return "Not Supported";
    case ergon::nvml::no_permission:
      return "Insufficient Permissions";
    case ergon::nvml::driver_not_loaded:
      return "Driver Not Loaded";
    case ergon::nvml::gpu_is_lost:
      return "GPU is lost";
    case ergon::nvml::version_mismatch:
      return "RM has detected an NVML/RM version mismatch.";
    default:
      return "Unknown Error";
  }
}

Return nvmlSystemGetDriverVersion(char* text, unsigned size) {
  return write_text(text_of("driver", "550.54"), text, size);
}
Return nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(number_of("devices", 1));
  return ergon::nvml::success;
}
Return nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  static unsigned indices[] = {0, 1, 2, 3, 4, 5, 6, 7};
  *device = &indices[index % 8];
  return static_cast<Return>(number_of("device", 0));
}
Return nvmlDeviceGetName(Device, char* text, unsigned size) {
  return write_text(text_of("name", "NVIDIA_Fake"), text, size);
}
Return nvmlDeviceGetUUID(Device device, char* text, unsigned size) {
  return write_text("GPU-fake-" + std::to_string(index_of(device)), text, size);
}
Return nvmlDeviceGetArchitecture(Device, unsigned* architecture) {
  *architecture = static_cast<unsigned>(number_of("architecture", 9));
  return ergon::nvml::success;
}
Return nvmlDeviceGetMigMode(Device, unsigned* current, unsigned* pending) {
  *current = *pending = is_on("mig", false) ? 1 : 0;
  return ergon::nvml::success;
}
Return nvmlDeviceGetVirtualizationMode(Device, std::uint64_t* mode) {
  *mode = is_on("vgpu", false) ? ergon::nvml::virtualization_vgpu : 0;
  return ergon::nvml::success;
}

Return nvmlDeviceGetTotalEnergyConsumption(Device, unsigned long long* mj) {
  const double quantum = number_of("quantum_mj", 1);
  *mj = static_cast<unsigned long long>(std::floor(true_joules(shown_seconds()) * 1e3 / quantum) *
                                        quantum);
  return reading_of(is_on("energy", true));
}
Return nvmlDeviceGetPowerUsage(Device, unsigned* milliwatts) {
  const double window =
      number_of("architecture", 9) >= ergon::nvml::architecture_ampere ? 1 : 0.025;
  *milliwatts = static_cast<unsigned>(mean_watts(shown_seconds(), window) * 1e3);
  return reading_of(is_on("usage", true));
}
Return nvmlDeviceGetFieldValues(Device, int count, FieldValue* values) {
  for (int i = 0; i < count; ++i) {
    FieldValue& value = values[i];
    const bool instant = value.field == ergon::nvml::field_power_instant;
    const bool known = instant || value.field == ergon::nvml::field_power_average;
    const bool module = value.scope == ergon::nvml::scope_module;
    const double shown = mean_watts(shown_seconds(), instant ? 0.025 : 1) * 1e3;
    value.type = ValueType::unsigned_int;
    value.value.unsigned_int = static_cast<unsigned>(module ? 1.5 * shown : shown);
    value.result =
        reading_of(known && is_on("fields", true) && (!module || is_on("module", false)));
  }
  return ergon::nvml::success;
}

}  // extern "C"
#pragma GCC visibility pop
