#include "kernels/gemm/oracle.h"

#include <stdexcept>
#include <vector>

#include "kernels/gemm/expectation.h"

namespace ergon {
namespace {

constexpr double most_operations = 4e9, most_elements = 1 << 24;
constexpr double compensated_cost = 4;  // in plain operations

bool affordable(const Gemm& gemm) {
  const double elements =
      static_cast<double>(gemm.m) * static_cast<double>(gemm.n) * static_cast<double>(gemm.batch);
  const double cost = gemm.types.accumulate == DType::f64 ? compensated_cost : 1;
  return cost * gemm.work().flops <= most_operations && elements <= most_elements;
}

class GemmOracle final : public Oracle {
 public:
  GemmOracle(const Gemm& gemm, const Inputs& inputs, bool whole)
      : sizes_(gemm.desc(gemm.c(), gemm.types.output).sizes), output_(gemm.types.output) {
    const Problem problem(gemm);
    const Calibration calibration = calibrate(problem, inputs);
    tolerance_ = calibration.tolerance;
    expectation_ =
        whole ? expect_whole(problem, inputs) : expect_sampled(problem, inputs, calibration);
  }

  Accuracy check(std::span<const HostTensor> outputs) const override {
    if (outputs.size() != 1 || outputs[0].desc.sizes != sizes_ || outputs[0].desc.dtype != output_)
      throw std::invalid_argument("gemm has one output: C, of the workload's type and sizes");
    Comparer comparer("c", output_, tolerance_);
    expectation_->compare(outputs[0], comparer);
    Accuracy accuracy = comparer.result();
    accuracy.reference = expectation_->reference();
    return accuracy;
  }

 private:
  std::vector<std::int64_t> sizes_;
  DType output_;
  double tolerance_ = 0;
  std::unique_ptr<Expectation> expectation_;
};

}  // namespace

std::unique_ptr<Oracle> make_gemm_oracle(const Gemm& gemm, const Inputs& inputs,
                                         Coverage coverage) {
  const bool whole = coverage == Coverage::by_size ? affordable(gemm) : coverage == Coverage::whole;
  return std::make_unique<GemmOracle>(gemm, inputs, whole);
}

}  // namespace ergon
