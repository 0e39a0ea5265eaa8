// S_t = decay S_{t-1} + k_t^T v_t, o_t = q_t S_t for the q_len tokens of each sequence and head.
//
// Operands and outputs: linear.h. There is no scale, and no cache: kv_len counts the tokens so far,
// those of the call included, and costs nothing. The state before the call stands for the kv_len -
// q_len tokens before it: zeros where there are none, else drawn. So a prefill of q_len = kv_len
// begins a sequence, and one of q_len < kv_len is a chunk that goes on from a state.
//
// flops: 4 head_dim v_head_dim for each token and head, of the recurrence: half for the update and
// half for the output; none for the decay. A chunked form does more and is credited with these.
// bytes: q, k, v and o once, the state read and written, the slopes. Values: q, k, v and state
// normal(0, 1); slopes the model's.
#include "kernels/attention/linear.h"

#include <cmath>
#include <cstring>

#include "kernels/attention/draw.h"
#include "kernels/attention/linear_oracle.h"
#include "kernels/attention/structure.h"

namespace ergon {
namespace {

double tokens(const Attention& a) {
  return static_cast<double>(a.batch) * static_cast<double>(a.q_len);
}

double state_elements(const Attention& a) {
  return static_cast<double>(a.batch) * static_cast<double>(a.q_heads) *
         static_cast<double>(a.head_dim) * static_cast<double>(a.v_head_dim);
}

void refuse(bool given, const char* field, const char* why) {
  if (given) throw InvalidField(field, std::string("is not of linear attention: ") + why);
}

class Linear final : public StructureRules {
 public:
  void settle(Attention& a, const FieldMap& /*given*/) const override {
    refuse(a.kv_heads != a.q_heads, "kv_heads", "each head has keys and values of its own");
    refuse(a.lengths != Lengths::equal, "lengths", "every sequence takes q_len tokens");
    refuse(!a.causal, "causal", "its state holds what came before");
    refuse(a.window > 0, "window", "decay forgets");
    refuse(a.sinks, "sinks", "there is no softmax");
    refuse(a.soft_cap != 0, "soft_cap", "there are no logits");
    refuse(a.scale != 0, "scale", "there are no logits");
    refuse(a.page > 0, "page", "there is no cache");
    refuse(a.kv_dtype != a.dtype, "kv_dtype", "there is no cache; the state is f32");
    if (a.q_len > a.kv_len)
      throw InvalidField("q_len", "is more than kv_len = " + std::to_string(a.kv_len));
    if (a.v_head_dim == 0) a.v_head_dim = a.head_dim;
    if (state_elements(a) > 0x1p55)
      throw InvalidField("head_dim", "the state has more than 2^55 elements");
  }

  Work work(const Attention& a) const noexcept override {
    const double heads = static_cast<double>(a.q_heads), rows = tokens(a) * heads;
    const double row =
        2 * static_cast<double>(a.head_dim + a.v_head_dim) * static_cast<double>(size_of(a.dtype));
    const double flops =
        4 * static_cast<double>(a.head_dim) * static_cast<double>(a.v_head_dim) * rows;
    return {flops, rows * row + 2 * state_bytes(a) + sizeof(float) * heads, tokens(a)};
  }
  double distinct_bytes(const Attention& a) const noexcept override {
    return work(a).bytes - state_bytes(a);
  }
  std::optional<double> full_square_flops(const Attention& /*a*/) const noexcept override {
    return std::nullopt;
  }
  std::optional<double> kv_bytes_per_token(const Attention& /*a*/) const noexcept override {
    return std::nullopt;
  }

  std::vector<NamedDesc> operands(const Attention& a) const override {
    return {{"q", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.head_dim})},
            {"k", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.head_dim})},
            {"v", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.v_head_dim})},
            state(a),
            {"slope", dense(DType::f32, {a.q_heads})}};
  }

  std::string fill(const Attention& a, Inputs& inputs, std::uint64_t seed) const override {
    for (const char* name : {"q", "k", "v"}) draw_dense(inputs, name, seed);
    const bool begins = a.q_len == a.kv_len;
    if (begins)
      std::memset(inputs.data("state", 0), 0, inputs.desc("state").span_bytes());
    else
      draw_dense(inputs, "state", seed);
    const std::vector<float> slopes = lightning_slopes(a.q_heads);
    std::memcpy(inputs.data("slope", 0), slopes.data(), slopes.size() * sizeof(float));
    return "q, k and v normal(0, 1) as " + std::string(ergon::name(a.dtype)) +
           (begins ? "; state 0" : "; state normal(0, 1)") +
           "; slopes of MiniMax-Text-01's first layer";
  }

  std::vector<NamedDesc> outputs(const Attention& a) const override {
    return {{"o", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.v_head_dim})}, state(a)};
  }

  std::unique_ptr<Oracle> oracle(const Attention& a, const Inputs& inputs) const override {
    return make_linear_oracle(a, inputs);
  }
  std::size_t oracle_bytes(const Attention& a) const override { return linear_oracle_bytes(a); }

 private:
  static NamedDesc state(const Attention& a) {
    return {"state", dense(DType::f32, {a.batch, a.q_heads, a.head_dim, a.v_head_dim})};
  }
  static double state_bytes(const Attention& a) { return sizeof(float) * state_elements(a); }
};

}  // namespace

const StructureRules& linear_rules() {
  static const Linear rules;
  return rules;
}

std::vector<float> lightning_slopes(std::int64_t heads) {
  std::int64_t power = 1;
  while (2 * power <= heads) power *= 2;
  const auto slope = [](std::int64_t of, std::int64_t head) {
    return std::exp2(-8 * static_cast<double>(head + 1) / static_cast<double>(of));
  };
  std::vector<float> slopes;
  for (std::int64_t h = 0; h < heads; ++h)
    slopes.push_back(static_cast<float>(
        (1 + 1e-5) * (h < power ? slope(power, h) : slope(2 * power, 2 * (h - power)))));
  return slopes;
}

double decay(float slope, std::int64_t tokens) noexcept {
  return std::exp(-double{slope} * static_cast<double>(tokens));
}

}  // namespace ergon
