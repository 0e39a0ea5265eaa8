// The obvious loops, scalar: a row of an expert's weights is decoded, then multiplied with every
// token of the expert. Threads share outputs.
#include "kernels/devices/cpu.h"
#include "kernels/moe/loop_plan.h"
#include "kernels/moe/routing.h"
#include "kernels/qmatmul/naive_rows.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

void run(const Moe& moe, const Inputs& inputs, std::size_t slot, std::byte* y, int threads) {
  const QMatmul& q = moe.tokens;
  const NaiveTokens tokens = naive_tokens(q, inputs, slot);
  RowsByExpert rows(moe.experts, moe.rows());
  rows.sort(inputs.as<std::int32_t>("expert", slot));
  on_team(threads, [&](int thread, int team) {
    NaiveRow output(q);
    for (std::int64_t e = 0; e < moe.experts; ++e) {
      if (rows.of(e).empty()) continue;
      const Weights weights = weights_of(moe, inputs, slot, e);
      for (std::int64_t j = q.n * thread / team; j < q.n * (thread + 1) / team; ++j) {
        output.decode(q, weights, j);
        for (const std::int64_t row : rows.of(e))
          store(q.output, y, row * q.n + j, double{output.product(q, tokens, row / moe.top_k)});
      }
    }
  });
}

}  // namespace

Implementations make_moe_naive(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "moe";
  info.backend = info.name = "naive";
  info.device_kind = "cpu";
  info.about = "loops over experts, outputs, tokens and inputs, scalar; " ERGON_NAIVE_FLAGS;
  Implementations list;
  list.push_back(make_moe_loop(std::move(info), run));
  return list;
}

}  // namespace ergon
