// Unfused attention by oneDNN's primitives: matmul, softmax, matmul, over all heads of all
// sequences whose keys are of the same numbers at once.
//
// Operands lie where the inputs hold them, heads as dimensions of a batch with strides; the heads
// of a group share keys by broadcasting. The scale is the product's, a soft cap element-wise steps
// after it. Scores are f32, weights of the type of V. The softmax primitive knows no mask, so the
// stage "softmax" first writes -infinity where a key is not seen; nor sinks, and where there are
// any the softmax is our own (unfused_softmax.h).
//
// As in gemm's: primitives are made for a number of threads and run with it; one scratchpad.
#include <omp.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "kernels/attention/outputs.h"
#include "kernels/attention/unfused.h"
#include "kernels/attention/unfused_softmax.h"
#include "kernels/devices/cpu.h"
#include "kernels/gemm/onednn_call.h"

namespace ergon {
namespace {

using dnnl::memory;
using onednn::Call;
using onednn::ThreadCount;

/// A dimension of the batch of products with its steps in each of the three operands.
struct BatchDimension {
  std::int64_t size, src, weights, dst;
};

struct MatmulDescs {
  memory::desc src, weights, dst;
};

struct Operand {
  memory::data_type type;
  std::int64_t rows, columns, row_step, column_step;
};

/// Dimensions of size 1 are left out: more of oneDNN's paths take fewer.
MatmulDescs batched(const std::vector<BatchDimension>& batch, const Operand& src,
                    const Operand& weights, const Operand& dst) {
  const auto desc = [&](const Operand& operand, auto step, bool shared) {
    memory::dims sizes, steps;
    for (const BatchDimension& dimension : batch) {
      if (dimension.size == 1) continue;
      sizes.push_back(shared && dimension.weights == 0 ? 1 : dimension.size);
      steps.push_back(std::max<std::int64_t>(1, dimension.*step));
    }
    sizes.insert(sizes.end(), {operand.rows, operand.columns});
    steps.insert(steps.end(), {operand.row_step, operand.column_step});
    return memory::desc(sizes, operand.type, steps);
  };
  return {desc(src, &BatchDimension::src, false), desc(weights, &BatchDimension::weights, true),
          desc(dst, &BatchDimension::dst, false)};
}

/// What oneDNN makes of a block of scores under the number of threads that is set.
struct PreparedBlock {
  PreparedBlock(const Attention& a, const ScoreBlock& of)
      : block(of), qk_operands(of_qk(a, of)), pv_operands(of_pv(a, of)) {
    auto scale = static_cast<float>(a.scale);
    dnnl::post_ops after;
    if (a.soft_cap > 0) {
      // One linear step only: 2.6 gives a second one the factor of the first.
      const auto cap = static_cast<float>(a.soft_cap);
      scale /= cap;
      onednn::append_eltwise(after, dnnl::algorithm::eltwise_tanh, 0, 0);
      onednn::append_eltwise(after, dnnl::algorithm::eltwise_linear, cap, 0);
    }
    qk = onednn::make_matmul(qk_operands.src, qk_operands.weights, qk_operands.dst, scale, after);
    pv = onednn::make_matmul(pv_operands.src, pv_operands.weights, pv_operands.dst, 1);
    scratchpad_bytes =
        std::max(qk.desc.scratchpad_desc().get_size(), pv.desc.scratchpad_desc().get_size());
    if (a.sinks) return;
    const memory::dims rows = {block.sequences * a.q_heads * a.q_len, block.keys.size()},
                       steps = {block.keys.size(), 1};
    scores = {rows, memory::data_type::f32, steps};
    weights = {rows, *onednn::data_type(a.dtype), steps};
    softmax = onednn::make_softmax(scores, weights);
    scratchpad_bytes = std::max(scratchpad_bytes, softmax.scratchpad.get_size());
  }

  static MatmulDescs of_qk(const Attention& a, const ScoreBlock& of) {
    const ProductRows rows(a);
    const std::int64_t keys = of.keys.size(), d = a.head_dim;
    const auto type = *onednn::data_type(a.dtype);
    return batched(batch_of(a, of, false), {type, rows.rows, d, rows.of_tokens.row * d, 1},
                   {type, d, keys, 1, a.kv_heads * d},
                   {memory::data_type::f32, rows.rows, keys, rows.of_scores.row * keys, 1});
  }
  static MatmulDescs of_pv(const Attention& a, const ScoreBlock& of) {
    const ProductRows rows(a);
    const std::int64_t keys = of.keys.size(), d = a.v_head_dim;
    const auto type = *onednn::data_type(a.dtype);
    return batched(batch_of(a, of, true), {type, rows.rows, keys, rows.of_scores.row * keys, 1},
                   {type, keys, d, a.kv_heads * d, 1},
                   {type, rows.rows, d, rows.of_tokens.row * d, 1});
  }
  /// Of rows of q, keys, and scores; or of scores, values, and rows of o.
  static std::vector<BatchDimension> batch_of(const Attention& a, const ScoreBlock& of,
                                              bool values) {
    const ProductRows rows(a);
    const std::int64_t keys = of.keys.size(), width = values ? a.v_head_dim : a.head_dim;
    std::vector<BatchDimension> batch = {
        {of.sequences, a.q_len * a.q_heads * width, WholeCache::sequence_step(a, of, values),
         a.q_heads * a.q_len * keys},
        {a.kv_heads, a.group() * width, width, a.group() * a.q_len * keys},
        {rows.others, rows.of_tokens.other * width, 0, rows.of_scores.other * keys}};
    for (BatchDimension& dimension : batch)
      if (values) std::swap(dimension.src, dimension.dst);
    return batch;
  }

  ScoreBlock block;
  MatmulDescs qk_operands, pv_operands;
  onednn::Matmul qk, pv;
  memory::desc scores, weights;  // as the softmax takes them
  onednn::Softmax softmax;       // empty where the softmax is our own
  std::size_t scratchpad_bytes = 0;
};

std::vector<PreparedBlock> prepared_blocks(const Attention& a) {
  std::vector<PreparedBlock> blocks;
  const ScoreLayout layout(a);
  for (const ScoreBlock& block : layout.blocks()) blocks.emplace_back(a, block);
  return blocks;
}

/// Bytes that serve all slots.
struct SharedBytes {
  SharedBytes(const Attention& a, const std::vector<PreparedBlock>& blocks)
      : scores(static_cast<std::size_t>(ScoreLayout(a).elements()) * sizeof(float)),
        weights(a.dtype == DType::f32 ? 0 : scores / sizeof(float) * size_of(a.dtype)) {
    for (const PreparedBlock& block : blocks)
      scratchpad = std::max(scratchpad, block.scratchpad_bytes);
  }
  std::size_t scores, weights, scratchpad = 0;
};

class UnfusedOnednnPlan final : public Plan {
 public:
  UnfusedOnednnPlan(const Attention& workload, const Inputs& inputs, const Placement& placement,
                    simd::Isa isa)
      : workload_(workload),
        inputs_(inputs),
        isa_(isa),
        threads_(placement.threads),
        layout_(workload),
        blocks_(prepared_blocks(workload)),
        cache_(workload, inputs, *placement.device),
        outputs_(workload, *placement.device, placement.slots),
        stream_(onednn::cpu()),
        stages_(unfused_stages(workload, cache_, workload.dtype)) {
    const SharedBytes bytes(workload_, blocks_);
    scores_ = placement.device->allocate(bytes.scores);
    if (bytes.weights > 0) weights_ = placement.device->allocate(bytes.weights);
    if (bytes.scratchpad > 0) scratchpad_ = placement.device->allocate(bytes.scratchpad);
    for (std::size_t slot = 0; slot < placement.slots; ++slot)
      for (const PreparedBlock& block : blocks_) calls_.push_back(bound(block, slot));
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { omp_set_num_threads(threads_); }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    const std::size_t step = cache_.gathers() ? stage : stage + 1;
    if (step == 0) return cache_.gather(slot, threads_);
    if (step == 2) return softmax(slot);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const Calls& calls = calls_[slot * blocks_.size() + i];
      (step == 1 ? calls.qk : calls.pv).run(stream_);
    }
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    const PreparedBlock& block = blocks_.front();
    std::string text = std::string("qk ") + block.qk.desc.impl_info_str() + ", pv " +
                       block.pv.desc.impl_info_str() + ", softmax ";
    text += workload_.sinks ? "our own (sinks), " + std::string(simd::name(isa_))
                            : block.softmax.implementation;
    if (blocks_.size() > 1)
      text += "; " + std::to_string(blocks_.size()) + " calls for sequences of different lengths";
    return text;
  }

 private:
  struct Calls {
    Call qk, softmax, pv;
  };

  Calls bound(const PreparedBlock& prepared, std::size_t slot) {
    const ScoreBlock& block = prepared.block;
    const std::int64_t size = static_cast<std::int64_t>(size_of(workload_.dtype)),
                       rows = block.sequence * workload_.q_len * workload_.q_heads;
    const auto given = [](const std::byte* data) { return const_cast<std::byte*>(data); };
    std::byte* scores = scores_->host() + block.first * 4;
    std::byte* weights = weights_ ? weights_->host() + block.first * size : scores;

    Call qk{dnnl::matmul(prepared.qk.desc)};
    bind_product(qk, prepared.qk, prepared.qk_operands,
                 {given(inputs_.data("q", slot)) + rows * workload_.head_dim * size,
                  given(cache_.first(block.sequence, slot, false)), scores});
    Call softmax{prepared.softmax.primitive};
    if (!workload_.sinks) {
      softmax.bind(DNNL_ARG_SRC, {prepared.scores, onednn::cpu(), scores});
      softmax.bind(DNNL_ARG_DST, {prepared.weights, onednn::cpu(), weights});
      bind_scratchpad(softmax, prepared.softmax.scratchpad);
    }
    Call pv{dnnl::matmul(prepared.pv.desc)};
    bind_product(pv, prepared.pv, prepared.pv_operands,
                 {weights, given(cache_.first(block.sequence, slot, true)),
                  outputs_.data(0, slot) + rows * workload_.v_head_dim * size});
    return {std::move(qk), std::move(softmax), std::move(pv)};
  }

  struct Places {
    std::byte *src, *weights, *dst;
  };
  void bind_product(Call& call, const onednn::Matmul& matmul, const MatmulDescs& operands,
                    const Places& places) const {
    call.bind(DNNL_ARG_SRC, {operands.src, onednn::cpu(), places.src});
    call.bind(DNNL_ARG_WEIGHTS, {operands.weights, onednn::cpu(), places.weights});
    call.bind(DNNL_ARG_DST, {operands.dst, onednn::cpu(), places.dst});
    for (const auto& [argument, value] : matmul.arguments) call.bind(argument, value);
    bind_scratchpad(call, matmul.desc.scratchpad_desc());
  }
  void bind_scratchpad(Call& call, const memory::desc& desc) const {
    if (desc.get_size() > 0)
      call.bind(DNNL_ARG_SCRATCHPAD, {desc, onednn::cpu(), scratchpad_->host()});
  }

  void softmax(std::size_t slot) {
    UnfusedSoftmax own{workload_, layout_};
    own.scores = reinterpret_cast<float*>(scores_->host());
    if (weights_) own.rounded = reinterpret_cast<std::uint16_t*>(weights_->host());
    own.threads = threads_;
    if (workload_.sinks) {
      own.sinks = inputs_.as<float>("sink", slot);
      return make_weights(own, isa_);
    }
    if (workload_.causal) mask_scores(own);
    for (std::size_t i = 0; i < blocks_.size(); ++i)
      calls_[slot * blocks_.size() + i].softmax.run(stream_);
    if (workload_.causal) clear_unseeing(own);
  }

  const Attention workload_;
  const Inputs& inputs_;
  const simd::Isa isa_;
  const int threads_;
  const ScoreLayout layout_;
  const std::vector<PreparedBlock> blocks_;
  WholeCache cache_;
  AttentionOutputs outputs_;
  dnnl::stream stream_;
  std::unique_ptr<Buffer> scores_, weights_, scratchpad_;
  std::vector<Calls> calls_;  // by slot, then by block
  std::vector<Stage> stages_;
};

class UnfusedOnednn final : public Implementation {
 public:
  explicit UnfusedOnednn(simd::Isa isa) : isa_(isa) {
    info_.kernel = "attention";
    info_.backend = "unfused";
    info_.name = "onednn";
    info_.device_kind = "cpu";
    info_.about =
        "matmul, softmax and matmul primitives, all scores kept in f32; masks written by us before "
        "the softmax, which with sinks is our own";
    info_.library = onednn::library();
  }

  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override {
    return onednn::refuse_runtime(dnnl_version()->cpu_runtime);
  }
  int max_threads() const override {
    const bool sequential = dnnl_version()->cpu_runtime == DNNL_RUNTIME_SEQ;
    return sequential ? 1 : Implementation::max_threads();
  }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* a = dynamic_cast<const Attention*>(&workload);
    if (a == nullptr) return "computes attention only";
    if (a->structure != Structure::softmax) return "computes the softmax structure only";
    if (auto reason = refuse_mixed(*a, "oneDNN")) return reason;
    try {
      prepared_blocks(*a);
      return std::nullopt;
    } catch (const dnnl::error& error) {
      return onednn::describe(error);
    }
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    const ThreadCount threads(placement.threads);
    const SharedBytes bytes(a, prepared_blocks(a));
    return {bytes.scores + bytes.weights + bytes.scratchpad + WholeCache::bytes(a),
            AttentionOutputs::bytes_per_slot(a)};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    if (placement.threads > max_threads())
      throw std::runtime_error("this oneDNN is built without threads");
    const ThreadCount threads(placement.threads);
    return std::make_unique<UnfusedOnednnPlan>(dynamic_cast<const Attention&>(workload), inputs,
                                               placement, isa_);
  }

 private:
  simd::Isa isa_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_unfused_onednn(const RegistryOptions& options) {
  Implementations all;
  all.push_back(std::make_unique<UnfusedOnednn>(options.isa.value_or(simd::best_isa(cpu_info()))));
  return all;
}

}  // namespace ergon
