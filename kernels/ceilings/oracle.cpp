#include "kernels/ceilings/oracle.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/compare.h"

namespace ergon {
namespace {

/// One number, known exactly.
class ScalarOracle final : public Oracle {
 public:
  ScalarOracle(double expected, std::string reference)
      : expected_(expected), reference_(std::move(reference)) {}

  Accuracy check(std::span<const HostTensor> outputs) const override {
    Accuracy accuracy = compare(outputs.front(), {&expected_, 1}, 0);
    accuracy.reference = reference_;
    return accuracy;
  }

 private:
  double expected_;
  std::string reference_;
};

/// The array that a stream writes, all of it. Whole blocks are compared first, since there are
/// hundreds of millions of elements; what differs is looked at one by one.
class ArrayOracle final : public Oracle {
 public:
  ArrayOracle(const Ceiling& ceiling, const Inputs& inputs)
      : elements_(ceiling.elements()),
        a_(inputs.as<float>("a", 0)),
        b_(ceiling.what == "triad" ? inputs.as<float>("b", 0) : nullptr),
        sign_(ceiling.is_update() ? -1 : 1) {}

  Accuracy check(std::span<const HostTensor> outputs) const override {
    const auto* c = reinterpret_cast<const float*>(outputs.front().data);
    Comparer comparer(outputs.front().name, DType::f32, tolerance());
    double max_abs = 0;
    for (std::int64_t first = 0; first < elements_; first += block) {
      const std::int64_t last = std::min(first + block, elements_);
      const double error = block_error(c, first, last);
      if (error <= tolerance()) {
        max_abs = std::fmax(max_abs, error);
      } else {
        for (std::int64_t i = first; i < last; ++i) comparer.add(c[i], expected(i), {&i, 1});
      }
    }
    Accuracy accuracy = comparer.result();
    accuracy.reference = b_          ? "a + 3 b in float64, all elements"
                         : sign_ < 0 ? "-a, all elements"
                                     : "a, all elements";
    accuracy.max_abs = std::fmax(accuracy.max_abs, max_abs);
    accuracy.tolerance = tolerance();
    accuracy.checked_elements = elements_;
    return accuracy;
  }

 private:
  static constexpr std::int64_t block = 4096;

  // 3 b and the sum are below 4: two roundings of half a unit in the last place of [2, 4).
  double tolerance() const { return b_ ? 0x1p-22 : 0; }

  double expected(std::int64_t i) const {
    return sign_ * static_cast<double>(a_[i]) + (b_ ? 3 * static_cast<double>(b_[i]) : 0);
  }

  /// The largest error of a block; NaN or infinite where c holds such a value.
  double block_error(const float* c, std::int64_t first, std::int64_t last) const {
    const auto bytes = static_cast<std::size_t>(last - first) * sizeof(float);
    if (!b_ && sign_ > 0) return std::memcmp(c + first, a_ + first, bytes) == 0 ? 0 : INFINITY;
    double worst = 0;
    for (std::int64_t i = first; i < last; ++i) {
      const double error = std::fabs(static_cast<double>(c[i]) - expected(i));
      worst = error <= worst ? worst : error;  // keeps a NaN: nothing compares with it
      if (std::isnan(error)) return error;
    }
    return worst;
  }

  std::int64_t elements_;
  const float* a_;
  const float* b_;
  double sign_;
};

// Modulo 2^32, like every order of adding 32-bit words.
double word_sum(const float* array, std::int64_t elements) {
  std::uint32_t sum = 0;
  for (std::int64_t i = 0; i < elements; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, array + i, sizeof word);
    sum += word;
  }
  return static_cast<double>(static_cast<std::int32_t>(sum));
}

}  // namespace

std::unique_ptr<Oracle> make_ceiling_oracle(const Ceiling& ceiling, const Inputs& inputs) {
  if (ceiling.is_flops()) {
    const std::int64_t sum = ceiling.flops / 4;
    return std::make_unique<ScalarOracle>(static_cast<double>(sum),
                                          "exact: every fourth operation completes a 1");
  }
  if (ceiling.what == "read") {
    return std::make_unique<ScalarOracle>(word_sum(inputs.as<float>("a", 0), ceiling.elements()),
                                          "sum of all words modulo 2^32");
  }
  return std::make_unique<ArrayOracle>(ceiling, inputs);
}

}  // namespace ergon
