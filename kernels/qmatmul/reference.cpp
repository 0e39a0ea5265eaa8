// float64 throughout: weights and activations as the format has them, sums in the order of k,
// rounded once to the output type.
#include <vector>

#include "kernels/devices/cpu.h"
#include "kernels/qmatmul/loop_plan.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

void run(const QMatmul& q, const Inputs& inputs, std::size_t slot, std::byte* y, int threads) {
  const Activation activation(q, inputs, slot);
  const Weights weights = weights_of(inputs, slot);
  std::vector<double> x(static_cast<std::size_t>(q.m * q.k));
  for (std::int64_t i = 0; i < q.m; ++i) activation.multiplied(i, x.data() + i * q.k);
  on_team(threads, [&](int thread, int team) {
    std::vector<double> w(static_cast<std::size_t>(q.k));
    for (std::int64_t j = q.n * thread / team; j < q.n * (thread + 1) / team; ++j) {
      dequantize(q.layout, weights, j, w.data());
      for (std::int64_t i = 0; i < q.m; ++i) {
        const double* row = x.data() + i * q.k;
        double sum = 0;
        for (std::int64_t p = 0; p < q.k; ++p) sum += row[p] * w[static_cast<std::size_t>(p)];
        store(q.output, y, i * q.n + j, sum);
      }
    }
  });
}

}  // namespace

Implementations make_qmatmul_reference(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "qmatmul";
  info.backend = info.name = "reference";
  info.device_kind = "cpu";
  info.about = "float64 loop over dequantized operands, rounded once to the output type";
  Implementations list;
  list.push_back(make_qmatmul_loop(std::move(info), run));
  return list;
}

}  // namespace ergon
