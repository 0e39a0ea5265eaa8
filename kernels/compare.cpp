#include "kernels/compare.h"

#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace ergon {
namespace {

double rounded(DType dtype, double value) {
  alignas(8) std::byte element[8];
  store(dtype, element, 0, value);
  return load(dtype, element, 0);
}

// Figures of a result that is wrong anyway may overflow; a record holds finite numbers.
double finite(double value) {
  return std::isfinite(value) ? value : std::numeric_limits<double>::max();
}

std::string place(const std::string& tensor, std::span<const std::int64_t> at) {
  std::string text = tensor + "[";
  for (std::size_t d = 0; d < at.size(); ++d) text += (d == 0 ? "" : ",") + std::to_string(at[d]);
  return text + "]";
}

}  // namespace

Comparer::Comparer(std::string tensor, DType output, double tolerance)
    : tensor_(std::move(tensor)), output_(output), tolerance_(tolerance) {}

void Comparer::examine(double got, double expected, std::span<const std::int64_t> at) {
  const double target = info(output_).is_float && std::isinf(rounded(output_, expected))
                            ? rounded(output_, expected)
                            : expected;
  const bool numbers = std::isfinite(got) && std::isfinite(target);
  if (numbers) {
    const double error = std::fabs(got - target);
    count(error, target);
  }
  const bool same = (std::isnan(got) && std::isnan(target)) || got == target;
  if (same) return;
  ++wrong_;
  if (!first_)
    first_ = place(tensor_, at) + ": got " + to_text(FieldValue(got)) + ", expected " +
             to_text(FieldValue(target)) +
             (numbers ? ", allowed error " + to_text(FieldValue(tolerance_)) : "");
}

void Comparer::mismatch(const std::string& text) {
  if (!first_) first_ = text;
}

Accuracy Comparer::result() const {
  Accuracy accuracy;
  accuracy.max_abs = finite(max_abs_);
  accuracy.rel_l2 = error_squares_ == 0 ? 0 : finite(std::sqrt(error_squares_ / squares_));
  accuracy.tolerance = tolerance_;
  accuracy.checked_elements = checked_;
  accuracy.mismatch = first_;
  if (first_ && wrong_ > 1)
    *accuracy.mismatch += " (" + std::to_string(wrong_) + " of " + std::to_string(checked_) +
                          " checked values are wrong)";
  return accuracy;
}

Accuracy compare(const HostTensor& got, std::span<const double> expected, double tolerance) {
  const TensorDesc& desc = got.desc;
  if (static_cast<std::int64_t>(expected.size()) != desc.elements())
    throw std::invalid_argument("compare: as many expected values as elements");
  Comparer comparer(got.name, desc.dtype, tolerance);
  std::vector<std::int64_t> at(desc.sizes.size(), 0);
  for (const double value : expected) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < at.size(); ++d) offset += at[d] * desc.strides[d];
    comparer.add(load(desc.dtype, got.data, offset), value, at);
    for (std::size_t d = at.size(); d-- > 0;) {  // the next index, row by row
      if (++at[d] < desc.sizes[d]) break;
      at[d] = 0;
    }
  }
  return comparer.result();
}

}  // namespace ergon
