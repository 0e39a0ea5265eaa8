#include "kernels/gemm/cblas_library.h"

#include <dlfcn.h>
#include <omp.h>

#include <array>
#include <filesystem>
#include <stdexcept>

namespace ergon {
namespace {

std::string file_of(const void* address) {
  Dl_info where{};
  if (!dladdr(address, &where) || !where.dli_fname) return {};
  std::error_code error;
  const auto real = std::filesystem::canonical(where.dli_fname, error);
  return error ? where.dli_fname : real.string();
}

/// The file of a BLAS in the program's own scope. Asked before the first library is opened, since
/// an open library may add itself to that scope.
const std::string& global_blas() {
  static const std::string file = [] {
    for (const char* symbol : {"cblas_sgemm", "cblas_dgemm", "sgemm_"}) {
      if (const void* found = dlsym(RTLD_DEFAULT, symbol)) return file_of(found);
    }
    return std::string();
  }();
  return file;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

template <class Gemm>
void resolve(const CblasSymbols& symbols, const std::string& name, Gemm& gemm) {
  gemm.single = symbols.find<typename Gemm::Single>(name);
  gemm.strided = symbols.find<typename Gemm::Strided>(name + "_batch_strided");
}

/// True where cblas_scopy takes a 64-bit count: told to copy one element by the low half of the
/// count and a negative number by the whole, it copies nothing, silently, as BLAS level 1 demands.
/// Callees ignore the upper half of a register that holds a 32-bit argument (x86-64 and AArch64
/// ABIs).
bool has_long_integers(const CblasSymbols& symbols) {
  using Copy = void (*)(std::int64_t, const float*, std::int64_t, float*, std::int64_t);
  const auto copy = symbols.find<Copy>("cblas_scopy");
  if (!copy) return false;
  const float from = 1;
  float to = 0;
  copy(std::numeric_limits<std::int64_t>::min() + 1, &from, 1, &to, 1);
  return to == 0;
}

std::string no_gemm(const CblasSymbols& symbols) {
  if (symbols.address("cblas_sgemm64_") || symbols.address("scipy_cblas_sgemm64_"))
    return "exports cblas_sgemm64_ only: 64-bit integers (ILP64), where 32-bit ones are needed";
  const std::string reason = "does not export cblas_sgemm or cblas_dgemm";
  return symbols.address("sgemm_") ? reason + ", only the Fortran sgemm_" : reason;
}

}  // namespace

void CblasLibrary::use_threads(int count) const {
  omp_set_num_threads(count);
  for (const auto& set : set_threads) set(count);
  if (!threads || threads() == count) return;
  throw std::runtime_error(about.name + " was told to use " + std::to_string(count) +
                           " threads and says " + std::to_string(threads()));
}

CblasHandle open_cblas(const std::vector<std::string>& files) {
  const std::string& global = global_blas();
  for (const std::string& file : files) {
    if (void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      const CblasSymbols symbols(handle);
      const void* own = symbols.find<void*>("cblas_sgemm");
      if (global.empty() || !own || file_of(own) == global) return {handle, {}, false};
      return {nullptr,
              "this program was linked to or preloaded with " + global +
                  ", which would answer calls that " + file + " makes to itself",
              false};
    }
    const std::string error = dlerror();
    const bool absent =
        error.rfind(file + ": cannot open shared object file: No such file", 0) == 0;
    if (!absent) return {nullptr, "cannot be opened: " + error, false};
  }
  return {nullptr, (files.size() == 1 ? "no file " : "not installed: none of ") + joined(files),
          true};
}

CblasSymbols::CblasSymbols(void* handle) : handle_(handle) {
  if (address("scipy_cblas_sgemm")) prefix_ = "scipy_";
}

void* CblasSymbols::address(const std::string& symbol) const {
  return dlsym(handle_, symbol.c_str());
}

std::shared_ptr<const CblasLibrary> examine_cblas(void* handle, std::string& reason) {
  const CblasSymbols symbols(handle);
  auto library = std::make_shared<CblasLibrary>();
  resolve(symbols, "cblas_dgemm", library->f64);
  resolve(symbols, "cblas_sgemm", library->f32);
  resolve(symbols, "cblas_sbgemm", library->bf16_f32);
  if (!library->bf16_f32.single)  // oneMKL's name for the same signature
    resolve(symbols, "cblas_gemm_bf16bf16f32", library->bf16_f32);

  const void* gemm = library->f32.single ? reinterpret_cast<const void*>(library->f32.single)
                                         : reinterpret_cast<const void*>(library->f64.single);
  if (!gemm) {
    reason = no_gemm(symbols);
    return nullptr;
  }
  library->about.path = file_of(gemm);
  library->about.name = std::filesystem::path(library->about.path).filename().string();
  reason = describe_cblas(symbols, *library);
  if (reason.empty() && has_long_integers(symbols))
    reason = "its integers have 64 bits (ILP64), where 32-bit ones are needed";
  return reason.empty() ? library : nullptr;
}

}  // namespace ergon
