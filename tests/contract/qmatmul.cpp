// Every implementation of a quantized product that this machine can run, over awkward workloads and
// awkward values.
#include "kernels/qmatmul/qmatmul.h"

#include <array>
#include <cmath>

#include "kernels/fill.h"
#include "tests/contract/implementations.h"

namespace ergon {
namespace {

using Integer = std::int64_t;

struct Shape {
  Integer m, n, groups;
};

// Around the tiles of 16 and 32 outputs and of 1 to 8 tokens, and primes.
constexpr std::array<Shape, 14> shapes = {{{1, 1, 1},
                                           {1, 64, 2},
                                           {1, 31, 5},
                                           {2, 15, 3},
                                           {3, 16, 1},
                                           {4, 48, 2},
                                           {5, 17, 3},
                                           {7, 13, 1},
                                           {8, 31, 2},
                                           {9, 47, 1},
                                           {16, 64, 3},
                                           {17, 1, 2},
                                           {31, 29, 1},
                                           {33, 37, 2}}};

// Rows that the groups of a weight matrix take in turn. What a format makes of them: scales that
// are 0 and denormal, codes at both ends, zero points of 0 and 15.
float awkward_weight(std::uint64_t seed, Integer group, Integer i) {
  const float drawn = normal_value(seed, 1, static_cast<std::uint64_t>(group * 1000 + i));
  switch (group % 8) {
    case 0:
      return 0;
    case 1:
      return drawn * 1e-39F;
    case 2:
      return i % 2 == 0 ? 1.0F : -1.0F;
    case 3:
      return 1 + 0.1F * std::fabs(drawn);
    case 4:
      return -1 - 0.1F * std::fabs(drawn);
    case 5:
      return i == 7 ? 40.0F : drawn * 0.01F;
    case 6:
      return i % 3 == 0 ? -0.0F : drawn * 1e-6F;
    default:
      return drawn;
  }
}

float awkward_token(std::uint64_t seed, Integer row, Integer group, Integer i) {
  const float drawn =
      normal_value(seed, 2, static_cast<std::uint64_t>(row * 7919 + group * 1000 + i));
  switch ((row + group) % 5) {
    case 0:
      return 0;
    case 1:
      return i % 2 == 0 ? 1.0F : -1.0F;
    case 2:
      return drawn * 1e-38F;
    case 3:
      return i == 5 ? -300.0F : drawn;
    default:
      return drawn;
  }
}

void put_awkward_x(const QMatmul& q, Inputs& inputs, std::uint64_t seed, Integer group) {
  std::vector<float> row(static_cast<std::size_t>(q.k));
  for (Integer i = 0; i < q.m; ++i) {
    for (Integer p = 0; p < q.k; ++p)
      row[static_cast<std::size_t>(p)] = awkward_token(seed, i, p / group, p % group);
    if (q.format->activations == Activations::s8) {
      auto* codes = reinterpret_cast<std::int8_t*>(inputs.data("x", 0)) + i * q.k;
      reinterpret_cast<float*>(inputs.data("x_scale", 0))[i] =
          quantize_activations(row.data(), q.k, false, codes);
    } else {
      for (Integer p = 0; p < q.k; ++p)
        store(q.x_dtype(), inputs.data("x", 0), i * q.k + p,
              double{row[static_cast<std::size_t>(p)]});
    }
  }
}

std::unique_ptr<Inputs> awkward_inputs(const Workload& workload, std::uint64_t seed,
                                       std::size_t slots) {
  const auto& q = dynamic_cast<const QMatmul&>(workload);
  auto inputs = std::make_unique<Inputs>(qmatmul_family().operands(q), slots);
  // Where a row has one scale, rows differ instead of groups.
  const bool row_wise = q.format->group == whole_row;
  const Integer group = row_wise ? q.k : q.layout.group;
  put_awkward_x(q, *inputs, seed, row_wise ? 32 : group);
  std::vector<float> w(static_cast<std::size_t>(q.n * q.k));
  for (Integer j = 0; j < q.n; ++j)
    for (Integer p = 0; p < q.k; ++p)
      w[static_cast<std::size_t>(j * q.k + p)] = awkward_weight(seed, j + p / group, p % group);
  quantize(q.layout, 0, q.n, w.data(),
           {inputs->data("w", 0), q.layout.scales_apart() ? inputs->data("w_scale", 0) : nullptr,
            q.layout.zero_points ? inputs->data("w_zero", 0) : nullptr});
  inputs->replicate();
  return inputs;
}

void add(Problems& list, const std::string& format, Integer m, Integer n, Integer k,
         FieldMap more = {}, const Problem::MakeInputs& inputs = {}) {
  more.insert({{"format", format}, {"m", m}, {"n", n}, {"k", k}});
  list.emplace_back(qmatmul_family(), qmatmul_family().make(more), inputs);
}

Problems problems(const std::string& name) {
  Problems list;
  const Format& format = *format_from_name(name);
  const bool whole = format.group == whole_row, ragged = format.code == Code::e4m3;
  constexpr std::array<Integer, 3> groups = {32, 64, 128};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto [m, n, count] = shapes[i];
    FieldMap more = {{"output", std::string(i % 4 == 3 ? "bf16" : "f32")}};
    Integer group = whole ? 43 : ragged ? 61 : Integer{format.group};
    if (format.group == 0) {
      group = groups[i % groups.size()];
      more.insert({"group", group});
      if (i % 2 == 1) more.insert({"zero_point", true});
    }
    const Integer unit = std::max<Integer>(group, format.block);
    add(list, name, m, n, count * unit, more);
  }
  if (whole || ragged) add(list, name, 3, 5, 1);
  if (ragged) add(list, name, 3, 257, 131);  // the third block of outputs has one
  const FieldMap small = format.group == 0 ? FieldMap{{"group", Integer{32}}} : FieldMap{};
  // Crafted for codes and scales; plain values that large leave sums hardly a rounding to calibrate
  // by.
  if (format.scale == ScaleType::none) return list;
  add(list, name, 5, 19, 256, small, awkward_inputs);
  if (format.zero_points)
    add(list, name, 5, 19, 256, {{"group", Integer{32}}, {"zero_point", true}}, awkward_inputs);
  return list;
}

INSTANTIATE_TEST_SUITE_P(QMatmul, ImplementationContract,
                         testing::ValuesIn(cases(qmatmul_family(), "format", problems)), label);

}  // namespace
}  // namespace ergon
