#include "kernels/attention/linear_oracle.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "kernels/attention/linear_rows.h"
#include "kernels/attention/rows_oracle.h"
#include "kernels/attention/structure.h"
#include "kernels/devices/cpu.h"
#include "kernels/qmatmul/oracle.h"

namespace ergon {
namespace {

/// One oracle for each output, in their order.
class EachOutput final : public Oracle {
 public:
  explicit EachOutput(std::vector<std::unique_ptr<Oracle>> oracles)
      : oracles_(std::move(oracles)) {}
  Accuracy check(std::span<const HostTensor> outputs) const override {
    if (outputs.size() != oracles_.size())
      throw std::invalid_argument("linear attention has two outputs: \"o\" and \"state\"");
    std::vector<Accuracy> parts;
    for (std::size_t i = 0; i < oracles_.size(); ++i)
      parts.push_back(oracles_[i]->check(outputs.subspan(i, 1)));
    Accuracy all = merged(parts);
    all.reference = parts[0].reference + "; " + parts[1].reference;
    return all;
  }

 private:
  std::vector<std::unique_ptr<Oracle>> oracles_;
};

/// Where a row of an output is.
struct Place {
  std::int64_t sequence, head;
  std::int64_t index;  // of the token, or of the state's row
};

/// Rows of one head.
struct HeadRows {
  std::int64_t sequence, head;
  std::vector<std::size_t> at;  // where they are among all rows; rising
};

std::int64_t affordable(double flops, double flops_of_a_row) {
  return std::max<std::int64_t>(
      64, static_cast<std::int64_t>(std::min(flops / flops_of_a_row, 0x1p40)));
}
double flops_of_an_output_row(const Attention& a) {
  const auto dim = static_cast<double>(a.head_dim), v_dim = static_cast<double>(a.v_head_dim);
  return 2 * dim * v_dim + static_cast<double>(a.q_len) * (dim + v_dim);
}
double flops_of_a_state_row(const Attention& a) {
  return 2 * static_cast<double>(a.q_len) * static_cast<double>(a.v_head_dim);
}

class OutputRows {
 public:
  template <class PlaceOf>
  OutputRows(const Attention& a, NamedDesc output, double flops_of_a_row, double most_flops,
             PlaceOf place_of)
      : output_(std::move(output)), flops_of_a_row_(flops_of_a_row) {
    count_ = output_.desc.elements() / output_.desc.sizes.back();
    for (const std::int64_t row : rows_to_check(count_, affordable(most_flops))) {
      rows.push_back({row, {}, {}});
      places.push_back(place_of(row));
    }
    std::vector<std::pair<std::int64_t, std::size_t>> order;
    for (std::size_t i = 0; i < rows.size(); ++i)
      order.emplace_back(places[i].sequence * a.q_heads + places[i].head, i);
    std::sort(order.begin(), order.end());
    for (const auto& [head, at] : order) {
      const HeadRows one{head / a.q_heads, head % a.q_heads, {}};
      if (heads.empty() || heads.back().sequence != one.sequence || heads.back().head != one.head)
        heads.push_back(one);
      heads.back().at.push_back(at);
    }
  }

  std::int64_t affordable(double flops) const { return ergon::affordable(flops, flops_of_a_row_); }

  std::unique_ptr<Oracle> oracle() {
    std::string reference = "float64 linear attention, \"" + output_.name + "\": ";
    reference += rows.size() == static_cast<std::size_t>(count_)
                     ? "all rows"
                     : std::to_string(rows.size()) + " of " + std::to_string(count_) + " rows";
    return make_rows_oracle(output_, std::move(rows), reference);
  }

  std::vector<ExpectedRow> rows;
  std::vector<Place> places;  // of each
  std::vector<HeadRows> heads;

 private:
  NamedDesc output_;
  double flops_of_a_row_;
  std::int64_t count_;
};

/// Each row by itself: `exact_of(head, index)`, and of every few one `plain_of(head, index,
/// start)`; without it none.
template <class ExactOf, class PlainOf>
void fill_rows(const Attention& a, const Inputs& inputs, double most_plain_flops, OutputRows& to,
               ExactOf exact_of, PlainOf plain_of) {
  const auto step = static_cast<std::size_t>(std::ceil(
      static_cast<double>(to.rows.size()) / static_cast<double>(to.affordable(most_plain_flops))));
  const int sums = plain_sums(to.rows.size() / step);
  for (const HeadRows& mine : to.heads) {
    const LinearHead head(a, inputs, mine.sequence, mine.head);
    on_team(usable_processors(), [&](int thread, int team) {
      for (auto i = static_cast<std::size_t>(thread); i < mine.at.size();
           i += static_cast<std::size_t>(team)) {
        ExpectedRow& row = to.rows[mine.at[i]];
        const std::int64_t index = to.places[mine.at[i]].index;
        row.exact = exact_of(head, index);
        if (mine.at[i] % step != 0) continue;
        for (int start = 0; start < sums; ++start)
          if (auto plain = plain_of(head, index, std::int64_t{start} * 37); !plain.empty())
            row.plain.push_back(std::move(plain));
      }
    });
  }
}

/// Of as many heads, and of one as many tokens, as are affordable.
void fill_recurrent(const Attention& a, const Inputs& inputs, double most_flops, OutputRows& to) {
  const double flops_of_a_token =
      4 * static_cast<double>(a.head_dim) * static_cast<double>(a.v_head_dim);
  const double tokens = std::max(64.0, most_flops / flops_of_a_token);
  const auto heads = std::max<std::size_t>(
      1, static_cast<std::size_t>(std::min(tokens / static_cast<double>(a.q_len), 0x1p40)));
  const std::size_t step = (to.heads.size() + heads - 1) / heads;
  std::size_t count = 0;
  for (std::size_t h = 0; h < to.heads.size(); h += step) count += to.heads[h].at.size();
  for (std::size_t h = 0; h < to.heads.size(); h += step) {
    const HeadRows& mine = to.heads[h];
    std::vector<std::int64_t> chosen;
    for (const std::size_t at : mine.at)
      if (static_cast<double>(to.places[at].index) < tokens) chosen.push_back(to.places[at].index);
    auto plain = recurrent_output_rows(LinearHead(a, inputs, mine.sequence, mine.head), chosen,
                                       plain_sums(count), a.product_dtype(), a.dtype);
    for (std::size_t i = 0; i < chosen.size(); ++i) to.rows[mine.at[i]].plain = std::move(plain[i]);
  }
}

}  // namespace

std::unique_ptr<Oracle> make_linear_oracle(const Attention& a, const Inputs& inputs,
                                           const LinearChecks& checks) {
  const std::vector<NamedDesc> outputs = structure_of(a).outputs(a);
  const DType product = a.product_dtype();
  const bool recurrent = a.phase == Phase::decode || product == DType::f32;

  OutputRows o(a, outputs[0], flops_of_an_output_row(a), checks.most_flops, [&](std::int64_t row) {
    const std::int64_t token = row / a.q_heads;
    return Place{token / a.q_len, row % a.q_heads, token % a.q_len};
  });
  fill_rows(a, inputs, checks.most_plain_flops, o, exact_output_row,
            [&](const LinearHead& head, std::int64_t token, std::int64_t start) {
              return recurrent ? Row() : plain_output_row(head, token, start, product, a.dtype);
            });
  if (recurrent) fill_recurrent(a, inputs, checks.most_plain_flops, o);

  OutputRows state(a, outputs[1], flops_of_a_state_row(a), checks.most_flops,
                   [&](std::int64_t row) {
                     const std::int64_t head = row / a.head_dim;
                     return Place{head / a.q_heads, head % a.q_heads, row % a.head_dim};
                   });
  fill_rows(a, inputs, checks.most_plain_flops, state, exact_state_row,
            [&](const LinearHead& head, std::int64_t row, std::int64_t start) {
              return recurrent ? recurrent_state_row(head, row)
                               : plain_state_row(head, row, start, product);
            });

  std::vector<std::unique_ptr<Oracle>> oracles;
  oracles.push_back(o.oracle());
  oracles.push_back(state.oracle());
  return std::make_unique<EachOutput>(std::move(oracles));
}

std::size_t linear_oracle_bytes(const Attention& a, const LinearChecks& checks) {
  const std::int64_t heads = a.batch * a.q_heads;
  const std::int64_t outputs =
      std::min(heads * a.q_len, affordable(checks.most_flops, flops_of_an_output_row(a)));
  const std::int64_t states =
      std::min(heads * a.head_dim, affordable(checks.most_flops, flops_of_a_state_row(a)));
  const std::int64_t state = a.head_dim * a.v_head_dim;
  // Widened, with decays; in the recurrence the state twice as f32.
  const std::int64_t head = (a.q_len + 1) * (2 * a.head_dim + a.v_head_dim + 2) + 2 * state;
  return static_cast<std::size_t>(head + 4 * a.v_head_dim * usable_processors()) * sizeof(double) +
         expected_rows_bytes(outputs, a.v_head_dim) + expected_rows_bytes(states, a.v_head_dim);
}

}  // namespace ergon
