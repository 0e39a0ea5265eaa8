// A CBLAS shared library opened at run time: its entry points, its threads and what it says of
// itself.
//
// Method: dlopen with RTLD_LOCAL, so that several libraries with the same symbols live side by
// side, and RTLD_NOW, so that each is bound before the next one is opened or any is called (a
// library that opens others globally, as oneMKL does, then cannot slip into them). Not
// RTLD_DEEPBIND: it takes a library past interposed allocators, and sanitizers refuse it. What is
// left is a CBLAS that the program itself was linked to or preloaded with: it would answer the
// calls that other libraries make to themselves, so nothing else is opened then. Libraries are
// never closed: their thread pools and exit handlers outlive every use.
//
// Only 32-bit integers (LP64). Symbols may carry the prefix `scipy_` of OpenBLAS's PyPI packages.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernel.h"

namespace ergon {

/// cblas_?gemm and, where exported, its form that takes a batch with fixed strides in one call.
/// Layout, transposes: the integers of CBLAS (101 row, 102 column; 111 no, 112 yes).
template <class Scalar, class In, class Out>
struct CblasGemm {
  using Single = void (*)(int layout, int transpose_a, int transpose_b, int m, int n, int k,
                          Scalar alpha, const In* a, int lda, const In* b, int ldb, Scalar beta,
                          Out* c, int ldc);
  using Strided = void (*)(int layout, int transpose_a, int transpose_b, int m, int n, int k,
                           Scalar alpha, const In* a, int lda, int stride_a, const In* b, int ldb,
                           int stride_b, Scalar beta, Out* c, int ldc, int stride_c, int batch);
  Single single = nullptr;
  Strided strided = nullptr;
};

struct CblasLibrary {
  Library about;
  std::string build;  // further words of the library about itself: "DYNAMIC_ARCH MAX_THREADS=64"
  std::string threading;  // "OpenMP", "pthreads", "sequential"
  /// 1 where it is sequential and where no way is known to tell it a number.
  int max_threads = 1;
  std::vector<std::function<void(int)>> set_threads;
  std::function<int()> threads;  // empty where it cannot be asked

  CblasGemm<double, double, double> f64;
  CblasGemm<float, float, float> f32;
  CblasGemm<float, std::uint16_t, float> bf16_f32;

  /// Tells it and the OpenMP runtimes the number, for calls from the calling thread. Throws
  /// std::runtime_error where the library then says another number.
  void use_threads(int count) const;
};

/// A library that is mapped, not yet examined.
struct CblasHandle {
  void* handle = nullptr;
  std::string reason;          // why there is no handle
  bool not_installed = false;  // none of the files exists
};

/// Opens the first of `files` that exists.
CblasHandle open_cblas(const std::vector<std::string>& files);

/// Resolves and describes an open library. Empty, with a reason, where it cannot serve: no CBLAS
/// GEMM, 64-bit integers.
std::shared_ptr<const CblasLibrary> examine_cblas(void* handle, std::string& reason);

/// Looks a function up in an open library and its dependencies.
class CblasSymbols {
 public:
  explicit CblasSymbols(void* handle);
  template <class Function>
  Function find(const std::string& name) const {
    return reinterpret_cast<Function>(address(prefix_ + name));
  }
  bool has(const std::string& name) const { return address(prefix_ + name) != nullptr; }
  /// As spelled, whatever the library's prefix.
  void* address(const std::string& symbol) const;

 private:
  void* handle_;
  std::string prefix_;
};

/// Fills about, build and threads with what the library tells; empty where it does not say. A
/// reason where it can only be used with 64-bit integers.
std::string describe_cblas(const CblasSymbols& symbols, CblasLibrary& library);

}  // namespace ergon
