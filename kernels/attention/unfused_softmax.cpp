#include "kernels/attention/unfused_softmax.h"

#include <algorithm>
#include <limits>

#include "kernels/attention/unfused_softmax_loops.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

SoftmaxRow row_loop([[maybe_unused]] simd::Isa isa) {
#if defined(__x86_64__)
  if (isa == simd::Isa::avx512) return softmax_row_avx512;
  if (isa == simd::Isa::avx2) return softmax_row_avx2;
#endif
  return softmax_row_portable;
}

/// The scores of one query and head.
struct ScoreRow {
  std::int64_t first, head;
  std::int64_t before, seen, after;  // keys, of which the middle ones are seen
};

/// body(row) for all rows, shared among threads.
template <class Body>
void over_rows(const UnfusedSoftmax& softmax, Body body) {
  const Attention& a = softmax.workload;
  const std::int64_t rows = a.batch * a.q_heads * a.q_len;
  on_team(softmax.threads, [&](int thread, int team) {
    // Every team-th: under a causal mask later queries have more to do.
    for (std::int64_t i = thread; i < rows; i += team) {
      const std::int64_t query = i % a.q_len, head = i / a.q_len % a.q_heads,
                         sequence = i / a.q_len / a.q_heads;
      const KeyRange all = softmax.layout.block_of(sequence).keys, seen = a.keys(sequence, query);
      ScoreRow row{softmax.layout.first(sequence, head, query), head, 0, seen.size(), 0};
      if (row.seen > 0) row.before = seen.first - all.first;
      row.after = all.size() - row.before - row.seen;
      body(row);
    }
  });
}

template <class T>
void fill_unseen(T* weights, const ScoreRow& row, T value) {
  std::fill_n(weights + row.first, row.before, value);
  std::fill_n(weights + row.first + row.before + row.seen, row.after, value);
}

}  // namespace

void make_weights(const UnfusedSoftmax& softmax, simd::Isa isa) {
  const SoftmaxRow loop = row_loop(isa);
  over_rows(softmax, [&](const ScoreRow& row) {
    if (softmax.rounded != nullptr)
      fill_unseen(softmax.rounded, row, std::uint16_t{0});
    else
      fill_unseen(softmax.scores, row, 0.0F);
    if (row.seen == 0) return;
    const std::int64_t first = row.first + row.before;
    SoftmaxRowCall call;
    call.scores = softmax.scores + first;
    call.count = row.seen;
    call.soft_cap = softmax.soft_cap;
    if (softmax.sinks != nullptr) call.sink = softmax.sinks + row.head;
    if (softmax.rounded != nullptr) call.rounded = softmax.rounded + first;
    loop(call);
  });
}

void mask_scores(const UnfusedSoftmax& softmax) {
  over_rows(softmax, [&](const ScoreRow& row) {
    fill_unseen(softmax.scores, row,
                row.seen == 0 ? 0.0F : -std::numeric_limits<float>::infinity());
  });
}

void clear_unseeing(const UnfusedSoftmax& softmax) {
  over_rows(softmax, [&](const ScoreRow& row) {
    if (row.seen > 0) return;
    if (softmax.rounded != nullptr)
      fill_unseen(softmax.rounded, row, std::uint16_t{0});
    else
      fill_unseen(softmax.scores, row, 0.0F);
  });
}

}  // namespace ergon
