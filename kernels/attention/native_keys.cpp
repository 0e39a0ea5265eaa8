// Flash attention with keys in lanes: decoding, where keys and values are read once.
//
// An item is all queries that meet one head of keys of a sequence: rows of a tile. Keys come in
// panels, whose logits are [queries][keys of the block]; values in panels of columns, whose
// products add to o, [queries][columns].
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention/native_flash.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

/// How far ahead of use a line of the cache is asked for: bytes.
constexpr std::int64_t ahead = 8192;
constexpr float infinity = std::numeric_limits<float>::infinity();

/// Of a thread.
struct Scratch {
  std::byte *queries, *weights, *block;
  float *logits, *o, *largest, *sum;
};

class OfKeys final : public Flash {
 public:
  OfKeys(const FlashProblem& problem, const NativeShape& shape, const FlashRows& rows,
         std::int64_t block_scratch, int threads)
      : problem_(problem),
        shape_(shape),
        threads_(threads),
        padded_(rounded_up(shape.block, simd::softmax_lanes)),
        columns_(rounded_up(shape.v_head_dim, shape.panel)),
        split_(items(rows), threads) {
    const std::int64_t floats = sizeof(float), n = shape_.q_rows;
    Places places;
    at_ = {places.take(n * shape_.row),        places.take(n * padded_ * shape_.element),
           places.take(block_scratch),         places.take(n * padded_ * floats),
           places.take(n * columns_ * floats), places.take(2 * n * floats)};
    scratch_bytes_ = places.bytes();
    partial_floats_ = n * (columns_ + 2);
    scratch_ =
        HostMemory(static_cast<std::size_t>(scratch_bytes_) * static_cast<std::size_t>(threads));
    partials_.resize(split_.partials() * static_cast<std::size_t>(partial_floats_));
  }

  std::size_t bytes() const override { return scratch_.bytes() + partials_.size() * sizeof(float); }

  void run(const FlashRows& rows, const FlashBlocks& blocks) override {
    on_team(threads_, [&](int thread, int team) {
      const Scratch scratch = scratch_of(thread);
      for (int share = thread; share < threads_; share += team)
        for (const Chunk& chunk : split_.share(static_cast<std::size_t>(share)))
          attend(rows, blocks, chunk, scratch);
      if (split_.merges().empty()) return;
      team_barrier();
      for (std::size_t i = static_cast<std::size_t>(thread); i < split_.merges().size();
           i += static_cast<std::size_t>(team))
        merge(rows, split_.merges()[i], scratch);
    });
  }

 private:
  struct Offsets {
    std::int64_t queries, weights, block, logits, o, statistics;
  };

  Scratch scratch_of(int thread) const {
    std::byte* base = scratch_.data() + thread * scratch_bytes_;
    const auto floats = [&](std::int64_t at) { return reinterpret_cast<float*>(base + at); };
    return {base + at_.queries,
            base + at_.weights,
            base + at_.block,
            floats(at_.logits),
            floats(at_.o),
            floats(at_.statistics),
            floats(at_.statistics) + shape_.q_rows};
  }

  std::int64_t sequence(std::int64_t item) const { return item / problem_.heads; }
  std::int64_t head(std::int64_t item) const { return item % problem_.heads; }

  std::vector<Split::Item> items(const FlashRows& rows) const {
    std::vector<Split::Item> list;
    for (std::int64_t i = 0; i < problem_.sequences * problem_.heads; ++i) {
      const KeyRange all = any(rows, i);
      list.push_back({all.first / shape_.block, (all.end + shape_.block - 1) / shape_.block});
    }
    return list;
  }

  /// Keys that any query of an item sees.
  KeyRange any(const FlashRows& rows, std::int64_t item) const {
    KeyRange all{std::numeric_limits<std::int64_t>::max(), 0};
    for (std::int64_t r = 0; r < shape_.q_rows; ++r) {
      const KeyRange seen = rows.seen(sequence(item), r);
      if (seen.size() == 0) continue;
      all.first = std::min(all.first, seen.first);
      all.end = std::max(all.end, seen.end);
    }
    return all.size() == 0 ? KeyRange{} : all;
  }

  void attend(const FlashRows& rows, const FlashBlocks& blocks, const Chunk& chunk,
              const Scratch& s) {
    const std::int64_t n = shape_.q_rows, b = sequence(chunk.item), h = head(chunk.item);
    const RowsInMemory q = rows.queries(b, h, 0, n, s.queries);
    std::fill_n(s.largest, n, -infinity);
    std::fill_n(s.sum, n, 0.0F);
    std::fill_n(s.o, n * columns_, 0.0F);
    const std::int64_t end = any(rows, chunk.item).end;
    for (std::int64_t index = chunk.first; index < chunk.end; ++index) {
      const KvBlock block = blocks.block(b, h, index, s.block);
      const std::int64_t from = index * shape_.block;
      const std::int64_t count = std::min(shape_.block, end - from);
      logits(q, block, count, s);
      for (std::int64_t r = 0; r < n; ++r) weigh(block, rows.seen(b, r), from, count, r, s);
      add_values(block, count, s);
    }
    if (chunk.partial < 0) return finish(rows, chunk.item, s);
    float* partial = partials_.data() + chunk.partial * partial_floats_;
    std::copy_n(s.largest, n, partial);
    std::copy_n(s.sum, n, partial + n);
    std::copy_n(s.o, n * columns_, partial + 2 * n);
  }

  void logits(const RowsInMemory& q, const KvBlock& block, std::int64_t count,
              const Scratch& s) const {
    simd::TileCall call;
    call.groups = shape_.words;
    call.left = q.first;
    call.left_row = q.stride;
    call.left_group = 4;
    call.right_group = shape_.panel * 4;
    call.columns = shape_.tiles.lanes;
    call.to_row = padded_ * 4;
    call.ahead = ahead;
    const simd::Tile tile = shape_.tiles.tile(static_cast<int>(shape_.q_rows), shape_.vectors());
    for (std::int64_t key = 0; key < count; key += shape_.panel) {
      call.right = block.keys + key * shape_.row;
      call.to = reinterpret_cast<std::byte*>(s.logits + key);
      tile(call);
    }
  }

  void weigh(const KvBlock& block, const KeyRange& seen, std::int64_t from, std::int64_t count,
             std::int64_t r, const Scratch& s) const {
    simd::SoftmaxRow call;
    call.logits = s.logits + r * padded_;
    call.keys = static_cast<int>(count);
    call.scale_log2 = static_cast<float>(problem_.scale) * log2_e;
    call.soft_cap = static_cast<float>(problem_.soft_cap);
    call.key_scale = block.key_scale;
    call.value_scale = block.value_scale;
    call.first = static_cast<int>(std::clamp<std::int64_t>(seen.first - from, 0, count));
    call.end = static_cast<int>(std::clamp<std::int64_t>(seen.end - from, 0, count));
    call.largest = s.largest + r;
    call.sum = s.sum + r;
    float rescale = 1;
    call.rescale = &rescale;
    call.weights = s.weights + r * padded_ * shape_.element;
    if (!shape_.softmax.row(call)) return;
    float* o = s.o + r * columns_;
    for (std::int64_t c = 0; c < columns_; ++c) o[c] *= rescale;
  }

  void add_values(const KvBlock& block, std::int64_t count, const Scratch& s) const {
    simd::TileCall call;
    call.groups = (count + shape_.group - 1) / shape_.group;
    call.left = s.weights;
    call.left_row = padded_ * shape_.element;
    call.left_group = 4;
    call.right_group = shape_.panel * 4;
    call.columns = shape_.tiles.lanes;
    call.to_row = call.start_row = columns_ * 4;
    call.ahead = ahead;
    const simd::Tile tile = shape_.tiles.tile(static_cast<int>(shape_.q_rows), shape_.vectors());
    for (std::int64_t c = 0; c < columns_; c += shape_.panel) {
      call.right = block.values + c * shape_.block * shape_.element;
      call.to = reinterpret_cast<std::byte*>(s.o + c);
      call.start = call.to;
      tile(call);
    }
  }

  void finish(const FlashRows& rows, std::int64_t item, const Scratch& s) const {
    for (std::int64_t r = 0; r < shape_.q_rows; ++r) {
      const float factor = flash_divisor(s.largest[r], s.sum[r], rows.sink(head(item), r));
      float* o = s.o + r * columns_;
      for (std::int64_t c = 0; c < columns_; ++c) o[c] *= factor;
    }
    rows.write(sequence(item), head(item), 0, shape_.q_rows, s.o, columns_);
  }

  /// Partial results of one item.
  void merge(const FlashRows& rows, const Split::Merge& of, const Scratch& s) {
    const std::int64_t n = shape_.q_rows;
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
  const NativeShape& shape_;
  int threads_;
  std::int64_t padded_, columns_;
  Split split_;
  Offsets at_{};
  std::int64_t scratch_bytes_ = 0, partial_floats_ = 0;
  HostMemory scratch_;
  std::vector<float> partials_;
};

}  // namespace

std::unique_ptr<Flash> make_flash_of_keys(const FlashProblem& problem, const NativeShape& shape,
                                          const FlashRows& rows, std::int64_t block_scratch,
                                          int threads) {
  return std::make_unique<OfKeys>(problem, shape, rows, block_scratch, threads);
}

std::unique_ptr<Flash> make_flash(const FlashProblem& problem, const NativeShape& shape,
                                  const KvBlocks& layout, const FlashRows& rows,
                                  std::int64_t block_scratch, int threads) {
  if (shape.few()) return make_flash_of_keys(problem, shape, rows, block_scratch, threads);
  return make_flash_of_queries(problem, shape, layout, rows, block_scratch, threads);
}

float flash_divisor(float largest, float sum, const float* sink) {
  if (largest == -infinity) return 0;
  return 1 / (sum + (sink == nullptr ? 0 : std::exp2(*sink * log2_e - largest)));
}

}  // namespace ergon
