#include "bench/measure/host.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "bench/base/error.h"
#include "bench/measure/build_info.h"
#include "bench/measure/topology.h"
#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

extern char** environ;

namespace ergon::measure {
namespace {

namespace fs = std::filesystem;

std::string root(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return value ? value : fallback;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Maybe<std::string> line_or(const std::string& path, const std::string& reason) {
  const std::string line = first_line(path);
  if (line.empty()) return Absent{reason};
  return line;
}

// "key<separator>value" lines, as in /proc/cpuinfo and os-release.
std::string value_of(const std::string& path, const std::string& key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto at = line.find(separator);
    if (at == std::string::npos) continue;
    std::string name = line.substr(0, at);
    name.erase(name.find_last_not_of(" \t") + 1);
    if (name != key) continue;
    std::string value = line.substr(at + 1);
    value.erase(0, value.find_first_not_of(" \t\""));
    value.erase(value.find_last_not_of(" \t\"") + 1);
    return value;
  }
  return {};
}

Maybe<std::string> hypervisor() {
#if defined(__x86_64__)
  if (!cpu_info().hypervisor) return std::string("none");
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  __cpuid(0x40000000, eax, ebx, ecx, edx);
  char name[13] = {};
  std::memcpy(name, &ebx, 4);
  std::memcpy(name + 4, &ecx, 4);
  std::memcpy(name + 8, &edx, 4);
  std::string text(name);
  if (text == "KVMKVMKVM") text = "KVM";
  if (text.empty()) text = "yes, by a hypervisor that does not name itself";
  return text;
#else
  return Absent{"this architecture does not tell a guest"};
#endif
}

Maybe<std::string> container(const std::string& proc) {
  if (fs::exists("/.dockerenv")) return std::string("docker");
  if (fs::exists("/run/.containerenv")) return std::string("podman");
  std::ifstream file(proc + "/1/cgroup");
  for (std::string line; std::getline(file, line);)
    for (const char* name : {"docker", "kubepods", "lxc", "containerd"})
      if (line.find(name) != std::string::npos) return std::string(name);
  return std::string("none");
}

record::Cpu describe_cpu() {
  const CpuInfo& info = cpu_info();
  const Topology shape = topology().value_or(Topology{});
  record::Cpu cpu;
  cpu.model = info.brand.empty() ? "not named" : info.brand;
  cpu.vendor = info.vendor;
  cpu.family = std::to_string(info.family) + "/" + std::to_string(info.model) + "/" +
               std::to_string(info.stepping);
  cpu.cores_used = static_cast<int>(usable_processor_ids().size());
  cpu.cores = shape.cores;
  cpu.threads = shape.threads;
  cpu.sockets = shape.sockets;
  cpu.numa_nodes = shape.numa_nodes;
  cpu.isa = info.isa;
  for (const CpuCache& cache : info.caches)
    cpu.caches.push_back(
        {cache.level, static_cast<std::int64_t>(cache.bytes), cache.shared_by, cache.instances});
  return cpu;
}

std::map<std::string, std::string> library_variables() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    for (const char* prefix : {"OMP_", "GOMP_", "KMP_", "OPENBLAS_", "BLIS_", "DNNL_", "ONEDNN_",
                               "MKL_", "GOTO_", "POCL_", "ERGON_", "MALLOC_"})
      if (text.rfind(prefix, 0) == 0) {
        const auto at = text.find('=');
        out[text.substr(0, at)] = text.substr(at + 1);
      }
  }
  return out;
}

// "always [madvise] never" -> "madvise"
std::string chosen(const std::string& line) {
  const auto from = line.find('['), to = line.find(']');
  if (from == std::string::npos || to == std::string::npos) return line.empty() ? "unknown" : line;
  return line.substr(from + 1, to - from - 1);
}

}  // namespace

record::Host describe_host() {
  const std::string sysfs = root("ERGON_SYSFS", "/sys"), proc = root("ERGON_PROC", "/proc");
  const std::string cpus = sysfs + "/devices/system/cpu";
  record::Host host;
  host.cpu = describe_cpu();
  host.memory_bytes = std::atoll(value_of(proc + "/meminfo", "MemTotal", ':').c_str()) * 1024;
  host.os = value_of("/etc/os-release", "PRETTY_NAME", '=');
  utsname system{};
  uname(&system);
  host.kernel = std::string(system.sysname) + " " + system.release + " " + system.machine;
  host.virtualised = hypervisor();
  host.container = container(proc);
  host.governor = line_or(cpus + "/cpu0/cpufreq/scaling_governor", "no cpufreq here");
  const std::string smt = first_line(cpus + "/smt/active");
  host.smt = smt.empty() ? Maybe<bool>(Absent{"sysfs does not say"}) : Maybe<bool>(smt == "1");
  const std::string microcode = value_of(proc + "/cpuinfo", "microcode", ':');
  host.microcode = microcode.empty() ? Maybe<std::string>(Absent{"/proc/cpuinfo does not say"})
                                     : Maybe<std::string>(microcode);
  const char* bind = std::getenv("OMP_PROC_BIND");
  const char* places = std::getenv("OMP_PLACES");
  host.binding.policy = std::string("OMP_PROC_BIND=") + (bind ? bind : "unset") +
                        " OMP_PLACES=" + (places ? places : "unset");
  host.binding.cores = usable_processor_ids();
  host.pages.thp = chosen(first_line(sysfs + "/kernel/mm/transparent_hugepage/enabled"));
  host.pages.policy = std::string(name(page_policy()));
  host.pages.alignment = page_policy() == PagePolicy::huge ? 2 << 20 : 4096;
  host.variables = library_variables();
  return host;
}

std::vector<record::Library> libraries(const Registry& registry) {
  std::vector<record::Library> out;
  std::set<std::string> seen;
  for (const auto& implementation : registry.implementations()) {
    const auto& library = implementation->info().library;
    if (!library || implementation->unavailable()) continue;
    if (!seen.insert(library->name + library->version + library->path).second) continue;
    out.push_back({library->name, library->version, library->path, library->kernel});
  }
  return out;
}

record::Build describe_build() {
  return {build_info::version, build_info::commit, build_info::build_type, build_info::compiler,
          build_info::flags};
}

std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> out;
  for (std::string word; std::getline(file, word, '\0');) out.push_back(word);
  return out;
}

void bind_threads() {
  if (std::getenv("OMP_PROC_BIND") && std::getenv("OMP_PLACES") && std::getenv("OMP_DYNAMIC"))
    return;
  setenv("OMP_PROC_BIND", "close", 0);
  setenv("OMP_PLACES", "cores", 0);
  setenv("OMP_DYNAMIC", "false", 0);
  std::vector<std::string> words = command_line();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  throw UserError(std::string("cannot start again with OpenMP bound to cores: ") +
                  std::strerror(errno));
}

}  // namespace ergon::measure
