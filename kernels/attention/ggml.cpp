// Softmax attention by ggml, the library of llama.cpp: a graph of ggml_flash_attn_ext on its
// processor backend.
//
//   convert_q  of bf16: queries into f32, which ggml takes
//   attend     the graph
//   convert_o  of bf16: outputs from f32, which ggml gives
//
// The cache is read in place, as are queries and outputs of f32. A node has sequences of one
// length; a batch of several lengths is several nodes of a graph, over the keys that some query of
// theirs sees. Where some query sees fewer, or logits are capped, a node has a mask (f16 [queries,
// keys], shared by its heads and sequences) that is made once; it grows with their product.
//
// ggml 0.25 rounds queries to the type of the keys, and sums weighted values of f16 in f16, unless
// there are 64 queries or more, and f32 or f16 keys. Queries of f32 that are rounded are refused,
// and so are sums in f16: their error grows with the keys (0.4 % with 1000, 0.7 % with 4096, 1.9 %
// with 32768, relative L2) and passes what bf16 allows within a few thousand.
#include <algorithm>
#include <limits>
#include <utility>

#include "kernels/attention/ggml_node.h"
#include "kernels/attention/outputs.h"
#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

/// Neighbours of one length.
struct Sequences {
  std::int64_t first, count;
  KeyRange seen;
  bool masked;
};

std::vector<Sequences> nodes_of(const Attention& a) {
  std::vector<Sequences> nodes;
  for (std::int64_t b = 0; b < a.batch; ++b) {
    if (!nodes.empty() && a.length(b) == a.length(nodes.back().first)) {
      ++nodes.back().count;
      continue;
    }
    const KeyRange seen = a.keys(b);
    // Without a mask, ggml 0.9.8 caps the logits of the keys that its last tile lacks, and so
    // counts them.
    bool masked = a.soft_cap > 0;
    for (std::int64_t i = 0; i < a.q_len && !masked; ++i) masked = a.keys(b, i) != seen;
    nodes.push_back({b, 1, seen, masked});
  }
  return nodes;
}

std::size_t on_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

std::size_t mask_bytes(const Attention& a, const Sequences& node) {
  if (!node.masked) return 0;
  return on_lines(static_cast<std::size_t>(node.seen.size() * ggml::mask_rows(a.q_len)) *
                  sizeof(ggml_fp16_t));
}

/// What a thread writes to while it attends: queries, logits, mask, sums, keys and values of tiles
/// of 64 by 64, or, of one query, its share of all heads' sums.
std::size_t work_bytes(const Attention& a, int threads) {
  constexpr std::int64_t tile = 64, line = 64;
  const std::int64_t widths = a.head_dim + a.v_head_dim;
  const std::int64_t tiles = 2 * tile * widths + 2 * tile * tile;
  const std::int64_t heads = a.q_heads * (2 + a.v_head_dim) + widths + a.v_head_dim;
  return static_cast<std::size_t>(threads * (4 * std::max(tiles, heads) + line));
}

struct Sizes {
  Sizes(const Attention& a, int threads) : work(work_bytes(a, threads)) {
    const std::vector<Sequences> nodes = nodes_of(a);
    for (const Sequences& node : nodes) masks += mask_bytes(a, node);
    if (a.dtype != DType::f32) {
      const auto tokens = static_cast<std::size_t>(a.batch * a.q_len * a.q_heads) * sizeof(float);
      q = on_lines(tokens * static_cast<std::size_t>(a.head_dim));
      o = on_lines(tokens * static_cast<std::size_t>(a.v_head_dim));
    }
    // Views of q, k and v, and the node; what is viewed, sinks and masks.
    graph_size = 5 * nodes.size() + 4;
    metadata = graph_size * ggml_tensor_overhead() + ggml_graph_overhead_custom(graph_size, false);
  }

  std::size_t masks = 0, q = 0, o = 0;  // q, o: converted
  std::size_t work = 0;
  std::size_t graph_size = 0, metadata = 0;  // of one slot
};

class GgmlPlan final : public Plan {
 public:
  GgmlPlan(const Attention& a, const Inputs& inputs, const Placement& placement)
      : a_(a),
        inputs_(inputs),
        threads_(placement.threads),
        sizes_(a, placement.threads),
        nodes_(nodes_of(a)),
        outputs_(a, *placement.device, placement.slots),
        shared_(placement.device->allocate(
            std::max<std::size_t>(sizes_.q + sizes_.o + sizes_.masks, 1))),
        backend_(ggml::backend_of(placement.threads)),
        context_(ggml::metadata(sizes_.metadata * placement.slots)) {
    fill_masks();
    for (std::size_t slot = 0; slot < placement.slots; ++slot) add_slot(slot);
    const auto bytes = static_cast<double>(sizeof(float) + size_of(a.dtype));
    const auto converting = [&](const char* name, std::int64_t width) {
      if (converts())
        stages_.push_back({name, true, {0, bytes * static_cast<double>(elements(width))}});
    };
    converting("convert_q", a.head_dim);
    stages_.push_back({"attend", true, a.work()});
    converting("convert_o", a.v_head_dim);
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    const std::size_t attend = converts() ? 1 : 0;
    if (stage == attend)
      ggml::compute(backend_.get(), graphs_[slot]);
    else if (stage < attend)
      convert(elements(a_.head_dim), inputs_.as<std::uint16_t>("q", slot), floats(0),
              [](std::uint16_t bits) { return from_bf16(bits); });
    else
      convert(elements(a_.v_head_dim), floats(sizes_.q),
              reinterpret_cast<std::uint16_t*>(outputs_.data(0, slot)),
              [](float value) { return to_bf16(value); });
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    return std::to_string(nodes_.size()) + (nodes_.size() == 1 ? " node, " : " nodes, ") +
           (sizes_.masks == 0 ? "no mask" : std::to_string(sizes_.masks) + " bytes of masks");
  }

 private:
  bool converts() const { return a_.dtype != DType::f32; }
  std::int64_t elements(std::int64_t width) const {
    return a_.batch * a_.q_len * a_.q_heads * width;
  }
  float* floats(std::size_t offset) const {
    return reinterpret_cast<float*>(shared_->host() + offset);
  }

  template <class From, class To, class Function>
  void convert(std::int64_t count, const From* from, To* to, Function function) const {
    // A thread more costs a microsecond or two, what so many elements take.
    constexpr std::int64_t worth_a_thread = 16384;
    const auto threads =
        static_cast<int>(std::min<std::int64_t>(threads_, count / worth_a_thread + 1));
    on_team(threads, [&](int thread, int team) {
      const std::int64_t end = count * (thread + 1) / team;
      for (std::int64_t i = count * thread / team; i < end; ++i) to[i] = function(from[i]);
    });
  }

  void fill_masks() {
    const ggml_fp16_t seen = ggml_fp32_to_fp16(0);
    const ggml_fp16_t hidden = ggml_fp32_to_fp16(-std::numeric_limits<float>::infinity());
    std::byte* data = shared_->host() + sizes_.q + sizes_.o;
    for (const Sequences& node : nodes_) {
      if (!node.masked) continue;
      auto* mask = reinterpret_cast<ggml_fp16_t*>(data);
      on_team(threads_, [&](int thread, int team) {
        for (std::int64_t i = a_.q_len * thread / team; i < a_.q_len * (thread + 1) / team; ++i) {
          const KeyRange keys = a_.keys(node.first, i);
          for (std::int64_t j = 0; j < node.seen.size(); ++j) {
            const std::int64_t key = node.seen.first + j;
            mask[i * node.seen.size() + j] = key >= keys.first && key < keys.end ? seen : hidden;
          }
        }
      });
      data += mask_bytes(a_, node);
    }
  }

  void add_slot(std::size_t slot) {
    const ggml_type cache = *ggml::cache_type(a_.kv_dtype);
    ggml_context* context = context_.get();
    const auto tensor = [&](ggml_type type, std::int64_t width, std::int64_t heads,
                            std::int64_t tokens, const std::byte* data) {
      ggml_tensor* made = ggml_new_tensor_4d(context, type, width, heads, tokens, a_.batch);
      in_place(made, data);
      return made;
    };
    const std::byte* queries = converts() ? shared_->host() : inputs_.data("q", slot);
    ggml_tensor* q = tensor(GGML_TYPE_F32, a_.head_dim, a_.q_heads, a_.q_len, queries);
    ggml_tensor* k = tensor(cache, a_.head_dim, a_.kv_heads, a_.kv_len, inputs_.data("k", slot));
    ggml_tensor* v = tensor(cache, a_.v_head_dim, a_.kv_heads, a_.kv_len, inputs_.data("v", slot));
    ggml_tensor* sinks = nullptr;
    if (a_.sinks) {
      sinks = ggml_new_tensor_1d(context, GGML_TYPE_F32, a_.q_heads);
      in_place(sinks, inputs_.data("sink", slot));
    }
    ggml_cgraph* graph = ggml_new_graph_custom(context, sizes_.graph_size, false);
    const std::byte* mask = shared_->host() + sizes_.q + sizes_.o;
    std::byte* o = converts() ? shared_->host() + sizes_.q : outputs_.data(0, slot);
    ggml_backend_buffer_t all_of_o =
        lend(o, sizeof(float) * static_cast<std::size_t>(elements(a_.v_head_dim)));
    for (const Sequences& node : nodes_) {
      ggml::AttentionOperands operands;
      operands.q = view(q, node, {0, a_.q_len});
      operands.k = view(k, node, node.seen);
      operands.v = view(v, node, node.seen);
      if (node.masked) {
        operands.mask =
            ggml_new_tensor_2d(context, GGML_TYPE_F16, node.seen.size(), ggml::mask_rows(a_.q_len));
        in_place(operands.mask, mask);
        mask += mask_bytes(a_, node);
      }
      operands.sinks = sinks;
      operands.scale = a_.scale;
      operands.soft_cap = a_.soft_cap;
      ggml_tensor* result = ggml::attention(context, operands);
      ggml_backend_tensor_alloc(all_of_o, result, o);
      o += ggml_nbytes(result);
      ggml_build_forward_expand(graph, result);
    }
    graphs_.push_back(graph);
  }

  /// Tokens of the sequences of a node, heads outside them.
  ggml_tensor* view(ggml_tensor* of, const Sequences& node, KeyRange tokens) {
    ggml_tensor* view = ggml_view_4d(context_.get(), of, of->ne[0], tokens.size(), of->ne[1],
                                     node.count, of->nb[2], of->nb[1], of->nb[3],
                                     static_cast<std::size_t>(node.first) * of->nb[3] +
                                         static_cast<std::size_t>(tokens.first) * of->nb[2]);
    ggml_backend_view_init(view);
    return view;
  }

  /// On a cache line.
  ggml_backend_buffer_t lend(std::byte* data, std::size_t bytes) {
    lent_.emplace_back(ggml_backend_cpu_buffer_from_ptr(data, bytes));
    return lent_.back().get();
  }
  void in_place(ggml_tensor* tensor, const std::byte* data) {
    // ggml takes what it reads as void* and does not write it.
    auto* place = const_cast<std::byte*>(data);
    ggml_backend_tensor_alloc(lend(place, ggml_nbytes(tensor)), tensor, place);
  }

  const Attention a_;
  const Inputs& inputs_;
  int threads_;
  Sizes sizes_;
  std::vector<Sequences> nodes_;
  AttentionOutputs outputs_;
  std::unique_ptr<Buffer> shared_;  // by all slots: converted q, o, then masks
  ggml_backend_ptr backend_;
  std::vector<ggml_backend_buffer_ptr> lent_;  // ggml's view of memory that it does not own
  ggml_context_ptr context_;
  std::vector<ggml_cgraph*> graphs_;  // of each slot
  std::vector<Stage> stages_;
};

class GgmlAttention final : public Implementation {
 public:
  GgmlAttention() {
    info_ = {.kernel = "attention",
             .backend = "ggml",
             .name = "ggml",
             .variant = "",
             .device_kind = "cpu",
             .about = "ggml_flash_attn_ext over the cache in place, with a mask made once",
             .library = ggml::library()};
  }

  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override { return ggml::refuse(); }
  int max_threads() const override { return GGML_MAX_N_THREADS; }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* a = dynamic_cast<const Attention*>(&workload);
    if (a == nullptr || a->structure != Structure::softmax)
      return "computes softmax attention only";
    const std::string library = "ggml " + info_.library->version;
    const std::string cache(name(a->kv_dtype));
    if (a->paged()) return library + " has no paged cache";
    if (!ggml::cache_type(a->kv_dtype))
      return library + " has no cache of " + cache + " with a scale per token and head";
    // More change nothing.
    constexpr std::int64_t many = 256;
    const auto arithmetic = ggml::attention_arithmetic(a->kv_dtype, a->head_dim, a->v_head_dim,
                                                       std::min(a->q_len, many));
    const std::string queries = std::to_string(a->q_len) + (a->q_len == 1 ? " query" : " queries");
    if (a->dtype == DType::f32 && !arithmetic.keeps_queries)
      return library + " rounds " + queries + " of f32 to " + cache;
    if (!arithmetic.sums_in_f32) return library + " sums values in " + cache + " for " + queries;
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    const Sizes sizes(a, placement.threads);
    return {sizes.masks + sizes.q + sizes.o + sizes.work,
            AttentionOutputs::bytes_per_slot(a) + sizes.metadata};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    return std::make_unique<GgmlPlan>(dynamic_cast<const Attention&>(workload), inputs, placement);
  }

 private:
  ImplementationInfo info_;
};

}  // namespace

Implementations make_attention_ggml(const RegistryOptions& /*options*/) {
  Implementations all;
  all.push_back(std::make_unique<GgmlAttention>());
  return all;
}

}  // namespace ergon
