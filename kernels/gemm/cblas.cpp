// GEMM by any CBLAS library opened at run time: cblas_dgemm, cblas_sgemm and, where exported,
// cblas_sbgemm (bf16 inputs, f32 out).
//
// One stage, "matmul". Layout, transposes, leading dimensions, alpha and beta go to the library as
// they are. A batch is one cblas_?gemm_batch_strided where exported, else a loop of calls (detail()
// says which). Integer GEMM is left out: oneMKL's cblas_gemm_s8u8s32 saturates on processors
// without VNNI, and this family's integers are exact.
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "kernels/gemm/cblas_find.h"
#include "kernels/gemm/gemm.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

constexpr int row_major = 101, column_major = 102, not_transposed = 111, transposed = 112;

constexpr std::int64_t largest = std::numeric_limits<int>::max();

using LibraryPointer = std::shared_ptr<const CblasLibrary>;

/// CBLAS wants at least 1, for an empty matrix too.
int leading_dimension(const GemmMatrix& matrix) {
  return static_cast<int>(std::max<std::int64_t>(1, matrix.ld));
}

/// The integers of a call.
struct CblasProblem {
  explicit CblasProblem(const Gemm& g)
      : layout(g.col_major ? column_major : row_major),
        transpose_a(g.transpose_a ? transposed : not_transposed),
        transpose_b(g.transpose_b ? transposed : not_transposed),
        m(static_cast<int>(g.m)),
        n(static_cast<int>(g.n)),
        k(static_cast<int>(g.k)),
        lda(leading_dimension(g.a())),
        ldb(leading_dimension(g.b())),
        ldc(leading_dimension(g.c())),
        stride_a(g.a().batch_stride),
        stride_b(g.b().batch_stride),
        stride_c(g.c().batch_stride),
        batch(g.batch) {}
  bool strides_fit() const { return std::max({stride_a, stride_b, stride_c, batch}) <= largest; }

  int layout, transpose_a, transpose_b, m, n, k, lda, ldb, ldc;
  std::int64_t stride_a, stride_b, stride_c, batch;
};

template <class Scalar, class In, class Out>
class CblasPlan final : public Plan {
 public:
  CblasPlan(const Gemm& gemm, const Inputs& inputs, const Placement& placement,
            LibraryPointer library, const CblasGemm<Scalar, In, Out>& function)
      : problem_(gemm),
        alpha_(static_cast<Scalar>(gemm.alpha)),
        beta_(static_cast<Scalar>(gemm.beta)),
        threads_(placement.threads),
        library_(std::move(library)),
        function_(function),
        output_(gemm, inputs, *placement.device, placement.slots),
        stages_{{"matmul", true, gemm.work()}} {
    if (gemm.batch == 1 || !problem_.strides_fit()) function_.strided = nullptr;
    for (std::size_t slot = 0; slot < placement.slots; ++slot)
      operands_.push_back({inputs.as<In>("a", slot), inputs.as<In>("b", slot),
                           reinterpret_cast<Out*>(output_.data(slot))});
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { library_->use_threads(threads_); }
  void enqueue(std::size_t /*stage*/, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (function_.strided) {
      call_strided(operands_[slot]);
    } else {
      call_each(operands_[slot]);
    }
  }
  void reset(std::size_t slot) override { output_.reset(slot); }
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }
  std::string detail() const override {
    std::string text = library_->about.kernel;
    if (problem_.batch == 1) return text;
    if (!text.empty()) text += ", ";
    return text + (function_.strided ? "batch in one call"
                                     : "batch as " + std::to_string(problem_.batch) + " calls");
  }

 private:
  struct Operands {
    const In* a;
    const In* b;
    Out* c;
  };

  void call_each(const Operands& operands) const {
    const CblasProblem& p = problem_;
    for (std::int64_t i = 0; i < p.batch; ++i)
      function_.single(p.layout, p.transpose_a, p.transpose_b, p.m, p.n, p.k, alpha_,
                       operands.a + i * p.stride_a, p.lda, operands.b + i * p.stride_b, p.ldb,
                       beta_, operands.c + i * p.stride_c, p.ldc);
  }

  void call_strided(const Operands& operands) const {
    const CblasProblem& p = problem_;
    function_.strided(p.layout, p.transpose_a, p.transpose_b, p.m, p.n, p.k, alpha_, operands.a,
                      p.lda, static_cast<int>(p.stride_a), operands.b, p.ldb,
                      static_cast<int>(p.stride_b), beta_, operands.c, p.ldc,
                      static_cast<int>(p.stride_c), static_cast<int>(p.batch));
  }

  const CblasProblem problem_;
  const Scalar alpha_, beta_;
  const int threads_;
  const LibraryPointer library_;
  CblasGemm<Scalar, In, Out> function_;
  GemmOutput output_;
  std::vector<Operands> operands_;
  std::vector<Stage> stages_;
};

std::string summary(const CblasLibrary& library) {
  std::string text = "opened at run time; threads: " + library.threading;
  if (!library.build.empty()) text += "; " + library.build;
  return text;
}

class CblasImplementation final : public Implementation {
 public:
  /// No library: `reason` says why.
  CblasImplementation(const std::string& name, LibraryPointer library, std::string reason)
      : library_(std::move(library)), reason_(std::move(reason)) {
    info_ = {.kernel = "gemm",
             .backend = "cblas",
             .name = name,
             .variant = {},
             .device_kind = "cpu",
             .about = library_ ? summary(*library_) : "a CBLAS library opened at run time",
             .library = library_ ? std::optional(library_->about) : std::nullopt};
  }

  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override {
    return library_ ? std::nullopt : std::optional(reason_);
  }
  int max_threads() const override { return library_ ? library_->max_threads : 1; }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* gemm = dynamic_cast<const Gemm*>(&workload);
    if (!gemm) return "computes gemm only";
    if (!library_) return reason_;
    if (!offers(gemm->dtype)) return info_.name + " exports no CBLAS function for " + gemm->dtype;
    for (const auto& [field, value] : {std::pair{"m", gemm->m},
                                       {"n", gemm->n},
                                       {"k", gemm->k},
                                       {"lda", gemm->a().ld},
                                       {"ldb", gemm->b().ld},
                                       {"ldc", gemm->c().ld}}) {
      if (value > largest)
        return std::string(field) + " = " + std::to_string(value) +
               " does not fit the 32-bit integers of CBLAS";
    }
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement& /*placement*/) const override {
    return {0, GemmOutput::bytes_per_slot(dynamic_cast<const Gemm&>(workload))};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    if (const auto why = unsupported(workload)) throw std::runtime_error(*why);
    if (placement.threads > max_threads())
      throw std::runtime_error(info_.name + " runs at most " + std::to_string(max_threads()) +
                               " thread(s) (" + library_->threading + ")");
    const Gemm& gemm = dynamic_cast<const Gemm&>(workload);
    const auto plan = [&](const auto& function) {
      return make_plan(gemm, inputs, placement, function);
    };
    if (gemm.dtype == "f64") return plan(library_->f64);
    if (gemm.dtype == "f32") return plan(library_->f32);
    return plan(library_->bf16_f32);
  }

 private:
  bool offers(std::string_view dtype) const {
    return (dtype == "f64" && library_->f64.single) || (dtype == "f32" && library_->f32.single) ||
           (dtype == "bf16_f32" && library_->bf16_f32.single);
  }

  template <class Scalar, class In, class Out>
  std::unique_ptr<Plan> make_plan(const Gemm& gemm, const Inputs& inputs,
                                  const Placement& placement,
                                  const CblasGemm<Scalar, In, Out>& function) const {
    return std::make_unique<CblasPlan<Scalar, In, Out>>(gemm, inputs, placement, library_,
                                                        function);
  }

  LibraryPointer library_;
  std::string reason_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_gemm_cblas(const RegistryOptions& options) {
  Implementations all;
  for (FoundCblas& found : find_cblas(options.blas))
    all.push_back(
        std::make_unique<CblasImplementation>(found.name, std::move(found.library), found.reason));
  return all;
}

}  // namespace ergon
