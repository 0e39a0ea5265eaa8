#include "kernels/attention/linear_rows.h"

#include "kernels/attention/linear.h"
#include "kernels/attention/rows_oracle.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

std::vector<double> rows(const Attention& a, const Inputs& inputs, const char* name,
                         std::int64_t sequence, std::int64_t head, std::int64_t width) {
  std::vector<double> all(static_cast<std::size_t>(a.q_len * width));
  for (std::int64_t t = 0; t < a.q_len; ++t)
    widen(a.dtype, inputs.data(name, 0), ((sequence * a.q_len + t) * a.q_heads + head) * width, 1,
          width, all.data() + t * width);
  return all;
}

template <class Real>
Real faded(const LinearHead& head, std::int64_t tokens) {
  const auto n = static_cast<std::size_t>(tokens);
  if constexpr (sizeof(Real) == sizeof(float)) return head.plain_decays[n];
  return static_cast<Real>(head.decays[n]);
}

Row stored(const std::vector<float>& row, DType dtype) {
  Row values;
  values.reserve(row.size());
  for (const float each : row) values.push_back(rounded_to(dtype, double{each}));
  return values;
}

/// to += factor * row
template <class Real>
void add(Real factor, const double* row, std::vector<Real>& to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * static_cast<Real>(row[i]);
}

double exactly(double value) { return value; }

template <class Real, class Rounded>
std::vector<Real> output_row(const LinearHead& head, std::int64_t token, std::int64_t start,
                             Rounded rounded) {
  const double* q = head.q.data() + token * head.head_dim;
  std::vector<Real> o(static_cast<std::size_t>(head.v_head_dim));
  std::vector<double> row(o.size());
  for (std::int64_t i = 0; i < head.head_dim; ++i) {
    const std::int64_t d = (i + start) % head.head_dim;
    for (std::size_t c = 0; c < row.size(); ++c)
      row[c] = rounded(head.state[static_cast<std::size_t>(d) * row.size() + c]);
    add(faded<Real>(head, token + 1) * static_cast<Real>(q[d]), row.data(), o);
  }
  for (std::int64_t i = 0; i <= token; ++i) {
    const std::int64_t j = (i + start) % (token + 1);
    Real logit = 0;
    for (std::int64_t n = 0; n < head.head_dim; ++n) {
      const std::int64_t d = (n + start) % head.head_dim;
      logit += static_cast<Real>(q[d]) *
               static_cast<Real>(head.k[static_cast<std::size_t>(j * head.head_dim + d)]);
    }
    const Real weight = logit * faded<Real>(head, token - j);
    add(static_cast<Real>(rounded(weight)), head.v.data() + j * head.v_head_dim, o);
  }
  return o;
}

template <class Real, class Rounded>
std::vector<Real> state_row(const LinearHead& head, std::int64_t row, std::int64_t start,
                            Rounded rounded) {
  std::vector<Real> s(static_cast<std::size_t>(head.v_head_dim));
  add(faded<Real>(head, head.tokens), head.state.data() + row * head.v_head_dim, s);
  for (std::int64_t i = 0; i < head.tokens; ++i) {
    const std::int64_t j = (i + start) % head.tokens;
    const Real key = static_cast<Real>(head.k[static_cast<std::size_t>(j * head.head_dim + row)]) *
                     faded<Real>(head, head.tokens - 1 - j);
    add(static_cast<Real>(rounded(key)), head.v.data() + j * head.v_head_dim, s);
  }
  return s;
}

/// The recurrence over columns [first, end) of the state; `visit(token, state)` after each token,
/// state being [head_dim][end - first].
template <class Visit>
void recur(const LinearHead& head, std::int64_t tokens, std::int64_t first, std::int64_t end,
           Visit visit) {
  const auto width = static_cast<std::size_t>(end - first);
  std::vector<float> s(static_cast<std::size_t>(head.head_dim) * width), v(width);
  for (std::int64_t d = 0; d < head.head_dim; ++d)
    for (std::size_t c = 0; c < width; ++c)
      s[static_cast<std::size_t>(d) * width + c] =
          static_cast<float>(head.state[static_cast<std::size_t>(d * head.v_head_dim + first) + c]);
  const float once = head.plain_decays[1];
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::size_t c = 0; c < width; ++c)
      v[c] = static_cast<float>(head.v[static_cast<std::size_t>(t * head.v_head_dim + first) + c]);
    for (std::int64_t d = 0; d < head.head_dim; ++d) {
      const auto key = static_cast<float>(head.k[static_cast<std::size_t>(t * head.head_dim + d)]);
      float* row = s.data() + static_cast<std::size_t>(d) * width;
      for (std::size_t c = 0; c < width; ++c) row[c] = once * row[c] + key * v[c];
    }
    visit(t, s);
  }
}

}  // namespace

LinearHead::LinearHead(const Attention& a, const Inputs& inputs, std::int64_t sequence,
                       std::int64_t head)
    : tokens(a.q_len),
      head_dim(a.head_dim),
      v_head_dim(a.v_head_dim),
      q(rows(a, inputs, "q", sequence, head, a.head_dim)),
      k(rows(a, inputs, "k", sequence, head, a.head_dim)),
      v(rows(a, inputs, "v", sequence, head, a.v_head_dim)),
      state(static_cast<std::size_t>(a.head_dim * a.v_head_dim)),
      plain_decays(static_cast<std::size_t>(a.q_len + 1), 1.0F) {
  const std::int64_t elements = a.head_dim * a.v_head_dim;
  widen(DType::f32, inputs.data("state", 0), (sequence * a.q_heads + head) * elements, 1, elements,
        state.data());
  const float slope = inputs.as<float>("slope", 0)[head];
  decays.reserve(plain_decays.size());
  for (std::int64_t n = 0; n <= tokens; ++n) decays.push_back(decay(slope, n));
  const auto once = static_cast<float>(decays[1]);
  for (std::size_t n = 1; n < plain_decays.size(); ++n)
    plain_decays[n] = plain_decays[n - 1] * once;
}

Row exact_output_row(const LinearHead& head, std::int64_t token) {
  return output_row<double>(head, token, 0, exactly);
}

Row exact_state_row(const LinearHead& head, std::int64_t row) {
  return state_row<double>(head, row, 0, exactly);
}

Row plain_output_row(const LinearHead& head, std::int64_t token, std::int64_t start, DType product,
                     DType output) {
  const auto rounded = [&](double value) { return rounded_to(product, value); };
  return stored(output_row<float>(head, token, start, rounded), output);
}

Row plain_state_row(const LinearHead& head, std::int64_t row, std::int64_t start, DType product) {
  const auto rounded = [&](double value) { return rounded_to(product, value); };
  return stored(state_row<float>(head, row, start, rounded), DType::f32);
}

Row recurrent_state_row(const LinearHead& head, std::int64_t row) {
  const double* before = head.state.data() + row * head.v_head_dim;
  std::vector<float> s(before, before + head.v_head_dim);
  const float once = head.plain_decays[1];
  for (std::int64_t t = 0; t < head.tokens; ++t) {
    const auto key = static_cast<float>(head.k[static_cast<std::size_t>(t * head.head_dim + row)]);
    const double* v = head.v.data() + t * head.v_head_dim;
    for (std::size_t c = 0; c < s.size(); ++c) s[c] = once * s[c] + key * static_cast<float>(v[c]);
  }
  return stored(s, DType::f32);
}

std::vector<std::vector<Row>> recurrent_output_rows(const LinearHead& head,
                                                    std::span<const std::int64_t> tokens,
                                                    int starts, DType product, DType output) {
  std::vector<std::vector<Row>> all(
      tokens.size(), std::vector<Row>(static_cast<std::size_t>(starts),
                                      Row(static_cast<std::size_t>(head.v_head_dim))));
  if (tokens.empty()) return all;
  on_team(usable_processors(), [&](int thread, int team) {
    const std::int64_t first = head.v_head_dim * thread / team,
                       end = head.v_head_dim * (thread + 1) / team;
    const auto width = static_cast<std::size_t>(end - first);
    std::size_t next = 0;
    std::vector<float> read, o(width);
    recur(head, tokens.back() + 1, first, end, [&](std::int64_t t, const std::vector<float>& s) {
      if (tokens[next] != t) return;
      read = s;
      if (product != DType::f32)
        for (float& each : read) each = static_cast<float>(rounded_to(product, double{each}));
      for (int start = 0; start < starts; ++start) {
        std::fill(o.begin(), o.end(), 0.0F);
        for (std::int64_t i = 0; i < head.head_dim; ++i) {
          const auto d = static_cast<std::size_t>((i + std::int64_t{start} * 37) % head.head_dim);
          const auto q =
              static_cast<float>(head.q[static_cast<std::size_t>(t * head.head_dim) + d]);
          for (std::size_t c = 0; c < width; ++c) o[c] += q * read[d * width + c];
        }
        Row& row = all[next][static_cast<std::size_t>(start)];
        for (std::size_t c = 0; c < width; ++c)
          row[static_cast<std::size_t>(first) + c] = rounded_to(output, double{o[c]});
      }
      ++next;
    });
  });
  return all;
}

}  // namespace ergon
