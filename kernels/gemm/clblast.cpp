// GEMM by CLBlast on any OpenCL device: f32, and f64 where the device computes it.
//
// A call enqueues CLBlast's kernels and returns. CLBlast itself blocks only on the first call for a
// device, data type and kernel, when it compiles (seconds): the caller warms up. Its temporary
// buffer for re-laid matrices is allocated here once and shared by the slots, so a plan is for one
// stream at a time; for a batch CLBlast takes no such buffer and allocates one in every call.
//
// f16 is left out on purpose: CLBlast accumulates it in f16, the f16 GEMM of this suite in f32.
#include "kernels/devices/opencl.h"
// After the header that fixes the OpenCL version.
#include <clblast.h>
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "kernels/gemm/gemm.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

void check_clblast(clblast::StatusCode status, std::string_view call) {
  const int code = static_cast<int>(status);
  if (code < 0 && code > -100) check_opencl(code, call);
  if (code == 0) return;
  throw DeviceError(std::string(call) + ": CLBlast status " + std::to_string(code));
}

clblast::Layout layout(const Gemm& gemm) {
  return gemm.col_major ? clblast::Layout::kColMajor : clblast::Layout::kRowMajor;
}

clblast::Transpose transposed(bool is) {
  return is ? clblast::Transpose::kYes : clblast::Transpose::kNo;
}

std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Bytes of the re-laid matrices for one GEMM; 0 where CLBlast takes its direct kernel.
template <class T>
std::size_t temporary_bytes(const Gemm& gemm, OpenclDevice& device) {
  std::size_t bytes = 0;
  cl_command_queue queue = device.copy_queue();
  check_clblast(clblast::GemmTempBufferSize<T>(
                    layout(gemm), transposed(gemm.transpose_a), transposed(gemm.transpose_b),
                    size(gemm.m), size(gemm.n), size(gemm.k), 0, size(gemm.a().ld), 0,
                    size(gemm.b().ld), 0, size(gemm.c().ld), &queue, bytes),
                "GemmTempBufferSize");
  return bytes;
}

std::size_t operand_bytes(const Gemm& gemm, const GemmMatrix& matrix, DType dtype) {
  return gemm.desc(matrix, dtype).span_bytes();
}

template <class T>
class ClblastPlan final : public Plan {
 public:
  ClblastPlan(const Gemm& gemm, const Inputs& inputs, OpenclDevice& device, std::size_t slots)
      : gemm_(gemm),
        inputs_(inputs),
        device_(device),
        stages_{{{"matmul", true, gemm.work()}}},
        temporary_bytes_(temporary_bytes<T>(gemm, device)) {
    if (temporary_bytes_ > 0 && gemm.batch == 1) temporary_ = device.allocate(temporary_bytes_);
    for (std::size_t slot = 0; slot < slots; ++slot) {
      slots_.push_back({device.allocate(operand_bytes(gemm, gemm.a(), gemm.types.inputs)),
                        device.allocate(operand_bytes(gemm, gemm.b(), gemm.types.weights)),
                        device.allocate(operand_bytes(gemm, gemm.c(), gemm.types.output))});
      refresh(slot);
      reset(slot);
    }
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }

  void enqueue(std::size_t /*stage*/, Stream& stream, std::size_t slot) override {
    cl_command_queue queue = dynamic_cast<OpenclStream&>(stream).queue();
    if (gemm_.batch == 1) {
      single(slots_.at(slot), queue);
    } else {
      batched(slots_.at(slot), queue);
    }
  }

  void reset(std::size_t slot) override {
    if (gemm_.beta != 0) upload(*slots_.at(slot).c, "c", slot);
  }

  std::vector<DeviceTensor> outputs(std::size_t slot) override {
    return {{"c", gemm_.desc(gemm_.c(), gemm_.types.output), slots_.at(slot).c.get(), 0}};
  }

  void refresh(std::size_t slot) override {
    upload(*slots_.at(slot).a, "a", slot);
    upload(*slots_.at(slot).b, "b", slot);
  }

  std::string detail() const override {
    return temporary_bytes_ == 0 ? "XgemmDirect" : "Xgemm with re-laid matrices";
  }

 private:
  struct Slot {
    std::unique_ptr<Buffer> a, b, c;
  };

  static cl_mem memory(const Buffer& buffer) {
    return dynamic_cast<const OpenclBuffer&>(buffer).memory();
  }

  void upload(Buffer& to, std::string_view operand, std::size_t slot) {
    const HostTensor from = inputs_.tensor(operand, slot);
    device_.upload(to, 0, from.data, from.desc.span_bytes());
  }

  void single(const Slot& slot, cl_command_queue queue) {
    check_clblast(
        clblast::Gemm<T>(layout(gemm_), transposed(gemm_.transpose_a),
                         transposed(gemm_.transpose_b), size(gemm_.m), size(gemm_.n), size(gemm_.k),
                         static_cast<T>(gemm_.alpha), memory(*slot.a), 0, size(gemm_.a().ld),
                         memory(*slot.b), 0, size(gemm_.b().ld), static_cast<T>(gemm_.beta),
                         memory(*slot.c), 0, size(gemm_.c().ld), &queue, nullptr,
                         temporary_ ? memory(*temporary_) : nullptr),
        "Gemm");
  }

  void batched(const Slot& slot, cl_command_queue queue) {
    const GemmMatrix a = gemm_.a(), b = gemm_.b(), c = gemm_.c();
    check_clblast(clblast::GemmStridedBatched<T>(
                      layout(gemm_), transposed(gemm_.transpose_a), transposed(gemm_.transpose_b),
                      size(gemm_.m), size(gemm_.n), size(gemm_.k), static_cast<T>(gemm_.alpha),
                      memory(*slot.a), 0, size(a.ld), size(a.batch_stride), memory(*slot.b), 0,
                      size(b.ld), size(b.batch_stride), static_cast<T>(gemm_.beta), memory(*slot.c),
                      0, size(c.ld), size(c.batch_stride), size(gemm_.batch), &queue),
                  "GemmStridedBatched");
  }

  const Gemm gemm_;
  const Inputs& inputs_;
  OpenclDevice& device_;
  const std::array<Stage, 1> stages_;
  const std::size_t temporary_bytes_;
  std::unique_ptr<Buffer> temporary_;
  std::vector<Slot> slots_;
};

/// What the OpenCL devices of this machine offer together; asked once.
struct Offer {
  std::string none;  // why there is no device; empty where there is one
  bool fp64 = false;
};

const Offer& offer() {
  static const Offer found = [] {
    Offer result;
    for (const auto& device : find_opencl(result.none)) {
      result.fp64 |= dynamic_cast<const OpenclDevice&>(*device).has_fp64();
    }
    return result;
  }();
  return found;
}

/// CLBlast tells its version only to the preprocessor; the path says which file was loaded.
Library library() {
  Library result{"CLBlast",
                 std::to_string(CLBLAST_VERSION_MAJOR) + "." +
                     std::to_string(CLBLAST_VERSION_MINOR) + "." +
                     std::to_string(CLBLAST_VERSION_PATCH),
                 {},
                 {}};
  Dl_info where{};
  if (dladdr(reinterpret_cast<void*>(&clblast::ClearCache), &where) != 0 && where.dli_fname) {
    std::error_code ignored;
    const auto path = std::filesystem::canonical(where.dli_fname, ignored);
    result.path = ignored ? where.dli_fname : path.string();
  }
  return result;
}

class Clblast final : public Implementation {
 public:
  Clblast() : info_{"gemm", "clblast", "clblast", "", "opencl", about, library()} {}

  const ImplementationInfo& info() const noexcept override { return info_; }

  std::optional<std::string> unavailable() const override {
    if (offer().none.empty()) return std::nullopt;
    return offer().none;
  }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto& gemm = dynamic_cast<const Gemm&>(workload);
    if (gemm.dtype == "f16") return "CLBlast accumulates f16 in f16, not in f32";
    if (gemm.dtype != "f32" && gemm.dtype != "f64") return "CLBlast has no " + gemm.dtype + " GEMM";
    if (gemm.dtype == "f64" && !offer().fp64) return "no OpenCL device here computes in f64";
    if (std::min({gemm.m, gemm.n, gemm.k, gemm.batch}) == 0) {
      return "CLBlast refuses a dimension of 0";
    }
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& gemm = dynamic_cast<const Gemm&>(workload);
    auto& device = dynamic_cast<OpenclDevice&>(*placement.device);
    const std::size_t temporary = gemm.dtype == "f64" ? temporary_bytes<double>(gemm, device)
                                                      : temporary_bytes<float>(gemm, device);
    return {temporary * size(gemm.batch), operand_bytes(gemm, gemm.a(), gemm.types.inputs) +
                                              operand_bytes(gemm, gemm.b(), gemm.types.weights) +
                                              operand_bytes(gemm, gemm.c(), gemm.types.output)};
  }

  /// Throws DeviceError for f64 on a device without it.
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& gemm = dynamic_cast<const Gemm&>(workload);
    auto& device = dynamic_cast<OpenclDevice&>(*placement.device);
    if (gemm.dtype == "f32") {
      return std::make_unique<ClblastPlan<float>>(gemm, inputs, device, placement.slots);
    }
    if (!device.has_fp64()) throw DeviceError(device.info().name + " does not compute in f64");
    return std::make_unique<ClblastPlan<double>>(gemm, inputs, device, placement.slots);
  }

 private:
  static constexpr auto about = "CLBlast's tuned OpenCL kernels on operands in device memory";
  ImplementationInfo info_;
};

}  // namespace

Implementations make_gemm_clblast(const RegistryOptions&) {
  Implementations made;
  made.push_back(std::make_unique<Clblast>());
  return made;
}

}  // namespace ergon
