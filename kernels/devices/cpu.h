// The processor as CPUID (or the Arm ID registers, through the kernel) tells it, and its caches.
//
// Guests hide names: family, model and stepping are kept beside the brand string. An instruction
// set counts as usable only where the operating system saves its registers.
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/devices/device.h"

namespace ergon {

struct CpuCache {
  int level = 0;
  std::size_t bytes = 0;  // of one instance
  int shared_by = 1;      // logical processors of one instance
  int instances = 1;      // that the usable processors reach
};

struct CpuInfo {
  std::string vendor;  // "AuthenticAMD", "GenuineIntel", or the Arm implementer's name
  std::string brand;   // as the processor (or its hypervisor) prints it
  int family = 0;      // extended family added
  int model = 0;       // extended model included
  int stepping = 0;
  bool hypervisor = false;
  std::vector<std::string>
      isa;  // usable: "sse2", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", ...
  std::vector<CpuCache> caches;  // data and unified, innermost first, as sysfs reports them
  bool has(std::string_view feature) const noexcept;
  /// All instances together: a chip of several dies has as many last-level caches, and two sockets
  /// twice those.
  std::optional<std::size_t> last_level_cache_bytes() const noexcept;
};

/// Read once, then the same object. Honours ERGON_SYSFS for the caches, which are those of the
/// usable processors at that time.
const CpuInfo& cpu_info();

/// Asks Linux for permission to use AMX tiles in this process; true where they may be used.
bool enable_amx() noexcept;

/// Logical processors this process may run on. Where the OpenMP runtime has bound the calling
/// thread to its own place, those of all places: the thread's own mask then tells of one only.
std::vector<int> usable_processor_ids();
/// Their number; at least 1.
int usable_processors() noexcept;

/// Runs `body(thread, threads)` on a team of OpenMP threads and waits. `threads` is what the
/// runtime granted, which may be fewer than asked for.
template <class Body>
void on_team(int threads, Body&& body) {
  // A team of one costs a tenth of a microsecond.
  if (threads == 1) return body(0, 1);
#pragma omp parallel num_threads(threads)
  {
#ifdef _OPENMP
    body(omp_get_thread_num(), omp_get_num_threads());
#else
    body(0, 1);
#endif
  }
}

/// Waits until every thread of the team is here; outside of one, for nobody.
inline void team_barrier(){
#pragma omp barrier
}

std::vector<std::unique_ptr<Device>> find_cpu(std::string& reason);

}  // namespace ergon
