// Softmax attention as a graph of oneDNN, which the library makes one partition of where it knows
// the pattern: matmul, scale, soft cap (tanh and factor), mask, softmax, matmul.
//
// Method: oneDNN developer guide, "Scaled Dot-Product Attention" and "Grouped Query Attention" of
// the Graph API. Scores are f32, weights of the type of Q. Heads of a group are a dimension that
// keys and values are broadcast over; at one query they are the rows.
#pragma once

#include <oneapi/dnnl/dnnl_graph.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kernels/attention/whole_cache.h"

namespace ergon::onednn {

/// Of sequences that see the same keys.
class AttentionGraph {
 public:
  /// Throws dnnl::error where this version has not an operation.
  AttentionGraph(const Attention& workload, const SequenceBlock& block);

  /// Why it is not one partition that the library supports; empty where it is.
  const std::string& refusal() const noexcept { return refusal_; }
  /// Whether there is a mask: some query does not see all keys of the block.
  bool masked() const noexcept { return masked_; }
  std::size_t mask_bytes() const;
  /// 0 and -infinity, which are added; or, beside a soft cap, 1 where -infinity is chosen.
  void fill_mask(std::byte* to) const;

  /// For the number of threads that is set.
  void compile(const dnnl::engine& engine);
  /// What a call keeps between its operands, once compiled; nothing where the version does not tell
  /// (before 3.13) and allocates it in every call.
  std::optional<std::size_t> scratchpad_bytes() const;
  struct Operands {
    const std::byte *q, *k, *v, *mask;
    std::byte *o, *scratchpad;
  };
  /// As execution takes them; their memory stays where it is.
  struct Bound {
    std::vector<dnnl::graph::tensor> inputs, outputs;
    dnnl::graph::tensor scratchpad;
  };
  Bound bound(const Operands& operands, const dnnl::engine& engine);
  void run(dnnl::stream& stream, const Bound& bound) const;

 private:
  using Tensor = dnnl::graph::logical_tensor;
  std::vector<std::int64_t> mask_sizes() const;
  void add_operations();

  Attention workload_;
  SequenceBlock block_;
  bool masked_, chooses_;
  float scale_, soft_cap_, hidden_;  // constants of the graph
  Tensor q_, k_, v_, mask_, o_, scale_tensor_, cap_tensor_, hidden_tensor_;
  dnnl::graph::graph graph_;
  std::vector<dnnl::graph::partition> partitions_;
  dnnl::graph::compiled_partition compiled_;
  std::string refusal_;
};

}  // namespace ergon::onednn
