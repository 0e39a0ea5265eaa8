#include "kernels/attention/onednn_graph.h"

#include <algorithm>
#include <limits>

#include "kernels/gemm/onednn_api.h"

namespace ergon::onednn {
namespace {

using dnnl::graph::op;
using Tensor = dnnl::graph::logical_tensor;
using Type = Tensor::data_type;
using Sizes = std::vector<std::int64_t>;

enum Id : std::size_t {
  of_q,
  of_k,
  of_v,
  of_mask,
  of_o,
  of_scale,
  of_cap,
  of_hidden,
  of_scratchpad,
  of_scores  // and those after it
};

Type type_of(DType dtype) { return dtype == DType::bf16 ? Type::bf16 : Type::f32; }

/// Heads of a group as a dimension between heads of keys and queries.
bool has_groups(const Attention& a) { return a.q_len > 1 && a.group() > 1; }

/// [sequences, heads of keys, group, queries, width], without the group where there is none; at one
/// query the heads of a group take its place.
Sizes arranged(const Attention& a, std::int64_t sequences, std::int64_t heads, std::int64_t group,
               std::int64_t queries, std::int64_t width) {
  if (has_groups(a)) return {sequences, heads, group, queries, width};
  if (a.q_len == 1) return {sequences, heads, group, width};
  return {sequences, heads, queries, width};
}

Tensor of_tokens(const Attention& a, const SequenceBlock& block, Id id, std::int64_t width) {
  const std::int64_t token = a.q_heads * width;
  return {id, type_of(a.dtype), arranged(a, block.sequences, a.kv_heads, a.group(), a.q_len, width),
          arranged(a, a.q_len * token, a.group() * width, width, token, 1)};
}

Tensor of_keys(const Attention& a, const SequenceBlock& block, Id id, bool values) {
  const std::int64_t width = values ? a.v_head_dim : a.head_dim,
                     step = WholeCache::sequence_step(a, block, values), keys = block.keys.size(),
                     of_a_key = a.kv_heads * width;
  if (has_groups(a))
    return {id, type_of(a.kv_dtype), Sizes{block.sequences, a.kv_heads, 1, keys, width},
            Sizes{step, width, width, of_a_key, 1}};
  return {id, type_of(a.kv_dtype), Sizes{block.sequences, a.kv_heads, keys, width},
          Sizes{step, width, of_a_key, 1}};
}

Tensor scalar(Id id) { return {id, Type::f32, Sizes{1}, Tensor::layout_type::strided}; }

bool some_key_is_hidden(const Attention& a, const SequenceBlock& block) {
  for (std::int64_t query = 0; query < a.q_len; ++query)
    if (a.keys(block.sequence, query) != block.keys) return true;
  return false;
}

bool some_query_sees_nothing(const Attention& a, const SequenceBlock& block) {
  return a.keys(block.sequence, 0).size() == 0;
}

}  // namespace

AttentionGraph::AttentionGraph(const Attention& a, const SequenceBlock& block)
    : workload_(a),
      block_(block),
      masked_(some_key_is_hidden(a, block)),
      chooses_(a.soft_cap > 0),
      scale_(static_cast<float>(a.soft_cap > 0 ? a.scale / a.soft_cap : a.scale)),
      soft_cap_(static_cast<float>(a.soft_cap)),
      hidden_(-std::numeric_limits<float>::infinity()),
      q_(of_tokens(a, block, of_q, a.head_dim)),
      k_(of_keys(a, block, of_k, false)),
      v_(of_keys(a, block, of_v, true)),
      mask_(of_mask, chooses_ ? Type::boolean : type_of(a.dtype), mask_sizes(),
            Tensor::layout_type::strided),
      o_(of_tokens(a, block, of_o, a.v_head_dim)),
      scale_tensor_(scalar(of_scale)),
      cap_tensor_(scalar(of_cap)),
      hidden_tensor_(scalar(of_hidden)),
      graph_(dnnl::engine::kind::cpu) {
  add_operations();
  graph_.finalize();
  partitions_ = graph_.get_partitions();
  if (partitions_.size() != 1)
    refusal_ = "oneDNN " + library().version + " makes " + std::to_string(partitions_.size()) +
               " partitions of it, not one that is fused";
  else if (!partitions_[0].is_supported())
    refusal_ = "oneDNN " + library().version + " does not support its partition";
}

std::vector<std::int64_t> AttentionGraph::mask_sizes() const {
  return arranged(workload_, 1, 1, 1, workload_.q_len, block_.keys.size());
}

void AttentionGraph::add_operations() {
  const Attention& a = workload_;
  const Sizes sizes =
      arranged(a, block_.sequences, a.kv_heads, a.group(), a.q_len, block_.keys.size());
  std::size_t next = of_scores;
  const auto scores = [&](Type type) {
    return Tensor(next++, type, sizes, Tensor::layout_type::strided);
  };
  // Appends an operation on `last`, whose result becomes `last`.
  Tensor last = q_;
  const auto add = [&](op::kind kind, std::vector<Tensor> inputs, const Tensor& to,
                       const char* name) {
    op operation(next++, kind, inputs, {to}, name);
    if (kind == op::kind::MatMul && to.get_id() != of_o)
      operation.set_attr<bool>(op::attr::transpose_b, true);
    if (kind == op::kind::SoftMax) {
      operation.set_attr<std::int64_t>(op::attr::axis, -1);
      if (some_query_sees_nothing(a, block_))
        operation.set_attr<std::string>(op::attr::mode, "inf_as_zero");
    }
    graph_.add_op(operation);
    last = to;
  };
  add(op::kind::MatMul, {q_, k_}, scores(Type::f32), "qk");
  add(op::kind::Multiply, {last, scale_tensor_}, scores(Type::f32), "scale");
  if (a.soft_cap > 0) {
    add(op::kind::Tanh, {last}, scores(Type::f32), "tanh");
    add(op::kind::Multiply, {last, cap_tensor_}, scores(Type::f32), "cap");
  }
  if (masked_ && chooses_)
    add(op::kind::Select, {mask_, hidden_tensor_, last}, scores(Type::f32), "mask");
  else if (masked_)
    add(op::kind::Add, {last, mask_}, scores(Type::f32), "mask");
  add(op::kind::SoftMax, {last}, scores(type_of(a.dtype)), "softmax");
  add(op::kind::MatMul, {last, v_}, o_, "pv");
}

std::size_t AttentionGraph::mask_bytes() const { return masked_ ? mask_.get_mem_size() : 0; }

void AttentionGraph::fill_mask(std::byte* to) const {
  if (!masked_) return;
  const std::int64_t keys = block_.keys.size();
  for (std::int64_t query = 0; query < workload_.q_len; ++query) {
    const KeyRange seen = workload_.keys(block_.sequence, query);
    for (std::int64_t key = 0; key < keys; ++key) {
      const std::int64_t number = block_.keys.first + key;
      const bool sees = number >= seen.first && number < seen.end;
      if (chooses_)
        to[query * keys + key] = std::byte{!sees};
      else
        store(workload_.dtype, to, query * keys + key, sees ? 0.0 : double{hidden_});
    }
  }
}

void AttentionGraph::compile(const dnnl::engine& engine) {
  const dnnl::graph::partition& partition = partitions_.at(0);
  compiled_ = partition.compile(partition.get_input_ports(), partition.get_output_ports(), engine);
}

#if DNNL_VERSION_MAJOR > 3 || DNNL_VERSION_MINOR >= 13

std::optional<std::size_t> AttentionGraph::scratchpad_bytes() const {
  return compiled_.get_scratchpad_logical_tensor().get_mem_size();
}

void AttentionGraph::run(dnnl::stream& stream, const Bound& bound) const {
  compiled_.execute(stream, bound.inputs, bound.outputs, bound.scratchpad);
  stream.wait();
}

#else

std::optional<std::size_t> AttentionGraph::scratchpad_bytes() const { return std::nullopt; }

void AttentionGraph::run(dnnl::stream& stream, const Bound& bound) const {
  compiled_.execute(stream, bound.inputs, bound.outputs);
  stream.wait();
}

#endif

AttentionGraph::Bound AttentionGraph::bound(const Operands& operands, const dnnl::engine& engine) {
  // oneDNN takes inputs as void* and does not write them.
  const auto given = [](const std::byte* data) {
    return static_cast<void*>(const_cast<std::byte*>(data));
  };
  const std::pair<std::size_t, void*> places[] = {
      {of_q, given(operands.q)}, {of_k, given(operands.k)},
      {of_v, given(operands.v)}, {of_mask, given(operands.mask)},
      {of_scale, &scale_},       {of_cap, &soft_cap_},
      {of_hidden, &hidden_}};
  Bound bound;
  for (const Tensor& port : partitions_.at(0).get_input_ports()) {
    const auto place = std::find_if(std::begin(places), std::end(places),
                                    [&](const auto& one) { return one.first == port.get_id(); });
    bound.inputs.emplace_back(port, engine, place->second);
  }
  bound.outputs.emplace_back(o_, engine, operands.o);
  const auto size = static_cast<std::int64_t>(scratchpad_bytes().value_or(0));
  if (size > 0)
    bound.scratchpad = {{of_scratchpad, Type::u8, Sizes{size}, Tensor::layout_type::strided},
                        engine,
                        operands.scratchpad};
  return bound;
}

}  // namespace ergon::onednn
