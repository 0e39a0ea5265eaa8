#include "kernels/moe/moe.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <set>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/moe/oracle.h"
#include "kernels/moe/routing.h"

namespace ergon {
namespace {

constexpr std::int64_t most_bytes = std::int64_t{1} << 62;
// Routing is worked out, and 2 numbers kept, for each.
constexpr std::int64_t most_rows = std::int64_t{1} << 24, most_experts = std::int64_t{1} << 16,
                       most_choices = std::int64_t{1} << 30;

constexpr std::array<std::string_view, 3> routings = {"uniform", "skewed", "one"};

/// qmatmul's, and those of experts.
const std::vector<FieldSpec>& specs() {
  static const std::vector<FieldSpec> list = [] {
    const FieldValue one = std::int64_t{1};
    std::vector<FieldSpec> specs;
    for (FieldSpec spec : qmatmul_family().fields()) {
      if (spec.name == "format") {
        spec.choices = {"bf16", "w8a8", "w4a16"};
        spec.fallback = std::string(spec.choices.front());
      }
      if (spec.name == "n") spec.help = "outputs of an expert";
      specs.push_back(spec);
      if (spec.name != "k") continue;
      specs.push_back({.name = "experts",
                       .help = "that there are",
                       .fallback = one,
                       .required = true,
                       .low = 1,
                       .high = most_experts});
      specs.push_back({.name = "top_k",
                       .help = "experts of each token",
                       .fallback = one,
                       .required = true,
                       .low = 1});
    }
    specs.push_back({.name = "routing",
                     .help = "how tokens choose experts: all alike, by Zipf's law, or all tokens "
                             "the same",
                     .fallback = std::string(routings[0]),
                     .choices = {routings.begin(), routings.end()}});
    return specs;
  }();
  return list;
}

class MoeFamily final : public Family {
 public:
  std::string_view name() const noexcept override { return "moe"; }
  std::span<const FieldSpec> fields() const noexcept override { return specs(); }
  std::unique_ptr<Workload> make(const FieldMap& given) const override;
  std::vector<NamedDesc> operands(const Workload& workload) const override;
  std::unique_ptr<Inputs> inputs(const Workload& workload, std::uint64_t seed,
                                 std::size_t slots) const override;
  std::unique_ptr<Oracle> oracle(const Workload& workload, const Inputs& inputs) const override {
    return make_moe_oracle(dynamic_cast<const Moe&>(workload), inputs);
  }
};

std::unique_ptr<Workload> MoeFamily::make(const FieldMap& given) const {
  FieldMap rest = complete(specs(), given);
  const auto taken = [&](const char* field) {
    return std::get<std::int64_t>(rest.extract(field).mapped());
  };
  auto moe = std::make_unique<Moe>();
  moe->experts = taken("experts");
  moe->top_k = taken("top_k");
  const auto routing = std::find(routings.begin(), routings.end(),
                                 std::get<std::string>(rest.extract("routing").mapped()));
  moe->routing = static_cast<Routing>(routing - routings.begin());
  moe->tokens = dynamic_cast<const QMatmul&>(*qmatmul_family().make(rest));
  const QMatmul& tokens = moe->tokens;
  if (moe->top_k > moe->experts)
    throw InvalidField("top_k", "there are " + std::to_string(moe->experts) + " experts only");
  if (tokens.m > most_rows / moe->top_k) throw InvalidField("m", "m top_k is beyond 2^24");
  if (moe->rows() > most_choices / moe->experts)
    throw InvalidField("m", "m top_k experts, which routing takes in time, is beyond 2^30");
  if (tokens.n > most_bytes / 128 / moe->rows() || tokens.k > most_bytes / 128 / moe->rows())
    throw InvalidField("m", "the rows of all tokens would need more than 2^62 bytes");
  if (tokens.n * tokens.k > most_bytes / 128 / moe->experts)
    throw InvalidField("experts", "w would need more than 2^62 bytes");
  const std::vector<std::int32_t> chosen = route(*moe);
  moe->used_experts =
      static_cast<std::int64_t>(std::set<std::int32_t>(chosen.begin(), chosen.end()).size());
  return moe;
}

std::vector<NamedDesc> MoeFamily::operands(const Workload& workload) const {
  const auto& moe = dynamic_cast<const Moe&>(workload);
  std::vector<NamedDesc> list = {{"expert", dense(DType::s32, {moe.tokens.m, moe.top_k})}};
  for (NamedDesc operand : qmatmul_family().operands(moe.tokens)) {
    if (of_experts(operand))
      operand.desc =
          dense(operand.desc.dtype, {moe.experts * operand.desc.sizes[0], operand.desc.sizes[1]});
    list.push_back(operand);
  }
  return list;
}

/// Expert 0's rows of an operand, turned, for every expert.
void turn_rows(const Moe& moe, const HostTensor& base, std::byte* to) {
  const auto rows = static_cast<std::size_t>(base.desc.sizes[0]);
  const std::size_t bytes = base.desc.span_bytes(), row = bytes / rows;
  on_team(usable_processors(), [&](int thread, int team) {
    for (std::int64_t e = moe.experts * thread / team; e < moe.experts * (thread + 1) / team; ++e) {
      const std::size_t first = static_cast<std::size_t>(turn(moe, e)) * row;
      std::byte* expert = to + static_cast<std::size_t>(e) * bytes;
      std::memcpy(expert, base.data + first, bytes - first);
      std::memcpy(expert + bytes - first, base.data, first);
    }
  });
}

std::unique_ptr<Inputs> MoeFamily::inputs(const Workload& workload, std::uint64_t seed,
                                          std::size_t slots) const {
  const auto& moe = dynamic_cast<const Moe&>(workload);
  auto inputs = std::make_unique<Inputs>(operands(workload), slots);
  const auto base = qmatmul_family().inputs(moe.tokens, seed, 1);
  for (const NamedDesc& operand : base->operands()) {
    const HostTensor tensor = base->tensor(operand.name, 0);
    std::byte* to = inputs->data(operand.name, 0);
    if (of_experts(operand))
      turn_rows(moe, tensor, to);
    else
      std::memcpy(to, tensor.data, tensor.desc.span_bytes());
  }
  const std::vector<std::int32_t> chosen = route(moe);
  std::memcpy(inputs->data("expert", 0), chosen.data(), chosen.size() * sizeof chosen[0]);
  inputs->replicate();
  inputs->seed = seed;
  inputs->distribution =
      base->distribution + ", drawn for one expert, its rows turned for the others";
  inputs->entropy_bits_per_element = base->entropy_bits_per_element;
  return inputs;
}

}  // namespace

const Family& moe_family() {
  static const MoeFamily family;
  return family;
}

std::vector<Field> Moe::fields() const {
  FieldMap values = {{"experts", experts},
                     {"top_k", top_k},
                     {"routing", std::string(routings[static_cast<std::size_t>(routing)])}};
  for (const Field& field : tokens.fields()) values.emplace(field.name, field.value);
  std::vector<Field> list;
  for (const FieldSpec& spec : specs()) {
    const FieldValue& value = values.find(spec.name)->second;
    list.push_back({spec.name, value, !spec.required && value == spec.fallback});
  }
  return list;
}

Work Moe::work() const noexcept {
  const QMatmul all = routed();
  const double weights = tokens.layout.bytes();
  const auto y = [](const QMatmul& q) {
    return static_cast<double>(q.m) * static_cast<double>(q.n) *
           static_cast<double>(size_of(q.output));
  };
  const double x = tokens.work().bytes - weights - y(tokens);
  return {all.work().flops, x + static_cast<double>(used_experts) * weights + y(all),
          static_cast<double>(tokens.m)};
}

bool Moe::streams_weights() const noexcept { return rows() <= 32 * used_experts; }

QMatmul Moe::routed() const {
  QMatmul all = tokens;
  all.m = rows();
  return all;
}

Weights weights_of(const Moe& workload, const Inputs& inputs, std::size_t slot,
                   std::int64_t expert) {
  Weights weights = weights_of(inputs, slot);
  const auto move = [&](const std::byte*& from, const char* operand) {
    if (from == nullptr) return;
    const auto bytes = static_cast<std::int64_t>(inputs.desc(operand).span_bytes());
    from += expert * (bytes / workload.experts);
  };
  move(weights.codes, "w");
  move(weights.scales, "w_scale");
  move(weights.zeros, "w_zero");
  return weights;
}

std::int64_t turn(const Moe& workload, std::int64_t expert) noexcept {
  std::int64_t step = 17;
  while (std::gcd(step, workload.tokens.n) != 1) ++step;
  return expert * step % workload.tokens.n;
}

}  // namespace ergon
