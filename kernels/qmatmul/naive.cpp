// The obvious loops, scalar: a row of weights is decoded, then multiplied with every token. Integer
// formats sum products exactly within a group; all else is f32. Threads share outputs.
#include "kernels/devices/cpu.h"
#include "kernels/qmatmul/loop_plan.h"
#include "kernels/qmatmul/naive_rows.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

void run(const QMatmul& q, const Inputs& inputs, std::size_t slot, std::byte* y, int threads) {
  const NaiveTokens tokens = naive_tokens(q, inputs, slot);
  const Weights weights = weights_of(inputs, slot);
  on_team(threads, [&](int thread, int team) {
    NaiveRow row(q);
    for (std::int64_t j = q.n * thread / team; j < q.n * (thread + 1) / team; ++j) {
      row.decode(q, weights, j);
      for (std::int64_t i = 0; i < q.m; ++i)
        store(q.output, y, i * q.n + j, double{row.product(q, tokens, i)});
    }
  });
}

}  // namespace

Implementations make_qmatmul_naive(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "qmatmul";
  info.backend = info.name = "naive";
  info.device_kind = "cpu";
  info.about = "loops over outputs, tokens and inputs, scalar; " ERGON_NAIVE_FLAGS;
  Implementations list;
  list.push_back(make_qmatmul_loop(std::move(info), run));
  return list;
}

}  // namespace ergon
