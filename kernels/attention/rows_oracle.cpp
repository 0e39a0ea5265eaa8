#include "kernels/attention/rows_oracle.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "kernels/compare.h"
#include "kernels/fill.h"
#include "kernels/qmatmul/oracle.h"

namespace ergon {
namespace {

constexpr int of_zeros = -100000;

/// The binade of the largest value: it is in [2^n, 2^(n + 1)).
int binade(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::fmax(largest, std::fabs(value));
  return largest == 0 ? of_zeros : std::ilogb(largest);
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::fmax(largest, std::fabs(a[i] - b[i]));
  return largest;
}

class RowsOracle final : public Oracle {
 public:
  RowsOracle(NamedDesc output, std::vector<ExpectedRow> rows, std::string reference)
      : output_(std::move(output)), reference_(std::move(reference)) {
    double worst = info(output_.desc.dtype).epsilon;  // in units of the binade
    for (ExpectedRow& row : rows) {
      const int at = binade(row.exact);
      if (at != of_zeros)
        for (const auto& plain : row.plain)
          worst = std::fmax(worst, std::ldexp(largest_difference(row.exact, plain), -at));
      classes_[at].push_back({row.row, std::move(row.exact)});
    }
    for (const auto& [at, list] : classes_)
      tolerances_[at] = at == of_zeros ? 0 : std::ldexp(2 * worst, at);
  }

  Accuracy check(std::span<const HostTensor> outputs) const override {
    if (outputs.size() != 1 || outputs[0].name != output_.name ||
        outputs[0].desc.sizes != output_.desc.sizes ||
        outputs[0].desc.strides != output_.desc.strides ||
        outputs[0].desc.dtype != output_.desc.dtype)
      throw std::invalid_argument("attention has one output here: \"" + output_.name +
                                  "\", dense, of the workload's type and sizes");
    std::vector<Accuracy> parts;
    for (const auto& [at, list] : classes_) parts.push_back(check(outputs[0], at, list));
    Accuracy all = merged(parts);
    all.reference = reference_;
    return all;
  }

 private:
  struct Row {
    std::int64_t row;
    std::vector<double> exact;
  };

  Accuracy check(const HostTensor& got, int at, const std::vector<Row>& list) const {
    Comparer comparer(got.name, got.desc.dtype, tolerances_.at(at));
    const std::int64_t width = got.desc.sizes.back();
    std::vector<double> values(static_cast<std::size_t>(width));
    std::vector<std::int64_t> place(got.desc.sizes.size());
    for (const Row& row : list) {
      std::int64_t rest = row.row;
      for (std::size_t d = place.size() - 1; d-- > 0;) {
        place[d] = rest % got.desc.sizes[d];
        rest /= got.desc.sizes[d];
      }
      widen(got.desc.dtype, got.data, row.row * width, 1, width, values.data());
      for (std::int64_t i = 0; i < width; ++i) {
        place.back() = i;
        const auto element = static_cast<std::size_t>(i);
        comparer.add(values[element], row.exact[element], place);
      }
    }
    return comparer.result();
  }

  NamedDesc output_;
  std::string reference_;
  std::map<int, std::vector<Row>> classes_;
  std::map<int, double> tolerances_;
};

}  // namespace

double rounded_to(DType dtype, double value) {
  std::uint64_t storage = 0;
  store(dtype, &storage, 0, value);
  return load(dtype, &storage, 0);
}

std::unique_ptr<Oracle> make_rows_oracle(NamedDesc output, std::vector<ExpectedRow> rows,
                                         std::string reference) {
  return std::make_unique<RowsOracle>(std::move(output), std::move(rows), std::move(reference));
}

std::size_t expected_rows_bytes(std::int64_t rows, std::int64_t width) noexcept {
  // As many sums of plain arithmetic as plain_sums() gives any part of the rows; each row is an
  // element of vectors that grow, of a set and of lists.
  const std::int64_t sums = std::max(std::min<std::int64_t>(rows, 64) * plain_sums(1), rows);
  constexpr std::int64_t of_a_vector = 64, of_a_row = 256;
  const std::int64_t of_values = width * static_cast<std::int64_t>(sizeof(double)) + of_a_vector;
  return static_cast<std::size_t>((rows + sums) * of_values + rows * of_a_row);
}

std::vector<std::int64_t> rows_to_check(std::int64_t count, std::int64_t most) {
  std::set<std::int64_t> chosen;
  if (count <= most) {
    for (std::int64_t i = 0; i < count; ++i) chosen.insert(i);
  } else {
    chosen = {0, count - 1};
    for (std::uint64_t i = 0; static_cast<std::int64_t>(chosen.size()) < most; ++i)
      chosen.insert(static_cast<std::int64_t>(random_bits(0, stream_of("rows to check"), i) %
                                              static_cast<std::uint64_t>(count)));
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace ergon
