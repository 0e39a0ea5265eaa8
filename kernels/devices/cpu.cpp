#include "kernels/devices/cpu.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "kernels/devices/cpu_caches.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include <cstdio>

#include <fstream>
#endif

namespace ergon {
namespace {

std::string root_or(const char* variable, const char* fallback) {
  const char* root = std::getenv(variable);
  return root != nullptr && *root != '\0' ? root : fallback;
}

#if defined(__x86_64__)

struct Registers {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// Zeros for a leaf that the processor does not have.
Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) noexcept {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

// Register sets that the operating system saves (XCR0); Intel SDM volume 1, chapter 13.
constexpr std::uint64_t saves_avx = 0x6, saves_avx512 = 0xe6, saves_tiles = 0x60006;

std::uint64_t saved_state(const Registers& leaf1) noexcept {
  constexpr std::uint32_t osxsave = 1U << 27;
  if ((leaf1.ecx & osxsave) == 0) return 0;
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

// Intel SDM volume 2, CPUID; the bits are the same on AMD.
std::vector<std::string> usable_sets() {
  const Registers one = cpuid(1), seven = cpuid(7, 0), seven_one = cpuid(7, 1);
  const std::uint64_t saved = saved_state(one);
  struct Feature {
    const char* name;
    std::uint32_t word;
    int bit;
    std::uint64_t needs;
  };
  const Feature features[] = {
      {"sse2", one.edx, 26, 0},
      {"avx", one.ecx, 28, saves_avx},
      {"f16c", one.ecx, 29, saves_avx},
      {"fma", one.ecx, 12, saves_avx},
      {"avx2", seven.ebx, 5, saves_avx},
      {"avx_vnni", seven_one.eax, 4, saves_avx},
      {"avx512f", seven.ebx, 16, saves_avx512},
      {"avx512dq", seven.ebx, 17, saves_avx512},
      {"avx512bw", seven.ebx, 30, saves_avx512},
      {"avx512vl", seven.ebx, 31, saves_avx512},
      {"avx512_vbmi", seven.ecx, 1, saves_avx512},
      {"avx512_vnni", seven.ecx, 11, saves_avx512},
      {"avx512_bf16", seven_one.eax, 5, saves_avx512},
      {"avx512_fp16", seven.edx, 23, saves_avx512},
      {"amx_tile", seven.edx, 24, saves_tiles},
      {"amx_int8", seven.edx, 25, saves_tiles},
      {"amx_bf16", seven.edx, 22, saves_tiles},
  };
  std::vector<std::string> usable;
  for (const Feature& f : features)
    if (((f.word >> f.bit) & 1U) != 0 && (saved & f.needs) == f.needs) usable.emplace_back(f.name);
  return usable;
}

std::string vendor_text() {
  const Registers r = cpuid(0);
  char text[12];
  std::memcpy(text, &r.ebx, 4);
  std::memcpy(text + 4, &r.edx, 4);
  std::memcpy(text + 8, &r.ecx, 4);
  return {text, sizeof text};
}

std::string brand_text() {
  std::string text;
  for (std::uint32_t leaf = 0x80000002U; leaf <= 0x80000004U; ++leaf) {
    const Registers r = cpuid(leaf);
    char part[16];
    std::memcpy(part, &r, sizeof part);
    text.append(part, sizeof part);
  }
  text.erase(std::find(text.begin(), text.end(), '\0'), text.end());
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

void identify(CpuInfo& info) {
  const Registers one = cpuid(1);
  const auto base_family = static_cast<int>((one.eax >> 8) & 0xfU);
  const auto base_model = static_cast<int>((one.eax >> 4) & 0xfU);
  info.vendor = vendor_text();
  info.brand = brand_text();
  info.family = base_family + (base_family == 15 ? static_cast<int>((one.eax >> 20) & 0xffU) : 0);
  info.model = base_model;
  if (base_family == 6 || base_family == 15)
    info.model += static_cast<int>((one.eax >> 16) & 0xfU) << 4;
  info.stepping = static_cast<int>(one.eax & 0xfU);
  info.hypervisor = (one.ecx >> 31) != 0;
  info.isa = usable_sets();
}

#elif defined(__aarch64__)

std::string implementer_name(const std::string& code) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> known = {{
      {"0x41", "Arm"},
      {"0x42", "Broadcom"},
      {"0x43", "Cavium"},
      {"0x46", "Fujitsu"},
      {"0x48", "HiSilicon"},
      {"0x4e", "NVIDIA"},
      {"0x61", "Apple"},
      {"0xc0", "Ampere"},
  }};
  for (const auto& [number, vendor] : known)
    if (number == code) return std::string(vendor);
  return code;
}

// MIDR_EL1, which Linux reads for programs that ask: part, variant and revision stand where x86 has
// model, family and stepping.
void identify_by_register(CpuInfo& info) {
  if ((getauxval(AT_HWCAP) & HWCAP_CPUID) == 0) return;
  std::uint64_t midr = 0;
  __asm__("mrs %0, midr_el1" : "=r"(midr));
  char code[8];
  std::snprintf(code, sizeof code, "0x%02x", static_cast<unsigned>(midr >> 24 & 0xff));
  info.vendor = implementer_name(code);
  info.family = static_cast<int>(midr >> 20 & 0xf);
  info.model = static_cast<int>(midr >> 4 & 0xfff);
  info.stepping = static_cast<int>(midr & 0xf);
}

// The same as the kernel prints it, which a fake tree can stand in for.
void identify(CpuInfo& info) {
  identify_by_register(info);
  std::ifstream in(root_or("ERGON_PROC", "/proc") + "/cpuinfo");
  for (std::string line; std::getline(in, line) && !line.empty();) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("CPU implementer")) info.vendor = implementer_name(value);
    if (line.starts_with("CPU part")) info.model = static_cast<int>(std::stol(value, nullptr, 0));
    if (line.starts_with("CPU variant"))
      info.family = static_cast<int>(std::stol(value, nullptr, 0));
    if (line.starts_with("CPU revision")) info.stepping = static_cast<int>(std::stol(value));
  }
  info.brand = info.vendor + " part " + std::to_string(info.model);
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  if ((first & HWCAP_ASIMD) != 0) info.isa.emplace_back("asimd");
  if ((first & HWCAP_ASIMDDP) != 0) info.isa.emplace_back("asimddp");
  if ((first & HWCAP_SVE) != 0) info.isa.emplace_back("sve");
  if ((second & HWCAP2_SME) != 0) info.isa.emplace_back("sme");
  if ((second & HWCAP2_BF16) != 0) info.isa.emplace_back("bf16");
  if ((second & HWCAP2_I8MM) != 0) info.isa.emplace_back("i8mm");
}

#else

void identify(CpuInfo& info) { info.vendor = info.brand = "unknown"; }

#endif

}  // namespace

bool CpuInfo::has(std::string_view feature) const noexcept {
  return std::find(isa.begin(), isa.end(), feature) != isa.end();
}

std::optional<std::size_t> CpuInfo::last_level_cache_bytes() const noexcept {
  if (caches.empty()) return std::nullopt;
  std::size_t bytes = 0;
  for (const CpuCache& cache : caches)
    if (cache.level == caches.back().level)
      bytes += cache.bytes * static_cast<std::size_t>(cache.instances);
  return bytes;
}

const CpuInfo& cpu_info() {
  static const CpuInfo known = [] {
    CpuInfo info;
    identify(info);
    info.caches = read_caches(root_or("ERGON_SYSFS", "/sys"), usable_processor_ids());
    return info;
  }();
  return known;
}

bool enable_amx() noexcept {
#if defined(__x86_64__)
  // Linux, Documentation/arch/x86/xstate.rst: state component 18 is the tile data.
  constexpr long request_permission = 0x1023, tile_data = 18;
  return cpu_info().has("amx_tile") && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

namespace {

std::vector<int> processors_of_places() {
  std::vector<int> ids;
#ifdef _OPENMP
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> some(static_cast<std::size_t>(std::max(0, omp_get_place_num_procs(place))));
    if (!some.empty()) omp_get_place_proc_ids(place, some.data());
    ids.insert(ids.end(), some.begin(), some.end());
  }
  std::sort(ids.begin(), ids.end());
#endif
  return ids;
}

std::vector<int> processors_of_mask() {
  std::vector<int> ids;
  // The kernel refuses a set smaller than its own; sizes up to what Linux can be built for.
  for (int processors = 1024; processors <= 65536 && ids.empty(); processors *= 4) {
    cpu_set_t* set = CPU_ALLOC(processors);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(processors);
    if (sched_getaffinity(0, bytes, set) == 0)
      for (int id = 0; id < processors; ++id)
        if (CPU_ISSET_S(static_cast<std::size_t>(id), bytes, set)) ids.push_back(id);
    CPU_FREE(set);
  }
  return ids;
}

}  // namespace

std::vector<int> usable_processor_ids() {
  std::vector<int> ids = processors_of_places();
  return ids.empty() ? processors_of_mask() : ids;
}

int usable_processors() noexcept {
  return std::max(1, static_cast<int>(usable_processor_ids().size()));
}

}  // namespace ergon
