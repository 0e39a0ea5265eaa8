#include "kernels/qmatmul/oracle.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/gemm/expectation.h"

namespace ergon {
namespace {

constexpr double most_operations = 4e9, most_elements = 1 << 24;

std::int64_t drawn_below(std::string_view purpose, std::int64_t index, std::int64_t below) {
  return static_cast<std::int64_t>(
      random_bits(0, stream_of(purpose), static_cast<std::uint64_t>(index)) %
      static_cast<std::uint64_t>(below));
}

/// `most` distinct numbers below `size`, or all.
std::vector<std::int64_t> sample(std::string_view purpose, std::int64_t size, std::int64_t most) {
  std::set<std::int64_t> chosen;
  if (size <= most)
    for (std::int64_t i = 0; i < size; ++i) chosen.insert(i);
  for (std::int64_t i = 0; static_cast<std::int64_t>(chosen.size()) < std::min(size, most); ++i)
    chosen.insert(drawn_below(purpose, i, size));
  return {chosen.begin(), chosen.end()};
}

template <class Body>
void over(std::int64_t count, Body&& body) {
  on_team(usable_processors(), [&](int thread, int team) {
    for (std::int64_t i = count * thread / team; i < count * (thread + 1) / team; ++i) body(i);
  });
}

double dot(const double* a, const double* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

/// Rows of doubles, one after the other.
struct Rows {
  std::int64_t length;
  std::vector<double> values;
  Rows(std::size_t count, std::int64_t k)
      : length(k), values(count * static_cast<std::size_t>(k)) {}
  double* row(std::size_t i) { return values.data() + static_cast<std::int64_t>(i) * length; }
};

/// The product of the operands before they were quantized, at some places of Y.
class FullPrecision {
 public:
  FullPrecision(const QMatmul& q, std::uint64_t seed)
      : rows_(sample("quantization rows", q.m, 32)),
        columns_(sample("quantization columns", q.n, 256)) {
    Rows x(rows_.size(), q.k);
    std::vector<float> drawn(static_cast<std::size_t>(q.k));
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      draw_x_row(q, seed, rows_[i], drawn.data());
      std::copy(drawn.begin(), drawn.end(), x.row(i));
    }
    values_.resize(rows_.size() * columns_.size());
    over(static_cast<std::int64_t>(columns_.size()), [&](std::int64_t j) {
      const auto at = static_cast<std::size_t>(j);
      std::vector<float> w(static_cast<std::size_t>(q.k));
      draw_w_row(q, seed, columns_[at], w.data());
      const std::vector<double> wide(w.begin(), w.end());
      for (std::size_t i = 0; i < rows_.size(); ++i)
        values_[i * columns_.size() + at] = dot(x.row(i), wide.data(), q.k);
    });
  }

  double relative_error(const HostTensor& y) const {
    double errors = 0, squares = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i)
      for (std::size_t j = 0; j < columns_.size(); ++j) {
        const double full = values_[i * columns_.size() + j];
        const double error =
            load(y.desc.dtype, y.data, rows_[i] * y.desc.strides[0] + columns_[j]) - full;
        errors += error * error;
        squares += full * full;
      }
    return squares == 0 ? 0 : std::sqrt(errors / squares);
  }

 private:
  std::vector<std::int64_t> rows_, columns_;
  std::vector<double> values_;
};

/// What rounding both operands to bf16 does to a product: a limit on its error.
double rounding_to_bf16(const QMatmul& q, const Inputs& inputs) {
  const auto rows = sample("rounded rows", q.m, 16), columns = sample("rounded columns", q.n, 256);
  const Activation activation(q, inputs, 0);
  const Weights weights = weights_of(inputs, 0);
  Rows x(rows.size(), q.k);
  for (std::size_t i = 0; i < rows.size(); ++i) activation.given(rows[i], x.row(i));
  const auto rounded = [](double value) {
    return double{from_bf16(to_bf16(static_cast<float>(value)))};
  };
  std::vector<double> largest(columns.size()), squares(columns.size());
  over(static_cast<std::int64_t>(columns.size()), [&](std::int64_t j) {
    const auto at = static_cast<std::size_t>(j);
    std::vector<double> w(static_cast<std::size_t>(q.k));
    dequantize(q.layout, weights, columns[at], w.data());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      double error = 0;
      for (std::int64_t p = 0; p < q.k; ++p) {
        const double a = x.row(i)[p], b = w[static_cast<std::size_t>(p)];
        error += rounded(a) * rounded(b) - a * b;
      }
      largest[at] = std::max(largest[at], std::fabs(error));
      squares[at] += error * error;
    }
  });
  double sum = 0;
  for (const double value : squares) sum += value;
  const double rms = std::sqrt(sum / static_cast<double>(rows.size() * columns.size()));
  return std::max(2 * *std::max_element(largest.begin(), largest.end()), 7 * rms);
}

/// What an output's name says of it.
struct Arithmetic {
  bool plain = false;
  double extra_tolerance = 0;
};

/// Some columns of Y as a float64 GEMM of dequantized operands.
class Columns {
 public:
  Columns(const QMatmul& q, const Inputs& inputs, std::int64_t first, std::int64_t count,
          const Arithmetic& arithmetic, Coverage coverage)
      : first_(first), count_(count) {
    const FieldMap fields = {
        {"m", q.m}, {"n", count}, {"k", q.k}, {"dtype", std::string("f64")}, {"transpose_b", true}};
    const auto made = gemm_family().make(fields);
    auto& gemm = dynamic_cast<Gemm&>(*made);
    Inputs wide(gemm_family().operands(gemm), 1);
    const Activation activation(q, inputs, 0);
    auto* a = reinterpret_cast<double*>(wide.data("a", 0));
    auto* b = reinterpret_cast<double*>(wide.data("b", 0));
    over(q.m, [&](std::int64_t i) {
      arithmetic.plain ? activation.given(i, a + i * q.k) : activation.multiplied(i, a + i * q.k);
    });
    const Weights weights = weights_of(inputs, 0);
    over(count, [&](std::int64_t j) { dequantize(q.layout, weights, first + j, b + j * q.k); });
    gemm.types.accumulate = DType::f32;
    gemm.types.output = q.output;
    const Problem problem(gemm);
    Calibration calibration = calibrate(problem, wide);
    calibration.tolerance += arithmetic.extra_tolerance;
    tolerance_ = calibration.tolerance;
    const bool affordable = gemm.work().flops <= most_operations &&
                            static_cast<double>(q.m) * static_cast<double>(count) <= most_elements;
    const bool whole = coverage == Coverage::by_size ? affordable : coverage == Coverage::whole;
    expectation_ = whole ? expect_whole(problem, wide) : expect_sampled(problem, wide, calibration);
  }

  Accuracy check(const HostTensor& y) const {
    const std::int64_t stride = y.desc.strides[0], rows = y.desc.sizes[0];
    const auto offset = static_cast<std::size_t>(first_) * size_of(y.desc.dtype);
    const HostTensor part{
        y.name, {y.desc.dtype, {1, rows, count_}, {rows * stride, stride, 1}}, y.data + offset};
    Comparer comparer(first_ == 0 ? y.name : y.name + " from column " + std::to_string(first_),
                      y.desc.dtype, tolerance_);
    expectation_->compare(part, comparer);
    Accuracy accuracy = comparer.result();
    accuracy.reference = expectation_->reference();
    return accuracy;
  }

 private:
  std::int64_t first_, count_;
  double tolerance_ = 0;
  std::unique_ptr<Expectation> expectation_;
};

/// All of Y in one arithmetic.
class Expected {
 public:
  Expected(const QMatmul& q, const Inputs& inputs, const Arithmetic& arithmetic,
           const QMatmulChecks& checks)
      : plain_(arithmetic.plain) {
    const std::int64_t step = std::max<std::int64_t>(1, checks.most_weights / q.k);
    for (std::int64_t first = 0; first < q.n; first += step)
      parts_.push_back(std::make_unique<Columns>(q, inputs, first, std::min(step, q.n - first),
                                                 arithmetic, checks.coverage));
  }

  Accuracy check(const HostTensor& y) const {
    std::vector<Accuracy> each;
    for (const auto& part : parts_) each.push_back(part->check(y));
    Accuracy all = merged(each);
    all.reference += plain_ ? "; of dequantized weights and activations as given"
                            : "; of weights and activations as quantized";
    return all;
  }

 private:
  bool plain_;
  std::vector<std::unique_ptr<Columns>> parts_;
};

class QMatmulOracle final : public Oracle {
 public:
  QMatmulOracle(const QMatmul& q, const Inputs& inputs, const QMatmulChecks& checks)
      : desc_(q.y_desc()),
        full_(q, inputs.seed),
        own_(q, inputs, {}, checks),
        plain_(q, inputs, {true, rounding_to_bf16(q, inputs)}, checks) {}

  Accuracy check(std::span<const HostTensor> outputs) const override {
    const bool known = outputs.size() == 1 && outputs[0].desc.sizes == desc_.sizes &&
                       outputs[0].desc.dtype == desc_.dtype &&
                       (outputs[0].name == own_arithmetic || outputs[0].name == plain_arithmetic);
    if (!known)
      throw std::invalid_argument("qmatmul has one output: Y, of the workload's type and sizes");
    const HostTensor& y = outputs[0];
    Accuracy accuracy = y.name == own_arithmetic ? own_.check(y) : plain_.check(y);
    accuracy.quantization_rel_l2 = full_.relative_error(y);
    return accuracy;
  }

 private:
  TensorDesc desc_;
  FullPrecision full_;
  Expected own_, plain_;
};

}  // namespace

Accuracy merged(std::span<const Accuracy> parts) {
  Accuracy all;
  double squares = 0, quantization = 0;
  for (const Accuracy& one : parts) {
    const auto weight = static_cast<double>(one.checked_elements);
    if (!all.mismatch) all.mismatch = one.mismatch;
    all.max_abs = std::max(all.max_abs, one.max_abs);
    all.tolerance = std::max(all.tolerance, one.tolerance);
    squares += one.rel_l2 * one.rel_l2 * weight;
    if (one.quantization_rel_l2)
      quantization += *one.quantization_rel_l2 * *one.quantization_rel_l2 * weight;
    all.checked_elements += one.checked_elements;
    all.reference = one.reference;
  }
  const double elements = std::max(1.0, static_cast<double>(all.checked_elements));
  all.rel_l2 = std::sqrt(squares / elements);
  if (!parts.empty() && parts[0].quantization_rel_l2)
    all.quantization_rel_l2 = std::sqrt(quantization / elements);
  return all;
}

std::unique_ptr<Oracle> make_qmatmul_oracle(const QMatmul& workload, const Inputs& inputs,
                                            const QMatmulChecks& checks) {
  return std::make_unique<QMatmulOracle>(workload, inputs, checks);
}

}  // namespace ergon
