// The few declarations of NVIDIA's management library (NVML) that are used, and the library opened
// at run time. No header of NVIDIA's is needed to build.
//
// Sources: NVML API Reference Guide; for the layout of FieldValue and the numbers of fields and
// errors, the ctypes declarations of nvidia-ml-py 13.615 (PyPI). nvmlDeviceGetPowerUsage is in
// milliwatts, nvmlDeviceGetTotalEnergyConsumption in millijoules since the driver was loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "bench/base/maybe.h"

namespace ergon::nvml {

using Device = void*;
using Return = unsigned;

inline constexpr Return success = 0;
inline constexpr Return invalid_argument = 2;
inline constexpr Return not_supported = 3;
inline constexpr Return no_permission = 4;
inline constexpr Return driver_not_loaded = 9;
inline constexpr Return gpu_is_lost = 15;
inline constexpr Return version_mismatch = 18;

inline constexpr std::uint32_t field_power_average = 185;  // mW over 1 s
inline constexpr std::uint32_t field_power_instant = 186;  // mW
inline constexpr std::uint32_t scope_gpu = 0;
inline constexpr std::uint32_t scope_module = 1;  // GPU and CPU of a superchip

inline constexpr unsigned architecture_volta = 5;
inline constexpr unsigned architecture_ampere = 7;
inline constexpr unsigned architecture_unknown = 0xffffffff;

inline constexpr std::uint64_t virtualization_vgpu = 2;
inline constexpr unsigned mig_enabled = 1;

enum class ValueType : std::uint32_t {
  float64,
  unsigned_int,
  unsigned_long,
  unsigned_long_long,
  signed_long_long,
  signed_int,
  unsigned_short
};

union Value {
  double float64;
  unsigned unsigned_int;
  unsigned long unsigned_long;
  unsigned long long unsigned_long_long;
  long long signed_long_long;
  int signed_int;
  unsigned short unsigned_short;
};

struct FieldValue {
  std::uint32_t field;
  std::uint32_t scope;
  std::int64_t timestamp_microseconds;
  std::int64_t latency_microseconds;
  ValueType type;
  Return result;
  Value value;
};
static_assert(sizeof(Value) == 8 && sizeof(FieldValue) == 40);
static_assert(offsetof(FieldValue, timestamp_microseconds) == 8);
static_assert(offsetof(FieldValue, latency_microseconds) == 16);
static_assert(offsetof(FieldValue, type) == 24 && offsetof(FieldValue, result) == 28);
static_assert(offsetof(FieldValue, value) == 32);

/// Null where the library lacks a function.
struct Functions {
  Return (*nvmlInit_v2)();
  Return (*nvmlShutdown)();
  const char* (*nvmlErrorString)(Return);
  Return (*nvmlSystemGetDriverVersion)(char* text, unsigned size);
  Return (*nvmlDeviceGetCount_v2)(unsigned* count);
  Return (*nvmlDeviceGetHandleByIndex_v2)(unsigned index, Device* device);
  Return (*nvmlDeviceGetName)(Device, char* text, unsigned size);
  Return (*nvmlDeviceGetUUID)(Device, char* text, unsigned size);
  Return (*nvmlDeviceGetArchitecture)(Device, unsigned* architecture);
  Return (*nvmlDeviceGetMigMode)(Device, unsigned* current, unsigned* pending);
  Return (*nvmlDeviceGetVirtualizationMode)(Device, std::uint64_t* mode);
  Return (*nvmlDeviceGetTotalEnergyConsumption)(Device, unsigned long long* millijoules);
  Return (*nvmlDeviceGetPowerUsage)(Device, unsigned* milliwatts);
  Return (*nvmlDeviceGetFieldValues)(Device, int count, FieldValue* values);
};

/// The library, initialised; shut down with the last that holds it.
class Library {
 public:
  struct Refusal {
    std::string reason;
    std::string remedy;
  };
  /// Null where it does not open or start; `refusal` then says why.
  static std::shared_ptr<const Library> open(const std::string& name, Refusal& refusal);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const Functions& call() const noexcept { return functions_; }
  /// "nvmlDeviceGetName: GPU is lost"
  std::string reason(const std::string& function, Return code) const;

 private:
  Library() = default;
  void* handle_ = nullptr;
  bool started_ = false;
  Functions functions_{};
};

/// The number that a field's value holds; absent for a type that is not known.
Maybe<double> number_of(const FieldValue& field);

}  // namespace ergon::nvml
