// Quantized products by ggml, the library of llama.cpp: a graph of one ggml_mul_mat on its
// processor backend.
//
//   plain     weights in ordinary memory, as a GGUF file has them
//   repacked  weights in buffers of the type CPU_REPACK, which interleave rows; where ggml has no
//             such layout for a type and number of outputs on this processor, it is not computed
//
//   pack    once: blocks into ggml's buffers (plain: copied)
//   matmul  the graph: ggml quantizes the activations in it
//
// X and Y are read and written in place. Weights lie in one buffer that ggml allocates for all
// slots, by posix_memalign and with no wish for pages; we ask for those of all packed weights.
// ggml plans the graph and allocates its threads' state in every call, as in llama.cpp.
#include <new>

#include "kernels/devices/memory.h"
#include "kernels/qmatmul/ggml_api.h"
#include "kernels/qmatmul/qmatmul.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

/// Of one graph; its one node has two leaves.
constexpr std::size_t graph_size = 4;

struct Sizes {
  Sizes(const QMatmul& q, int threads)
      : weights((static_cast<std::size_t>(q.layout.n * q.layout.row_bytes()) + 4095) / 4096 * 4096),
        metadata(3 * ggml_tensor_overhead() + ggml_graph_overhead_custom(graph_size, false)),
        // Quantized activations, and a cache line a thread.
        work(ggml_row_size(ggml::activation_type_of(*q.format), q.m * q.k) +
             64 * static_cast<std::size_t>(threads)) {}

  std::size_t weights, metadata;  // of one slot
  std::size_t work;
};

class GgmlPlan final : public Plan {
 public:
  GgmlPlan(const QMatmul& q, const Inputs& inputs, const Placement& placement, ggml_type type,
           ggml_backend_buffer_type_t buffers)
      : workload_(q),
        inputs_(inputs),
        output_(q, *placement.device, placement.slots, own_arithmetic),
        backend_(ggml::backend_of(placement.threads)) {
    const Sizes sizes(q, placement.threads);
    weights_.reset(ggml_backend_buft_alloc_buffer(buffers, sizes.weights * placement.slots));
    if (!weights_) throw std::bad_alloc();
    auto* base = static_cast<std::byte*>(ggml_backend_buffer_get_base(weights_.get()));
    advise(base, sizes.weights * placement.slots, policy_for_packed_weights());
    context_ = ggml::metadata(sizes.metadata * placement.slots);
    for (std::size_t slot = 0; slot < placement.slots; ++slot)
      add_slot(slot, type, base + slot * sizes.weights);
    stages_ = {{"pack", false, {0, 2 * q.layout.bytes()}}, {"matmul", true, q.work()}};
    detail_ = std::string("weights in ") + ggml_backend_buft_name(buffers);
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    const Product& product = products_[slot];
    if (stage == 0)
      ggml_backend_tensor_set(product.w, weights_of(inputs_, slot).codes, 0,
                              ggml_nbytes(product.w));
    else
      ggml::compute(backend_.get(), product.graph);
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }
  std::string detail() const override { return detail_; }

 private:
  struct Product {
    ggml_tensor* w;
    ggml_cgraph* graph;
  };

  void add_slot(std::size_t slot, ggml_type type, std::byte* weights) {
    ggml_context* context = context_.get();
    ggml_tensor* w = ggml_new_tensor_2d(context, type, workload_.k, workload_.n);
    ggml_tensor* x = ggml_new_tensor_2d(context, GGML_TYPE_F32, workload_.k, workload_.m);
    ggml_tensor* y = ggml_mul_mat(context, w, x);
    ggml_backend_tensor_alloc(weights_.get(), w, weights);
    // ggml takes what it reads as void* and does not write it.
    in_place(x, const_cast<std::byte*>(inputs_.data("x", slot)));
    in_place(y, output_.data(slot));
    ggml_cgraph* graph = ggml_new_graph_custom(context, graph_size, false);
    ggml_build_forward_expand(graph, y);
    products_.push_back({w, graph});
  }

  void in_place(ggml_tensor* tensor, std::byte* data) {
    lent_.emplace_back(ggml_backend_cpu_buffer_from_ptr(data, ggml_nbytes(tensor)));
    ggml_backend_tensor_alloc(lent_.back().get(), tensor, data);
  }

  const QMatmul workload_;
  const Inputs& inputs_;
  QMatmulOutput output_;
  ggml_backend_ptr backend_;
  ggml_backend_buffer_ptr weights_;
  std::vector<ggml_backend_buffer_ptr> lent_;  // ggml's view of X and Y
  ggml_context_ptr context_;
  std::vector<Product> products_;  // of each slot
  std::vector<Stage> stages_;
  std::string detail_;
};

class GgmlQMatmul final : public Implementation {
 public:
  explicit GgmlQMatmul(bool repacked)
      : repacked_(repacked),
        buffers_(repacked ? ggml::repacking_buffers() : ggml::plain_buffers()) {
    info_ = {.kernel = "qmatmul",
             .backend = "ggml",
             .name = "ggml",
             .variant = repacked ? "repacked" : "plain",
             .device_kind = "cpu",
             .about = repacked ? "ggml_mul_mat, weights interleaved once by its CPU_REPACK buffers"
                               : "ggml_mul_mat, weights as a GGUF file has them",
             .library = ggml::library()};
  }

  const ImplementationInfo& info() const noexcept override { return info_; }

  std::optional<std::string> unavailable() const override {
    if (auto reason = ggml::refuse_products()) return reason;
    if (buffers_ == nullptr) return "this ggml was built without GGML_CPU_REPACK";
    return std::nullopt;
  }

  int max_threads() const override { return GGML_MAX_N_THREADS; }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* q = dynamic_cast<const QMatmul*>(&workload);
    if (q == nullptr) return "computes qmatmul only";
    const std::string library = "ggml " + info_.library->version, name(q->format->name);
    const auto type = ggml::type_of(*q->format);
    if (!type) return library + " does not have " + name + " as it is defined here";
    if (!ggml::quantizes_as_we_do(q->format->activations))
      return library + " rounds the activations of " + name + " otherwise than llama.cpp on x86-64";
    if (q->output != DType::f32)
      return library + " gives products in f32, not " + std::string(ergon::name(q->output));
    if (ggml::multiplies(buffers_, *type, q->n, q->k)) return std::nullopt;
    const std::string what = library + (repacked_ ? " does not repack " : " does not multiply ");
    // A multiple of all the numbers of rows that it interleaves.
    constexpr std::int64_t many = 256;
    if (!ggml::multiplies(buffers_, *type, many, q->k)) return what + name + " on this processor";
    return what + std::to_string(q->n) + " outputs of " + name + " on this processor";
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& q = dynamic_cast<const QMatmul&>(workload);
    const Sizes sizes(q, placement.threads);
    return {sizes.work, QMatmulOutput::bytes_per_slot(q) + sizes.weights + sizes.metadata};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& q = dynamic_cast<const QMatmul&>(workload);
    return std::make_unique<GgmlPlan>(q, inputs, placement, *ggml::type_of(*q.format), buffers_);
  }

 private:
  bool repacked_;
  ggml_backend_buffer_type_t buffers_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_qmatmul_ggml(const RegistryOptions& /*options*/) {
  Implementations all;
  for (const bool repacked : {true, false}) all.push_back(std::make_unique<GgmlQMatmul>(repacked));
  return all;
}

}  // namespace ergon
