// Our own quantized products of any shape, codes and scales, with every instruction set that this
// processor has, against the sums of the same dequantized operands in float64.
//
// A result may differ by what its additions round, whatever their order: the tolerance follows from
// the terms. That of the oracle is calibrated for values that are drawn; a search would find those
// whose plain sums happen to be exact.
#include <algorithm>
#include <cstring>

#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#include "kernels/fill.h"
#include "kernels/qmatmul/native_panels.h"
#include "kernels/qmatmul/qmatmul.h"
#include "kernels/registry.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/natives.h"

namespace ergon {
Implementations make_qmatmul_native(const RegistryOptions& options);

namespace {

using fuzz::Choices;
using fuzz::cpu;
using fuzz::expect;
using fuzz::Native;
using fuzz::natives_of;
using Integer = std::int64_t;

const std::vector<Native>& natives() {
  static const std::vector<Native> list = natives_of(make_qmatmul_native);
  return list;
}

std::unique_ptr<Workload> drawn_workload(Choices& choices) {
  // Those that it has tiles for.
  static const std::vector<Format> all = [] {
    std::vector<Format> list;
    for (const Format& format : formats())
      if (!format.minima) list.push_back(format);
    return list;
  }();
  const Format& format = choices.of(all);
  const bool open = format.group == 0;
  const bool any_k = format.group == whole_row || format.code == Code::e4m3;
  const Integer group = open ? Integer{32} << choices.below(3) : format.group;
  const Integer k = any_k ? 1 + choices.below(256) + choices.below(80)
                          : group * (1 + choices.below(static_cast<int>(320 / group)));
  return qmatmul_family().make({{"format", std::string(format.name)},
                                {"m", Integer{1 + choices.below(20)}},
                                {"n", Integer{1 + choices.below(48)}},
                                {"k", k},
                                {"group", open ? group : 0},
                                {"zero_point", format.zero_points && choices.below(2) == 1},
                                {"output", std::string(choices.below(2) == 0 ? "f32" : "bf16")}});
}

/// Far from where sums overflow or products vanish, which instructions treat each in their way.
float drawn_scale(Choices& choices) {
  return static_cast<float>(std::ldexp(256 + choices.byte(), choices.below(24) - 20));
}

/// In place of codes that no format makes of finite values, and that tiles need not know: the 128th
/// negative of s8, the NaN of e4m3.
std::byte known(Code code, std::byte bits) {
  if (code == Code::s8 && bits == std::byte{0x80}) return std::byte{0x81};
  if (code == Code::e4m3 && (bits & std::byte{0x7f}) == std::byte{0x7f}) return bits ^ std::byte{1};
  return bits;
}

void draw_codes(Choices& choices, const Format& format, std::span<std::byte> codes) {
  choices.fill(codes);
  for (std::byte& code : codes) code = known(format.code, code);
  if (format.code != Code::bf16) return;
  for (std::size_t i = 0; i + 1 < codes.size(); i += 2)
    store(DType::bf16, codes.data(), static_cast<Integer>(i / 2), double{choices.float_of(0)});
}

void draw_weights(Choices& choices, const QMatmul& q, Inputs& inputs) {
  const WeightLayout& l = q.layout;
  draw_codes(choices, *q.format,
             {inputs.data("w", 0), static_cast<std::size_t>(l.n * l.row_bytes())});
  if (q.format->gguf())
    for (Integer i = 0; i < l.n * l.groups(); ++i) {
      const float scale = drawn_scale(choices);
      const std::uint16_t bits = to_f16(choices.below(2) == 0 ? scale : -scale);
      std::memcpy(inputs.data("w", 0) + i * l.row_bytes() / l.groups(), &bits, sizeof bits);
    }
  for (Integer i = 0; l.scales_apart() && i < l.scale_rows() * l.groups(); ++i) {
    const double scale =
        q.format->scale == ScaleType::e8m0 ? 115 + choices.below(24) : double{drawn_scale(choices)};
    store(l.scale_dtype(), inputs.data("w_scale", 0), i, scale);
  }
  if (l.zero_points)
    for (Integer i = 0; i < l.n * l.groups(); ++i)
      inputs.data("w_zero", 0)[i] = std::byte(choices.below(16));
}

void draw_activations(Choices& choices, const QMatmul& q, Inputs& inputs) {
  std::byte* x = inputs.data("x", 0);
  if (q.x_dtype() == DType::s8) {
    draw_codes(choices, *q.format, {x, static_cast<std::size_t>(q.m * q.k)});
    for (Integer i = 0; i < q.m; ++i)
      store(DType::f32, inputs.data("x_scale", 0), i, double{drawn_scale(choices)});
    return;
  }
  for (Integer i = 0; i < q.m; ++i) {
    const int exponent = choices.below(16) - 8;
    for (Integer p = 0; p < q.k; ++p)
      store(q.x_dtype(), x, i * q.k + p, double{choices.float_of(exponent)});
  }
}

/// Y and what may be missing from it, both [m, n].
struct Expected {
  std::vector<double> y, tolerance;

  Expected(const QMatmul& q, const Inputs& inputs) {
    const Activation activation(q, inputs, 0);
    const Weights weights = weights_of(inputs, 0);
    std::vector<double> x(static_cast<std::size_t>(q.m * q.k)), w(static_cast<std::size_t>(q.k));
    for (Integer i = 0; i < q.m; ++i) activation.multiplied(i, x.data() + i * q.k);
    y.resize(static_cast<std::size_t>(q.m * q.n));
    tolerance.resize(y.size());
    for (Integer j = 0; j < q.n; ++j) {
      dequantize(q.layout, weights, j, w.data());
      for (Integer i = 0; i < q.m; ++i) put(q, i, j, x.data() + i * q.k, w);
    }
  }

 private:
  void put(const QMatmul& q, Integer i, Integer j, const double* x, const std::vector<double>& w) {
    double sum = 0, magnitudes = 0;
    for (std::size_t p = 0; p < w.size(); ++p) {
      sum += x[p] * w[p];
      magnitudes += std::fabs(x[p] * w[p]);
    }
    // Half a unit in the last place for each addition, and for products and scales of a group.
    const double roundings = static_cast<double>(q.k + 4 * q.layout.groups() + 8);
    const auto at = static_cast<std::size_t>(i * q.n + j);
    y[at] = sum;
    tolerance[at] =
        roundings * 0x1p-24 * magnitudes + 0x1p-100 + info(q.output).epsilon * std::fabs(sum);
  }
};

/// From and into memory that ends where weights and panels do, which the operands' own does not.
void pack_exactly(const QMatmul& q, const Inputs& inputs, simd::Isa isa) {
  const auto copied = [&](const std::byte* from, const char* operand) {
    if (from == nullptr) return std::vector<std::byte>();
    return std::vector<std::byte>(from, from + inputs.desc(operand).span_bytes());
  };
  const Weights from = weights_of(inputs, 0);
  const auto codes = copied(from.codes, "w"), scales = copied(from.scales, "w_scale"),
             zeros = copied(from.zeros, "w_zero");
  const simd::QTileSet& set = simd::best_qtile_set(native_product(q), isa, cpu_info());
  const PanelShape shape(q, set);
  std::vector<std::byte> panels(static_cast<std::size_t>(shape.bytes * shape.panels));
  pack_panels(q, set, {codes.data(), scales.data(), zeros.data()}, 0, shape.panels, panels.data());
}

void check(const QMatmul& q, const Inputs& inputs, const Expected& expected, const Native& native) {
  pack_exactly(q, inputs, native.isa);
  const auto plan = native.one.at(0)->prepare(q, inputs, {&cpu(), 1, 1});
  const auto stream = cpu().make_stream();
  const DeviceTensor y = plan->outputs(0).at(0);
  std::byte* bytes = y.buffer->host();
  const std::byte poison = poison_byte(y.desc.dtype);
  std::fill_n(bytes, y.buffer->bytes(), poison);
  for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
    plan->enqueue(stage, *stream, 0);
  stream->finish();
  const auto where = [&] {
    return q.name() + " with " + std::string(simd::name(native.isa)) + ": ";
  };
  for (std::size_t i = 0; i < expected.y.size(); ++i) {
    const double got = load(q.output, bytes, static_cast<Integer>(i)), wanted = expected.y[i];
    expect(std::isnan(wanted) ? std::isnan(got) : std::fabs(got - wanted) <= expected.tolerance[i],
           [&] {
             return where() + "y[" + std::to_string(i) + "] is " + std::to_string(got) + ", not " +
                    std::to_string(wanted) + " within " + std::to_string(expected.tolerance[i]);
           });
  }
  expect(std::all_of(bytes + y.desc.span_bytes(), bytes + y.buffer->bytes(),
                     [&](std::byte byte) { return byte == poison; }),
         [&] { return where() + "writes behind Y"; });
}

}  // namespace
}  // namespace ergon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ergon;
  // Huge pages would take longer to map than these products to compute.
  set_page_policy(PagePolicy::small);
  Choices choices(data, size);
  const auto workload = drawn_workload(choices);
  const auto& q = dynamic_cast<const QMatmul&>(*workload);
  Inputs inputs(qmatmul_family().operands(q), 1);
  draw_weights(choices, q, inputs);
  draw_activations(choices, q, inputs);
  const Expected expected(q, inputs);
  for (const Native& native : natives()) check(q, inputs, expected, native);
  return 0;
}
