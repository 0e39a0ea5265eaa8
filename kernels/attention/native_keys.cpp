// Flash attention with keys in lanes: decoding, where keys and values are read once.
//
// An item is all queries that meet one head of keys of a sequence: rows of tiles. Keys come in
// panels, whose logits are [queries][keys of the block]; values in panels of columns, whose
// products add to o, [queries][columns].
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/attention/native_flash.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Of a thread.
struct Scratch {
  std::byte *gathered, *queries, *weights, *cache;
  float *logits, *o, *largest, *sum;
  KeyRange* seen;
};

class OfKeys final : public KeyFlash {
 public:
  OfKeys(const FlashProblem& problem, const KeyCache& cache, std::int64_t q_rows,
         std::int64_t blocks, const FlashRows& rows, simd::Isa isa, int threads)
      : problem_(problem),
        cache_(cache),
        softmax_(simd::best_softmax_set(cache.weights() == DType::bf16, isa, cpu_info())),
        q_rows_(q_rows),
        blocks_(blocks),
        threads_(threads),
        padded_(rounded_up(cache.block(), simd::softmax_lanes)),
        columns_(cache.columns()),
        element_(static_cast<std::int64_t>(size_of(cache.weights()))),
        split_(items(rows), threads) {
    const std::int64_t floats = sizeof(float), n = q_rows_;
    Places places;
    at_ = {places.take(problem.query_bytes * n), places.take(cache.query_bytes(n)),
           places.take(n * padded_ * element_),  places.take(cache.scratch_bytes(n)),
           places.take(n * padded_ * floats),    places.take(n * columns_ * floats),
           places.take(2 * n * floats),          places.take(n * std::int64_t{sizeof(KeyRange)})};
    scratch_bytes_ = places.bytes();
    partial_floats_ = n * (columns_ + 2);
    scratch_ =
        HostMemory(static_cast<std::size_t>(scratch_bytes_) * static_cast<std::size_t>(threads));
    partials_.resize(split_.partials() * static_cast<std::size_t>(partial_floats_));
  }

  void run(const FlashRows& rows, const std::byte* cache) override {
    split_.run(
        threads_,
        [&](const Chunk& chunk, int thread) { attend(rows, cache, chunk, scratch_of(thread)); },
        [&](const Split::Merge& of, int thread) { merge(rows, of, scratch_of(thread)); });
  }

 private:
  struct Offsets {
    std::int64_t gathered, queries, weights, cache, logits, o, statistics, seen;
  };

  Scratch scratch_of(int thread) const {
    std::byte* base = scratch_.data() + thread * scratch_bytes_;
    const auto floats = [&](std::int64_t at) { return reinterpret_cast<float*>(base + at); };
    return {base + at_.gathered,
            base + at_.queries,
            base + at_.weights,
            base + at_.cache,
            floats(at_.logits),
            floats(at_.o),
            floats(at_.statistics),
            floats(at_.statistics) + q_rows_,
            reinterpret_cast<KeyRange*>(base + at_.seen)};
  }

  std::int64_t sequence(std::int64_t item) const { return item / problem_.heads; }
  std::int64_t head(std::int64_t item) const { return item % problem_.heads; }

  std::vector<Split::Item> items(const FlashRows& rows) const {
    std::vector<Split::Item> list;
    for (std::int64_t i = 0; i < problem_.sequences * problem_.heads; ++i) {
      const KeyRange all = any(rows, i);
      list.push_back({all.first / cache_.block(), (all.end + cache_.block() - 1) / cache_.block()});
    }
    return list;
  }

  /// Keys that any query of an item sees.
  KeyRange any(const FlashRows& rows, std::int64_t item) const {
    KeyRange all{std::numeric_limits<std::int64_t>::max(), 0};
    for (std::int64_t r = 0; r < q_rows_; ++r) {
      const KeyRange seen = rows.seen(sequence(item), r);
      if (seen.size() == 0) continue;
      all.first = std::min(all.first, seen.first);
      all.end = std::max(all.end, seen.end);
    }
    return all.size() == 0 ? KeyRange{} : all;
  }

  void attend(const FlashRows& rows, const std::byte* cache, const Chunk& chunk, const Scratch& s) {
    const std::int64_t n = q_rows_, b = sequence(chunk.item), h = head(chunk.item);
    cache_.arrange(rows.queries(b, h, 0, n, s.gathered), n, s.queries);
    std::fill_n(s.largest, n, -infinity);
    std::fill_n(s.sum, n, 0.0F);
    std::fill_n(s.o, n * columns_, 0.0F);
    for (std::int64_t r = 0; r < n; ++r) s.seen[r] = rows.seen(b, r);
    const std::int64_t end = any(rows, chunk.item).end;
    for (std::int64_t index = chunk.first; index < chunk.end; ++index) {
      const std::byte* block = cache + (chunk.item * blocks_ + index) * cache_.bytes();
      const std::int64_t from = index * cache_.block();
      const std::int64_t count = std::min(cache_.block(), end - from);
      if (count < cache_.block())
        std::memset(s.weights, 0, static_cast<std::size_t>(n * padded_ * element_));
      cache_.logits(block, s.queries, n, count, s.logits, padded_, s.cache);
      weigh(block, from, count, s);
      cache_.add_values(block, s.weights, padded_ * element_, n, count, s.o, s.cache);
    }
    if (chunk.partial < 0) return finish(rows, chunk.item, s);
    float* partial = partials_.data() + chunk.partial * partial_floats_;
    std::copy_n(s.largest, n, partial);
    std::copy_n(s.sum, n, partial + n);
    std::copy_n(s.o, n * columns_, partial + 2 * n);
  }

  /// The logits of the block that begins with key `from`.
  void weigh(const std::byte* block, std::int64_t from, std::int64_t count,
             const Scratch& s) const {
    simd::SoftmaxRow call;
    float rescale = 1;
    call.rescale = &rescale;
    call.keys = static_cast<int>(count);
    call.scale_log2 = static_cast<float>(problem_.scale) * log2_e;
    call.soft_cap = static_cast<float>(problem_.soft_cap);
    call.key_scale = cache_.key_scale(block);
    call.value_scale = cache_.value_scale(block);
    for (std::int64_t r = 0; r < q_rows_; ++r) {
      call.logits = s.logits + r * padded_;
      call.first = static_cast<int>(std::clamp<std::int64_t>(s.seen[r].first - from, 0, count));
      call.end = static_cast<int>(std::clamp<std::int64_t>(s.seen[r].end - from, 0, count));
      call.largest = s.largest + r;
      call.sum = s.sum + r;
      call.weights = s.weights + r * padded_ * element_;
      if (!softmax_.row(call)) continue;
      float* o = s.o + r * columns_;
      for (std::int64_t c = 0; c < columns_; ++c) o[c] *= rescale;
    }
  }

  void finish(const FlashRows& rows, std::int64_t item, const Scratch& s) const {
    for (std::int64_t r = 0; r < q_rows_; ++r) {
      const float factor = flash_divisor(s.largest[r], s.sum[r], rows.sink(head(item), r));
      float* o = s.o + r * columns_;
      for (std::int64_t c = 0; c < columns_; ++c) o[c] *= factor;
    }
    rows.write(sequence(item), head(item), 0, q_rows_, s.o, columns_);
  }

  /// Partial results of one item.
  void merge(const FlashRows& rows, const Split::Merge& of, const Scratch& s) {
    const std::int64_t n = q_rows_;
    std::fill_n(s.sum, n, 0.0F);
    std::fill_n(s.o, n * columns_, 0.0F);
    for (std::int64_t r = 0; r < n; ++r) {
      s.largest[r] = -infinity;
      for (std::size_t i = of.first; i < of.end; ++i)
        s.largest[r] = std::max(s.largest[r], partial(i)[r]);
      for (std::size_t i = of.first; i < of.end; ++i) {
        const float* from = partial(i);
        if (from[r] == -infinity) continue;
        const float factor = std::exp2(from[r] - s.largest[r]);
        s.sum[r] += from[n + r] * factor;
        for (std::int64_t c = 0; c < columns_; ++c)
          s.o[r * columns_ + c] += from[2 * n + r * columns_ + c] * factor;
      }
    }
    finish(rows, of.item, s);
  }

  const float* partial(std::size_t index) const {
    return partials_.data() + static_cast<std::int64_t>(index) * partial_floats_;
  }

  const FlashProblem problem_;
  const KeyCache& cache_;
  const simd::SoftmaxSet& softmax_;
  std::int64_t q_rows_, blocks_;
  int threads_;
  std::int64_t padded_, columns_, element_;
  Split split_;
  Offsets at_{};
  std::int64_t scratch_bytes_ = 0, partial_floats_ = 0;
  HostMemory scratch_;
  std::vector<float> partials_;
};

}  // namespace

std::unique_ptr<KeyFlash> make_key_flash(const FlashProblem& problem, const KeyCache& cache,
                                         std::int64_t q_rows, std::int64_t blocks,
                                         const FlashRows& rows, simd::Isa isa, int threads) {
  return std::make_unique<OfKeys>(problem, cache, q_rows, blocks, rows, isa, threads);
}

}  // namespace ergon
