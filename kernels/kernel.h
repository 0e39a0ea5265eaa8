// The interface every computation lives behind.
//
//   Family          what is computed: fields, inputs, the oracle that says what is right
//   Implementation  one way to compute it: family x backend x name x variant
//   Plan            an implementation prepared for one workload: named stages over slots
//
// A slot is one complete set of buffers. Rotating over slots that together exceed the caches makes
// a measurement cold; slot 0 alone makes it warm. Every slot holds the same values in its own
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/devices/device.h"
#include "kernels/inputs.h"
#include "kernels/tensor.h"
#include "kernels/workload.h"

namespace ergon {

struct Accuracy {
  std::string reference;  // how the expected values were computed, and whether all were
  double max_abs = 0;     // largest |got - expected|
  double rel_l2 = 0;      // ||got - expected|| / ||expected||; 0 where both are 0
  double tolerance = 0;   // limit on max_abs; 0 for integers: exact
  std::int64_t checked_elements = 0;
  /// What the format costs: ||got - full|| / ||full||, where full is the float64 product of the
  /// operands before they were quantized; nothing where nothing was.
  std::optional<double> quantization_rel_l2;
  /// What is wrong, with the first place ("c[3,17]: got -1.5, expected 1.5"); nothing where all is
  /// well.
  std::optional<std::string> mismatch;
};

/// Knows the right outputs for one workload and one set of input values.
class Oracle {
 public:
  virtual ~Oracle() = default;
  virtual Accuracy check(std::span<const HostTensor> outputs) const = 0;
};

class Family {
 public:
  virtual ~Family() = default;
  virtual std::string_view name() const noexcept = 0;
  virtual std::span<const FieldSpec> fields() const noexcept = 0;
  /// Throws InvalidField.
  virtual std::unique_ptr<Workload> make(const FieldMap& given) const = 0;
  /// What one slot of inputs holds, before anything is allocated.
  virtual std::vector<NamedDesc> operands(const Workload& workload) const = 0;
  /// The operands, seeded; the same seed gives the same values whatever the number of slots.
  virtual std::unique_ptr<Inputs> inputs(const Workload& workload, std::uint64_t seed,
                                         std::size_t slots) const = 0;
  virtual std::unique_ptr<Oracle> oracle(const Workload& workload, const Inputs& inputs) const = 0;
  /// What the oracle allocates at most, while it is made and while it checks, where that grows with
  /// the workload; 0 where it does not.
  virtual std::size_t oracle_bytes(const Workload& /*workload*/) const { return 0; }
};

/// A named step of a plan. `per_call` stages are what a call costs; the others run once per set of
/// inputs (packing weights) and are timed apart.
struct Stage {
  std::string name;
  bool per_call = true;
  Work work;
};

class Plan {
 public:
  virtual ~Plan() = default;
  virtual std::span<const Stage> stages() const noexcept = 0;
  /// Sets vendor thread pools to this plan's placement. Untimed, before every window.
  virtual void activate() {}
  /// Asynchronous: may return before the work is done. Once-stages must have run on a slot before
  /// its per-call stages.
  virtual void enqueue(std::size_t stage, Stream& stream, std::size_t slot) = 0;
  /// Puts back what a call changes (C before beta, a recurrent state); blocking, untimed.
  virtual void reset(std::size_t slot) = 0;
  virtual std::vector<DeviceTensor> outputs(std::size_t slot) = 0;
  /// Takes the current values of the shared inputs again (blocking; a CPU plan that reads the
  /// inputs in place does nothing). Once-stages must run again afterwards.
  virtual void refresh(std::size_t /*slot*/) {}
  /// What the library says it runs for this problem ("brg:avx512_core_amx"); empty where it does
  /// not.
  virtual std::string detail() const { return {}; }
};

struct Placement {
  Device* device = nullptr;
  int threads = 1;
  std::size_t slots = 1;
};

/// Bytes a plan allocates by itself, beyond the shared inputs.
struct Footprint {
  std::size_t once = 0;
  std::size_t per_slot = 0;
};

struct Library {
  std::string name;     // "OpenBLAS"
  std::string version;  // as the library tells it
  std::string path;     // the file it was loaded from; empty where compiled in
  std::string kernel;   // the code path it picked for this processor ("SkylakeX"); may be empty
};

struct ImplementationInfo {
  std::string kernel;       // "gemm"
  std::string backend;      // "cblas"
  std::string name;         // "openblas"; the backend's name where there is only one
  std::string variant;      // "packed-once"; may be empty
  std::string device_kind;  // which Device kinds it runs on: "cpu" or "opencl"
  std::string about;        // one line: what it is, its flags or contract
  std::optional<Library> library;
};

class Implementation {
 public:
  virtual ~Implementation() = default;
  virtual const ImplementationInfo& info() const noexcept = 0;
  /// Why it cannot run on this machine at all; nothing where it can.
  virtual std::optional<std::string> unavailable() const { return std::nullopt; }
  /// Why it cannot do this workload; nothing where it can.
  virtual std::optional<std::string> unsupported(const Workload& workload) const = 0;
  /// The most threads it can be told to use: 1 for a sequential library and for one whose thread
  /// count cannot be set. A placement with more threads makes `prepare` throw std::runtime_error.
  virtual int max_threads() const { return std::numeric_limits<int>::max(); }
  virtual Footprint footprint(const Workload& workload, const Placement& placement) const = 0;
  /// `inputs` outlives the plan and has at least placement.slots slots.
  virtual std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                        const Placement& placement) const = 0;
};

}  // namespace ergon
