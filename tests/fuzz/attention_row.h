// A row of attention in float64 with what roundings may do to it, and a call to hold against it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/attention/kv.h"
#include "kernels/fill.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/natives.h"

namespace ergon::fuzz {

using Integer = std::int64_t;
using Row = std::vector<double>;

inline double rounding(DType dtype) { return info(dtype).epsilon / 2; }

/// Keys and values of a head, and what may be missing from each.
struct Head {
  std::vector<Row> k, v;
  /// |W_uk| |c| and |W_uv| |c|, of mla; else |k| and |v|.
  std::vector<Row> k_size, v_size;
  /// Relative to these sizes.
  double k_off = 0, v_off = 0;
};

inline Row widened(const KvRows& rows, Integer sequence, Integer token, Integer head) {
  Row row(static_cast<std::size_t>(rows.width()));
  rows.widened(sequence, token, head, row.data());
  return row;
}
inline Row sizes(Row row) {
  for (double& each : row) each = std::fabs(each);
  return row;
}

struct Attended {
  Row o, tolerance;
};

/// Row `row` of o, over `keys` of the head.
inline Attended attended(const Attention& a, const Inputs& inputs, Integer row, const Head& head,
                         const std::vector<Integer>& keys) {
  Attended out{Row(static_cast<std::size_t>(a.v_head_dim)),
               Row(static_cast<std::size_t>(a.v_head_dim))};
  if (keys.empty()) return out;  // zeros, exactly
  Row q(static_cast<std::size_t>(a.head_dim));
  widen(a.dtype, inputs.data("q", 0), row * a.head_dim, 1, a.head_dim, q.data());
  struct Logit {
    double x, off;
  };
  std::vector<Logit> logits;
  double most = -1e300, off = 0;
  for (const Integer j : keys) {
    const Row &k = head.k[static_cast<std::size_t>(j)],
              &k_size = head.k_size[static_cast<std::size_t>(j)];
    double x = 0, size = 0;
    for (std::size_t d = 0; d < q.size(); ++d) {
      x += q[d] * k[d];
      size += std::fabs(q[d]) * k_size[d];
    }
    x *= a.scale;
    // Sums, scales, and the exponent that is left when the largest is taken away.
    double x_off = a.scale * size * (head.k_off + static_cast<double>(a.head_dim + 16) * 0x1p-24);
    if (a.soft_cap > 0) {
      x = a.soft_cap * std::tanh(x / a.soft_cap);
      x_off += std::fabs(x) * 0x1p-20;
    }
    logits.push_back({x, x_off});
    most = std::max(most, x);
  }
  double sum = 0;
  if (a.sinks) {
    const double sink = inputs.as<float>("sink", 0)[row % a.q_heads];
    most = std::max(most, sink);
    sum = std::exp(sink - most);
    off = std::fabs(sink) * 0x1p-22;
  }
  for (const Logit& one : logits) {
    sum += std::exp(one.x - most);
    off = std::max(off, one.off + (std::fabs(one.x) + std::fabs(most)) * 0x1p-22);
  }
  // Weights all up to e^off off; then polynomials, roundings and sums of them.
  const bool bf16 = a.product_dtype() == DType::bf16;
  const double weights = std::expm1(2 * off) + (bf16 ? 0x1p-8 + 2e-4 : 1e-6) +
                         static_cast<double>(logits.size() + 32) * 0x1p-24;
  Row shares;
  for (const Logit& one : logits) shares.push_back(std::exp(one.x - most) / sum);
  for (std::size_t column = 0; column < out.o.size(); ++column) {
    double value = 0, size = 0, largest = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const auto key = static_cast<std::size_t>(keys[i]);
      value += shares[i] * head.v[key][column];
      size += shares[i] * head.v_size[key][column];
      largest = std::max(largest, head.v_size[key][column]);
    }
    out.o[column] = value;
    // A weight's error may fall on the largest value, and no output is beyond it.
    out.tolerance[column] = std::min(weights * (size + std::fabs(value)), 2 * largest) +
                            head.v_off * largest + rounding(a.dtype) * std::fabs(value) * 1.01 +
                            largest * 0x1p-100 + 0x1p-120;
  }
  return out;
}

/// One call, into memory of poison.
class Called {
 public:
  Called(const Attention& a, const Inputs& inputs, const Native& native, int threads)
      : a_(a), plan_(native.one.at(0)->prepare(a, inputs, {&cpu(), threads, 1})) {
    where_ = a.name() + " with " + std::string(simd::name(native.isa)) + ", " +
             std::to_string(threads) + " threads: ";
    outputs_ = plan_->outputs(0);
    for (const DeviceTensor& each : outputs_)
      std::fill_n(data(each), space(each), poison_byte(each.desc.dtype));
    const auto stream = cpu().make_stream();
    for (std::size_t stage = 0; stage < plan_->stages().size(); ++stage)
      plan_->enqueue(stage, *stream, 0);
    stream->finish();
    for (const DeviceTensor& each : outputs_)
      expect(std::all_of(data(each) + each.desc.span_bytes(), data(each) + space(each),
                         [&](std::byte byte) { return byte == poison_byte(each.desc.dtype); }),
             [&] { return where_ + "writes behind " + each.name; });
  }
  const std::string& where() const { return where_; }
  const std::byte* output(std::size_t index) const { return data(outputs_.at(index)); }
  void expect_o(Integer at, double wanted, double tolerance) const {
    const double got = load(a_.dtype, output(0), at);
    expect(std::fabs(got - wanted) <= tolerance, [&] {
      return where_ + "o[" + std::to_string(at) + "] is " + std::to_string(got) + ", not " +
             std::to_string(wanted) + " within " + std::to_string(tolerance);
    });
  }

 private:
  static std::byte* data(const DeviceTensor& tensor) {
    return tensor.buffer->host() + tensor.offset;
  }
  /// Bytes up to the next tensor of the buffer.
  std::size_t space(const DeviceTensor& tensor) const {
    std::size_t end = tensor.buffer->bytes();
    for (const DeviceTensor& other : outputs_)
      if (other.offset > tensor.offset) end = std::min(end, other.offset);
    return end - tensor.offset;
  }

  const Attention& a_;
  std::unique_ptr<Plan> plan_;
  std::vector<DeviceTensor> outputs_;
  std::string where_;
};

}  // namespace ergon::fuzz
