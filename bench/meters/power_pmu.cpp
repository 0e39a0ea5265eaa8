#include "bench/meters/power_pmu.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "bench/meters/sysfs.h"

namespace ergon {
namespace {

/// Sums to try, best first.
struct Candidate {
  const char* pmu;
  std::array<const char*, 2> events;
  Scope scope;
};
constexpr Candidate candidates[] = {
    {"power", {"energy-pkg", "energy-ram"}, Scope::package_dram},
    {"power", {"energy-pkg", nullptr}, Scope::package},
    {"power", {"energy-cores", nullptr}, Scope::core},
    {"power_core", {"energy-core", nullptr}, Scope::core},
};

/// "event=0x02"; other terms are not known to be used by these PMUs.
std::optional<std::uint64_t> config_of(std::string_view text) {
  constexpr std::string_view prefix = "event=0x";
  if (!text.starts_with(prefix)) return std::nullopt;
  std::uint64_t config = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + prefix.size(), end, config, 16);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return config;
}

Maybe<PowerEvent> read_event(const std::string& pmu_folder, const std::string& event) {
  const std::string path = pmu_folder + "/events/" + event;
  const auto text = text_of(read_file(path));
  if (!text) return Absent{text.reason()};
  const auto config = config_of(*text);
  if (!config) return Absent{path + " holds '" + *text + "', which is not understood"};
  const auto scale = number_of(read_file(path + ".scale"));
  if (!scale) return Absent{scale.reason()};
  const auto unit = text_of(read_file(path + ".unit"));
  if (!unit) return Absent{unit.reason()};
  if (*unit != "Joules" || *scale <= 0)
    return Absent{fmt::format("{} counts {} {}, not joules", path, *scale, *unit)};
  return PowerEvent{event, *config, *scale};
}

Maybe<PowerPmu> read_pmu(const std::string& devices, const Candidate& candidate) {
  PowerPmu pmu;
  pmu.name = candidate.pmu;
  pmu.scope = candidate.scope;
  const std::string folder = devices + "/" + pmu.name;
  const auto type = number_of(read_file(folder + "/type"));
  if (!type) return Absent{type.reason()};
  pmu.type = static_cast<std::uint32_t>(*type);
  const auto cpus = processors_of(read_file(folder + "/cpumask"));
  if (!cpus) return Absent{cpus.reason()};
  pmu.cpus = *cpus;
  for (const char* name : candidate.events) {
    if (name == nullptr) continue;
    const auto event = read_event(folder, name);
    if (!event) return Absent{event.reason()};
    pmu.events.push_back(*event);
  }
  return pmu;
}

}  // namespace

Maybe<PowerPmu> find_power_pmu(const std::string& sysfs) {
  const std::string devices = sysfs + "/bus/event_source/devices";
  std::error_code ignored;
  Absent reason{"no energy PMU (power or power_core) under " + devices +
                ": the kernel knows none for this processor, or this is a guest without one"};
  bool present = false;
  for (const Candidate& candidate : candidates) {
    if (!std::filesystem::exists(devices + "/" + candidate.pmu, ignored)) continue;
    auto pmu = read_pmu(devices, candidate);
    if (pmu) return pmu;
    // The package is what is looked for: its reason says more than that of the fallbacks.
    if (!present || candidate.scope == Scope::package) reason.reason = pmu.reason();
    present = true;
  }
  return reason;
}

Unavailable perf_refusal(int error, const Maybe<double>& paranoid) {
  if (error != EACCES && error != EPERM)
    return {"perf", fmt::format("the kernel refuses the counter: {}", std::strerror(error)), ""};
  if (paranoid && *paranoid <= 0)
    return {"perf",
            fmt::format("perf_event_open is refused although perf_event_paranoid is {}: a "
                        "container's seccomp filter, most likely",
                        *paranoid),
            ""};
  const std::string level = paranoid ? fmt::format("{}", *paranoid) : std::string("not readable");
  return {"perf",
          "permission denied: counting a whole package needs perf_event_paranoid <= 0 or "
          "CAP_PERFMON, and it is " +
              level,
          "sudo sysctl kernel.perf_event_paranoid=0"};
}

}  // namespace ergon
