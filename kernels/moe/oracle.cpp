#include "kernels/moe/oracle.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/qmatmul/oracle.h"

namespace ergon {
namespace {

/// Of an operand of experts' rows.
std::size_t row_bytes(const Inputs& inputs, const std::string& name) {
  const TensorDesc& desc = inputs.desc(name);
  return static_cast<std::size_t>(desc.sizes[1]) * size_of(desc.dtype);
}

/// The operands of the qmatmul of expert 0.
Inputs with_expert_0(const Moe& moe, const Inputs& inputs) {
  Inputs one(qmatmul_family().operands(moe.tokens), 1);
  one.seed = inputs.seed;
  for (const NamedDesc& operand : one.operands())
    std::memcpy(one.data(operand.name, 0), inputs.data(operand.name, 0), operand.desc.span_bytes());
  return one;
}

bool is_turned(const Moe& moe, const Inputs& inputs, std::int64_t expert) {
  const auto n = static_cast<std::size_t>(moe.tokens.n);
  const auto first = static_cast<std::size_t>(turn(moe, expert));
  for (const NamedDesc& operand : inputs.operands()) {
    if (!of_experts(operand)) continue;
    const std::size_t row = row_bytes(inputs, operand.name);
    const std::byte* base = inputs.data(operand.name, 0);
    const std::byte* turned = base + static_cast<std::size_t>(expert) * n * row;
    if (std::memcmp(turned, base + first * row, (n - first) * row) != 0 ||
        std::memcmp(turned + (n - first) * row, base, first * row) != 0)
      return false;
  }
  return true;
}

class MoeOracle final : public Oracle {
 public:
  MoeOracle(const Moe& moe, const Inputs& inputs)
      : moe_(moe),
        desc_(moe.routed().y_desc()),
        expert_(inputs.as<std::int32_t>("expert", 0),
                inputs.as<std::int32_t>("expert", 0) + moe.rows()),
        with_expert_0_(make_qmatmul_oracle(moe.tokens, ergon::with_expert_0(moe, inputs))) {
    std::vector<bool> known(static_cast<std::size_t>(moe.experts));
    for (const std::int32_t expert : expert_) {
      if (expert < 0 || expert >= moe.experts)
        throw std::logic_error("a token is routed to expert " + std::to_string(expert));
      const auto at = static_cast<std::size_t>(expert);
      if (!known[at] && !is_turned(moe, inputs, expert))
        throw std::logic_error("the weights of expert " + std::to_string(expert) +
                               " are not those of expert 0, turned");
      known[at] = true;
    }
  }

  Accuracy check(std::span<const HostTensor> outputs) const override {
    const bool known = outputs.size() == 1 && outputs[0].desc.sizes == desc_.sizes &&
                       outputs[0].desc.dtype == desc_.dtype &&
                       (outputs[0].name == own_arithmetic || outputs[0].name == plain_arithmetic);
    if (!known)
      throw std::invalid_argument("moe has one output: Y, of the workload's type and sizes");
    std::vector<Accuracy> choices;
    for (std::int64_t j = 0; j < moe_.top_k; ++j) choices.push_back(check_choice(outputs[0], j));
    Accuracy all = merged(choices);
    all.reference += "; every token's experts turned back to expert 0";
    return all;
  }

 private:
  /// Rows of each token's j-th expert.
  Accuracy check_choice(const HostTensor& y, std::int64_t j) const {
    const std::int64_t n = moe_.tokens.n;
    const auto size = static_cast<std::int64_t>(size_of(desc_.dtype));
    std::vector<std::byte> back(static_cast<std::size_t>(moe_.tokens.m * n * size));
    for (std::int64_t t = 0; t < moe_.tokens.m; ++t) {
      const std::int64_t row = t * moe_.top_k + j;
      const std::int64_t first = turn(moe_, expert_[static_cast<std::size_t>(row)]);
      const std::byte* from = y.data + row * y.desc.strides[0] * size;
      std::byte* to = back.data() + t * n * size;
      std::memcpy(to + first * size, from, static_cast<std::size_t>((n - first) * size));
      std::memcpy(to, from + (n - first) * size, static_cast<std::size_t>(first * size));
    }
    const HostTensor tensor{y.name, moe_.tokens.y_desc(), back.data()};
    Accuracy accuracy = with_expert_0_->check({&tensor, 1});
    if (accuracy.mismatch)
      accuracy.mismatch = "expert " + std::to_string(j) +
                          " of each token, turned back to expert 0: " + *accuracy.mismatch;
    return accuracy;
  }

  const Moe moe_;
  TensorDesc desc_;
  std::vector<std::int32_t> expert_;
  std::unique_ptr<Oracle> with_expert_0_;
};

}  // namespace

std::unique_ptr<Oracle> make_moe_oracle(const Moe& workload, const Inputs& inputs) {
  return std::make_unique<MoeOracle>(workload, inputs);
}

}  // namespace ergon
