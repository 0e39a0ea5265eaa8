#include "kernels/ceilings/ceiling.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/ceilings/oracle.h"
#include "kernels/devices/cpu.h"
#include "kernels/fill.h"

namespace ergon {
namespace {

constexpr std::int64_t line_bytes = 64, line_floats = 16;
constexpr std::int64_t factor_count = 64;  // elements of the longest operand register

// Factors A are drawn from [low, high): A * A of every lane and all sums stay exact in the
// accumulator (ceilings/loops.h), A + 1 and A - 1 in the operand: 8 significant bits of bf16, 7 of
// s8.
struct LoopType {
  DType dtype;
  DTypes types;
  std::int32_t low, high;
  std::int64_t quanta_per_thread;
};
constexpr std::array<LoopType, 4> loop_types = {{
    {DType::f64, {DType::f64, DType::f64, DType::f64, DType::f64}, 1 << 20, 1 << 21, 64},
    {DType::f32, {DType::f32, DType::f32, DType::f32, DType::f32}, 512, 1024, 128},
    {DType::bf16, {DType::bf16, DType::bf16, DType::f32, DType::f32}, 129, 255, 1024},
    {DType::s8, {DType::s8, DType::s8, DType::s32, DType::s32}, 2, 127, 2048},
}};

const LoopType& loop_type(DType dtype) {
  const auto* found = std::find_if(loop_types.begin(), loop_types.end(),
                                   [&](const LoopType& row) { return row.dtype == dtype; });
  if (found == loop_types.end())
    throw InvalidField("dtype", std::string(name(dtype)) + " has no multiply-add loop");
  return *found;
}

struct StreamType {
  std::string_view what;
  int arrays, passes, flops;  // passes over an array, flops of an element
};
constexpr std::array<StreamType, 4> stream_types = {
    {{"read", 1, 1, 0}, {"copy", 2, 2, 0}, {"triad", 3, 3, 2}, {"update", 1, 2, 1}}};

const StreamType& stream_type(std::string_view what) {
  return *std::find_if(stream_types.begin(), stream_types.end(),
                       [&](const StreamType& row) { return row.what == what; });
}

const std::vector<FieldSpec>& specs() {
  static const std::vector<FieldSpec> list = {
      {.name = "what",
       .help = "multiply-adds from registers, or a stream of memory",
       .fallback = std::string("flops"),
       .required = true,
       .choices = {"flops", "read", "copy", "triad", "update"}},
      {.name = "flops",
       .help = "operations of a call; 0: enough to keep every processor busy",
       .fallback = std::int64_t{0},
       .low = 0,
       .high = std::int64_t{1} << 50},
      {.name = "bytes",
       .help = "size of all arrays of a stream",
       .fallback = std::int64_t{0},
       .low = 0,
       .high = std::int64_t{1} << 50},
      {.name = "dtype",
       .help = "type of the operands of flops",
       .fallback = std::string("f32"),
       .choices = {"f64", "f32", "bf16", "s8"}},
  };
  return list;
}

void check_flops(Ceiling& ceiling) {
  if (ceiling.bytes != 0) throw InvalidField("bytes", "belongs to streams of memory");
  if (ceiling.flops % ceiling_flops_quantum != 0)
    throw InvalidField("flops", "must be a multiple of " + std::to_string(ceiling_flops_quantum));
  if (ceiling.flops == 0) ceiling.flops = ceiling_flops(ceiling.dtype, usable_processors());
}

void check_stream(const Ceiling& ceiling) {
  if (ceiling.flops != 0) throw InvalidField("flops", "belongs to what = \"flops\"");
  if (ceiling.dtype != DType::f32) throw InvalidField("dtype", "belongs to what = \"flops\"");
  if (ceiling.elements() == 0)
    throw InvalidField("bytes",
                       "must be at least " + std::to_string(ceiling.arrays() * line_bytes));
}

void fill_factors(Inputs& inputs, const LoopType& type, std::uint64_t seed) {
  const auto count = static_cast<std::uint64_t>(type.high - type.low);
  for (std::int64_t i = 0; i < factor_count; ++i) {
    const std::uint64_t drawn =
        random_bits(seed, stream_of("factors"), static_cast<std::uint64_t>(i)) % count;
    const std::int32_t factor = type.low + static_cast<std::int32_t>(drawn);
    std::memcpy(inputs.data("factors", 0) + i * 4, &factor, sizeof factor);
  }
  inputs.distribution = "factors: integers uniform in [" + std::to_string(type.low) + ", " +
                        std::to_string(type.high) + ")";
}

void fill_arrays(Inputs& inputs, std::uint64_t seed) {
  for (const NamedDesc& operand : inputs.operands()) {
    fill_uniform(operand.desc, inputs.data(operand.name, 0), seed, stream_of(operand.name),
                 usable_processors());
  }
  inputs.distribution = distribution(DType::f32);
}

class CeilingFamily final : public Family {
 public:
  std::string_view name() const noexcept override { return "ceiling"; }
  std::span<const FieldSpec> fields() const noexcept override { return specs(); }

  std::unique_ptr<Workload> make(const FieldMap& given) const override {
    const FieldMap all = complete(specs(), given);
    auto ceiling = std::make_unique<Ceiling>();
    ceiling->what = std::get<std::string>(all.at("what"));
    ceiling->dtype = *dtype_from_name(std::get<std::string>(all.at("dtype")));
    ceiling->flops = std::get<std::int64_t>(all.at("flops"));
    ceiling->bytes = std::get<std::int64_t>(all.at("bytes"));
    if (ceiling->is_flops()) {
      check_flops(*ceiling);
    } else {
      check_stream(*ceiling);
    }
    return ceiling;
  }

  std::vector<NamedDesc> operands(const Workload& workload) const override {
    const auto& ceiling = dynamic_cast<const Ceiling&>(workload);
    if (ceiling.is_flops()) return {{"factors", dense(DType::s32, {factor_count})}};
    const TensorDesc array = dense(DType::f32, {ceiling.elements()});
    std::vector<NamedDesc> list = {{"a", array}};
    if (ceiling.what == "triad") list.push_back({"b", array});
    return list;
  }

  std::unique_ptr<Inputs> inputs(const Workload& workload, std::uint64_t seed,
                                 std::size_t slots) const override {
    const auto& ceiling = dynamic_cast<const Ceiling&>(workload);
    auto inputs = std::make_unique<Inputs>(operands(workload), slots);
    if (ceiling.is_flops()) {
      fill_factors(*inputs, loop_type(ceiling.dtype), seed);
    } else {
      fill_arrays(*inputs, seed);
    }
    std::vector<HostTensor> tensors;
    for (const NamedDesc& operand : inputs->operands())
      tensors.push_back(inputs->tensor(operand.name, 0));
    inputs->replicate();
    inputs->seed = seed;
    inputs->entropy_bits_per_element = entropy_bits_per_element(tensors);
    return inputs;
  }

  std::unique_ptr<Oracle> oracle(const Workload& workload, const Inputs& inputs) const override {
    return make_ceiling_oracle(dynamic_cast<const Ceiling&>(workload), inputs);
  }
};

}  // namespace

std::vector<Field> Ceiling::fields() const {
  const FieldMap values = {{"what", what},
                           {"flops", flops},
                           {"bytes", bytes},
                           {"dtype", std::string(ergon::name(dtype))}};
  std::vector<Field> list;
  for (const FieldSpec& spec : specs()) {
    const FieldValue& value = values.at(std::string(spec.name));
    list.push_back({spec.name, value, !spec.required && value == spec.fallback});
  }
  return list;
}

TypeNames Ceiling::dtypes() const noexcept {
  if (is_flops()) return names(loop_type(dtype).types);
  return names({DType::f32, DType::f32, DType::f32, what == "read" ? DType::s32 : DType::f32});
}

Work Ceiling::work() const noexcept {
  if (is_flops()) return {static_cast<double>(flops), 0};
  const auto n = static_cast<double>(elements());
  const StreamType& type = stream_type(what);
  return {type.flops * n, 4 * n * type.passes};
}

double Ceiling::distinct_bytes() const noexcept {
  return 4 * static_cast<double>(elements()) * arrays();
}

int Ceiling::arrays() const noexcept { return is_flops() ? 0 : stream_type(what).arrays; }

std::int64_t Ceiling::elements() const noexcept {
  const int count = arrays();
  return count == 0 ? 0 : bytes / (count * line_bytes) * line_floats;
}

const Family& ceiling_family() {
  static const CeilingFamily family;
  return family;
}

std::int64_t ceiling_flops(DType dtype, int threads) {
  return loop_type(dtype).quanta_per_thread * ceiling_flops_quantum * threads;
}

}  // namespace ergon
