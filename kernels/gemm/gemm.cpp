#include "kernels/gemm/gemm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/gemm/oracle.h"

namespace ergon {
namespace {

constexpr std::int64_t most = std::int64_t{1} << 62;

struct NamedTypes {
  std::string_view name;
  DTypes types;
};
constexpr std::array<NamedTypes, 7> type_table = {{
    {"f64", {DType::f64, DType::f64, DType::f64, DType::f64}},
    {"f32", {DType::f32, DType::f32, DType::f32, DType::f32}},
    {"f16", {DType::f16, DType::f16, DType::f32, DType::f16}},
    {"bf16", {DType::bf16, DType::bf16, DType::f32, DType::bf16}},
    {"bf16_f32", {DType::bf16, DType::bf16, DType::f32, DType::f32}},
    {"s8", {DType::s8, DType::s8, DType::s32, DType::s32}},
    {"u8s8", {DType::u8, DType::s8, DType::s32, DType::s32}},
}};

std::vector<std::string_view> type_names() {
  std::vector<std::string_view> names;
  for (const NamedTypes& row : type_table) names.push_back(row.name);
  return names;
}

// In the order of Gemm::fields().
const std::vector<FieldSpec>& specs() {
  const FieldValue none = std::int64_t{0}, one = std::int64_t{1};
  static const std::vector<FieldSpec> list = {
      {.name = "m", .help = "rows of C", .fallback = one, .required = true, .low = 1},
      {.name = "n", .help = "columns of C", .fallback = one, .required = true, .low = 1},
      {.name = "k", .help = "length of the sums", .fallback = one, .required = true, .low = 0},
      {.name = "batch", .help = "matrices, one after the other", .fallback = one, .low = 1},
      {.name = "lda", .help = "leading dimension of A; 0: tight", .fallback = none},
      {.name = "ldb", .help = "leading dimension of B; 0: tight", .fallback = none},
      {.name = "ldc", .help = "leading dimension of C; 0: tight", .fallback = none},
      {.name = "layout",
       .help = "storage order of all matrices",
       .fallback = std::string("row"),
       .choices = {"row", "col"}},
      {.name = "transpose_a", .help = "A is stored k x m", .fallback = false},
      {.name = "transpose_b", .help = "B is stored n x k", .fallback = false},
      {.name = "alpha", .help = "factor of the product", .fallback = 1.0},
      {.name = "beta", .help = "factor of the C before the call", .fallback = 0.0},
      {.name = "dtype",
       .help = "types of A, B, accumulator and C",
       .fallback = std::string("f32"),
       .choices = type_names()},
  };
  return list;
}

// Whether the product of non-negative factors stays within `most`.
bool fits(std::initializer_list<std::int64_t> factors) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) {
    if (factor == 0) return true;
    if (product > most / factor) return false;
    product *= factor;
  }
  return true;
}

GemmMatrix stored(std::int64_t rows, std::int64_t cols, bool transposed, bool col_major,
                  std::int64_t ld) {
  if (transposed) std::swap(rows, cols);
  const std::int64_t lines = col_major ? cols : rows;
  const std::int64_t tight = std::max<std::int64_t>(1, col_major ? rows : cols);
  const std::int64_t leading = ld == 0 ? tight : ld;
  return {rows, cols, leading, lines * leading};
}

void check_sizes(const Gemm& g) {
  if (!fits({2, g.m, g.n, std::max<std::int64_t>(g.k, 1), g.batch}))
    throw InvalidField("m", "2 m n k batch is beyond 2^62");
}

using Size = std::pair<const char*, std::int64_t>;

// Checks a leading dimension before it enters a product, then what the matrices need together; a
// leading dimension that says what is so anyway becomes 0, so that one problem has one name. What
// is too much is blamed on what was given: the leading dimension, else the largest of the sizes.
void check_leading(const Gemm& g, const char* field, std::int64_t& ld,
                   GemmMatrix (Gemm::*shape)() const noexcept, std::initializer_list<Size> sizes) {
  const std::int64_t given = ld;
  ld = 0;
  const GemmMatrix tight = (g.*shape)();
  if (given != 0 && given < tight.ld)
    throw InvalidField(field, "must be at least " + std::to_string(tight.ld) +
                                  " for this matrix (0: tight), not " + std::to_string(given));
  const std::int64_t lines = tight.batch_stride / tight.ld;
  if (!fits({std::max(given, tight.ld), lines, g.batch, 8, 4})) {
    const auto largest =
        std::max_element(sizes.begin(), sizes.end(),
                         [](const Size& a, const Size& b) { return a.second < b.second; });
    throw InvalidField(given != 0 ? field : largest->first,
                       "the matrix would need more than 2^62 bytes");
  }
  if (given != tight.ld) ld = given;
}

void check_factor(const Gemm& g, const char* field, double factor) {
  if (g.is_integer()) {
    const bool is_alpha = std::string_view(field) == "alpha";
    if (factor != 1 && (is_alpha || factor != 0))
      throw InvalidField(field, std::string(is_alpha ? "must be 1" : "must be 0 or 1") +
                                    " for integers, not " + to_text(factor));
    return;
  }
  if (!std::isfinite(accumulated(g, factor)))
    throw InvalidField(field, to_text(factor) + " is beyond f32");
}

double operand_bytes(const Gemm& g, const GemmMatrix& matrix, DType dtype) {
  return static_cast<double>(matrix.rows) * static_cast<double>(matrix.cols) *
         static_cast<double>(g.batch) * static_cast<double>(size_of(dtype));
}

std::string distribution_text(std::span<const NamedDesc> operands) {
  std::string text;
  for (const NamedDesc& operand : operands)
    text += (text.empty() ? "" : "; ") + operand.name + " " +
            std::string(distribution(operand.desc.dtype));
  return text;
}

class GemmFamily final : public Family {
 public:
  std::string_view name() const noexcept override { return "gemm"; }
  std::span<const FieldSpec> fields() const noexcept override { return specs(); }
  std::unique_ptr<Workload> make(const FieldMap& given) const override;
  std::vector<NamedDesc> operands(const Workload& workload) const override;
  std::unique_ptr<Inputs> inputs(const Workload& workload, std::uint64_t seed,
                                 std::size_t slots) const override;
  std::unique_ptr<Oracle> oracle(const Workload& workload, const Inputs& inputs) const override {
    return make_gemm_oracle(dynamic_cast<const Gemm&>(workload), inputs);
  }
};

std::unique_ptr<Workload> GemmFamily::make(const FieldMap& given) const {
  const FieldMap all = complete(specs(), given);
  const auto integer = [&](const char* field) { return std::get<std::int64_t>(all.at(field)); };
  auto g = std::make_unique<Gemm>();
  g->m = integer("m");
  g->n = integer("n");
  g->k = integer("k");
  g->batch = integer("batch");
  g->lda = integer("lda");
  g->ldb = integer("ldb");
  g->ldc = integer("ldc");
  g->col_major = std::get<std::string>(all.at("layout")) == "col";
  g->transpose_a = std::get<bool>(all.at("transpose_a"));
  g->transpose_b = std::get<bool>(all.at("transpose_b"));
  g->alpha = std::get<double>(all.at("alpha"));
  g->beta = std::get<double>(all.at("beta"));
  g->dtype = std::get<std::string>(all.at("dtype"));
  g->types = std::find_if(type_table.begin(), type_table.end(), [&](const NamedTypes& row) {
               return row.name == g->dtype;
             })->types;
  check_sizes(*g);
  const Size m{"m", g->m}, n{"n", g->n}, k{"k", g->k}, batch{"batch", g->batch};
  check_leading(*g, "lda", g->lda, &Gemm::a, {m, k, batch});
  check_leading(*g, "ldb", g->ldb, &Gemm::b, {k, n, batch});
  check_leading(*g, "ldc", g->ldc, &Gemm::c, {m, n, batch});
  check_factor(*g, "alpha", g->alpha);
  check_factor(*g, "beta", g->beta);
  return g;
}

std::vector<NamedDesc> GemmFamily::operands(const Workload& workload) const {
  const auto& g = dynamic_cast<const Gemm&>(workload);
  std::vector<NamedDesc> list = {{"a", g.desc(g.a(), g.types.inputs)},
                                 {"b", g.desc(g.b(), g.types.weights)}};
  if (g.beta != 0) list.push_back({"c", g.desc(g.c(), g.types.output)});
  return list;
}

std::unique_ptr<Inputs> GemmFamily::inputs(const Workload& workload, std::uint64_t seed,
                                           std::size_t slots) const {
  auto inputs = std::make_unique<Inputs>(operands(workload), slots);
  std::vector<HostTensor> tensors;
  for (const NamedDesc& operand : inputs->operands()) {
    fill_uniform(operand.desc, inputs->data(operand.name, 0), seed, stream_of(operand.name),
                 usable_processors());
    tensors.push_back(inputs->tensor(operand.name, 0));
  }
  inputs->replicate();
  inputs->seed = seed;
  inputs->distribution = distribution_text(inputs->operands());
  inputs->entropy_bits_per_element = entropy_bits_per_element(tensors);
  return inputs;
}

}  // namespace

std::vector<Field> Gemm::fields() const {
  const FieldMap values = {{"m", m},
                           {"n", n},
                           {"k", k},
                           {"batch", batch},
                           {"lda", lda},
                           {"ldb", ldb},
                           {"ldc", ldc},
                           {"layout", std::string(col_major ? "col" : "row")},
                           {"transpose_a", transpose_a},
                           {"transpose_b", transpose_b},
                           {"alpha", alpha},
                           {"beta", beta},
                           {"dtype", dtype}};
  std::vector<Field> list;
  for (const FieldSpec& spec : specs()) {
    const FieldValue& value = values.find(spec.name)->second;
    list.push_back({spec.name, value, !spec.required && value == spec.fallback});
  }
  return list;
}

Work Gemm::work() const noexcept {
  const double multiply_adds = static_cast<double>(m) * static_cast<double>(n) *
                               static_cast<double>(k) * static_cast<double>(batch);
  const double c_passes = beta != 0 ? 2 : 1;
  // No product is computed, and A and B need not be read.
  if (alpha == 0) return {0, c_passes * operand_bytes(*this, c(), types.output)};
  return {2 * multiply_adds, operand_bytes(*this, a(), types.inputs) +
                                 operand_bytes(*this, b(), types.weights) +
                                 c_passes * operand_bytes(*this, c(), types.output)};
}

double Gemm::distinct_bytes() const noexcept {
  const double c_bytes = operand_bytes(*this, c(), types.output);
  return work().bytes - (beta != 0 ? c_bytes : 0);
}

double accumulated(const Gemm& gemm, double factor) noexcept {
  return gemm.types.accumulate == DType::f32 ? static_cast<double>(static_cast<float>(factor))
                                             : factor;
}

bool Gemm::streams_weights() const noexcept { return std::min(m, n) <= 32; }

GemmMatrix Gemm::a() const noexcept { return stored(m, k, transpose_a, col_major, lda); }
GemmMatrix Gemm::b() const noexcept { return stored(k, n, transpose_b, col_major, ldb); }
GemmMatrix Gemm::c() const noexcept { return stored(m, n, false, col_major, ldc); }

TensorDesc Gemm::desc(const GemmMatrix& matrix, DType type) const {
  return {type,
          {batch, matrix.rows, matrix.cols},
          {matrix.batch_stride, col_major ? 1 : matrix.ld, col_major ? matrix.ld : 1}};
}

const Family& gemm_family() {
  static const GemmFamily family;
  return family;
}

}  // namespace ergon
