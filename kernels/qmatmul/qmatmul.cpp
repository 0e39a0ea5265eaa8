#include "kernels/qmatmul/qmatmul.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/qmatmul/oracle.h"

namespace ergon {
namespace {

constexpr std::int64_t most = std::int64_t{1} << 62;

std::vector<std::string_view> format_names() {
  std::vector<std::string_view> names;
  for (const Format& format : formats()) names.push_back(format.name);
  return names;
}

const std::vector<FieldSpec>& specs() {
  const FieldValue none = std::int64_t{0}, one = std::int64_t{1};
  static const std::vector<FieldSpec> list = {
      {.name = "format",
       .help = "of the weights, and of the activations they meet",
       .fallback = std::string(formats().front().name),
       .required = true,
       .choices = format_names()},
      {.name = "m", .help = "tokens", .fallback = one, .required = true, .low = 1},
      {.name = "n", .help = "outputs", .fallback = one, .required = true, .low = 1},
      {.name = "k", .help = "inputs", .fallback = one, .required = true, .low = 1},
      {.name = "group",
       .help = "weights along k that share a scale: 32, 64 or 128, where the format leaves it open",
       .fallback = none},
      {.name = "zero_point",
       .help = "a zero point per group, where the format may have one",
       .fallback = false},
      {.name = "output",
       .help = "type of Y",
       .fallback = std::string("f32"),
       .choices = {"f32", "bf16"}},
  };
  return list;
}

bool fits(std::int64_t a, std::int64_t b, std::int64_t factor) {
  return a <= most / b && a * b <= most / factor;
}

/// The group that the fields mean. One that a format does not leave open is not looked at, so that
/// a list of groups may meet a list of formats.
std::int64_t group_of(const Format& format, std::int64_t given, std::int64_t k) {
  if (format.group == whole_row) return k;
  if (format.group != 0) return format.group;
  const std::int64_t group = given == 0 ? 128 : given;
  if (group != 32 && group != 64 && group != 128)
    throw InvalidField("group", "must be 32, 64 or 128 for " + std::string(format.name) + ", not " +
                                    std::to_string(group));
  return group;
}

void check_group(const Format& format, std::int64_t group, std::int64_t k) {
  const std::int64_t unit = format.gguf() ? format.block : group;
  if (format.code == Code::e4m3 || unit == 0 || k % unit == 0) return;
  throw InvalidField(format.group == 0 ? "group" : "k",
                     format.group == 0
                         ? std::to_string(group) + " does not divide k = " + std::to_string(k)
                         : "must be a multiple of " + std::to_string(unit) + " for " +
                               std::string(format.name) + ", not " + std::to_string(k));
}

class QMatmulFamily final : public Family {
 public:
  std::string_view name() const noexcept override { return "qmatmul"; }
  std::span<const FieldSpec> fields() const noexcept override { return specs(); }
  std::unique_ptr<Workload> make(const FieldMap& given) const override;
  std::vector<NamedDesc> operands(const Workload& workload) const override;
  std::unique_ptr<Inputs> inputs(const Workload& workload, std::uint64_t seed,
                                 std::size_t slots) const override;
  std::unique_ptr<Oracle> oracle(const Workload& workload, const Inputs& inputs) const override {
    return make_qmatmul_oracle(dynamic_cast<const QMatmul&>(workload), inputs);
  }
};

std::unique_ptr<Workload> QMatmulFamily::make(const FieldMap& given) const {
  const FieldMap all = complete(specs(), given);
  const auto integer = [&](const char* field) { return std::get<std::int64_t>(all.at(field)); };
  auto q = std::make_unique<QMatmul>();
  q->format = format_from_name(std::get<std::string>(all.at("format")));
  q->m = integer("m");
  q->n = integer("n");
  q->k = integer("k");
  q->output = *dtype_from_name(std::get<std::string>(all.at("output")));
  const Format& format = *q->format;
  // 128 bytes an element are more than any type, and than padding to the lanes of a panel.
  if (!fits(q->m, q->k, 128)) throw InvalidField("m", "x has more than 2^55 elements");
  if (!fits(q->n, q->k, 128)) throw InvalidField("n", "W has more than 2^55 elements");
  if (!fits(q->m, q->n, 128)) throw InvalidField("m", "y has more than 2^55 elements");
  if (static_cast<double>(q->m) * static_cast<double>(q->n) * static_cast<double>(q->k) > 0x1p60)
    throw InvalidField("m", "2 m n k is beyond 2^61");
  // Sums of products of up to 127 * 127 are kept in 32 bits.
  if (format.code == Code::s8 && format.group == whole_row &&
      format.activations == Activations::s8 && q->k > 0x7fffffff / (127 * 255))
    throw InvalidField("k", "sums of " + std::to_string(q->k) + " products do not fit 32 bits");
  const bool zero_point = std::get<bool>(all.at("zero_point"));
  if (zero_point && !format.zero_points)
    throw InvalidField("zero_point", std::string(format.name) + " has none");
  const std::int64_t group = group_of(format, integer("group"), q->k);
  check_group(format, group, q->k);
  q->layout = {q->format, q->n, q->k, group, zero_point};
  return q;
}

std::vector<NamedDesc> QMatmulFamily::operands(const Workload& workload) const {
  const auto& q = dynamic_cast<const QMatmul&>(workload);
  std::vector<NamedDesc> list = {{"x", dense(q.x_dtype(), {q.m, q.k})}};
  if (q.format->activations == Activations::s8)
    list.push_back({"x_scale", dense(DType::f32, {q.m})});
  list.push_back({"w", dense(DType::u8, {q.n, q.layout.row_bytes()})});
  if (q.layout.scales_apart())
    list.push_back(
        {"w_scale", dense(q.layout.scale_dtype(), {q.layout.scale_rows(), q.layout.groups()})});
  if (q.layout.zero_points) list.push_back({"w_zero", dense(DType::u8, {q.n, q.layout.groups()})});
  return list;
}

void fill_x(const QMatmul& q, Inputs& inputs, std::uint64_t seed) {
  std::byte* x = inputs.data("x", 0);
  const bool quantized = q.format->activations == Activations::s8;
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<float> row(static_cast<std::size_t>(q.k));
    for (std::int64_t i = q.m * thread / team; i < q.m * (thread + 1) / team; ++i) {
      draw_x_row(q, seed, i, row.data());
      if (quantized) {
        const float scale = quantize_activations(row.data(), q.k, false,
                                                 reinterpret_cast<std::int8_t*>(x) + i * q.k);
        reinterpret_cast<float*>(inputs.data("x_scale", 0))[i] = scale;
      } else {
        for (std::int64_t j = 0; j < q.k; ++j)
          store(q.x_dtype(), x, i * q.k + j, double{row[static_cast<std::size_t>(j)]});
      }
    }
  });
}

void fill_w(const QMatmul& q, Inputs& inputs, std::uint64_t seed) {
  const MutableWeights to = {
      inputs.data("w", 0),
      q.layout.scales_apart() ? inputs.data("w_scale", 0) : nullptr,
      q.layout.zero_points ? inputs.data("w_zero", 0) : nullptr,
  };
  const std::int64_t band = std::min<std::int64_t>(q.format->scale_rows, q.n),
                     bands = q.layout.scale_rows();
  const auto threads = static_cast<int>(std::min<std::int64_t>(usable_processors(), bands));
  on_team(threads, [&](int thread, int team) {
    std::vector<float> rows(static_cast<std::size_t>(band * q.k));
    for (std::int64_t b = bands * thread / team; b < bands * (thread + 1) / team; ++b) {
      const std::int64_t first = b * band, count = std::min(band, q.n - first);
      for (std::int64_t r = 0; r < count; ++r)
        draw_w_row(q, seed, first + r, rows.data() + r * q.k);
      quantize(q.layout, first, count, rows.data(), to);
    }
  });
}

std::unique_ptr<Inputs> QMatmulFamily::inputs(const Workload& workload, std::uint64_t seed,
                                              std::size_t slots) const {
  const auto& q = dynamic_cast<const QMatmul&>(workload);
  auto inputs = std::make_unique<Inputs>(operands(workload), slots);
  fill_x(q, *inputs, seed);
  fill_w(q, *inputs, seed);
  std::vector<HostTensor> tensors;
  for (const NamedDesc& operand : inputs->operands())
    tensors.push_back(inputs->tensor(operand.name, 0));
  inputs->replicate();
  inputs->seed = seed;
  inputs->distribution = "x normal(0, 1) as " + std::string(ergon::name(q.x_dtype())) +
                         "; w normal(0, 1/k) as " + std::string(q.format->weights);
  inputs->entropy_bits_per_element = entropy_bits_per_element(tensors);
  return inputs;
}

}  // namespace

const Family& qmatmul_family() {
  static const QMatmulFamily family;
  return family;
}

std::vector<Field> QMatmul::fields() const {
  const FieldMap values = {{"format", std::string(format->name)},
                           {"m", m},
                           {"n", n},
                           {"k", k},
                           {"group", format->group == 0 ? layout.group : 0},
                           {"zero_point", layout.zero_points},
                           {"output", std::string(ergon::name(output))}};
  std::vector<Field> list;
  for (const FieldSpec& spec : specs()) {
    const FieldValue& value = values.find(spec.name)->second;
    list.push_back({spec.name, value, !spec.required && value == spec.fallback});
  }
  return list;
}

TypeNames QMatmul::dtypes() const noexcept {
  const bool integers = format->activations != Activations::bf16;
  return {ergon::name(x_dtype()), format->weights, integers ? "s32" : "f32", ergon::name(output),
          integers ? "s8" : "bf16"};
}

Work QMatmul::work() const noexcept {
  const double rows = static_cast<double>(m), inner = static_cast<double>(k);
  const double x = rows * inner * static_cast<double>(size_of(x_dtype()));
  const double scales = format->activations == Activations::s8 ? 4 * rows : 0;
  const double y = rows * static_cast<double>(n) * static_cast<double>(size_of(output));
  return {2 * rows * static_cast<double>(n) * inner, x + scales + layout.bytes() + y, rows};
}

std::optional<double> QMatmul::bits_per_weight() const noexcept {
  return 8 * layout.bytes() / (static_cast<double>(n) * static_cast<double>(k));
}

DType QMatmul::x_dtype() const noexcept {
  switch (format->activations) {
    case Activations::s8:
      return DType::s8;
    case Activations::s8_in_blocks:
    case Activations::s8_in_superblocks:
      return DType::f32;
    case Activations::bf16:
    case Activations::s8_in_call:
      break;
  }
  return DType::bf16;
}

std::int64_t QMatmul::activation_group() const noexcept {
  switch (format->activations) {
    case Activations::s8_in_call:
    case Activations::s8_in_blocks:
      return layout.group;
    case Activations::s8_in_superblocks:
      return superblock;
    case Activations::bf16:
    case Activations::s8:
      break;
  }
  return 0;
}

float QMatmul::quantize_group(const float* x, std::int8_t* codes) const {
  if (format->activations == Activations::s8_in_superblocks) return quantize_superblock(x, codes);
  return quantize_activations(x, activation_group(),
                              format->activations == Activations::s8_in_blocks, codes);
}

Weights weights_of(const Inputs& inputs, std::size_t slot) {
  Weights weights;
  for (const NamedDesc& operand : inputs.operands()) {
    if (operand.name == "w") weights.codes = inputs.data("w", slot);
    if (operand.name == "w_scale") weights.scales = inputs.data("w_scale", slot);
    if (operand.name == "w_zero") weights.zeros = inputs.data("w_zero", slot);
  }
  return weights;
}

Activation::Activation(const QMatmul& workload, const Inputs& inputs, std::size_t slot)
    : workload_(workload), x_(inputs.tensor("x", slot)) {
  if (workload.format->activations == Activations::s8) scales_ = inputs.as<float>("x_scale", slot);
}

void Activation::given(std::int64_t row, double* to) const {
  widen(x_.desc.dtype, x_.data, row * workload_.k, 1, workload_.k, to);
  if (scales_ == nullptr) return;
  for (std::int64_t i = 0; i < workload_.k; ++i) to[i] *= double{scales_[row]};
}

void Activation::multiplied(std::int64_t row, double* to) const {
  given(row, to);
  const std::int64_t group = workload_.activation_group();
  if (group == 0) return;
  std::vector<float> x(static_cast<std::size_t>(group));
  std::vector<std::int8_t> codes(x.size());
  for (std::int64_t first = 0; first < workload_.k; first += group) {
    for (std::int64_t i = 0; i < group; ++i)
      x[static_cast<std::size_t>(i)] = static_cast<float>(to[first + i]);
    const double scale = workload_.quantize_group(x.data(), codes.data());
    for (std::int64_t i = 0; i < group; ++i)
      to[first + i] = scale * codes[static_cast<std::size_t>(i)];
  }
}

void draw_x_row(const QMatmul& workload, std::uint64_t seed, std::int64_t row, float* to) {
  const auto k = static_cast<std::size_t>(workload.k);
  normal_values(seed, stream_of("x"), static_cast<std::uint64_t>(row) * k, {to, k});
}

void draw_w_row(const QMatmul& workload, std::uint64_t seed, std::int64_t row, float* to) {
  const auto k = static_cast<std::size_t>(workload.k);
  normal_values(seed, stream_of("w"), static_cast<std::uint64_t>(row) * k, {to, k});
  const float deviation = 1 / std::sqrt(static_cast<float>(workload.k));
  for (std::size_t i = 0; i < k; ++i) to[i] *= deviation;
}

QMatmulOutput::QMatmulOutput(const QMatmul& workload, Device& device, std::size_t slots,
                             std::string_view arithmetic)
    : desc_(workload.y_desc()),
      name_(arithmetic),
      stride_(bytes_per_slot(workload)),
      buffer_(device.allocate(stride_ * slots)) {}

std::vector<DeviceTensor> QMatmulOutput::tensors(std::size_t slot) {
  return {{name_, desc_, buffer_.get(), slot * stride_}};
}

std::size_t QMatmulOutput::bytes_per_slot(const QMatmul& workload) {
  return (workload.y_desc().span_bytes() + 4095) / 4096 * 4096;
}

}  // namespace ergon
