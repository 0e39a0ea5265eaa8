// Flash attention with queries in lanes.
//
// An item is up to `tile_queries` queries that meet one head of keys, in panels of lanes. For each
// block of keys and each panel: a tile gives the logits of its keys, these become weights, and
// tiles of columns of V add to o, which is [columns of V][lanes].
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/attention/native_flash.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

/// Of an item: as many as share what they read of a block beyond the L2 cache, or its packing.
constexpr std::int64_t tile_queries = 128;
std::int64_t lanes_of_an_item(const NativeShape& shape) {
  return std::min(tile_queries / shape.panel * shape.panel, rounded_up(shape.q_rows, shape.panel));
}

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();

/// Asks for what lies a few tiles behind some bytes that are about to be read: no prefetcher of a
/// processor follows a tile's rows fast enough (decoding with 32 queries to a head of keys: twice
/// the speed on Zen 5).
void fetch_behind(const std::byte* from, std::int64_t bytes) {
  constexpr std::int64_t ahead = 8192, line = 64;
  for (std::int64_t at = 0; at < bytes; at += line) __builtin_prefetch(from + ahead + at);
}

/// Rows that are used when a chunk is done. They lie pages apart, which no prefetcher of a
/// processor follows, and are asked for beside the products of the last block: all at once they
/// would be waited for.
struct Ahead {
  EvenRows written, read;
};
void fetch_some(EvenRows& rows) {
  constexpr std::int64_t line = 64, some = 2;
  for (std::int64_t i = 0; i < some && rows.count > 0; ++i, --rows.count) {
    for (std::int64_t at = 0; at < rows.bytes; at += line)
      __builtin_prefetch(rows.rows.first + at, 0, 2);
    rows.rows.first += rows.rows.stride;
  }
}

/// Of a thread.
struct Scratch {
  std::byte *gathered, *queries, *weights, *block;
  float *logits, *o, *largest, *sum, *rescale, *row;
  std::int32_t *first, *end;
};

class OfQueries final : public QueryFlash {
 public:
  OfQueries(const FlashProblem& problem, const NativeShape& shape, const KvBlocks& layout,
            const FlashRows& rows, std::int64_t block_scratch, int threads)
      : problem_(problem),
        shape_(shape),
        layout_(layout),
        threads_(threads),
        lanes_(lanes_of_an_item(shape)),
        tiles_((shape.q_rows + lanes_ - 1) / lanes_),
        cut_(block_scratch > 0 ? shape.block : NativeShape::cut),
        split_(items(rows), threads) {
    const std::int64_t floats = sizeof(float), l = lanes_, p = shape_.panel;
    Places places;
    at_ = {places.take(l * shape_.row),
           places.take(l * shape_.row),
           places.take(shape_.block / shape_.group * p * floats),
           places.take(block_scratch),
           places.take(shape_.block * p * floats),
           places.take(l * shape_.v_head_dim * floats),
           places.take(3 * l * floats),
           places.take(p * shape_.v_head_dim * floats),
           places.take(2 * l * floats)};
    scratch_bytes_ = places.bytes();
    partial_floats_ = l * (shape_.v_head_dim + 2);
    scratch_ =
        HostMemory(static_cast<std::size_t>(scratch_bytes_) * static_cast<std::size_t>(threads));
    partials_.resize(split_.partials() * static_cast<std::size_t>(partial_floats_));
  }

  void run(const FlashRows& rows, const FlashBlocks& blocks) override {
    split_.run(
        threads_,
        [&](const Chunk& chunk, int thread) { attend(rows, blocks, chunk, scratch_of(thread)); },
        [&](const Split::Merge& of, int thread) { merge(rows, of, scratch_of(thread)); });
  }

 private:
  struct Offsets {
    std::int64_t gathered, queries, weights, block, logits, o, statistics, row, limits;
  };

  Scratch scratch_of(int thread) const {
    std::byte* base = scratch_.data() + thread * scratch_bytes_;
    const auto floats = [&](std::int64_t at) { return reinterpret_cast<float*>(base + at); };
    float* statistics = floats(at_.statistics);
    auto* limits = reinterpret_cast<std::int32_t*>(base + at_.limits);
    return {base + at_.gathered,
            base + at_.queries,
            base + at_.weights,
            base + at_.block,
            floats(at_.logits),
            floats(at_.o),
            statistics,
            statistics + lanes_,
            statistics + 2 * lanes_,
            floats(at_.row),
            limits,
            limits + lanes_};
  }

  struct Item {
    std::int64_t sequence, head, first, count;
  };
  Item item(std::int64_t index) const {
    const std::int64_t first = index % tiles_ * lanes_, rest = index / tiles_;
    return {rest / problem_.heads, rest % problem_.heads, first,
            std::min(lanes_, shape_.q_rows - first)};
  }

  std::vector<Split::Item> items(const FlashRows& rows) const {
    std::vector<Split::Item> list;
    for (std::int64_t i = 0; i < problem_.sequences * problem_.heads * tiles_; ++i) {
      const Item one = item(i);
      KeyRange all{std::numeric_limits<std::int64_t>::max(), 0};
      for (std::int64_t r = 0; r < one.count; ++r) {
        const KeyRange seen = rows.seen(one.sequence, one.first + r);
        if (seen.size() == 0) continue;
        all.first = std::min(all.first, seen.first);
        all.end = std::max(all.end, seen.end);
      }
      if (all.size() == 0) all = {};
      list.push_back({all.first / cut_, (all.end + cut_ - 1) / cut_});
    }
    return list;
  }

  /// Keys that all queries of a panel see, and that any does.
  struct Limits {
    KeyRange all, any;
  };

  void prepare(const FlashRows& rows, const Item& one, const Scratch& s) const {
    const RowsInMemory q = rows.queries(one.sequence, one.head, one.first, one.count, s.gathered);
    for (std::int64_t p = 0; p < lanes_; p += shape_.panel) {
      simd::PackCall call;
      call.from = q.first + p * q.stride;
      call.row_stride = q.stride;
      call.k_stride = shape_.element;
      call.rows = static_cast<int>(std::clamp<std::int64_t>(one.count - p, 0, shape_.panel));
      call.width = static_cast<int>(shape_.panel);
      call.k = shape_.head_dim;
      call.to = s.queries + p * shape_.row;
      shape_.tiles.pack(call);
    }
    std::fill_n(s.largest, lanes_, -infinity);
    std::fill_n(s.sum, lanes_, 0.0F);
    // Lanes without a query see all: their words are zeros.
    for (std::int64_t r = 0; r < lanes_; ++r) {
      KeyRange seen{0, most};
      if (r < one.count) seen = rows.seen(one.sequence, one.first + r);
      s.first[r] = static_cast<std::int32_t>(seen.first);
      s.end[r] = static_cast<std::int32_t>(seen.end);
    }
  }

  /// Of the panel that begins at lane p.
  Limits limits(const Item& one, std::int64_t p, const Scratch& s) const {
    Limits limits{{0, most}, {most, 0}};
    for (std::int64_t r = p; r < std::min(p + shape_.panel, one.count); ++r) {
      const KeyRange seen{s.first[r], s.end[r]};
      limits.all.first = std::max(limits.all.first, seen.first);
      limits.all.end = std::min(limits.all.end, seen.end);
      if (seen.size() == 0) continue;
      limits.any.first = std::min(limits.any.first, seen.first);
      limits.any.end = std::max(limits.any.end, seen.end);
    }
    return limits;
  }

  void attend(const FlashRows& rows, const FlashBlocks& blocks, const Chunk& chunk,
              const Scratch& s) {
    const Item one = item(chunk.item);
    prepare(rows, one, s);
    std::vector<bool> started(static_cast<std::size_t>(lanes_ / shape_.panel));
    const KeyRange part{chunk.first * cut_, chunk.end * cut_};
    Ahead ahead{written(rows, chunk), read_next(rows, chunk)};
    for (std::int64_t b = part.first / shape_.block; b * shape_.block < part.end; ++b) {
      const bool last = (b + 1) * shape_.block >= part.end;
      const KvBlock block = blocks.block(one.sequence, one.head, b, s.block);
      for (std::int64_t p = 0; p < one.count; p += shape_.panel) {
        const Limits seen = limits(one, p, s);
        const std::int64_t from = b * shape_.block;
        KeyRange keys{std::max({std::int64_t{0}, part.first - from, seen.any.first - from}),
                      std::min({shape_.block, part.end - from, seen.any.end - from})};
        keys.first -= keys.first % shape_.group;
        if (keys.size() == 0) continue;
        const auto panel = static_cast<std::size_t>(p / shape_.panel);
        step(block, from, keys, seen.all, p, started[panel], last ? &ahead : nullptr, s);
        started[panel] = true;
      }
    }
    for (std::size_t i = 0; i < started.size(); ++i)
      if (!started[i])
        std::memset(o_of(s, static_cast<std::int64_t>(i) * shape_.panel), 0,
                    o_bytes() / started.size());
    if (chunk.partial < 0) return finish(rows, one, s);
    float* partial = partials_.data() + chunk.partial * partial_floats_;
    std::copy_n(s.largest, lanes_, partial);
    std::copy_n(s.sum, lanes_, partial + lanes_);
    std::memcpy(partial + 2 * lanes_, s.o, o_bytes());
  }

  std::size_t o_bytes() const {
    return static_cast<std::size_t>(lanes_ * shape_.v_head_dim) * sizeof(float);
  }

  /// Rows of o that are written when a chunk is done, and of the queries that come then.
  EvenRows written(const FlashRows& rows, const Chunk& chunk) const {
    const Item one = item(chunk.item);
    if (chunk.partial >= 0) return {};
    return rows.written(one.sequence, one.head, one.first, one.count);
  }
  EvenRows read_next(const FlashRows& rows, const Chunk& chunk) const {
    if (chunk.item + 1 == problem_.sequences * problem_.heads * tiles_) return {};
    const Item next = item(chunk.item + 1);
    return rows.read(next.sequence, next.head, next.first, next.count);
  }

  /// Some keys of the block that begins with key `from` meet a panel of queries.
  void step(const KvBlock& block, std::int64_t from, const KeyRange& keys, const KeyRange& all,
            std::int64_t p, bool started, Ahead* ahead, const Scratch& s) const {
    const std::int64_t width = shape_.panel * 4, n = keys.size();
    simd::TileCall call;
    call.groups = shape_.words;
    call.left_row = shape_.row;
    call.left_group = 4;
    call.right = s.queries + p * shape_.row;
    call.right_group = width;
    call.to_row = width;
    call.columns = shape_.tiles.lanes;
    const TileCut cut(n, shape_.tiles.most_rows);
    for (std::int64_t t = 0; t < cut.tiles; ++t) {
      call.left = block.keys + (keys.first + cut.first(t)) * shape_.row;
      call.to = reinterpret_cast<std::byte*>(s.logits) + cut.first(t) * width;
      if (p == 0) fetch_behind(call.left, cut.size(t) * shape_.row);
      shape_.tiles.tile(cut.size(t), shape_.vectors())(call);
    }

    if (weigh(block, from, keys, all, p, s) && started)
      shape_.softmax.scale({o_of(s, p), o_of(s, p), s.rescale + p, shape_.v_head_dim,
                            static_cast<int>(shape_.panel)});

    call.groups = (n + shape_.group - 1) / shape_.group;
    call.left_row = 4;
    call.left_group = 4 * layout_.width();
    call.right = s.weights;
    call.start_row = width;
    for (std::int64_t c = 0; c < shape_.v_head_dim; c += layout_.width()) {
      const std::byte* values =
          block.values + layout_.value_panel(c) + keys.first / shape_.group * call.left_group;
      const TileCut columns(std::min(layout_.width(), shape_.v_head_dim - c),
                            shape_.tiles.most_rows);
      for (std::int64_t t = 0; t < columns.tiles; ++t) {
        call.left = values + columns.first(t) * 4;
        call.to = reinterpret_cast<std::byte*>(o_of(s, p)) + (c + columns.first(t)) * width;
        call.start = started ? call.to : nullptr;
        if (p == 0) {
          const std::int64_t part = call.groups * call.left_group / columns.tiles;
          fetch_behind(values + t * part, part);
        }
        if (ahead != nullptr) {
          fetch_some(ahead->written);
          fetch_some(ahead->read);
        }
        shape_.tiles.tile(columns.size(t), shape_.vectors())(call);
      }
    }
  }

  float* o_of(const Scratch& s, std::int64_t p) const { return s.o + p * shape_.v_head_dim; }

  bool weigh(const KvBlock& block, std::int64_t from, const KeyRange& keys, const KeyRange& all,
             std::int64_t p, const Scratch& s) const {
    simd::SoftmaxColumns call;
    call.logits = s.logits;
    call.keys = static_cast<int>(keys.size());
    call.scale_log2 = static_cast<float>(problem_.scale) * log2_e;
    call.soft_cap = static_cast<float>(problem_.soft_cap);
    if (block.key_scale != nullptr) {
      call.key_scale = block.key_scale + keys.first;
      call.value_scale = block.value_scale + keys.first;
    }
    call.lanes = static_cast<int>(shape_.panel);
    const std::int64_t first_key = from + keys.first;
    call.all_first =
        static_cast<int>(std::clamp<std::int64_t>(all.first - first_key, 0, keys.size()));
    call.all_end = static_cast<int>(
        std::clamp<std::int64_t>(all.end - first_key, call.all_first, keys.size()));
    call.first_key = static_cast<std::int32_t>(first_key);
    call.first = s.first + p;
    call.end = s.end + p;
    call.largest = s.largest + p;
    call.sum = s.sum + p;
    call.rescale = s.rescale + p;
    call.weights = s.weights;
    return shape_.softmax.columns(call);
  }

  /// Divides, and turns columns into rows.
  void finish(const FlashRows& rows, const Item& one, const Scratch& s) const {
    const std::int64_t dv = shape_.v_head_dim, panel = shape_.panel;
    for (std::int64_t r = 0; r < lanes_; ++r)
      s.rescale[r] = r < one.count
                         ? flash_divisor(s.largest[r], s.sum[r], rows.sink(one.head, one.first + r))
                         : 0;
    const simd::TileSet& floats =
        simd::best_tile_set(simd::Product::f32, shape_.tiles.isa, cpu_info());
    for (std::int64_t p = 0; p < one.count; p += panel) {
      float* o = o_of(s, p);
      shape_.softmax.scale({o, o, s.rescale + p, dv, static_cast<int>(panel)});
      simd::PackCall call;
      call.from = reinterpret_cast<const std::byte*>(o);
      call.row_stride = panel * 4;
      call.k_stride = 4;
      call.rows = call.width = static_cast<int>(dv);
      call.k = panel;
      call.to = reinterpret_cast<std::byte*>(s.row);
      floats.pack(call);
      rows.write(one.sequence, one.head, one.first + p, std::min(panel, one.count - p), s.row, dv);
    }
  }

  /// Partial results of one item.
  void merge(const FlashRows& rows, const Split::Merge& of, const Scratch& s) {
    const std::int64_t dv = shape_.v_head_dim, panel = shape_.panel;
    std::fill_n(s.largest, lanes_, -infinity);
    const auto partial = [&](std::size_t i) {
      return partials_.data() + static_cast<std::int64_t>(i) * partial_floats_;
    };
    for (std::size_t i = of.first; i < of.end; ++i)
      for (std::int64_t r = 0; r < lanes_; ++r)
        s.largest[r] = std::max(s.largest[r], partial(i)[r]);
    std::fill_n(s.sum, lanes_, 0.0F);
    std::memset(s.o, 0, o_bytes());
    for (std::size_t i = of.first; i < of.end; ++i) {
      const float* from = partial(i);
      for (std::int64_t r = 0; r < lanes_; ++r) {
        s.rescale[r] = from[r] == -infinity ? 0 : std::exp2(from[r] - s.largest[r]);
        s.sum[r] += from[lanes_ + r] * s.rescale[r];
      }
      from += 2 * lanes_;
      for (std::int64_t p = 0; p < lanes_; p += panel)
        for (std::int64_t c = 0; c < dv; ++c)
          for (std::int64_t r = 0; r < panel; ++r)
            s.o[(p * dv) + c * panel + r] += from[(p * dv) + c * panel + r] * s.rescale[p + r];
    }
    finish(rows, item(of.item), s);
  }

  const FlashProblem problem_;
  const NativeShape& shape_;
  const KvBlocks& layout_;
  int threads_;
  std::int64_t lanes_, tiles_, cut_;
  Split split_;
  Offsets at_{};
  std::int64_t scratch_bytes_ = 0, partial_floats_ = 0;
  HostMemory scratch_;
  std::vector<float> partials_;
};

}  // namespace

std::unique_ptr<QueryFlash> make_query_flash(const FlashProblem& problem, const NativeShape& shape,
                                             const KvBlocks& layout, const FlashRows& rows,
                                             std::int64_t block_scratch, int threads) {
  return std::make_unique<OfQueries>(problem, shape, layout, rows, block_scratch, threads);
}

std::size_t query_flash_bytes(const NativeShape& shape, std::int64_t block_scratch,
                              std::int64_t heads, int threads) {
  const std::int64_t rows = lanes_of_an_item(shape);
  const std::int64_t floats = shape.block * 2 * shape.panel + rows * shape.head_dim * 2 +
                              (3 * rows + shape.panel) * (shape.v_head_dim + 16);
  return static_cast<std::size_t>(threads) *
             static_cast<std::size_t>(4 * floats + block_scratch + 65536) +
         static_cast<std::size_t>(Split::bytes(heads * ((shape.q_rows + rows - 1) / rows)));
}

}  // namespace ergon
