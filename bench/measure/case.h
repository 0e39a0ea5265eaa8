// What will be measured: a suite's entries crossed with the implementations, devices, threads and
// cache states of this machine. A combination that cannot run is a case too, with the reason.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/config/suite.h"
#include "kernels/registry.h"

namespace ergon::measure {

struct Case {
  const Family* family = nullptr;
  std::shared_ptr<const Workload> workload;
  const Implementation* implementation = nullptr;
  Device* device = nullptr;  // nullptr: no such device here; `skip` says so
  int threads = 1;
  bool cold = false;
  std::optional<std::string> skip;

  /// "gemm/m=8,n=64,k=64/f32/onednn:onednn:packed-once/cpu/threads:2/cold", unique in a suite.
  std::string name() const;
  /// "onednn:packed-once": backend, name where it differs, variant.
  std::string implementation_name() const;
};

/// "bf16", or "bf16_f32" where inputs and output differ in more than the accumulator's type.
std::string dtype_name(const Workload& workload);

/// Command-line narrowing of a suite.
struct CaseOptions {
  std::string filter;                 // ECMAScript regex searched in Case::name(); empty: all
  std::vector<std::string> backends;  // selectors; empty: as the suite says
  std::vector<std::string> threads;   // numbers or "all"; empty: as the suite says
  std::optional<std::string> cache;   // "cold", "warm", "both"; nothing: as the suite says
};

/// The machine's side of a run: what is registered and which devices exist.
struct Machine {
  explicit Machine(const RegistryOptions& options);
  Registry registry;
  Implementations absent;  // stand-ins for the backends that this build lacks
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<std::pair<std::string, std::string>> missing_devices;  // api, reason
  Device& cpu() const;
};

/// Throws UserError with file, line and field for what the suite or the options get wrong, and
/// where no case is left.
std::vector<Case> make_cases(const config::Suite& suite, const Machine& machine,
                             const CaseOptions& options);

/// Cases of one workload and cache state: they share inputs and rounds.
struct BlockPlan {
  int number = 0;           // in the suite's order; the same for every launch
  std::vector<Case> cases;  // runnable ones
  bool cold = false;
  std::size_t slots = 1;
  std::size_t bytes = 0;  // everything the block allocates
};

/// Groups runnable cases into blocks that fit `memory_bytes`, splitting a block by implementation
/// where all of it does not fit; a case that does not fit even alone gets its `skip`, with the
/// figure.
std::vector<BlockPlan> make_blocks(std::vector<Case>& cases, std::size_t memory_bytes);

/// What a case allocates on so many slots: by itself, and for the operands that a block shares.
struct CaseBytes {
  std::size_t own = 0, shared = 0;
  std::size_t all() const noexcept;
};
CaseBytes case_bytes(const Case& what, std::size_t slots);
/// "needs 80 MiB to stay cold, 64 MiB may be used".
std::string too_large(std::size_t needed, bool cold, std::size_t memory_bytes);

/// Slots so that the bytes between two uses of a buffer exceed three times the last-level cache.
std::size_t cold_slots(const Workload& workload, const Device& device);
std::size_t cold_target_bytes(const Device& device);

/// Memory that the blocks of a run may use; `usable_memory_bytes` less what ceilings and the rest
/// need.
std::size_t block_memory_bytes();

/// Memory that a run may use: a share of what the system has available now.
std::size_t usable_memory_bytes();

}  // namespace ergon::measure
