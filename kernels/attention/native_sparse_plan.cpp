// Sparse attention at decode.
//
//   score    tiles of keys and index heads, lanes are heads; weighted and added up over them
//   select   the keys of the highest scores, ascending
//   attend   all heads over the latents of those keys, gathered block by block
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/attention/native_latent.h"
#include "kernels/attention/native_packed.h"
#include "kernels/attention/native_top.h"
#include "kernels/attention/outputs.h"
#include "kernels/attention/sparse.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::int64_t word = 4;  // bytes

/// Every query is a sequence of its own, whose keys are those chosen for it.
Attention chosen(const Attention& a) {
  Attention view = absorbed(a);
  view.batch = a.batch * a.q_len;
  view.q_len = 1;
  return view;
}
NativeShape shape_of(const Attention& view, simd::Isa isa) {
  return {view.product_dtype(), view.q_heads, view.kv_len, view.head_dim, view.v_head_dim, isa};
}
std::int64_t chosen_keys(const Attention& a, std::int64_t token) {
  return std::min(a.top_k, a.keys(token / a.q_len, token % a.q_len).size());
}

/// SoftmaxRows that see the chosen keys.
class ChosenRows final : public FlashRows {
 public:
  ChosenRows(const Attention& a, const Attention& view, const std::byte* q,
             const simd::TileSet& floats, std::byte* o)
      : a_(a), rows_(view, q, nullptr, floats, o) {}
  RowsInMemory queries(std::int64_t sequence, std::int64_t head, std::int64_t first,
                       std::int64_t count, std::byte* scratch) const override {
    return rows_.queries(sequence, head, first, count, scratch);
  }
  KeyRange seen(std::int64_t sequence, std::int64_t /*row*/) const override {
    return {0, chosen_keys(a_, sequence)};
  }
  const float* sink(std::int64_t /*head*/, std::int64_t /*row*/) const override { return nullptr; }
  void write(std::int64_t sequence, std::int64_t head, std::int64_t first, std::int64_t count,
             const float* values, std::int64_t stride) const override {
    rows_.write(sequence, head, first, count, values, stride);
  }
  EvenRows read(std::int64_t sequence, std::int64_t head, std::int64_t first,
                std::int64_t count) const override {
    return rows_.read(sequence, head, first, count);
  }
  EvenRows written(std::int64_t sequence, std::int64_t head, std::int64_t first,
                   std::int64_t count) const override {
    return rows_.written(sequence, head, first, count);
  }

 private:
  const Attention& a_;
  SoftmaxRows rows_;
};

/// The latents of chosen keys, gathered.
class ChosenBlocks final : public FlashBlocks {
 public:
  ChosenBlocks(const Attention& a, const NativeShape& shape, const KvBlocks& layout,
               const KvRows& latents, const std::int32_t* selected)
      : a_(a), shape_(shape), layout_(layout), latents_(latents), selected_(selected) {}
  KvBlock block(std::int64_t token, std::int64_t /*head*/, std::int64_t index,
                std::byte* scratch) const override {
    const std::int64_t first = index * shape_.block;
    const std::int64_t count = std::min(shape_.block, chosen_keys(a_, token) - first);
    const std::int32_t* keys = selected_ + token * a_.top_k + first;
    const std::int64_t sequence = token / a_.q_len;
    const std::int64_t used = shape_.head_dim * shape_.element;
    for (std::int64_t i = 0; i < count; ++i) {
      std::byte* row = scratch + i * shape_.row;
      widen_elements(latents_.dtype(), latents_.row(sequence, keys[i], 0), shape_.dtype, row,
                     shape_.head_dim, shape_.tiles.isa);
      std::memset(row + used, 0, static_cast<std::size_t>(shape_.row - used));
    }
    layout_.pack_values({scratch, shape_.row}, count, layout_.values(scratch));
    if (latents_.scaled())
      for (std::int64_t i = 0; i < count; ++i)
        layout_.put_scale(latents_.scale(sequence, keys[i], 0), i, scratch);
    return layout_.at(scratch);
  }

 private:
  const Attention& a_;
  const NativeShape& shape_;
  const KvBlocks& layout_;
  const KvRows& latents_;
  const std::int32_t* selected_;
};

/// Scores of the keys that a query sees.
class Scorer {
 public:
  Scorer(const Attention& a, simd::Isa isa)
      : a_(a),
        product_(a.product_dtype()),
        tiles_(simd::best_tile_set(
            product_ == DType::bf16 ? simd::Product::bf16 : simd::Product::f32, isa, cpu_info())),
        softmax_(simd::best_softmax_set(product_ == DType::bf16, isa, cpu_info())),
        element_(static_cast<std::int64_t>(size_of(product_))),
        row_(rounded_up(a.index_head_dim * element_, word)),
        panel_(tiles_.panel()),
        panels_((a.index_heads + panel_ - 1) / panel_) {
    Places places;
    rows_at_ = places.take(keys_together * row_);
    sums_at_ = places.take(tiles_.most_rows * panel_ * word);
    scratch_bytes_ = places.bytes();
  }
  static constexpr std::int64_t keys_together = 256;
  std::int64_t scratch_bytes() const { return scratch_bytes_; }
  /// Of the index heads of one query, packed.
  std::int64_t query_bytes() const { return panels_ * panel_ * (row_ + word); }

  void pack(const Inputs& inputs, std::size_t slot, std::int64_t token, std::byte* to) const {
    const std::int64_t width = a_.index_head_dim;
    std::vector<std::byte> rows(static_cast<std::size_t>(a_.index_heads * row_));
    const auto given = static_cast<std::int64_t>(size_of(a_.dtype));
    for (std::int64_t h = 0; h < a_.index_heads; ++h)
      widen_elements(a_.dtype,
                     inputs.data("index_q", slot) + (token * a_.index_heads + h) * width * given,
                     product_, rows.data() + h * row_, width, tiles_.isa);
    for (std::int64_t p = 0; p < panels_; ++p) {
      simd::PackCall call;
      call.from = rows.data() + p * panel_ * row_;
      call.row_stride = row_;
      call.k_stride = element_;
      call.rows = static_cast<int>(std::min(panel_, a_.index_heads - p * panel_));
      call.width = static_cast<int>(panel_);
      call.k = width;
      call.to = to + p * panel_ * row_;
      tiles_.pack(call);
    }
    auto* weights = reinterpret_cast<float*>(to + panels_ * panel_ * row_);
    std::fill_n(weights, panels_ * panel_, 0.0F);
    std::copy_n(inputs.as<float>("index_weight", slot) + token * a_.index_heads, a_.index_heads,
                weights);
  }

  /// Of keys first to first + count - 1, at most keys_together.
  void score(const KvRows& keys, const std::byte* query, std::int64_t sequence, std::int64_t first,
             std::int64_t count, std::byte* scratch, float* scores) const {
    const RowsInMemory rows = rows_of(keys, sequence, first, count, scratch + rows_at_);
    auto* sums = reinterpret_cast<float*>(scratch + sums_at_);
    std::fill_n(scores, count, 0.0F);
    simd::TileCall call;
    call.groups = row_ / word;
    call.left_row = rows.stride;
    call.left_group = word;
    call.right_group = panel_ * word;
    call.to = scratch + sums_at_;
    call.to_row = panel_ * word;
    call.columns = tiles_.lanes;
    const auto* weights = reinterpret_cast<const float*>(query + panels_ * panel_ * row_);
    const TileCut cut(count, tiles_.most_rows);
    for (std::int64_t t = 0; t < cut.tiles; ++t) {
      call.left = rows.first + cut.first(t) * rows.stride;
      for (std::int64_t p = 0; p < panels_; ++p) {
        call.right = query + p * panel_ * row_;
        tiles_.tile(cut.size(t), tiles_.most_vectors)(call);
        softmax_.positive({sums, weights + p * panel_, scores + cut.first(t), cut.size(t),
                           static_cast<int>(panel_)});
      }
    }
    if (keys.scaled())
      for (std::int64_t i = 0; i < count; ++i) scores[i] *= keys.scale(sequence, first + i, 0);
  }

 private:
  RowsInMemory rows_of(const KvRows& keys, std::int64_t sequence, std::int64_t first,
                       std::int64_t count, std::byte* scratch) const {
    const bool whole = row_ == a_.index_head_dim * element_;
    if (whole && keys.dtype() == product_ && keys.together(first) >= count)
      return {keys.row(sequence, first, 0), keys.stride()};
    for (std::int64_t i = 0; i < count; ++i) {
      std::byte* row = scratch + i * row_;
      std::memset(row + row_ - word, 0, word);
      widen_elements(keys.dtype(), keys.row(sequence, first + i, 0), product_, row,
                     a_.index_head_dim, tiles_.isa);
    }
    return {scratch, row_};
  }

  const Attention& a_;
  DType product_;
  const simd::TileSet& tiles_;
  const simd::SoftmaxSet& softmax_;
  std::int64_t element_, row_, panel_, panels_, rows_at_ = 0, sums_at_ = 0, scratch_bytes_ = 0;
};

class SparsePlan final : public Plan {
 public:
  SparsePlan(const Attention& a, const Inputs& inputs, const Placement& placement, simd::Isa isa)
      : a_(a),
        view_(chosen(a)),
        inputs_(inputs),
        threads_(placement.threads),
        shape_(shape_of(view_, isa)),
        floats_(simd::best_tile_set(simd::Product::f32, isa, cpu_info())),
        layout_(shape_, a.kv_dtype == DType::s8),
        scorer_(a_, isa),
        outputs_(a_, *placement.device, placement.slots),
        scores_(scores_bytes(a)),
        scratch_(scratch_bytes(a, scorer_, threads_)),
        sums_(sums_bytes(a)),
        selections_(static_cast<std::size_t>(threads_)) {
    flash_ = make_query_flash(flash_problem(view_), shape_, layout_,
                              ChosenRows(a_, view_, nullptr, floats_, nullptr), layout_.bytes(),
                              threads_);
    const std::vector<Stage> stages = sparse_stages(a);
    stages_.assign(stages.begin(), stages.end());
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage == 0) return score(slot);
    if (stage == 1) return select(slot);
    attend(slot);
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    return std::string(simd::name(shape_.tiles.isa)) + ": " +
           std::string(shape_.tiles.instruction) + ", lanes are heads, blocks of " +
           std::to_string(shape_.block) + " chosen keys";
  }

  static std::size_t scores_bytes(const Attention& a) {
    return static_cast<std::size_t>(a.batch * a.q_len * a.kv_len) * sizeof(float);
  }
  static std::size_t sums_bytes(const Attention& a) {
    return static_cast<std::size_t>(a.batch * a.q_len * a.q_heads * a.head_dim) * sizeof(float) * 2;
  }
  static std::size_t scratch_bytes(const Attention& a, const Scorer& scorer, int threads) {
    return static_cast<std::size_t>(threads) * static_cast<std::size_t>(scorer.scratch_bytes()) +
           static_cast<std::size_t>(a.batch * a.q_len * rounded_up(scorer.query_bytes(), 64));
  }

 private:
  std::int64_t tokens() const { return a_.batch * a_.q_len; }
  float* scores(std::int64_t token) const {
    return reinterpret_cast<float*>(scores_.data()) + token * a_.kv_len;
  }

  void score(std::size_t slot) const {
    const KvRows keys(a_, inputs_, slot, "index_k", 1, a_.index_head_dim);
    constexpr std::int64_t part = Scorer::keys_together;
    const std::int64_t parts = (a_.kv_len + part - 1) / part, all = tokens() * parts;
    const std::int64_t query = rounded_up(scorer_.query_bytes(), 64);
    std::byte* queries = scratch_.data() + threads_ * scorer_.scratch_bytes();
    for (std::int64_t token = 0; token < tokens(); ++token)
      scorer_.pack(inputs_, slot, token, queries + token * query);
    on_team(threads_, [&](int thread, int team) {
      std::byte* scratch = scratch_.data() + thread * scorer_.scratch_bytes();
      for (std::int64_t i = all * thread / team; i < all * (thread + 1) / team; ++i) {
        const std::int64_t token = i / parts, first = i % parts * part;
        const KeyRange seen = a_.keys(token / a_.q_len, token % a_.q_len);
        if (first < seen.end)
          scorer_.score(keys, queries + token * query, token / a_.q_len, first,
                        std::min(part, seen.end - first), scratch, scores(token) + first);
      }
    });
  }

  void select(std::size_t slot) {
    auto* selected = reinterpret_cast<std::int32_t*>(outputs_.data(1, slot));
    on_team(threads_, [&](int thread, int team) {
      for (std::int64_t token = thread; token < tokens(); token += team) {
        std::int32_t* to = selected + token * a_.top_k;
        const std::int64_t some = chosen_keys(a_, token);
        std::fill(to + some, to + a_.top_k, -1);
        if (some > 0)
          selections_[static_cast<std::size_t>(thread)].select(
              scores(token), a_.keys(token / a_.q_len, token % a_.q_len).size(), some, to);
      }
    });
  }

  void attend(std::size_t slot) {
    const KvRows latents(a_, inputs_, slot, "latent", 1, a_.latent_dim());
    const auto* selected = reinterpret_cast<const std::int32_t*>(outputs_.data(1, slot));
    const std::int64_t elements = tokens() * a_.q_heads * a_.head_dim;
    const std::byte* q = inputs_.data("q", slot);
    // View and workload differ in the type of queries where products do.
    const bool same = view_.dtype == a_.dtype;
    std::byte* o = outputs_.data(0, slot);
    std::byte* wide_q = sums_.data();
    std::byte* wide_o = wide_q + elements * static_cast<std::int64_t>(sizeof(float));
    if (!same) widen_elements(a_.dtype, q, view_.dtype, wide_q, elements, floats_.isa);
    flash_->run(ChosenRows(a_, view_, same ? q : wide_q, floats_, same ? o : wide_o),
                ChosenBlocks(a_, shape_, layout_, latents, selected));
    if (same) return;
    simd::FinishCall call;
    call.rows = static_cast<int>(tokens() * a_.q_heads);
    call.columns = static_cast<int>(a_.v_head_dim);
    call.from = wide_o;
    call.from_row = a_.v_head_dim * word;
    call.c = o;
    call.c_row = a_.v_head_dim * 2;
    call.c_column = 2;
    floats_.finish_bf16(call);
  }

  const Attention a_, view_;
  const Inputs& inputs_;
  int threads_;
  const NativeShape shape_;
  const simd::TileSet& floats_;
  const KvBlocks layout_;
  const Scorer scorer_;
  AttentionOutputs outputs_;
  HostMemory scores_, scratch_, sums_;
  std::vector<TopSelection> selections_;
  std::unique_ptr<QueryFlash> flash_;
  std::vector<Stage> stages_;
};

}  // namespace

Footprint sparse_plan_footprint(const Attention& a, const Placement& placement, simd::Isa isa) {
  const NativeShape shape = shape_of(chosen(a), isa);
  const KvBlocks layout(shape, a.kv_dtype == DType::s8);
  const Scorer scorer(a, isa);
  const std::size_t selections =
      static_cast<std::size_t>(placement.threads) * static_cast<std::size_t>(4 * a.kv_len);
  return {query_flash_bytes(shape, layout.bytes(), a.batch * a.q_len, placement.threads) +
              SparsePlan::scores_bytes(a) + SparsePlan::sums_bytes(a) +
              SparsePlan::scratch_bytes(a, scorer, placement.threads) + selections + 16384,
          AttentionOutputs::bytes_per_slot(a)};
}

std::unique_ptr<Plan> make_sparse_plan(const Attention& workload, const Inputs& inputs,
                                       const Placement& placement, simd::Isa isa) {
  return std::make_unique<SparsePlan>(workload, inputs, placement, isa);
}

}  // namespace ergon
