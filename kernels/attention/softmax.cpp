// softmax(scale Q K^T + mask) V.
//
// Operands: "q" [batch, q_len, q_heads, head_dim]; keys, values and their scales as kv.h says;
// "sink" f32 [q_heads], where there are sinks. Output: "o" [batch, q_len, q_heads, v_head_dim].
//
// A logit is x = scale q k, or soft_cap tanh(x / soft_cap). A sink is one more logit of its head,
// whose value is zero. Head h of queries meets head h / group of keys.
//
// flops: 2 (head_dim + v_head_dim) for each query and key that it sees, of each head of queries;
// none for the softmax. bytes: q, o and sinks once; of keys, values and scales those that some
// query sees, once; the block table. Values: normal(0, 1), rounded; s8 as qmatmul quantizes
// activations.
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/attention/kv.h"
#include "kernels/attention/softmax_oracle.h"
#include "kernels/attention/structure.h"
#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/qmatmul/format.h"

namespace ergon {
namespace {

double seen_keys(const Attention& a) {
  double sum = 0;
  for (std::int64_t b = 0; b < a.batch; ++b) sum += static_cast<double>(a.keys(b).size());
  return sum;
}

double bytes_of_a_key(const Attention& a) {
  const double elements = static_cast<double>(a.head_dim + a.v_head_dim);
  const double scales = a.kv_dtype == DType::s8 ? 2 * sizeof(float) : 0;
  return static_cast<double>(a.kv_heads) *
         (elements * static_cast<double>(size_of(a.kv_dtype)) + scales);
}

double flops_of_a_pair(const Attention& a) {
  return 2 * static_cast<double>(a.q_heads) * static_cast<double>(a.head_dim + a.v_head_dim);
}

/// Where token `token` of a sequence is, in tokens.
std::vector<std::int32_t> drawn_table(const Attention& a, std::uint64_t seed) {
  const std::int64_t pages = pages_of_a_sequence(a), all = pages_of_all(a);
  // Page 0 and one more hold no key.
  std::vector<std::int32_t> places(static_cast<std::size_t>(all - 1));
  std::iota(places.begin(), places.end(), 1);
  for (std::size_t i = places.size(); i > 1; --i)
    std::swap(places[i - 1], places[random_bits(seed, stream_of("block_table"), i) % i]);
  std::vector<std::int32_t> table(static_cast<std::size_t>(a.batch * pages), 0);
  std::size_t next = 0;
  for (std::int64_t b = 0; b < a.batch; ++b)
    for (std::int64_t p = 0; p * a.page < a.length(b); ++p)
      table[static_cast<std::size_t>(b * pages + p)] = places[next++];
  return table;
}

/// Rows of one operand, drawn or NaN.
void fill_rows(const Attention& a, Inputs& inputs, std::uint64_t seed, bool values) {
  const std::string name = values ? "v" : "k";
  const KvRows rows(a, inputs, 0, values);
  const auto width = static_cast<std::size_t>(rows.width());
  std::byte* data = inputs.data(name, 0);
  std::memset(data, std::to_integer<int>(poison_byte(rows.dtype())),
              inputs.desc(name).span_bytes());
  float* scales = nullptr;
  if (rows.scaled()) {
    scales = reinterpret_cast<float*>(inputs.data(name + "_scale", 0));
    std::fill_n(scales, inputs.desc(name + "_scale").elements(),
                std::numeric_limits<float>::quiet_NaN());
  }
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<float> drawn(width);
    for (std::int64_t b = 0; b < a.batch; ++b) {
      const std::int64_t length = a.length(b);
      for (std::int64_t t = length * thread / team; t < length * (thread + 1) / team; ++t)
        for (std::int64_t h = 0; h < a.kv_heads; ++h) {
          const auto line = static_cast<std::uint64_t>((b * a.kv_len + t) * a.kv_heads + h);
          normal_values(seed, stream_of(name), line * width, drawn);
          std::byte* row = data + (rows.row(b, t, h) - data);
          if (scales != nullptr) {
            scales[(row - data) / rows.width()] = quantize_activations(
                drawn.data(), rows.width(), false, reinterpret_cast<std::int8_t*>(row));
          } else {
            for (std::size_t i = 0; i < width; ++i)
              store(rows.dtype(), row, static_cast<std::int64_t>(i), double{drawn[i]});
          }
        }
    }
  });
}

void fill_dense(Inputs& inputs, const std::string& name, std::uint64_t seed) {
  const TensorDesc& desc = inputs.desc(name);
  std::byte* data = inputs.data(name, 0);
  constexpr std::int64_t part = 4096;
  const std::int64_t all = desc.elements(), parts = (all + part - 1) / part;
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<float> drawn(part);
    for (std::int64_t i = parts * thread / team; i < parts * (thread + 1) / team; ++i) {
      normal_values(seed, stream_of(name), static_cast<std::uint64_t>(i * part), drawn);
      for (std::int64_t j = i * part; j < std::min(all, (i + 1) * part); ++j)
        store(desc.dtype, data, j, double{drawn[static_cast<std::size_t>(j - i * part)]});
    }
  });
}

class Softmax final : public StructureRules {
 public:
  void settle(Attention& /*workload*/) const override {}

  Work work(const Attention& a) const noexcept override {
    const double tokens = static_cast<double>(a.batch) * static_cast<double>(a.q_len);
    const double q_and_o = tokens * static_cast<double>(a.q_heads * (a.head_dim + a.v_head_dim)) *
                           static_cast<double>(size_of(a.dtype));
    const double sinks = a.sinks ? 4 * static_cast<double>(a.q_heads) : 0;
    const double table = 4 * static_cast<double>(a.batch * pages_of_a_sequence(a));
    return {a.pairs() * flops_of_a_pair(a),
            q_and_o + seen_keys(a) * bytes_of_a_key(a) + sinks + table, tokens};
  }
  std::optional<double> full_square_flops(const Attention& a) const noexcept override {
    return static_cast<double>(a.batch) * static_cast<double>(a.q_len) *
           static_cast<double>(a.kv_len) * flops_of_a_pair(a);
  }
  std::optional<double> kv_bytes_per_token(const Attention& a) const noexcept override {
    return bytes_of_a_key(a);
  }

  std::vector<NamedDesc> operands(const Attention& a) const override {
    std::vector<std::int64_t> place = {a.batch, a.kv_len, a.kv_heads};
    if (a.paged()) place = {pages_of_all(a), a.page, a.kv_heads};
    const auto rows = [&](std::int64_t width) {
      std::vector<std::int64_t> sizes = place;
      sizes.push_back(width);
      return dense(a.kv_dtype, sizes);
    };
    std::vector<NamedDesc> list = {{"q", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.head_dim})},
                                   {"k", rows(a.head_dim)},
                                   {"v", rows(a.v_head_dim)}};
    if (a.kv_dtype == DType::s8) {
      list.push_back({"k_scale", dense(DType::f32, place)});
      list.push_back({"v_scale", dense(DType::f32, place)});
    }
    if (a.sinks) list.push_back({"sink", dense(DType::f32, {a.q_heads})});
    if (a.paged())
      list.push_back({"block_table", dense(DType::s32, {a.batch, pages_of_a_sequence(a)})});
    return list;
  }

  std::string fill(const Attention& a, Inputs& inputs, std::uint64_t seed) const override {
    if (a.paged()) {
      const std::vector<std::int32_t> table = drawn_table(a, seed);
      std::memcpy(inputs.data("block_table", 0), table.data(), table.size() * sizeof table[0]);
    }
    fill_dense(inputs, "q", seed);
    fill_rows(a, inputs, seed, false);
    fill_rows(a, inputs, seed, true);
    if (a.sinks) fill_dense(inputs, "sink", seed);
    return "q, k and v normal(0, 1) as " + std::string(ergon::name(a.dtype)) + " and " +
           std::string(ergon::name(a.kv_dtype)) + (a.sinks ? "; sinks normal(0, 1)" : "");
  }

  std::vector<NamedDesc> outputs(const Attention& a) const override {
    return {{"o", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.v_head_dim})}};
  }

  std::unique_ptr<Oracle> oracle(const Attention& a, const Inputs& inputs) const override {
    return make_softmax_oracle(a, inputs);
  }
};

}  // namespace

const StructureRules& softmax_rules() {
  static const Softmax rules;
  return rules;
}

KvRows::KvRows(const Attention& workload, const Inputs& inputs, std::size_t slot, bool values)
    : dtype_(workload.kv_dtype),
      heads_(workload.kv_heads),
      width_(values ? workload.v_head_dim : workload.head_dim),
      kv_len_(workload.kv_len),
      page_(workload.page),
      pages_(pages_of_a_sequence(workload)),
      element_(static_cast<std::int64_t>(size_of(workload.kv_dtype))),
      data_(inputs.data(values ? "v" : "k", slot)) {
  if (dtype_ == DType::s8) scales_ = inputs.as<float>(values ? "v_scale" : "k_scale", slot);
  if (workload.paged()) table_ = inputs.as<std::int32_t>("block_table", slot);
}

void KvRows::widened(std::int64_t sequence, std::int64_t token, std::int64_t head,
                     double* to) const {
  widen(dtype_, row(sequence, token, head), 0, 1, width_, to);
  if (scales_ == nullptr) return;
  const double factor = scale(sequence, token, head);
  for (std::int64_t i = 0; i < width_; ++i) to[i] *= factor;
}

std::int64_t pages_of_a_sequence(const Attention& workload) noexcept {
  return workload.paged() ? (workload.kv_len + workload.page - 1) / workload.page : 0;
}

std::int64_t pages_of_all(const Attention& workload) noexcept {
  if (!workload.paged()) return 0;
  std::int64_t pages = 2;  // one in no table, one that unused entries of the table name
  for (std::int64_t b = 0; b < workload.batch; ++b)
    pages += (workload.length(b) + workload.page - 1) / workload.page;
  return pages;
}

}  // namespace ergon
