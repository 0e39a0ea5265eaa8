// Softmax attention by the Graph API of oneDNN 3.x: one partition (onednn_graph.h) for sequences
// that see the same keys, or none.
//
// What a partition runs is the library's choice, and no function tells it. 3.13 and 3.14 have no
// kernel for processors that keeps scores in tiles: where there are more than twice as many heads
// as threads, matmul, softmax and matmul run head after head, each thread with the whole matrix of
// scores of its head; otherwise they run one after the other over all heads, which is no fusion.
// detail() says on which side of that a plan is. Causal masks and windows are explicit, made once.
#include <omp.h>

#include <algorithm>
#include <stdexcept>

#include "kernels/attention/onednn_graph.h"
#include "kernels/attention/outputs.h"
#include "kernels/gemm/onednn_call.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

using onednn::AttentionGraph;
using onednn::ThreadCount;

/// Matrices of scores of a block.
std::int64_t matrices(const Attention& a, const SequenceBlock& block) {
  return block.sequences * (a.q_len == 1 ? a.kv_heads : a.q_heads);
}

bool loops_over_heads(std::int64_t matrices, int threads) {
  return matrices > std::int64_t{2} * threads;
}

/// Scores in f32, and weights, where a version does not tell what it keeps.
std::size_t score_bytes(const Attention& a, int threads) {
  std::int64_t most = 0;
  for (const SequenceBlock& block : blocks_of_equal_keys(a)) {
    const std::int64_t all = matrices(a, block),
                       scores = block.sequences * a.q_heads * a.q_len * block.keys.size();
    most = std::max(most, loops_over_heads(all, threads) ? scores / all * threads : scores);
  }
  return static_cast<std::size_t>(most) * (sizeof(float) + size_of(a.dtype));
}

std::vector<std::unique_ptr<AttentionGraph>> graphs_of(const Attention& a) {
  std::vector<std::unique_ptr<AttentionGraph>> graphs;
  for (const SequenceBlock& block : blocks_of_equal_keys(a))
    graphs.push_back(std::make_unique<AttentionGraph>(a, block));
  return graphs;
}

/// Of plans, whose calls share one.
std::size_t scratchpad_bytes(const std::vector<std::unique_ptr<AttentionGraph>>& compiled) {
  std::size_t most = 0;
  for (const auto& graph : compiled) most = std::max(most, graph->scratchpad_bytes().value_or(0));
  return most;
}

class OnednnAttentionPlan final : public Plan {
 public:
  OnednnAttentionPlan(const Attention& workload, const Inputs& inputs, const Placement& placement)
      : workload_(workload),
        threads_(placement.threads),
        blocks_(blocks_of_equal_keys(workload)),
        graphs_(graphs_of(workload)),
        cache_(workload, inputs, *placement.device),
        outputs_(workload, *placement.device, placement.slots),
        stream_(onednn::cpu()) {
    if (cache_.gathers()) stages_.push_back(cache_.gather_stage());
    stages_.push_back({"attend", true, workload.work()});
    for (const auto& graph : graphs_) {
      masks_.push_back(graph->masked() ? placement.device->allocate(graph->mask_bytes()) : nullptr);
      if (masks_.back()) graph->fill_mask(masks_.back()->host());
      graph->compile(onednn::cpu());
    }
    scratchpad_ = placement.device->allocate(scratchpad_bytes(graphs_));
    const auto size = static_cast<std::int64_t>(size_of(workload.dtype));
    for (std::size_t slot = 0; slot < placement.slots; ++slot)
      for (std::size_t i = 0; i < blocks_.size(); ++i) {
        const std::int64_t sequence = blocks_[i].sequence,
                           rows = sequence * workload.q_len * workload.q_heads * size;
        calls_.push_back(graphs_[i]->bound(
            {inputs.data("q", slot) + rows * workload.head_dim, cache_.first(sequence, slot, false),
             cache_.first(sequence, slot, true), masks_[i] ? masks_[i]->host() : nullptr,
             outputs_.data(0, slot) + rows * workload.v_head_dim, scratchpad_->host()},
            onednn::cpu()));
      }
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { omp_set_num_threads(threads_); }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage + 1 < stages_.size()) return cache_.gather(slot, threads_);
    for (std::size_t i = 0; i < graphs_.size(); ++i)
      graphs_[i]->run(stream_, calls_[slot * graphs_.size() + i]);
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    std::string text = graphs_.front()->masked() ? "one partition, explicit mask" : "one partition";
    text += loops_over_heads(matrices(workload_, blocks_.front()), threads_)
                ? "; head after head, a thread keeping all scores of its own"
                : "; not fused: too few heads for the threads, steps over all heads in turn";
    if (graphs_.size() > 1)
      text += "; " + std::to_string(graphs_.size()) + " calls for sequences of different lengths";
    return text;
  }

 private:
  const Attention workload_;
  const int threads_;
  const std::vector<SequenceBlock> blocks_;
  const std::vector<std::unique_ptr<AttentionGraph>> graphs_;  // of each block
  WholeCache cache_;
  AttentionOutputs outputs_;
  dnnl::stream stream_;
  std::vector<std::unique_ptr<Buffer>> masks_;
  std::unique_ptr<Buffer> scratchpad_;
  std::vector<AttentionGraph::Bound> calls_;  // by slot, then by block
  std::vector<Stage> stages_;
};

class OnednnAttention final : public Implementation {
 public:
  OnednnAttention() {
    info_.kernel = "attention";
    info_.backend = info_.name = "onednn";
    info_.device_kind = "cpu";
    info_.about =
        "Graph API, scaled dot-product attention as one partition; masks explicit, made once";
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
    if (a->kv_dtype != a->dtype)
      return "oneDNN's graph has queries and keys of one type, not " +
             std::string(name(a->kv_dtype)) + " keys beside " + std::string(name(a->dtype));
    if (a->sinks) return "oneDNN's pattern of attention has no sinks";
    try {
      // The others differ in the number of keys and sequences only.
      const AttentionGraph graph(*a, blocks_of_equal_keys(*a).back());
      if (!graph.refusal().empty()) return graph.refusal();
    } catch (const dnnl::error& error) {
      return onednn::describe(error);
    }
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    const ThreadCount threads(placement.threads);
    const auto graphs = graphs_of(a);
    std::size_t masks = 0;
    for (const auto& graph : graphs) {
      masks += graph->mask_bytes();
      graph->compile(onednn::cpu());
    }
    const std::size_t kept = graphs.front()->scratchpad_bytes() ? scratchpad_bytes(graphs)
                                                                : score_bytes(a, placement.threads);
    return {masks + WholeCache::bytes(a) + kept, AttentionOutputs::bytes_per_slot(a)};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    if (placement.threads > max_threads())
      throw std::runtime_error("this oneDNN is built without threads");
    const ThreadCount threads(placement.threads);
    return std::make_unique<OnednnAttentionPlan>(dynamic_cast<const Attention&>(workload), inputs,
                                                 placement);
  }

 private:
  ImplementationInfo info_;
};

}  // namespace

Implementations make_attention_onednn(const RegistryOptions& /*options*/) {
  Implementations all;
  all.push_back(std::make_unique<OnednnAttention>());
  return all;
}

}  // namespace ergon
