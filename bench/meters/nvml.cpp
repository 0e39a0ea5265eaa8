// NVIDIA GPUs through NVML: per device its energy counter, its instant and its average power, and
// on superchips the power of the module. Board power of one accelerator: it says nothing about what
// a processor ran.
//
// Facts, from the NVML API Reference Guide: energy is counted from Volta on;
// nvmlDeviceGetPowerUsage is a mean over 1 s from Ampere on, but instant on GA100 and before. From
// Yang et al. 2024 (arXiv 2312.02741): values are renewed every 20 to 100 ms, and instant power on
// A100 and H100 is a mean over 25 ms of each 100.
#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/nvml_api.h"
#include "bench/meters/sampler.h"
#include "bench/meters/sysfs.h"

namespace ergon {
namespace {

using namespace nvml;
using LibraryPointer = std::shared_ptr<const Library>;

/// NVML documents 5 % for Fermi and Kepler and nothing for later ones. Assumed to hold.
constexpr double uncertainty = 0.05;
constexpr double slowest_update_seconds = 0.1;
constexpr double instant_window_seconds = 25e-3;
constexpr double average_window_seconds = 1;
/// Five of the slowest updates.
constexpr double watch_seconds = 0.5;
constexpr double per_milli = 1e-3;

struct Gpu {
  LibraryPointer library;
  Device device = nullptr;
  std::string id;  // "nvml:0"
  std::string name;
  std::string about;
  unsigned architecture = architecture_unknown;
};

/// What a function of NVML writes into a buffer, whose arguments are its last.
template <class Function, class... Arguments>
std::string text_from(Function function, Arguments... arguments) {
  std::array<char, 128> text{};
  if (function == nullptr || function(arguments..., text.data(), text.size() - 1) != success)
    return "unnamed";
  return printable(text.data());
}

bool has_word(const std::string& name, std::string_view word) {
  const std::size_t at = name.find(word);
  if (at == std::string::npos) return false;
  const auto is_inside = [&](std::size_t i) {
    return i < name.size() && std::isalnum(static_cast<unsigned char>(name[i])) != 0;
  };
  return !is_inside(at + word.size()) && (at == 0 || !is_inside(at - 1));
}

template <std::size_t count>
bool has_any(const std::string& name, const std::string_view (&words)[count]) {
  return std::any_of(std::begin(words), std::end(words),
                     [&](std::string_view word) { return has_word(name, word); });
}

/// NVML does not tell GA100 from the rest of Ampere.
bool is_ga100(const std::string& name) {
  constexpr std::string_view parts[] = {"A100", "A100X", "A800", "A30", "A30X", "170HX"};
  return has_any(name, parts);
}

bool is_superchip(const std::string& name) {
  constexpr std::string_view parts[] = {"GH200", "GB200", "GB300"};
  return has_any(name, parts);
}

Gpu describe(LibraryPointer library, Device device, unsigned index) {
  const Functions& call = library->call();
  Gpu gpu{std::move(library), device, fmt::format("nvml:{}", index), {}, {}};
  gpu.name = text_from(call.nvmlDeviceGetName, device);
  gpu.about = fmt::format("{}, {}, driver {}", gpu.name, text_from(call.nvmlDeviceGetUUID, device),
                          text_from(call.nvmlSystemGetDriverVersion));
  if (call.nvmlDeviceGetArchitecture == nullptr ||
      call.nvmlDeviceGetArchitecture(device, &gpu.architecture) != success)
    gpu.architecture = architecture_unknown;
  return gpu;
}

/// Why nothing this device tells is the energy of what runs on it; empty where it is.
std::string shared_with_others(const Gpu& gpu) {
  const Functions& call = gpu.library->call();
  std::uint64_t mode = 0;
  if (call.nvmlDeviceGetVirtualizationMode != nullptr &&
      call.nvmlDeviceGetVirtualizationMode(gpu.device, &mode) == success &&
      mode == virtualization_vgpu)
    return "a vGPU: its board is shared with other guests, and NVML tells a guest no energy";
  unsigned current = 0;
  unsigned pending = 0;
  if (call.nvmlDeviceGetMigMode != nullptr &&
      call.nvmlDeviceGetMigMode(gpu.device, &current, &pending) == success &&
      current == mig_enabled)
    return "MIG is on: the board's energy is that of all its instances, and none tells its own";
  return {};
}

MeterInfo info_of(const Gpu& gpu, const std::string& kind, const std::string& what) {
  MeterInfo info;
  info.id = gpu.id + (kind.empty() ? "" : ":" + kind);
  info.about = gpu.about + "; " + what;
  info.part = Part::accelerator;
  info.scope = Scope::board;
  info.relative_uncertainty = uncertainty;
  return info;
}

Maybe<double> joules_of(const Gpu& gpu) {
  unsigned long long millijoules = 0;
  const auto function = gpu.library->call().nvmlDeviceGetTotalEnergyConsumption;
  const Return code = function(gpu.device, &millijoules);
  if (code != success)
    return Absent{gpu.library->reason("nvmlDeviceGetTotalEnergyConsumption", code)};
  return static_cast<double>(millijoules) * per_milli;
}

Probe open_energy(const Gpu& gpu, Clock& clock) {
  const MeterInfo info =
      info_of(gpu, "",
              is_superchip(gpu.name) ? "energy counter, which covers the whole module"
                                     : "energy counter of the board");
  const auto function = gpu.library->call().nvmlDeviceGetTotalEnergyConsumption;
  if (function == nullptr) return Unavailable{info.id, "this driver's NVML counts no energy", ""};
  unsigned long long millijoules = 0;
  if (function(gpu.device, &millijoules) == not_supported)
    return Unavailable{info.id,
                       gpu.architecture < architecture_volta
                           ? "GPUs count their energy from Volta on; this is an older one"
                           : "this device counts no energy: nvmlDeviceGetTotalEnergyConsumption "
                             "is not supported",
                       ""};
  return open_counter(
      info, clock, [gpu] { return joules_of(gpu); }, 1, watch_seconds);
}

Maybe<double> field_watts(const Gpu& gpu, std::uint32_t field, std::uint32_t scope) {
  FieldValue value{};
  value.field = field;
  value.scope = scope;
  const Return code = gpu.library->call().nvmlDeviceGetFieldValues(gpu.device, 1, &value);
  if (code != success) return Absent{gpu.library->reason("nvmlDeviceGetFieldValues", code)};
  if (value.result != success)
    return Absent{gpu.library->reason(fmt::format("field {} of NVML", field), value.result)};
  const auto milliwatts = nvml::number_of(value);
  if (!milliwatts) return milliwatts;
  return *milliwatts * per_milli;
}

/// True where the device answers at all: a fault is the meter's to tell, not a reason for another
/// source.
bool has_field(const Gpu& gpu, std::uint32_t field, std::uint32_t scope) {
  if (gpu.library->call().nvmlDeviceGetFieldValues == nullptr) return false;
  FieldValue value{};
  value.field = field;
  value.scope = scope;
  const Return code = gpu.library->call().nvmlDeviceGetFieldValues(gpu.device, 1, &value);
  const Return worst = code != success ? code : value.result;
  return worst != not_supported && worst != invalid_argument;
}

Maybe<double> usage_watts(const Gpu& gpu) {
  unsigned milliwatts = 0;
  const Return code = gpu.library->call().nvmlDeviceGetPowerUsage(gpu.device, &milliwatts);
  if (code != success) return Absent{gpu.library->reason("nvmlDeviceGetPowerUsage", code)};
  return milliwatts * per_milli;
}

/// Where the architecture is not told, the longer window is the safe one.
bool usage_is_instant(const Gpu& gpu) {
  return gpu.architecture < architecture_ampere ||
         (gpu.architecture == architecture_ampere && is_ga100(gpu.name));
}

struct Power {
  const char* kind;
  std::uint32_t field;
  bool instant;
};

Probe open_power(const Gpu& gpu, const Power& power, Clock& clock) {
  const double window = power.instant ? instant_window_seconds : average_window_seconds;
  MeterInfo info = info_of(gpu, power.kind,
                           fmt::format("{} power, taken for a mean over {} s", power.kind, window));
  if (power.instant)
    info.about += "; A100 and H100 look at a quarter of the time (arXiv 2312.02741)";
  info.averaging_seconds = window;
  Sampling sampling;
  sampling.seconds = watch_seconds;
  sampling.otherwise_period_seconds = slowest_update_seconds;
  if (has_field(gpu, power.field, scope_gpu))
    return open_sampler(
        info, clock, [gpu, power] { return field_watts(gpu, power.field, scope_gpu); }, sampling);
  if (gpu.library->call().nvmlDeviceGetPowerUsage == nullptr ||
      usage_is_instant(gpu) != power.instant)
    return Unavailable{info.id, fmt::format("this GPU or its driver tells no {} power", power.kind),
                       ""};
  info.about += "; by nvmlDeviceGetPowerUsage";
  return open_sampler(
      info, clock, [gpu] { return usage_watts(gpu); }, sampling);
}

void add_module(const Gpu& gpu, Clock& clock, Probes& probes) {
  if (!is_superchip(gpu.name) || !has_field(gpu, field_power_instant, scope_module)) return;
  MeterInfo info = info_of(gpu, "module", "instant power of the module, processor and GPU");
  info.part = Part::machine;
  info.averaging_seconds = instant_window_seconds;
  Sampling sampling;
  sampling.seconds = watch_seconds;
  sampling.otherwise_period_seconds = slowest_update_seconds;
  probes.push_back(open_sampler(
      info, clock, [gpu] { return field_watts(gpu, field_power_instant, scope_module); },
      sampling));
}

void add_device(const LibraryPointer& library, unsigned index, Clock& clock, Probes& probes) {
  Device device = nullptr;
  const Return code = library->call().nvmlDeviceGetHandleByIndex_v2(index, &device);
  if (code != success) {
    probes.emplace_back(Unavailable{fmt::format("nvml:{}", index),
                                    library->reason("nvmlDeviceGetHandleByIndex_v2", code), ""});
    return;
  }
  const Gpu gpu = describe(library, device, index);
  if (std::string reason = shared_with_others(gpu); !reason.empty()) {
    probes.emplace_back(Unavailable{gpu.id, std::move(reason), ""});
    return;
  }
  probes.push_back(open_energy(gpu, clock));
  for (const Power& power :
       {Power{"instant", field_power_instant, true}, Power{"average", field_power_average, false}})
    probes.push_back(open_power(gpu, power, clock));
  add_module(gpu, clock, probes);
}

}  // namespace

Probes probe_nvml(const MeterContext& context) {
  Library::Refusal refusal;
  const LibraryPointer library = Library::open(context.nvml, refusal);
  if (!library) return one(Unavailable{"nvml", refusal.reason, refusal.remedy});
  unsigned count = 0;
  if (const Return code = library->call().nvmlDeviceGetCount_v2(&count); code != success)
    return one(Unavailable{"nvml", library->reason("nvmlDeviceGetCount_v2", code), ""});
  if (count == 0) return one(Unavailable{"nvml", "the driver knows no GPU", ""});
  Probes probes;
  for (unsigned index = 0; index < count; ++index)
    add_device(library, index, *context.clock, probes);
  return probes;
}

}  // namespace ergon
