// float64 throughout: weights and activations as the format has them, sums in the order of k,
// rounded once to the output type.
#include <vector>

#include "kernels/devices/cpu.h"
#include "kernels/moe/loop_plan.h"
#include "kernels/moe/routing.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

void run(const Moe& moe, const Inputs& inputs, std::size_t slot, std::byte* y, int threads) {
  const QMatmul& q = moe.tokens;
  const Activation activation(q, inputs, slot);
  std::vector<double> x(static_cast<std::size_t>(q.m * q.k));
  for (std::int64_t i = 0; i < q.m; ++i) activation.multiplied(i, x.data() + i * q.k);
  RowsByExpert rows(moe.experts, moe.rows());
  rows.sort(inputs.as<std::int32_t>("expert", slot));
  on_team(threads, [&](int thread, int team) {
    std::vector<double> w(static_cast<std::size_t>(q.k));
    for (std::int64_t e = 0; e < moe.experts; ++e) {
      if (rows.of(e).empty()) continue;
      const Weights weights = weights_of(moe, inputs, slot, e);
      for (std::int64_t j = q.n * thread / team; j < q.n * (thread + 1) / team; ++j) {
        dequantize(q.layout, weights, j, w.data());
        for (const std::int64_t row : rows.of(e)) {
          const double* token = x.data() + row / moe.top_k * q.k;
          double sum = 0;
          for (std::int64_t p = 0; p < q.k; ++p) sum += token[p] * w[static_cast<std::size_t>(p)];
          store(q.output, y, row * q.n + j, sum);
        }
      }
    }
  });
}

}  // namespace

Implementations make_moe_reference(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "moe";
  info.backend = info.name = "reference";
  info.device_kind = "cpu";
  info.about = "float64 loop over dequantized operands, rounded once to the output type";
  Implementations list;
  list.push_back(make_moe_loop(std::move(info), run));
  return list;
}

}  // namespace ergon
