// One GEMM prepared by one oneDNN implementation, and its product by a triple loop in double.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/devices/cpu.h"
#include "kernels/gemm/gemm.h"
#include "kernels/registry.h"

namespace ergon {

Implementations make_gemm_onednn(const RegistryOptions& options);

inline Device& cpu_device() {
  static std::string reason;
  static const std::vector<std::unique_ptr<Device>> devices = find_cpu(reason);
  return *devices.at(0);
}

inline std::unique_ptr<Implementation> onednn_gemm(std::string_view variant) {
  for (auto& implementation : make_gemm_onednn({}))
    if (implementation->info().variant == variant) return std::move(implementation);
  throw std::logic_error("no such variant");
}

inline FieldMap shape(std::int64_t m, std::int64_t n, std::int64_t k) {
  return {{"m", m}, {"n", n}, {"k", k}};
}

inline FieldMap with(FieldMap fields, const FieldMap& more) {
  for (const auto& [name, value] : more) fields.insert_or_assign(name, value);
  return fields;
}

class PreparedGemm {
 public:
  PreparedGemm(std::string_view variant, const FieldMap& fields, std::size_t slots = 1,
               int threads = 2, Device& device = cpu_device())
      : implementation(onednn_gemm(variant)), workload(gemm_family().make(fields)) {
    refusal = implementation->unsupported(*workload);
    if (refusal) return;
    inputs = gemm_family().inputs(*workload, 7, slots);
    placement = {&device, threads, slots};
    plan = implementation->prepare(*workload, *inputs, placement);
    stream = device.make_stream();
    plan->activate();
  }

  const Gemm& gemm() const { return dynamic_cast<const Gemm&>(*workload); }

  void run_stages(bool per_call, std::size_t slot) {
    for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
      if (plan->stages()[stage].per_call == per_call) plan->enqueue(stage, *stream, slot);
    stream->finish();
  }
  void pack(std::size_t slot = 0) { run_stages(false, slot); }
  void call(std::size_t slot = 0) { run_stages(true, slot); }
  void everything(std::size_t slot = 0) {
    plan->reset(slot);
    pack(slot);
    call(slot);
  }

  DeviceTensor c(std::size_t slot = 0) const { return plan->outputs(slot).at(0); }
  std::byte* c_data(std::size_t slot = 0) const {
    const DeviceTensor tensor = c(slot);
    return tensor.buffer->host() + tensor.offset;
  }
  std::vector<std::byte> c_bytes(std::size_t slot = 0) const {
    return {c_data(slot), c_data(slot) + c(slot).desc.span_bytes()};
  }
  void poison(std::size_t slot = 0) { std::memset(c_data(slot), 0xFF, c(slot).desc.span_bytes()); }

  std::unique_ptr<Implementation> implementation;
  std::unique_ptr<Workload> workload;
  std::optional<std::string> refusal;
  std::unique_ptr<Inputs> inputs;
  Placement placement;
  std::unique_ptr<Plan> plan;
  std::unique_ptr<Stream> stream;
};

inline double element(const TensorDesc& desc, const std::byte* data, std::int64_t batch,
                      std::int64_t row, std::int64_t col) {
  return load(desc.dtype, data,
              batch * desc.strides[0] + row * desc.strides[1] + col * desc.strides[2]);
}

inline double operand(const PreparedGemm& problem, const char* name, bool transpose,
                      std::size_t slot, std::int64_t batch, std::int64_t row, std::int64_t col) {
  if (transpose) std::swap(row, col);
  return element(problem.inputs->desc(name), problem.inputs->data(name, slot), batch, row, col);
}

/// "" where C is alpha A B + beta C of the current inputs, else the first place where it is not.
inline std::string wrong_at(const PreparedGemm& problem, std::size_t slot = 0) {
  const Gemm& gemm = problem.gemm();
  for (std::int64_t batch = 0; batch < gemm.batch; ++batch)
    for (std::int64_t i = 0; i < gemm.m; ++i)
      for (std::int64_t j = 0; j < gemm.n; ++j) {
        double sum = 0, magnitude = 0;
        for (std::int64_t p = 0; p < gemm.k; ++p) {
          const double product = operand(problem, "a", gemm.transpose_a, slot, batch, i, p) *
                                 operand(problem, "b", gemm.transpose_b, slot, batch, p, j);
          sum += product;
          magnitude += std::fabs(product);
        }
        double expected = gemm.alpha * sum;
        if (gemm.beta != 0) expected += gemm.beta * operand(problem, "c", false, slot, batch, i, j);
        const double got = element(problem.c().desc, problem.c_data(slot), batch, i, j);
        // Rounding in the sums, and of the product once or twice on the way to C.
        const double limit =
            gemm.is_integer() ? 0
                              : 1e-6 * (magnitude + 1) + 2 * info(gemm.types.output).epsilon *
                                                             (std::fabs(expected) + std::fabs(sum));
        if (!(std::fabs(got - expected) <= limit))
          return "c[" + std::to_string(batch) + "," + std::to_string(i) + "," + std::to_string(j) +
                 "]: got " + std::to_string(got) + ", expected " + std::to_string(expected) + " (" +
                 problem.plan->detail() + ")";
      }
  return "";
}

}  // namespace ergon
