#include "kernels/attention/attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/attention/structure.h"
#include "kernels/devices/memory.h"
#include "kernels/fill.h"

namespace ergon {
namespace {

constexpr std::array<std::string_view, 4> structures = {"softmax", "mla", "sparse", "linear"};
constexpr std::array<std::string_view, 2> phases = {"prefill", "decode"};
constexpr std::array<std::string_view, 2> length_choices = {"equal", "spread"};
constexpr std::string_view same = "same";
constexpr std::int64_t most_count = std::int64_t{1} << 30, most_width = std::int64_t{1} << 16;

template <class Choices>
FieldSpec choice(std::string_view name, std::string_view help, const Choices& choices) {
  return {.name = name,
          .help = help,
          .fallback = std::string(choices.front()),
          .choices = {choices.begin(), choices.end()}};
}
FieldSpec count(std::string_view name, std::string_view help, std::int64_t fallback,
                std::int64_t high = most_count) {
  return {.name = name, .help = help, .fallback = fallback, .low = fallback != 0, .high = high};
}
FieldSpec required(FieldSpec spec) {
  spec.required = true;
  return spec;
}

const std::vector<FieldSpec>& specs() {
  static const std::vector<FieldSpec> list = {
      required(choice("phase", "prefill (many queries) or decode (one, or a few)", phases)),
      choice("structure", "what is computed", structures),
      required(count("q_heads", "heads of queries", 1, most_width)),
      count("kv_heads", "heads of keys and values; 0: q_heads", 0, most_width),
      count("head_dim", "of queries and keys", 128, most_width),
      count("v_head_dim", "of values and outputs; 0: head_dim", 0, most_width),
      count("q_len", "queries of a sequence; 0: kv_len in prefill, 1 in decode", 0),
      required(count("kv_len", "keys of a sequence, those of the queries included", 1)),
      count("batch", "sequences", 1, 1 << 20),
      choice("lengths", "all sequences kv_len keys, or from kv_len down to half of it",
             length_choices),
      {.name = "causal", .help = "a query sees no later key", .fallback = true},
      count("window", "keys that a query sees, its own included; 0: all", 0),
      {.name = "sinks", .help = "a logit per head that takes part in no output", .fallback = false},
      {.name = "soft_cap",
       .help = "logits become soft_cap tanh(logit / soft_cap); 0: as they are",
       .fallback = 0.0},
      {.name = "scale", .help = "of the logits; 0: 1 / sqrt(head_dim)", .fallback = 0.0},
      count("kv_lora_rank", "of the latent that keys and values are made of", 512, most_width),
      count("rope_head_dim", "of the part of keys that all heads share beside the latent", 64,
            most_width),
      count("index_heads", "of the indexer that chooses keys", 64, most_width),
      count("index_head_dim", "of the indexer's queries and keys", 128, most_width),
      count("top_k", "keys that are chosen for a query", 2048),
      count("page", "keys of a page of the cache; 0: a sequence's keys in one piece", 0, 1 << 16),
      {.name = "dtype",
       .help = "of queries and outputs",
       .fallback = std::string("bf16"),
       .choices = {"bf16", "f32"}},
      {.name = "kv_dtype",
       .help = "of cached keys and values; s8 has a scale per token and head",
       .fallback = std::string(same),
       .choices = {same, "bf16", "f16", "f32", "s8"}},
  };
  return list;
}

constexpr unsigned bit(Structure structure) { return 1U << static_cast<unsigned>(structure); }
constexpr unsigned latent = bit(Structure::mla) | bit(Structure::sparse);
constexpr unsigned every_key = bit(Structure::softmax) | bit(Structure::mla);
/// Fields that not every structure has.
struct Owned {
  std::string_view field;
  unsigned structures;
};
constexpr Owned owned[] = {
    {"window", every_key},
    {"sinks", every_key},
    {"soft_cap", every_key},
    {"kv_lora_rank", latent},
    {"rope_head_dim", latent},
    {"index_heads", bit(Structure::sparse)},
    {"index_head_dim", bit(Structure::sparse)},
    {"top_k", bit(Structure::sparse)},
};
void refuse_what_it_has_not(Structure structure, const FieldMap& all) {
  for (const Owned& one : owned) {
    const auto spec = std::find_if(specs().begin(), specs().end(),
                                   [&](const FieldSpec& each) { return each.name == one.field; });
    if ((one.structures & bit(structure)) == 0 && all.find(one.field)->second != spec->fallback)
      throw InvalidField(
          std::string(one.field),
          "structure = " + std::string(structures[static_cast<std::size_t>(structure)]) +
              " has none");
  }
}

template <class Enum, class Choices>
Enum picked(const FieldMap& all, const char* field, const Choices& choices) {
  const auto found =
      std::find(choices.begin(), choices.end(), std::get<std::string>(all.at(field)));
  return static_cast<Enum>(found - choices.begin());
}
template <class Enum, class Choices>
std::string text(Enum value, const Choices& choices) {
  return std::string(choices[static_cast<std::size_t>(value)]);
}

/// Keys that the queries at positions 0 to `positions` - 1 see, added up.
double seen_before(std::int64_t positions, std::int64_t window) {
  const auto all = static_cast<double>(positions);
  const double growing = window > 0 ? std::min(all, static_cast<double>(window)) : all;
  return growing * (growing + 1) / 2 + (all - growing) * growing;
}

void check(const Attention& a) {
  if (a.q_heads % a.kv_heads != 0)
    throw InvalidField("kv_heads", std::to_string(a.kv_heads) +
                                       " does not divide q_heads = " + std::to_string(a.q_heads));
  if (a.window > 0 && !a.causal)
    throw InvalidField("window", "is of causal attention: it ends at the query's own position");
  if (a.scale <= 0) throw InvalidField("scale", "must be positive, or 0 for 1 / sqrt(head_dim)");
  if (a.soft_cap < 0) throw InvalidField("soft_cap", "must be positive, or 0 for none");
  if (a.kv_dtype == DType::f32 && a.dtype != DType::f32)
    throw InvalidField("kv_dtype", "is wider than dtype");
  const double rows = static_cast<double>(a.batch) * static_cast<double>(a.q_len);
  const double keys = static_cast<double>(a.batch) * static_cast<double>(a.kv_len);
  const double width =
      static_cast<double>(a.q_heads) * static_cast<double>(std::max(a.head_dim, a.v_head_dim));
  if (rows * width > 0x1p55) throw InvalidField("q_len", "q has more than 2^55 elements");
  if (keys * width > 0x1p55) throw InvalidField("kv_len", "the cache has more than 2^55 elements");
  if (static_cast<double>(a.q_len) * keys * width > 0x1p60)
    throw InvalidField("kv_len", "the operations are beyond 2^62");
}

class AttentionFamily final : public Family {
 public:
  std::string_view name() const noexcept override { return "attention"; }
  std::span<const FieldSpec> fields() const noexcept override { return specs(); }

  std::unique_ptr<Workload> make(const FieldMap& given) const override {
    const FieldMap all = complete(specs(), given);
    const auto integer = [&](const char* field) { return std::get<std::int64_t>(all.at(field)); };
    const auto either = [&](const char* field, std::int64_t otherwise) {
      return integer(field) == 0 ? otherwise : integer(field);
    };
    auto a = std::make_unique<Attention>();
    a->structure = picked<Structure>(all, "structure", structures);
    refuse_what_it_has_not(a->structure, all);
    a->phase = picked<Phase>(all, "phase", phases);
    a->batch = integer("batch");
    a->q_heads = integer("q_heads");
    a->kv_heads = either("kv_heads", a->q_heads);
    a->head_dim = integer("head_dim");
    a->v_head_dim = integer("v_head_dim");
    a->kv_len = integer("kv_len");
    a->q_len = either("q_len", a->phase == Phase::prefill ? a->kv_len : 1);
    a->lengths = picked<Lengths>(all, "lengths", length_choices);
    a->causal = std::get<bool>(all.at("causal"));
    a->window = integer("window");
    a->sinks = std::get<bool>(all.at("sinks"));
    a->soft_cap = std::get<double>(all.at("soft_cap"));
    a->scale = std::get<double>(all.at("scale"));
    a->kv_lora_rank = integer("kv_lora_rank");
    a->rope_head_dim = integer("rope_head_dim");
    a->index_heads = integer("index_heads");
    a->index_head_dim = integer("index_head_dim");
    a->top_k = integer("top_k");
    a->page = integer("page");
    a->dtype = *dtype_from_name(std::get<std::string>(all.at("dtype")));
    const std::string kv_dtype = std::get<std::string>(all.at("kv_dtype"));
    a->kv_dtype = kv_dtype == same ? a->dtype : *dtype_from_name(kv_dtype);
    structure_of(*a).settle(*a, given);
    if (a->v_head_dim == 0) a->v_head_dim = a->head_dim;
    if (a->scale == 0) a->scale = 1 / std::sqrt(static_cast<double>(a->head_dim));
    check(*a);
    return a;
  }

  std::vector<NamedDesc> operands(const Workload& workload) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return structure_of(a).operands(a);
  }

  std::unique_ptr<Inputs> inputs(const Workload& workload, std::uint64_t seed,
                                 std::size_t slots) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    // All implementations read the same pages, which are those of packed caches too.
    const PagePolicyScope pages(policy_for_packed_weights());
    auto inputs = std::make_unique<Inputs>(operands(workload), slots);
    inputs->distribution = structure_of(a).fill(a, *inputs, seed);
    std::vector<HostTensor> tensors;
    for (const NamedDesc& operand : inputs->operands())
      tensors.push_back(inputs->tensor(operand.name, 0));
    inputs->replicate();
    inputs->seed = seed;
    inputs->entropy_bits_per_element = entropy_bits_per_element(tensors);
    return inputs;
  }

  std::unique_ptr<Oracle> oracle(const Workload& workload, const Inputs& inputs) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return structure_of(a).oracle(a, inputs);
  }

  std::size_t oracle_bytes(const Workload& workload) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return structure_of(a).oracle_bytes(a);
  }
};

}  // namespace

const Family& attention_family() {
  static const AttentionFamily family;
  return family;
}

const StructureRules& structure_of(const Attention& workload) noexcept {
  using Rules = const StructureRules& (*)();
  static constexpr Rules rules[] = {softmax_rules, mla_rules, sparse_rules, linear_rules};
  return rules[static_cast<std::size_t>(workload.structure)]();
}

std::vector<Field> Attention::fields() const {
  const double usual_scale = 1 / std::sqrt(static_cast<double>(head_dim));
  const FieldMap values = {
      {"phase", text(phase, phases)},
      {"structure", text(structure, structures)},
      {"q_heads", q_heads},
      {"kv_heads", kv_heads == q_heads ? 0 : kv_heads},
      {"head_dim", head_dim},
      {"v_head_dim", v_head_dim == head_dim ? 0 : v_head_dim},
      {"q_len", q_len == (phase == Phase::prefill ? kv_len : 1) ? 0 : q_len},
      {"kv_len", kv_len},
      {"batch", batch},
      {"lengths", text(lengths, length_choices)},
      {"causal", causal},
      {"window", window},
      {"sinks", sinks},
      {"soft_cap", soft_cap},
      {"scale", scale == usual_scale ? 0.0 : scale},
      {"kv_lora_rank", kv_lora_rank},
      {"rope_head_dim", rope_head_dim},
      {"index_heads", index_heads},
      {"index_head_dim", index_head_dim},
      {"top_k", top_k},
      {"page", page},
      {"dtype", std::string(ergon::name(dtype))},
      {"kv_dtype", std::string(kv_dtype == dtype ? same : ergon::name(kv_dtype))},
  };
  // What stands behind a fallback is told all the same.
  const FieldMap told = {{"kv_heads", kv_heads}, {"v_head_dim", v_head_dim}, {"q_len", q_len}};
  std::vector<Field> list;
  for (const FieldSpec& spec : specs()) {
    const FieldValue& value = values.find(spec.name)->second;
    const auto behind = told.find(spec.name);
    list.push_back({spec.name, behind == told.end() ? value : behind->second,
                    !spec.required && value == spec.fallback});
  }
  return list;
}

TypeNames Attention::dtypes() const noexcept {
  return {ergon::name(dtype), ergon::name(kv_dtype), "f32", ergon::name(dtype),
          ergon::name(product_dtype())};
}

DType Attention::product_dtype() const noexcept {
  const bool short_enough = kv_dtype == DType::bf16 || kv_dtype == DType::s8;
  return dtype == DType::bf16 && short_enough ? DType::bf16 : DType::f32;
}

Work Attention::work() const noexcept { return structure_of(*this).work(*this); }
std::optional<double> Attention::kv_bytes_per_token() const noexcept {
  return structure_of(*this).kv_bytes_per_token(*this);
}
std::optional<double> Attention::full_square_flops() const noexcept {
  return structure_of(*this).full_square_flops(*this);
}
double Attention::distinct_bytes() const noexcept {
  return structure_of(*this).distinct_bytes(*this);
}

std::int64_t Attention::length(std::int64_t sequence) const noexcept {
  if (lengths == Lengths::equal || batch == 1) return kv_len;
  return kv_len - kv_len / 2 * sequence / (batch - 1);
}

KeyRange Attention::keys(std::int64_t sequence, std::int64_t query) const noexcept {
  const std::int64_t all = length(sequence), position = all - q_len + query;
  if (!causal) return {0, all};
  if (position < 0) return {};
  return {window > 0 ? std::max<std::int64_t>(0, position - window + 1) : 0, position + 1};
}

KeyRange Attention::keys(std::int64_t sequence) const noexcept {
  KeyRange all{length(sequence), 0};
  // The first query that sees anything and the last one see what the others do between them.
  for (const std::int64_t query :
       {std::max<std::int64_t>(0, q_len - length(sequence)), q_len - 1}) {
    const KeyRange one = keys(sequence, query);
    if (one.size() == 0) continue;
    all.first = std::min(all.first, one.first);
    all.end = std::max(all.end, one.end);
  }
  return all.size() == 0 ? KeyRange{} : all;
}

double Attention::pairs() const noexcept {
  double sum = 0;
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int64_t all = length(b);
    sum += causal ? seen_before(all, window) -
                        seen_before(std::max<std::int64_t>(0, all - q_len), window)
                  : static_cast<double>(q_len) * static_cast<double>(all);
  }
  return sum;
}

}  // namespace ergon
