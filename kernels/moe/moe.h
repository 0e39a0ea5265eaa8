// The grouped product of a mixture-of-experts layer: every token meets the quantized weights of the
// few experts that it was routed to.
//
//   Y[t top_k + j] = x[t] W_e^T,  e = expert[t, j]
//
// X is m tokens of k inputs, each of `experts` matrices W_e is [n, k] in a format of
// qmatmul/format.h, Y is [m top_k, n], f32 or bf16. Nothing is combined: neither the top_k rows of
// a token, nor gate and up projections.
//
// Operands:
//   "x"        [m, k] as in qmatmul, with "x_scale" where the format has it
//   "expert"   s32 [m, top_k]; those of a token differ
//   "w"        u8 [experts n, bytes of a row]: row r of expert e is e n + r; "w_scale" and "w_zero"
//              [experts n, groups], where the format has them
// Output: one tensor, "y" or "y_plain" as in qmatmul.
//
// flops: 2 m top_k n k. bytes: x and its scales once; codes, scales and zero points of the experts
// that got a token once; y once. The routing, which both follow from, is a function of the fields.
//
// Values: x and the weights of expert 0 are qmatmul's for the same seed. The other experts are
// expert 0 with its rows turned (`turn`): drawing them all would take minutes, and a product with
// the wrong expert is still wrong everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "kernels/qmatmul/qmatmul.h"

namespace ergon {

/// How tokens choose their experts.
///   uniform  each set of top_k experts alike
///   skewed   one after the other, with probabilities proportional to 1 / (1 + e) (Zipf)
///   one      all tokens choose experts 0 to top_k - 1, in this order
enum class Routing : std::uint8_t { uniform, skewed, one };

class Moe final : public Workload {
 public:
  std::string_view kernel() const noexcept override { return "moe"; }
  std::vector<Field> fields() const override;
  TypeNames dtypes() const noexcept override { return tokens.dtypes(); }
  Work work() const noexcept override;
  std::optional<double> bits_per_weight() const noexcept override {
    return tokens.bits_per_weight();
  }
  /// An expert that is used meets 32 rows or fewer, were they shared evenly.
  bool streams_weights() const noexcept override;

  std::int64_t rows() const noexcept { return tokens.m * top_k; }
  /// A qmatmul of one expert with as many rows as Y has.
  QMatmul routed() const;

  QMatmul tokens;  // the qmatmul of one expert with all tokens
  std::int64_t experts = 1, top_k = 1;
  Routing routing = Routing::uniform;
  std::int64_t used_experts = 1;  // that got a token
};

const Family& moe_family();

/// Whether an operand has rows for every expert.
inline bool of_experts(const NamedDesc& operand) { return operand.name[0] == 'w'; }
/// The weights of one expert in a slot.
Weights weights_of(const Moe& workload, const Inputs& inputs, std::size_t slot,
                   std::int64_t expert);

/// Row r of expert e is row (r + turn) mod n of expert 0. No two experts are alike where there are
/// not more than n, and neighbours do not differ by a panel of any kernel.
std::int64_t turn(const Moe& workload, std::int64_t expert) noexcept;

}  // namespace ergon
